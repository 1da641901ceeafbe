"""What the programs of the Python bindings share: they tell on standard output what they sent, a line of JSON each."""

import json
import sys

from rocketmq.client import Message

ADDRESS, TOPIC = sys.argv[1:3]


def message(body, topic=TOPIC):
    made = Message(topic)
    made.set_keys("key-" + body[:20])
    made.set_tags("tag")
    made.set_property("colour", "blue")
    made.set_body(body)
    return made


def told(kind, body, message_id=None, **more):
    """Tells of a message of `message` that was sent."""
    line = dict(kind=kind, id=message_id, body=body, tags="tag", keys="key-" + body[:20], properties={"colour": "blue"})
    print(json.dumps({**line, **more}), flush=True)


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
