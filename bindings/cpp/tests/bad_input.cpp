// What is refused, and what the refusal says.

#include "fake_server.hpp"
#include "harness.hpp"

using namespace mqproducer;
using namespace std::chrono_literals;

namespace {

/// A port of the loopback interface that nobody listens on.
std::string closed_port() {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    const int taken = socket(AF_INET, SOCK_STREAM, 0);
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    if (bind(taken, generic, size) != 0 || getsockname(taken, generic, &size) != 0) {
        throw std::runtime_error("no port");
    }
    close(taken);
    return "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
}

/// Sends in each of the three modes, which all refuse it in the same way.
void check_refused(Producer& producer, const Message& message, Status status, std::string_view part) {
    bool called = false;
    const Result<void> async = producer.try_send_async(message, [&](const Completion&) { called = true; });
    const Result<Receipt> sync = producer.try_send(message);
    const Result<Receipt> oneway = producer.try_send_oneway(message);
    REQUIRE(!async && !sync && !oneway);
    for (const Error& error : {async.error(), sync.error(), oneway.error()}) {
        CHECK_EQUAL(error.status(), status);
        CHECK_CONTAINS(error.what(), part);
        CHECK(!error.maybe_persisted());
    }
    CHECK(!called);
}

}  // namespace

TEST(bad_topics) {
    MockCluster cluster;
    Producer producer = harness::started(cluster.url());
    check_refused(producer, Message("", "body"), Status::invalid_message, "topic");
    check_refused(producer, Message(std::string(128, 't'), "body"), Status::invalid_message, "127");
    check_refused(producer, Message("with space", "body"), Status::invalid_message, "topic");
    check_refused(producer, Message("b\xc3\xbc", "body"), Status::invalid_message, "topic");
    check_refused(producer, Message("bad\xff", "body"), Status::invalid_argument, "topic");
    CHECK_EQUAL(cluster.message_count(), 0u);
}

TEST(bad_bodies) {
    MockCluster cluster;
    Producer producer(harness::config(cluster.url()).set("max_message_size", 1024));
    producer.start();
    check_refused(producer, Message("Topic"), Status::invalid_message, "body");
    check_refused(producer, Message("Topic", nullptr, 0), Status::invalid_message, "body");
    check_refused(producer, Message("Topic", nullptr, 5), Status::invalid_argument, "body");
    check_refused(producer, Message("Topic", std::string(1025, 'b')), Status::message_too_large, "1024");
    producer.send(Message("Topic", std::string(1024, 'b')));
    CHECK_EQUAL(cluster.message_count(), 1u);
}

