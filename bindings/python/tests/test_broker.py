"""What a producer tells of its brokers."""

from __future__ import annotations

import pickle
import time
import unittest

from mqproducer import BrokerHealth, MockCluster, MqTimeoutError

from .support import FaultyServer, Producer


class Brokers(unittest.TestCase):
    def test_those_of_the_routes_in_use(self) -> None:
        with MockCluster(brokers=2) as cluster, Producer(cluster.url, group="g") as producer:
            self.assertEqual(producer.brokers(), [])
            producer.send("T", b"x")
            brokers = producer.brokers()
        self.assertEqual([broker.name for broker in brokers], ["broker-a", "broker-b"])
        for broker in brokers:
            self.assertIs(broker.state, BrokerHealth.HEALTHY)
            self.assertIsNone(broker.until_ms)
            self.assertIn(":", broker.address)
        self.assertEqual(pickle.loads(pickle.dumps(brokers)), brokers)

    def test_a_silent_one_is_isolated(self) -> None:
        with FaultyServer() as server, Producer(server.url, group="g", send_latency_enable=True) as producer:
            self.assertRaises(MqTimeoutError, producer.send, "T", b"x", timeout_ms=300)
            (broker,) = producer.brokers()
        self.assertEqual((broker.name, broker.address), ("faulty", server.url[len("rocketmq://") :]))
        self.assertIs(broker.state, BrokerHealth.ISOLATED)
        self.assertGreater(broker.until_ms or 0, time.time() * 1000)
        self.assertGreater(broker.latency_ms or 0, 0)
