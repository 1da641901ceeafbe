// What a producer counted: asked, and told again and again.

#include "harness.hpp"

#include <algorithm>
#include <atomic>
#include <thread>

using namespace mqproducer;
using namespace std::chrono_literals;

TEST(statistics_count_what_the_cluster_stored) {
    MockCluster cluster;
    Producer producer(harness::config(cluster.url()));
    CHECK_CONTAINS(producer.statistics().json(), "\"accepted_messages_total\":0,");
    producer.start();
    producer.send(Message("Topic", "four"));
    producer.send_oneway(Message("Topic", "four"));
    producer.send_batch({Message("Topic", "one"), Message("Topic", "two")});
    CHECK_EQUAL(ERROR_OF(producer.send(Message("", "body"))).status(), Status::invalid_message);
    producer.flush(30s);
    cluster.wait(4, 30s);
    const Statistics statistics = producer.statistics();
    const std::string_view json = statistics.json();
    CHECK_CONTAINS(json, "\"producer_group\":\"cpp-tests\"");
    CHECK_CONTAINS(json, "\"accepted_messages_total\":4,");
    CHECK_CONTAINS(json, "\"accepted_bytes_total\":14,");
    CHECK_CONTAINS(json, "\"acknowledged_messages_total\":3,");
    CHECK_CONTAINS(json, "\"oneway_messages_total\":1,");
    CHECK_CONTAINS(json, "\"batches_total\":1,");
    CHECK_CONTAINS(json, "\"refused_sends_total\":[{\"cause\":\"INVALID_MESSAGE\",\"code\":\"\",\"value\":1}]");
    CHECK_CONTAINS(json, "\"dropped_trace_records_total\":0,");
    CHECK(json.front() == '{' && json.back() == '}');
    const std::string_view prometheus = statistics.prometheus();
    CHECK_CONTAINS(prometheus, "# TYPE mqproducer_accepted_messages_total counter\n");
    CHECK_CONTAINS(prometheus, "\nmqproducer_accepted_messages_total{producer_group=\"cpp-tests\",");
    CHECK_EQUAL(cluster.message_count(), 4u);
    producer.close(5s);
    CHECK_CONTAINS(producer.statistics().json(), "\"accepted_messages_total\":4,");
}

TEST(statistics_count_the_traces_that_are_dropped) {
    MockCluster cluster;
    Producer producer(harness::config(cluster.url()).set("enable_trace", true).set("topics", "Topic"));
    producer.start();
    // The trace topic's route is out of reach: traces wait until the time to close is over.
    cluster.set_broker_state("name-server", MockBrokerState::stopped);
    for (int index = 0; index < 3; ++index) {
        producer.send(Message("Topic", "traced"));
    }
    CHECK_CONTAINS(producer.statistics().json(), "\"dropped_trace_records_total\":0,");
    static_cast<void>(producer.try_close(0s));
    CHECK_CONTAINS(producer.statistics().json(), "\"dropped_trace_records_total\":3,");
    CHECK_EQUAL(cluster.message_count(), 3u);
}

TEST(statistics_can_be_moved_with_their_texts) {
    MockCluster cluster;
    const Producer producer = harness::started(cluster.url());
    Statistics first = producer.statistics();
    const std::string text(first.json());
    Statistics second = std::move(first);
    CHECK_EQUAL(second.json(), text);
    first = std::move(second);
    CHECK_EQUAL(first.json(), text);
    CHECK_EQUAL(StatisticsView(nullptr).json(), "");
    CHECK_EQUAL(StatisticsView(nullptr).prometheus(), "");
}

TEST(statistics_are_told_again_and_again_and_the_callable_let_go_once) {
    MockCluster cluster;
    harness::Counter calls;
    std::atomic<int> replaced{0};
    std::optional<Status> blocking;
    std::atomic<bool> stored{false};
    auto token = std::make_shared<int>(1);
    {
        Producer producer(harness::config(cluster.url()).set("statistics_interval", 5ms));
        producer.set_statistics_callback([&replaced, token](const StatisticsView&) { ++replaced; });
        CHECK_EQUAL(token.use_count(), 2);
        producer.set_statistics_callback([&, token, only = std::make_unique<int>(1)](const StatisticsView& statistics) {
            if (calls.value() == 0) {
                const Result<void> flushed = producer.try_flush(1s);
                blocking = flushed ? Status::ok : flushed.error().status();
            }
            if (statistics.json().find("\"acknowledged_messages_total\":1,") != std::string_view::npos &&
                statistics.prometheus().find("mqproducer_") != std::string_view::npos && *only == 1) {
                stored = true;
            }
            calls.add();
        });
        // The one before is let go by the dispatcher.
        CHECK(harness::eventually([&] { return token.use_count() == 2; }));
        producer.start();
        const Error late = ERROR_OF(producer.set_statistics_callback([token](const StatisticsView&) {}));
        CHECK_EQUAL(late.status(), Status::already_started);
        CHECK_EQUAL(token.use_count(), 2);
        REQUIRE(calls.wait_for(2));
        producer.send(Message("Topic", "body"));
        CHECK(harness::eventually([&] { return stored.load(); }));
        producer.close(5s);
    }
    CHECK(stored);
    CHECK_EQUAL(replaced.load(), 0);
    CHECK_EQUAL(*blocking, Status::would_deadlock);
    CHECK(harness::eventually([&] { return token.use_count() == 1; }));
}

TEST(statistics_callback_may_throw) {
    MockCluster cluster;
    harness::Counter caught;
    set_callback_exception_handler([&](std::exception_ptr) { caught.add(); });
    {
        Producer producer(harness::config(cluster.url()).set("statistics_interval", 5ms));
        producer.set_statistics_callback([](const StatisticsView&) { throw std::runtime_error("on purpose"); });
        producer.start();
        CHECK(caught.wait_for(2));
        producer.close(5s);
    }
    set_callback_exception_handler(nullptr);
}

TEST(discarded_completions_are_not_told) {
    MockCluster cluster;
    Producer producer = harness::started(cluster.url());
    // Not the library's own: what it holds of a callable is left to the end of the process, and that is a leak to a test.
    static std::atomic<int> calls{0};
    static const mqp_callback counting = {[](void*, const mqp_completion*) { ++calls; }, nullptr, [](void*) { ++calls; }};
    cluster.push_fault({MockFaultAction::delay, {}, 310, 0, 0, {}, 100ms, {}});
    CompletionQueue queue;
    producer.send_queued(Message("Topic", "queued"), queue);
    const Message message("Topic", "with a callback");
    const mqp_message raw = message.view();
    CHECK(mqp_producer_send_async(producer.handle(), &raw, nullptr, counting, nullptr) == MQP_OK);
    producer.discard_completions();
    producer.flush(30s);
    Completions ends;
    CHECK_EQUAL(queue.poll(ends, 30s), 1u);
    CHECK(ends[0].ok());
    CHECK_EQUAL(calls.load(), 0);
    CHECK_EQUAL(cluster.message_count(), 2u);
    const Producer other = std::move(producer);
    CHECK_EQUAL(ERROR_OF(producer.discard_completions()).status(), Status::invalid_argument);
}

TEST(statuses_and_the_version_are_known) {
    const std::vector<Status> all = statuses();
    CHECK(all.size() >= 26);
    CHECK(std::find(all.begin(), all.end(), Status::request_timeout) != all.end());
    for (const Status status : all) {
        CHECK(status_name(status) != "UNKNOWN");
    }
    CHECK_EQUAL(library_version(), MQP_VERSION_STRING);
}