TEST(bad_properties) {
    MockCluster cluster;
    Producer producer = harness::started(cluster.url());
    check_refused(producer, Message("Topic", "b").property("na\x01me", "value"), Status::invalid_message, "propert");
    check_refused(producer, Message("Topic", "b").property("name", "val\x02ue"), Status::invalid_message, "propert");
    check_refused(producer, Message("Topic", "b").property("", "value"), Status::invalid_message, "propert");
    check_refused(producer, Message("Topic", "b").property("name", ""), Status::invalid_message, "propert");
    check_refused(producer, Message("Topic", "b").property("KEYS", "value"), Status::invalid_message, "KEYS");
    check_refused(producer, Message("Topic", "b").property("name", "\xff"), Status::invalid_argument, "properties[0]");
    check_refused(producer, Message("Topic", "b").property("name", std::string(40'000, 'v')),
                  Status::message_too_large, "propert");
}

TEST(bad_send_timeouts) {
    MockCluster cluster;
    Producer producer = harness::started(cluster.url());
    const Message message("Topic", "body");
    for (const auto timeout : {0ms, -5ms}) {
        const Error error = ERROR_OF(producer.send(message, {timeout}));
        CHECK_EQUAL(error.status(), Status::invalid_argument);
        CHECK_CONTAINS(error.what(), "timeout");
        CHECK_CONTAINS(error.what(), std::to_string(timeout.count()));
        CHECK_EQUAL(ERROR_OF(producer.send_async(message, [](const Completion&) {}, {timeout})).status(),
                    Status::invalid_argument);
    }
    for (const auto timeout : {2h, 2'000'000h}) {
        CHECK_CONTAINS(ERROR_OF(producer.send(message, {timeout})).what(), "3600000");
    }
    producer.send(message, {30s});
}

TEST(calls_out_of_order) {
    MockCluster cluster;
    Producer producer(harness::config(cluster.url()));
    const Message message("Topic", "body");
    check_refused(producer, message, Status::not_started, "start");
    CHECK_EQUAL(ERROR_OF(producer.flush(1s)).status(), Status::not_started);
    producer.start();
    CHECK_EQUAL(ERROR_OF(producer.start()).status(), Status::already_started);
    producer.send(message);
    producer.flush(-1s);
    producer.close(1s);
    check_refused(producer, message, Status::closed, "close");
    CHECK_EQUAL(ERROR_OF(producer.start()).status(), Status::closed);
    producer.close(1s);

    Producer never_started(harness::config(cluster.url()));
    never_started.close(0s);
    CHECK_EQUAL(ERROR_OF(never_started.start()).status(), Status::closed);
}

TEST(name_servers_that_cannot_be_reached) {
    const std::string first = closed_port();
    const std::string second = closed_port();
    Producer producer(harness::config("rocketmq://" + first + ";" + second).set("send_msg_timeout", 2s));
    const auto begin = std::chrono::steady_clock::now();
    const Result<void> started = producer.try_start();
    const Result<Receipt> sent = producer.try_send(Message("Topic", "body"));
    const auto taken = std::chrono::steady_clock::now() - begin;
    REQUIRE(!sent);
    const Error error = started ? sent.error() : started.error();
    CHECK_EQUAL(error.status(), Status::no_name_server);
    CHECK_CONTAINS(error.what(), first);
    CHECK_CONTAINS(error.what(), second);
    CHECK_CONTAINS(error.what(), "refused");
    CHECK(error.retriable());
    CHECK(taken < 20s);
}

TEST(topic_without_route) {
    FakeServer server({}, false);
    Producer producer = harness::started(server.url());
    const Error error = ERROR_OF(producer.send(Message("Nowhere", "body"), {5s}));
    CHECK_EQUAL(error.status(), Status::no_route);
    CHECK_CONTAINS(error.what(), "Nowhere");
}

TEST(broker_that_refuses) {
    FakeServer server({true, 13, "the message is illegal"});
    Producer producer = harness::started(server.url());
    const Error error = ERROR_OF(producer.send(Message("Topic", "body"), {5s}));
    CHECK_EQUAL(error.status(), Status::broker);
    CHECK_EQUAL(error.name(), "BROKER");
    CHECK_EQUAL(error.broker_code().value_or(-1), 13);
    CHECK_EQUAL(error.code().value_or(-1), 13);
    CHECK_EQUAL(error.remark(), "the message is illegal");
    CHECK(!error.maybe_persisted());

    std::optional<Error> told;
    producer.send_async(Message("Topic", "body"), [&](const Completion& completion) {
        CHECK(!completion.ok());
        CHECK(completion.receipt().message_id().empty());
        told = completion.error();
    });
    producer.flush(30s);
    REQUIRE(told.has_value());
    CHECK_EQUAL(told->status(), Status::broker);
    CHECK_EQUAL(told->remark(), "the message is illegal");
}

TEST(broker_that_never_answers) {
    FakeServer server({});
    Producer producer = harness::started(server.url());
    const Error error = ERROR_OF(producer.send(Message("Topic", "body"), {700ms}));
    CHECK_EQUAL(error.status(), Status::timeout);
    CHECK_EQUAL(error.code().value_or(-1), 10002);
    CHECK(!error.broker_code().has_value());
    CHECK(error.maybe_persisted());
    CHECK(server.sends() >= 1);
}
