// Which queue a message goes to, and what a producer knows of its brokers.

#include "fake_server.hpp"
#include "harness.hpp"

using namespace mqproducer;
using namespace std::chrono_literals;

namespace {

using Queues = std::vector<MessageQueueView>;

SendOptions by(Selector selector) {
    return {std::nullopt, std::move(selector)};
}

std::string queue_of(const ReceiptView& receipt) {
    return std::string(receipt.broker_name()) + "/" + std::to_string(receipt.queue_id());
}

/// Where a message goes in each of the three modes, which all agree.
std::string sent_to(Producer& producer, const Selector& selector) {
    const Message message("Topic", "body");
    std::string async;
    producer.send_async(message, [&](const Completion& completion) { async = queue_of(completion.receipt()); },
                        by(selector));
    producer.flush(30s);
    const std::string sync = queue_of(producer.send(message, by(selector)));
    CHECK_EQUAL(async, sync);
    CHECK_EQUAL(queue_of(producer.send_oneway(message, by(selector))), sync);
    return sync;
}

}  // namespace

TEST(selectors_choose_as_they_say) {
    MockCluster cluster("", 2, 4);
    Producer producer = harness::started(cluster.url());
    // "x".hashCode() is 120.
    CHECK_EQUAL(sent_to(producer, Selector::hash("x")), "broker-a/0");
    CHECK_EQUAL(sent_to(producer, Selector::hash("y")), "broker-a/1");
    CHECK_EQUAL(sent_to(producer, Selector::queue("broker-b", 3)), "broker-b/3");
    const std::string ring = sent_to(producer, Selector::consistent_hash("a key"));
    CHECK_EQUAL(sent_to(producer, Selector::consistent_hash(std::string("a key"))), ring);
    for (const Selector& selector : {Selector(), Selector::round_robin(), Selector::random()}) {
        producer.send(Message("Topic", "body"), by(selector));
    }
}

TEST(selector_keeps_its_texts_and_is_used_again) {
    MockCluster cluster("", 2, 4);
    Producer producer = harness::started(cluster.url());
    std::optional<SendOptions> kept;
    {
        std::string broker = "broker-b";
        kept = SendOptions{5s, Selector::queue(broker, 2)};
        broker.assign("XXXXXXXX");
    }
    const SendOptions copy = *kept;
    kept.reset();
    for (int round = 0; round < 3; ++round) {
        CHECK_EQUAL(queue_of(producer.send(Message("Topic", "body"), copy)), "broker-b/2");
    }
}

TEST(selector_of_machine_rooms) {
    FakeServer server({}, true, "bj@fake");
    Producer producer = harness::started(server.url());
    const Message message("Topic", "body");
    const std::vector<std::string> rooms = {"sh", "bj"};
    CHECK_EQUAL(producer.send_oneway(message, by(Selector::machine_rooms({"sh", "bj"}))).broker_name(), "bj@fake");
    CHECK_EQUAL(producer.send_oneway(message, by(Selector::machine_rooms(rooms))).broker_name(), "bj@fake");
    const Error error = ERROR_OF(producer.send_oneway(message, by(Selector::machine_rooms({"sh", "gz"}))));
    CHECK_EQUAL(error.status(), Status::no_route);
    CHECK_CONTAINS(error.what(), "[sh, gz]");
}

TEST(selectors_that_are_refused) {
    MockCluster cluster("", 2, 4);
    Producer producer = harness::started(cluster.url());
    const auto check_refused = [&](const Selector& selector, std::string_view part) {
        const Error error = ERROR_OF(producer.send(Message("Topic", "body"), by(selector)));
        CHECK_EQUAL(error.status(), Status::invalid_argument);
        CHECK_CONTAINS(error.what(), part);
    };
    check_refused(Selector::hash(""), "sharding key");
    check_refused(Selector::consistent_hash(""), "sharding key");
    check_refused(Selector::hash("\xff"), "sharding_key");
    check_refused(Selector::machine_rooms({}), "machine_rooms");
    check_refused(Selector::queue("broker-b", 4), "queue 4 of broker `broker-b`");
    check_refused(Selector::queue("nobody", 0), "nobody");
    check_refused(Selector::callback([](const Queues& queues) { return queues.size(); }), "index 8");
    check_refused(Selector::callback([](const Queues&) { return -1; }), "8 queues");
    CHECK_EQUAL(cluster.message_count(), 0u);
}

