"""The conformance cases in Python, by its public names only; ``tests/conformance/README.md`` says what they are.

Types that stand for a name of that page: ``ValueError`` and ``TypeError``, raised for an argument that its C type does
not hold, are ``INVALID_ARGUMENT``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Optional

from steps import Place, run_case

#: What this language does not have, and why.
EXCEPTIONS = {
    "send_queued": "Python has callbacks, futures and asyncio; AsyncProducer uses the completion queue inside",
    "send_many": "AsyncProducer.send_many goes on after a refusal and tells of each message; it has no number accepted",
    "long_delay": "a delay is a timedelta, which ends at 999999999 days",
    "config_get": "a configuration is the keyword arguments of Producer; there is no object to read it from",
}


def exception(case: dict[str, Any]) -> Optional[str]:
    """Why this language does not run a case."""
    reasons = (EXCEPTIONS.get(feature) for feature in case.get("requires", []))
    return next((reason for reason in reasons if reason), None)


def main(arguments: list[str]) -> int:
    """Runs the cases of the files; 1 when one failed."""
    place = Place()
    if arguments[:1] == ["--url"] and arguments[2:3] == ["--id"]:
        place = Place(arguments[1], arguments[3])
        arguments = arguments[4:]
    good = True
    for name in arguments:
        file = json.loads(Path(name).read_text(encoding="utf-8"))
        for case in file["cases"]:
            if case.get("needs", "embedded") not in ("both", place.needs):
                continue
            reason = exception(case)
            why = [reason] if reason else run_case(case, place)
            result = "not_run" if reason else "failed" if why else "ok"
            good = good and result != "failed"
            line = {"group": file["group"], "case": case["name"], "result": result, "why": why}
            print(json.dumps(line, ensure_ascii=False), flush=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
