// What an embedded cluster does on purpose, and the requests that it got.

#include "harness.hpp"

#include <set>

using namespace mqproducer;
using namespace std::chrono_literals;

namespace {

constexpr std::int32_t send_code = 310;
constexpr std::int32_t route_code = 105;

}  // namespace

TEST(faults_hit_requests) {
    MockCluster cluster("", 2, 4);
    Producer producer(harness::config(cluster.url()).set("retry_times_when_send_failed", 0));
    producer.start();
    const Message message("Topic", "body");
    const SendOptions to_a = {std::nullopt, Selector::queue("broker-a", 0)};
    MockFault busy;
    busy.action = MockFaultAction::answer;
    busy.broker = "broker-a";
    busy.request_code = send_code;
    busy.count = 1;
    busy.response_code = 2;
    busy.remark = "too busy é";
    cluster.push_fault(busy);
    producer.send(message, {std::nullopt, Selector::queue("broker-b", 0)});
    const Error error = ERROR_OF(producer.send(message, to_a));
    CHECK_EQUAL(error.broker_code().value_or(0), 2);
    CHECK_EQUAL(error.remark(), "too busy é");
    producer.send(message, to_a);
    MockFault slow_disk;
    slow_disk.action = MockFaultAction::change_answer;
    slow_disk.request_code = send_code;
    slow_disk.count = 1;
    slow_disk.response_code = 10;
    slow_disk.delay = 5ms;
    cluster.push_fault(slow_disk);
    CHECK_EQUAL(producer.send(message).send_status(), SendStatus::flush_disk_timeout);
    MockFault close;
    close.action = MockFaultAction::close_after;
    close.request_code = send_code;
    close.count = 1;
    cluster.push_fault(close);
    const Error lost = ERROR_OF(producer.send(message));
    CHECK_EQUAL(lost.status(), Status::connection_lost);
    CHECK(lost.maybe_persisted());
    MockFault drop;
    drop.action = MockFaultAction::drop;
    drop.request_code = send_code;
    cluster.push_fault(drop);
    cluster.clear_faults();
    producer.send(message);
    std::string actions;
    for (const MockRequest request : cluster.requests({}, send_code)) {
        actions += std::to_string(static_cast<int>(request.fault())) + " ";
        CHECK_EQUAL(request.body(), "body");
        CHECK_EQUAL(request.field("b").value_or(""), "Topic");
        CHECK(!request.fields().empty() && !request.oneway() && request.code() == send_code);
        CHECK(std::chrono::system_clock::now() - request.time() < 1min);
    }
    CHECK_EQUAL(actions, "0 1 0 2 7 0 ");
    CHECK_EQUAL(cluster.message_count("Topic"), 5u);
}

TEST(requests_are_listed_and_awaited) {
    MockCluster cluster("", 2, 4);
    Producer producer = harness::started(cluster.url());
    const SendOptions to_b = {std::nullopt, Selector::queue("broker-b", 0)};
    producer.send_oneway(Message("Topic", "1"), to_b);
    producer.send_oneway(Message("Topic", "2"), to_b);
    cluster.wait_requests(2, 30s, "broker-b", send_code);
    const MockRequests requests = cluster.requests("1", send_code);
    REQUIRE(requests.size() == 2);
    CHECK(requests[0].oneway() && requests[0].opaque() != requests[1].opaque());
    CHECK_EQUAL(requests[0].broker_name(), "broker-b");
    CHECK_EQUAL(requests.dropped(), 0u);
    CHECK(cluster.requests("broker-a", send_code).empty());
    CHECK(!cluster.requests("name-server", route_code).empty());
    cluster.clear_requests();
    CHECK(cluster.requests({}, send_code).empty());
    CHECK_EQUAL(ERROR_OF(cluster.wait_requests(1, 1ms, {}, send_code)).status(), Status::timeout);
}

TEST(brokers_leave_and_come_back) {
    MockCluster cluster("", 2, 4);
    cluster.set_broker_state("broker-a", MockBrokerState::out_of_route);
    Producer producer(harness::config(cluster.url()).set("retry_times_when_send_failed", 0));
    producer.start();
    for (int index = 0; index < 8; ++index) {
        CHECK_EQUAL(producer.send(Message("Topic", "body")).broker_name(), "broker-b");
    }
    cluster.set_broker_state("1", MockBrokerState::stopped);
    CHECK(!producer.try_send(Message("Topic", "body")));
    cluster.set_broker_state("broker-a", MockBrokerState::up);
    cluster.set_broker_state("broker-b", MockBrokerState::up);
    Producer again = harness::started(cluster.url());
    std::set<std::string> seen;
    for (int index = 0; index < 16; ++index) {
        seen.emplace(again.send(Message("New", "body")).broker_name());
    }
    CHECK_EQUAL(seen.size(), 2u);
}

TEST(scripts_that_are_refused) {
    MockCluster cluster;
    MockFault fault;
    CHECK_EQUAL(ERROR_OF(cluster.push_fault(fault)).status(), Status::invalid_argument);
    fault.action = MockFaultAction::drop;
    fault.broker = "broker-z";
    CHECK_CONTAINS(ERROR_OF(cluster.push_fault(fault)).what(), "broker-z");
    fault.broker = {};
    fault.remark = "not read";
    CHECK_EQUAL(ERROR_OF(cluster.push_fault(fault)).status(), Status::invalid_argument);
    MockFault late;
    late.action = MockFaultAction::delay;
    late.delay = 2h;
    CHECK_EQUAL(ERROR_OF(cluster.push_fault(late)).status(), Status::invalid_argument);
    CHECK_EQUAL(ERROR_OF(cluster.set_broker_state("broker-z", MockBrokerState::up)).status(),
                Status::invalid_argument);
    CHECK_EQUAL(ERROR_OF(cluster.requests("broker-z")).status(), Status::invalid_argument);
    CHECK_EQUAL(ERROR_OF(cluster.echo("\xff")).status(), Status::invalid_argument);
    CHECK_EQUAL(ERROR_OF(cluster.set_transaction_check_interval(0ms)).status(), Status::invalid_argument);
    cluster.close();
    CHECK_EQUAL(ERROR_OF(cluster.clear_faults()).status(), Status::invalid_argument);
}
