// Batches: one request, an end for each message.

#include "harness.hpp"

using namespace mqproducer;
using namespace std::chrono_literals;

namespace {

constexpr std::int32_t send_batch_code = 320;

/// Messages whose bodies are in `texts`.
std::vector<Message> batch_of(std::vector<std::string>& texts, std::size_t count) {
    for (std::size_t index = 0; index < count; ++index) {
        texts.push_back("body " + std::to_string(index));
    }
    std::vector<Message> messages;
    for (const std::string& text : texts) {
        messages.emplace_back("Topic", text);
    }
    return messages;
}

}  // namespace

TEST(batch_is_stored_as_its_messages_in_every_mode) {
    MockCluster cluster;
    Producer producer = harness::started(cluster.url());
    const std::vector<Message> messages = {
        Message("Topic", std::string_view("a\0b", 3)).tags("tag").keys("k1 k2").flag(-7).property("colour", "red"),
        Message("Topic", "second").sharding_key("order-1"),
    };
    const auto check = [&](const BatchResultView& results, bool oneway) {
        REQUIRE(results.size() == 2);
        cluster.wait(2, 30s);
        const MockMessages stored = cluster.messages("Topic");
        REQUIRE(stored.size() == 2);
        for (std::size_t index = 0; index < 2; ++index) {
            CHECK(results.ok(index) && !results.error(index).has_value());
            CHECK_EQUAL(results.receipt(index).message_id(), stored[index].message_id());
            CHECK_EQUAL(results.receipt(index).queue_id(), stored[index].queue_id());
            CHECK_EQUAL(results.receipt(index).queue_offset(), oneway ? -1 : stored[index].queue_offset());
        }
        CHECK_EQUAL(stored[0].body(), std::string_view("a\0b", 3));
        CHECK_EQUAL(stored[0].tags(), "tag");
        CHECK_EQUAL(stored[0].keys(), "k1 k2");
        CHECK_EQUAL(stored[0].flag(), -7);
        CHECK_EQUAL(stored[0].property("colour").value_or(""), "red");
        CHECK_EQUAL(stored[1].property("__SHARDINGKEY").value_or(""), "order-1");
        CHECK(!results.ok(2) && results.receipt(2).message_id().empty());
        CHECK_EQUAL(results.error(2)->status(), Status::invalid_argument);
        cluster.clear();
    };
    const BatchResult sync = producer.send_batch(messages);
    check(sync, false);
    check(producer.send_batch_oneway(messages), true);
    std::optional<BatchResult> kept;
    producer.send_batch_async(messages, [&](Result<BatchResult> result) { kept = *std::move(result); });
    producer.flush(30s);
    REQUIRE(kept.has_value());
    check(*kept, false);
    std::size_t seen = 0;
    producer.send_batch_async(messages, [&](const BatchCompletion& completion) {
        seen = completion.ok() && completion.status() == Status::ok ? completion.messages().size() : 0;
    });
    producer.flush(30s);
    CHECK_EQUAL(seen, 2u);
    cluster.wait_requests(4, 30s, {}, send_batch_code);
    CHECK_EQUAL(cluster.requests({}, send_batch_code).size(), 4u);
    BatchResult moved = std::move(*kept);
    CHECK_EQUAL(kept->size(), 0u);
    CHECK_EQUAL(moved.size(), 2u);
}

TEST(batch_is_split) {
    MockCluster cluster;
    Producer producer = harness::started(cluster.url());
    std::vector<std::string> texts;
    BatchOptions split;
    split.split_bytes = 300;
    const BatchResult results = producer.send_batch(batch_of(texts, 10), {std::nullopt, Selector::hash("k")}, split);
    CHECK_EQUAL(results.size(), 10u);
    CHECK(cluster.requests({}, send_batch_code).size() > 2);
    const MockMessages stored = cluster.messages("Topic");
    REQUIRE(stored.size() == 10);
    for (std::size_t index = 0; index < 10; ++index) {
        CHECK_EQUAL(stored[index].body(), texts[index]);
        CHECK_EQUAL(stored[index].queue_offset(), static_cast<std::int64_t>(index));
    }
}

