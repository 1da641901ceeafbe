"""What the programs of the Python bindings share: they tell on standard output what they sent, a line of JSON each."""

import json
import sys

ADDRESS, TOPIC = sys.argv[1:3]


def tell(kind, body, message_id=None, **more):
    print(json.dumps(dict(kind=kind, id=message_id, body=body, **more)), flush=True)


def fails(expected, part, call, *arguments):
    """The call must raise exactly this exception, with the part in its text."""
    try:
        call(*arguments)
    except Exception as error:
        assert type(error) is expected, repr(error)
        assert part in str(error), repr(error)
    else:
        raise AssertionError("nothing was raised")


def ids_of(result, count):
    ids = result.msg_id.split(",")
    assert len(ids) == count, result
    return ids
