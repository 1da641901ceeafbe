"""Asks and waits for the reply, or replies.

``request.py URL TOPIC [TEXT]`` sends a request. ``request.py --reply URL CLUSTER CORRELATION_ID REPLY_TO_CLIENT TTL_MS
BODY`` replies to one that something else consumed; the four in the middle are in the request's properties.

With the URL ``mock://`` an embedded cluster of its own replies. Run it with bindings/python on PYTHONPATH and the
library's path in MQPRODUCER_LIBRARY, unless both are installed.
"""

from __future__ import annotations

import sys

from mqproducer import MockCluster, MqError, Producer, ReplyTo


def request(url: str, topic: str, text: str) -> None:
    with Producer(url, group="request-python") as producer:
        reply = producer.request(topic, text.encode(), timeout_ms=10_000)
        print(f"python reply: {reply.body.decode()}")


def reply(url: str, to: ReplyTo, text: str) -> None:
    with Producer(url, group="reply-python") as producer:
        print(f"python replied id={producer.reply(to, text.encode()).message_id}")


def main(arguments: list[str]) -> int:
    try:
        if len(arguments) == 7 and arguments[0] == "--reply":
            _, url, cluster, correlation_id, client, ttl_ms, text = arguments
            reply(url, ReplyTo(correlation_id, client, cluster, int(ttl_ms)), text)
        elif len(arguments) in (2, 3) and not arguments[0].startswith("--"):
            url, topic, text = (*arguments, "hello")[:3]
            if url == "mock://":
                with MockCluster() as mock:
                    mock.echo(topic)
                    request(mock.url, topic, text)
            else:
                request(url, topic, text)
        else:
            print(__doc__, file=sys.stderr)
            return 2
    except MqError as error:
        print(f"python {error.name}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
