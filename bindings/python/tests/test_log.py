"""The library's log in the logging module."""

from __future__ import annotations

import logging
import sys
import unittest

from mqproducer import TRACE, MockCluster, Producer, disable_log, enable_log

from .support import refused_address, wait_until


class Collect(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


class Log(unittest.TestCase):
    def setUp(self) -> None:
        self.logger = logging.getLogger("test-log")
        self.handler = Collect()
        self.logger.addHandler(self.handler)
        self.logger.setLevel(1)
        self.logger.propagate = False
        self.addCleanup(self.logger.removeHandler, self.handler)
        self.addCleanup(disable_log)

    def send(self) -> str:
        """Sends to a cluster of its own; returns the address that the log calls it by."""
        with MockCluster() as cluster, Producer(cluster.url, group="g") as producer:
            producer.send("T", b"x")
            return cluster.url[len("rocketmq://") :]

    def mentioned(self, address: str) -> bool:
        return any(address in record.getMessage() for record in list(self.handler.records))

    def test_records_reach_children_named_after_the_part_that_speaks(self) -> None:
        enable_log(TRACE, "test-log")
        self.send()
        wait_until(lambda: bool(self.handler.records), "a record comes")
        for record in list(self.handler.records):
            self.assertTrue(record.name.startswith("test-log."), record.name)
            self.assertNotIn("::", record.name)
            self.assertIn(record.levelno, (TRACE, logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR))
            self.assertTrue(record.getMessage())

    def test_a_level_keeps_lower_records_away(self) -> None:
        enable_log(logging.WARNING, "test-log")
        address = refused_address()
        with Producer(f"rocketmq://{address}", group="g", topics="T", mq_client_api_timeout=300):
            wait_until(lambda: self.mentioned(address), "a warning comes")
        # Records of an earlier level may still come, of what was before.
        levels = [record.levelno for record in self.handler.records if address in record.getMessage()]
        self.assertGreaterEqual(min(levels), logging.WARNING)

    def test_switched_off(self) -> None:
        for off in (disable_log, lambda: enable_log(logging.CRITICAL, "test-log")):
            enable_log(TRACE, "test-log")
            address = self.send()
            wait_until(lambda: self.mentioned(address), "the log tells of a cluster")
            off()
            # Records made before may still come; none tells of a cluster that came after.
            self.assertFalse(self.mentioned(self.send()))

    def test_a_handler_that_raises_stops_nothing(self) -> None:
        class Broken(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                broken.append(record)
                raise ValueError("from a handler")

        broken: list[logging.LogRecord] = []
        handler = Broken()
        self.logger.addHandler(handler)
        self.addCleanup(self.logger.removeHandler, handler)
        enable_log(TRACE, "test-log")
        before, unraised = sys.unraisablehook, []
        sys.unraisablehook = lambda args: unraised.append(args.exc_type)
        try:
            self.send()
            wait_until(lambda: len(broken) > 1, "records go on")
            disable_log()
            self.send()
        finally:
            sys.unraisablehook = before
        self.assertEqual(set(unraised), {ValueError})
