"""Configuration by keyword, and what is wrong with it."""

from __future__ import annotations

import copy
import pickle
import unittest

from mqproducer import ConfigError, Producer, config_options


class Config(unittest.TestCase):
    def test_the_table_is_complete_and_documented(self) -> None:
        options = {option.key: option for option in config_options()}
        self.assertEqual(options["send_msg_timeout"].default, "3000")
        self.assertEqual(options["send_msg_timeout"].range, "1 to 3600000")
        for option in options.values():
            self.assertTrue(option.doc and option.type_name, option)
            self.assertEqual(pickle.loads(pickle.dumps(option)), option)
            self.assertEqual(copy.copy(option), option)

    def test_every_key_with_a_default_is_a_keyword(self) -> None:
        defaults = {option.key: option.default for option in config_options() if option.default}
        self.assertGreater(len(defaults), 10)
        Producer("mock://", group="g", **defaults)

    def test_values_of_every_type(self) -> None:
        Producer(
            "mock://",
            group="g",
            send_msg_timeout=100,
            retry_another_broker_when_not_store_ok=True,
            retry_response_codes=[1, 2, 14],
            topics=("A", "B"),
            serialize_type="ROCKETMQ",
            client_ip=None,
        )

    def test_an_unknown_key_suggests_the_nearest(self) -> None:
        with self.assertRaisesRegex(ConfigError, "send_msg_timout.*send_msg_timeout") as raised:
            Producer("mock://", group="g", send_msg_timout=3000)
        self.assertEqual((raised.exception.status, raised.exception.name), (2, "INVALID_CONFIG"))
        self.assertFalse(raised.exception.retriable)

    def test_a_value_out_of_range_names_the_range(self) -> None:
        with self.assertRaisesRegex(ConfigError, "retry_times_when_send_failed.*101.*100"):
            Producer("mock://", group="g", retry_times_when_send_failed=101)

    def test_malformed_urls(self) -> None:
        for url in (
            "",
            "127.0.0.1:9876",
            "http://127.0.0.1:9876",
            "rocketmq://",
            "rocketmq://host:port",
            "mock://?a=1",
        ):
            with self.subTest(url=url), self.assertRaises(ConfigError):
                Producer(url, group="g")

    def test_groups(self) -> None:
        with self.assertRaisesRegex(ConfigError, "producer_group"):
            Producer("mock://")
        with self.assertRaisesRegex(ConfigError, "producer_group"):
            Producer("mock://", group="not legal")
        with self.assertRaisesRegex(TypeError, "same key"):
            Producer("mock://", group="g", producer_group="g")
        Producer("mock://", producer_group="g")

    def test_a_nul_in_a_value_does_not_cut_it(self) -> None:
        with self.assertRaises(ConfigError):
            Producer("mock://", group="g\0h")

    def test_values_of_other_types_are_refused(self) -> None:
        for value in (1.5, b"3000", object(), {"a": 1}):
            with self.subTest(value=value), self.assertRaisesRegex(TypeError, "send_msg_timeout must be"):
                Producer("mock://", group="g", send_msg_timeout=value)  # type: ignore[arg-type]