TEST(selector_callback_sees_all_queues_once) {
    MockCluster cluster("", 2, 4);
    Producer producer = harness::started(cluster.url());
    int calls = 0;
    std::string seen;
    const Selector selector = Selector::callback([&, owned = std::make_unique<int>(6)](const Queues& queues) {
        ++calls;
        seen.clear();
        for (const MessageQueueView& queue : queues) {
            seen += std::string(queue.broker_name) + std::to_string(queue.queue_id) + " ";
        }
        return static_cast<std::size_t>(*owned);
    });
    CHECK_EQUAL(queue_of(producer.send(Message("Topic", "body"), by(selector))), "broker-b/2");
    CHECK_EQUAL(calls, 1);
    CHECK_EQUAL(seen, "broker-a0 broker-a1 broker-a2 broker-a3 broker-b0 broker-b1 broker-b2 broker-b3 ");
    CHECK_EQUAL(sent_to(producer, selector), "broker-b/2");
    CHECK_EQUAL(calls, 4);
}

TEST(selector_callback_exceptions_leave_the_send) {
    MockCluster cluster;
    Producer producer = harness::started(cluster.url());
    const Message message("Topic", "body");
    bool called = false;
    const SendOptions options = by(Selector::callback([](const Queues&) -> std::size_t { throw 42; }));
    const auto thrown_by = [](auto&& send) {
        try {
            send();
        } catch (int number) {
            return number;
        }
        return 0;
    };
    CHECK_EQUAL(thrown_by([&] { producer.send(message, options); }), 42);
    CHECK_EQUAL(thrown_by([&] { static_cast<void>(producer.try_send(message, options)); }), 42);
    CHECK_EQUAL(thrown_by([&] { producer.send_oneway(message, options); }), 42);
    CHECK_EQUAL(thrown_by([&] {
        producer.send_async(message, [&](const Completion&) { called = true; }, options);
    }), 42);
    producer.send(message);
    producer.close(5s);
    CHECK(!called);
    CHECK_EQUAL(cluster.message_count(), 1u);
}

TEST(brokers_are_healthy_without_the_key) {
    MockCluster cluster("", 2, 4);
    Producer producer = harness::started(cluster.url());
    CHECK(producer.brokers().empty());
    producer.send(Message("Topic", "body"));
    const std::vector<BrokerState> brokers = producer.brokers();
    REQUIRE(brokers.size() == 2);
    CHECK_EQUAL(brokers[0].name, "broker-a");
    CHECK_EQUAL(brokers[1].name, "broker-b");
    for (const BrokerState& broker : brokers) {
        CHECK_EQUAL(broker.health, BrokerHealth::healthy);
        CHECK(!broker.isolated_until.has_value());
        CHECK_CONTAINS(broker.address, "127.0.0.1:");
    }
    Producer moved = std::move(producer);
    CHECK_EQUAL(ERROR_OF(producer.brokers()).status(), Status::invalid_argument);
}

TEST(brokers_that_do_not_answer_are_isolated) {
    FakeServer server({});
    Producer producer(harness::config(server.url()).set("send_latency_enable", true));
    producer.start();
    CHECK_EQUAL(ERROR_OF(producer.send(Message("Topic", "body"), {700ms})).status(), Status::timeout);
    const std::vector<BrokerState> brokers = producer.brokers();
    REQUIRE(brokers.size() == 1);
    CHECK_EQUAL(brokers[0].name, "fake");
    CHECK_EQUAL(brokers[0].address, server.address());
    CHECK_EQUAL(brokers[0].health, BrokerHealth::isolated);
    REQUIRE(brokers[0].isolated_until.has_value() && brokers[0].latency.has_value());
    CHECK(*brokers[0].isolated_until > std::chrono::system_clock::now());
    CHECK(*brokers[0].isolated_until < std::chrono::system_clock::now() + 1h);
    CHECK(*brokers[0].latency > 0ms && *brokers[0].latency < 1h);
}
