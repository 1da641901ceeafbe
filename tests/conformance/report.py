#!/usr/bin/env python3
"""Makes the table language x group of the runners' reports, and fails unless every case was run or has its reason.

report.py FOLDER LANGUAGE...: FOLDER holds LANGUAGE.jsonl, LANGUAGE.mutants.jsonl and mutants.json.
"""

import json
import pathlib
import sys

LEAST_MUTANTS = 10


def main(folder: pathlib.Path, languages: list[str]) -> int:
    cases = {}
    for file in sorted((pathlib.Path(__file__).parent / "cases").glob("*.json")):
        content = json.loads(file.read_text("utf-8"))
        for case in content["cases"]:
            if case.get("needs", "embedded") != "broker":
                cases[case["name"]] = (content["group"], case)
    mutants = {case["name"]: case for case in json.loads((folder / "mutants.json").read_text("utf-8"))["cases"]}

    wrong: list[str] = []
    not_run: dict[tuple[str, str], list[str]] = {}
    results: dict[tuple[str, str], dict[str, int]] = {}
    found: dict[str, int] = {}
    for language in languages:
        lines = read(folder / f"{language}.jsonl", f"{language}", list(cases), wrong)
        for name, line in lines.items():
            group, case = cases[name]
            result = line["result"]
            if result == "failed":
                wrong.append(f"{language}: {name} failed: {'; '.join(line['why'])}")
            elif result == "not_run":
                if not case.get("requires") or not line["why"] or not line["why"][0]:
                    wrong.append(f"{language}: {name} was not run, without a reason that counts: {line['why']}")
                not_run.setdefault((language, " ".join(line["why"])), []).append(name)
            elif result != "ok" or line["why"]:
                wrong.append(f"{language}: {name}: not a line of a report: {line}")
            counts = results.setdefault((group, language), {})
            counts[result] = counts.get(result, 0) + 1

        found[language] = 0
        for name, line in read(folder / f"{language}.mutants.jsonl", f"{language}, mutants", list(mutants), wrong).items():
            step = name.split("/steps/")[1].split("/")[0]
            if line["result"] == "not_run" and mutants[name].get("requires"):
                continue
            if line["result"] != "failed" or not all(why.startswith(f"steps[{step}] ") for why in line["why"]):
                wrong.append(f"{language}: the changed expectation was not found: {name}: {line['result']} {line['why']}")
            else:
                found[language] += 1
        if found[language] < LEAST_MUTANTS:
            wrong.append(f"{language}: only {found[language]} changed expectations were found, not {LEAST_MUTANTS}")

    print_table(cases, languages, results, found)
    for (language, reason), names in not_run.items():
        print(f"{language} does not run {', '.join(names)}: {reason}")
    for what in wrong:
        print(what)
    ok = sum(counts.get("ok", 0) for counts in results.values())
    out = sum(map(len, not_run.values()))
    print(
        f"summary: {len(languages)} languages, {len(cases)} cases: {ok} ok, {out} not run for a reason, "
        f"{len(wrong)} failed; {sum(found.values())} of {len(mutants)} x {len(languages)} changed expectations found"
    )
    return 1 if wrong else 0


def read(file: pathlib.Path, what: str, names: list[str], wrong: list[str]) -> dict[str, dict]:
    """The lines of a report by the name of their case; each must be there once."""
    lines: dict[str, dict] = {}
    for text in file.read_text("utf-8").splitlines():
        try:
            line = json.loads(text)
            name = line["case"]
            assert isinstance(line["result"], str) and all(isinstance(why, str) for why in line["why"])
        except (ValueError, KeyError, TypeError, AssertionError):
            wrong.append(f"{what}: not a line of a report: {text}")
            continue
        if name in lines or name not in names:
            wrong.append(f"{what}: {name} was told twice, or is no such case")
        else:
            lines[name] = line
    wrong.extend(f"{what}: {name} is not in the report" for name in names if name not in lines)
    return lines


def print_table(cases: dict, languages: list[str], results: dict, found: dict[str, int]) -> None:
    groups = sorted({group for group, _ in cases.values()})
    width = max(len(group) for group in [*groups, "found mutations"])

    def cell(counts: dict[str, int]) -> str:
        rest = [f"{counts[result]} {word}" for result, word in (("not_run", "not run"), ("failed", "FAILED")) if counts.get(result)]
        return ", ".join([str(counts.get("ok", 0)), *rest])

    rows = [["group", "cases", *languages]]
    for group in groups:
        total = sum(1 for name in cases if cases[name][0] == group)
        rows.append([group, str(total), *(cell(results.get((group, language), {})) for language in languages)])
    sums = []
    for language in languages:
        sums.append({})
        for (_, of), counts in results.items():
            for result, count in counts.items() if of == language else ():
                sums[-1][result] = sums[-1].get(result, 0) + count
    rows.append(["all", str(len(cases)), *map(cell, sums)])
    rows.append(["found mutations", "", *(str(found[language]) for language in languages)])
    for row in rows:
        print(f"{row[0]:<{width}}  {row[1]:>5}  " + "  ".join(f"{text:<16}" for text in row[2:]).rstrip())


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1]), sys.argv[2:]))