TEST(batch_tells_how_each_message_ended_when_part_of_it_fails) {
    MockCluster cluster;
    Producer producer(harness::config(cluster.url())
                          .set("retry_times_when_send_failed", 0)
                          .set("retry_times_when_send_async_failed", 0));
    producer.start();
    std::vector<std::string> texts;
    const std::vector<Message> messages = batch_of(texts, 6);
    BatchOptions split;
    split.split_bytes = 300;
    MockFault fault;
    fault.action = MockFaultAction::answer;
    fault.request_code = send_batch_code;
    fault.count = 1;
    fault.response_code = 13;
    const auto check = [&](const Error& error) {
        CHECK_EQUAL(error.status(), Status::broker);
        CHECK_EQUAL(error.broker_code().value_or(0), 13);
        const BatchResultView results = error.batch();
        REQUIRE(results.size() == 6);
        std::string stored;
        for (const MockMessage message : cluster.messages("Topic")) {
            stored += std::string(message.body()) + ";";
        }
        CHECK(!stored.empty());
        std::size_t failures = 0;
        for (std::size_t index = 0; index < 6; ++index) {
            CHECK_EQUAL(results.ok(index), stored.find(texts[index] + ";") != std::string::npos);
            CHECK_EQUAL(results.ok(index), !results.error(index).has_value());
            failures += results.ok(index) ? 0 : 1;
        }
        CHECK(failures > 0 && failures < 6);
        cluster.clear();
    };
    cluster.push_fault(fault);
    const Error sync = ERROR_OF(producer.send_batch(messages, {}, split));
    check(sync);
    cluster.push_fault(fault);
    std::optional<Error> told;
    std::size_t failed = 0;
    producer.send_batch_async(messages, [&](const BatchCompletion& completion) {
        told = completion.error();
        failed = completion.ok() ? 0 : completion.messages().size();
    }, {}, split);
    producer.flush(30s);
    REQUIRE(told.has_value());
    CHECK_EQUAL(failed, 6u);
    check(*told);
}

TEST(batches_that_are_refused_send_nothing) {
    MockCluster cluster;
    Producer producer(harness::config(cluster.url()).set("max_message_size", 1000));
    CHECK_EQUAL(ERROR_OF(producer.send_batch({Message("Topic", "b")})).status(), Status::not_started);
    producer.start();
    const Message good("Topic", "b");
    const std::string large(999, 'b');
    struct Case {
        std::vector<Message> messages;
        Status status;
        const char* word;
    };
    for (const Case& one : {
             Case{{}, Status::invalid_argument, "empty"},
             Case{{good, Message("Topic")}, Status::invalid_message, "1"},
             Case{{good, Message("Other", "b")}, Status::invalid_message, "topic"},
             Case{{good, Message("Topic", "b").delay_level(1)}, Status::invalid_message, "delay"},
             Case{{good, Message("Topic", large)}, Status::message_too_large, "1000"},
         }) {
        for (const Result<BatchResult>& result :
             {producer.try_send_batch(one.messages), producer.try_send_batch_oneway(one.messages),
              producer.try_send_batch_future(one.messages).get()}) {
            REQUIRE(!result);
            CHECK_EQUAL(result.error().status(), one.status);
            if (!one.messages.empty()) {
                CHECK_CONTAINS(result.error().what(), one.word);
            }
            CHECK_EQUAL(result.error().batch().size(), 0u);
        }
    }
    BatchOptions split;
    split.split_bytes = 1001;
    CHECK_CONTAINS(ERROR_OF(producer.send_batch({good}, {}, split)).what(), "1001");
    CHECK_EQUAL(cluster.message_count(), 0u);
}

TEST(batch_callbacks_come_once_at_close) {
    MockCluster cluster;
    MockFault silent;
    silent.action = MockFaultAction::drop;
    silent.request_code = send_batch_code;
    cluster.push_fault(silent);
    Producer producer = harness::started(cluster.url());
    harness::Counter closed;
    harness::Counter all;
    std::vector<std::string> texts;
    const std::vector<Message> messages = batch_of(texts, 3);
    for (int index = 0; index < 20; ++index) {
        producer.send_batch_async(messages, [&](const BatchCompletion& completion) {
            if (completion.status() == Status::closed && completion.messages().size() == 3) {
                closed.add();
            }
            all.add();
        }, {60s});
    }
    CHECK_EQUAL(ERROR_OF(producer.close(0s)).status(), Status::timeout);
    CHECK(all.wait_for(20));
    CHECK_EQUAL(all.value(), 20);
    CHECK_EQUAL(closed.value(), 20);
}
