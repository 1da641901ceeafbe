// Reliable sending and the spool, in each way to send.

#include "harness.hpp"

#include <cstdio>
#include <mutex>
#include <string>
#include <unistd.h>
#include <vector>

using namespace mqproducer;
using namespace std::chrono_literals;

namespace {

/// What a callback was told.
struct Told {
    ReliabilityEventKind kind;
    std::string body;
    std::string message_id;
    std::string stored_id;
    std::optional<Error> error;
};

class Events {
public:
    void add(const ReliabilityEventView& event) {
        const std::lock_guard<std::mutex> lock(mutex_);
        all_.push_back({event.kind(), std::string(event.message().body()), std::string(event.message().message_id()),
                        std::string(event.receipt().message_id()), event.error()});
    }

    std::vector<Told> all() const {
        const std::lock_guard<std::mutex> lock(mutex_);
        return all_;
    }

private:
    mutable std::mutex mutex_;
    std::vector<Told> all_;
};

Config reliable(std::string_view url) {
    Config config = harness::config(url);
    config.set("reliability", "reliable").set("reliable_retry_times", 2).set("reliable_retry_interval", 1ms);
    config.set("reliable_retry_interval_max", 1ms).set("reconnect_backoff_max", 5ms).set("spool_retry_interval", 5ms);
    return config;
}

/// Stored, and answered with this code.
MockFault unsafe(std::int32_t request_code, std::uint32_t count) {
    return {MockFaultAction::change_answer, {}, request_code, count, 12, "late", 0ms, {}};
}

/// Sends four messages; how they ended.
std::vector<Error> every_way(Producer& producer) {
    std::vector<Error> ends;
    ends.push_back(ERROR_OF(producer.send(Message("Topic", "sync"))));
    std::optional<Error> later;
    producer.send_async(Message("Topic", "async"), [&](const Completion& completion) { later = completion.error(); });
    producer.flush(30s);
    ends.push_back(*later);
    CompletionQueue queue;
    producer.send_queued(Message("Topic", "queued"), queue);
    Completions polled;
    CHECK_EQUAL(queue.poll(polled, 30s), 1u);
    ends.push_back(polled[0].error());
    ends.push_back(ERROR_OF(producer.send_batch({Message("Topic", "batch")})));
    return ends;
}

}  // namespace

TEST(what_is_not_safe_is_sent_again_and_given_up_with_an_alarm) {
    MockCluster cluster;
    Events alarms;
    Producer producer(reliable(cluster.url()));
    producer.set_alarm_callback([&](const ReliabilityEventView& event) { alarms.add(event); });
    producer.start();
    cluster.push_fault(unsafe(310, 1));
    const Receipt receipt = producer.send(Message("Topic", "again"));
    CHECK_EQUAL(receipt.attempts(), 2u);
    CHECK(receipt.send_status() == SendStatus::ok && receipt.maybe_duplicated());
    const std::vector<Attempt> earlier = receipt.earlier();
    REQUIRE(earlier.size() == 1);
    CHECK_EQUAL(earlier[0].broker_code.value_or(0), 12);
    CHECK_EQUAL(earlier[0].remark, "late");
    CHECK(earlier[0].maybe_stored && earlier[0].status == Status::broker);
    CHECK(producer.send(Message("Topic", "at once")).earlier().empty());
    CHECK(alarms.all().empty());
    cluster.push_fault(unsafe(310, 0));
    cluster.push_fault(unsafe(320, 0));
    for (const Error& error : every_way(producer)) {
        CHECK_EQUAL(error.status(), Status::broker);
        CHECK_EQUAL(error.broker_code().value_or(0), 12);
        CHECK(error.maybe_persisted());
        CHECK_EQUAL(error.attempts().size(), 3u);
    }
    const std::vector<Told> told = alarms.all();
    REQUIRE(told.size() == 4);
    CHECK_EQUAL(told[0].body + told[1].body + told[2].body + told[3].body, "syncasyncqueuedbatch");
    for (const Told& each : told) {
        CHECK(each.kind == ReliabilityEventKind::given_up && each.error && each.stored_id.empty());
        CHECK_EQUAL(each.error->attempts().size(), 3u);
    }
    CHECK_EQUAL(ERROR_OF(producer.send_oneway(Message("Topic", "x"))).status(), Status::unsupported);
    const Error late = ERROR_OF(producer.set_alarm_callback([](const ReliabilityEventView&) {}));
    CHECK_EQUAL(late.status(), Status::already_started);
    producer.close(5s);
}

TEST(the_spool_keeps_messages_and_tells_their_end) {
    const std::string file = "/tmp/mqp-cpp-spool-" + std::to_string(getpid());
    {
        MockCluster cluster;
        Events alarms;
        Events later;
        auto token = std::make_shared<int>(1);
        {
            Producer producer(reliable(cluster.url()).set("spool_file", file));
            producer.set_alarm_callback([&](const ReliabilityEventView& event) { alarms.add(event); });
            producer.set_spool_callback([&, token](const ReliabilityEventView& event) { later.add(event); });
            producer.start();
            producer.send(Message("Topic", "first"));
            cluster.set_broker_state("0", MockBrokerState::stopped);
            for (const Error& error : every_way(producer)) {
                CHECK_EQUAL(error.status(), Status::spooled);
                CHECK(!error.retriable());
            }
            CHECK_EQUAL(alarms.all().size(), 4u);
            CHECK(later.all().empty());
            cluster.set_broker_state("0", MockBrokerState::up);
            REQUIRE(harness::eventually([&] { return later.all().size() == 4; }));
            for (std::size_t index = 0; index < 4; ++index) {
                const Told told = later.all()[index];
                CHECK(told.kind == ReliabilityEventKind::spool_delivered && !told.error);
                CHECK_EQUAL(told.message_id, alarms.all()[index].message_id);
                CHECK_EQUAL(told.stored_id, told.message_id);
                CHECK_EQUAL(told.body, alarms.all()[index].body);
            }
            CHECK_CONTAINS(producer.statistics().json(), "\"spool_delivered_messages_total\":4,");
            producer.close(5s);
        }
        CHECK(harness::eventually([&] { return token.use_count() == 1; }));
        cluster.wait(5, 30s);
    }
    std::remove(file.c_str());
}

TEST(an_alarm_may_throw) {
    MockCluster cluster;
    harness::Counter caught;
    set_callback_exception_handler([&](std::exception_ptr) { caught.add(); });
    {
        Producer producer(reliable(cluster.url()));
        producer.set_alarm_callback([](const ReliabilityEventView&) { throw std::runtime_error("on purpose"); });
        producer.start();
        cluster.push_fault(unsafe(310, 3));
        CHECK_EQUAL(ERROR_OF(producer.send(Message("Topic", "x"))).status(), Status::broker);
        CHECK(caught.wait_for(1));
        producer.close(5s);
    }
    set_callback_exception_handler(nullptr);
}
