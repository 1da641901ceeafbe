// Sending to the embedded cluster in every mode, and what is stored there.

#include "harness.hpp"

#include <array>
#if __cplusplus >= 202002L
#include <span>
#endif

using namespace mqproducer;
using namespace std::chrono_literals;
using namespace std::string_view_literals;

TEST(send_stores_all_that_the_message_says) {
    MockCluster cluster("", 2, 3);
    Producer producer = harness::started(cluster.url());
    const Message message = Message("Orders", "a\0b"sv)
                                .tags("new")
                                .keys("k1 k2")
                                .flag(-7)
                                .property("colour", "rot")
                                .property("größe", "é中文");
    const Receipt receipt = producer.send(message);
    CHECK_EQUAL(receipt.send_status(), SendStatus::ok);
    CHECK_EQUAL(receipt.topic(), "Orders");
    CHECK_EQUAL(receipt.attempts(), 1u);
    CHECK_EQUAL(receipt.message_id().size(), 32u);
    CHECK_EQUAL(receipt.offset_message_id().size(), 32u);
    CHECK(!receipt.region_id().empty());
    CHECK_EQUAL(receipt.transaction_id(), receipt.message_id());
    CHECK(receipt.recall_handle().empty());
    CHECK(receipt.queue_id() >= 0 && receipt.queue_id() < 3);
    CHECK_EQUAL(receipt.queue_offset(), 0);

    CHECK_EQUAL(cluster.message_count("Orders"), 1u);
    CHECK_EQUAL(cluster.message_count("Other"), 0u);
    const MockMessages messages = cluster.messages("Orders");
    REQUIRE(messages.size() == 1);
    const MockMessage stored = messages[0];
    CHECK_EQUAL(stored.topic(), "Orders");
    CHECK_EQUAL(stored.body(), "a\0b"sv);
    CHECK_EQUAL(stored.tags(), "new");
    CHECK_EQUAL(stored.keys(), "k1 k2");
    CHECK_EQUAL(stored.flag(), -7);
    CHECK_EQUAL(stored.property("colour").value_or("none"), "rot");
    CHECK_EQUAL(stored.property("größe").value_or("none"), "é中文");
    CHECK(!stored.property("colou").has_value());
    CHECK(stored.properties().size() >= 4);
    CHECK_EQUAL(stored.message_id(), receipt.message_id());
    CHECK_EQUAL(stored.offset_message_id(), receipt.offset_message_id());
    CHECK_EQUAL(stored.broker_name(), receipt.broker_name());
    CHECK_EQUAL(stored.queue_id(), receipt.queue_id());
    CHECK_EQUAL(stored.queue_offset(), receipt.queue_offset());
    CHECK(stored.born_timestamp() > 1'600'000'000'000);
    CHECK(stored.store_timestamp() >= stored.born_timestamp());
    producer.close(5s);
}

TEST(send_takes_bodies_of_many_kinds) {
    MockCluster cluster;
    Producer producer = harness::started(cluster.url());
    const std::vector<std::uint8_t> bytes = {'x', 0, 'y'};
    const std::array<std::byte, 3> array = {std::byte{'x'}, std::byte{0}, std::byte{'y'}};
    producer.send(Message("Bodies", std::string("x\0y", 3)));
    producer.send(Message("Bodies", bytes));
    producer.send(Message("Bodies", array));
    producer.send(Message("Bodies", bytes.data(), bytes.size()));
    producer.send(Message("Bodies").body("replaced").body(array));
#if __cplusplus >= 202002L
    producer.send(Message("Bodies", std::span(bytes)));
#endif
    const MockMessages messages = cluster.messages();
    CHECK(messages.size() >= 5);
    for (const MockMessage message : messages) {
        CHECK_EQUAL(message.body(), "x\0y"sv);
    }
    cluster.clear();
    CHECK(cluster.messages().empty());
    CHECK_EQUAL(cluster.message_count(), 0u);
}

TEST(send_a_large_body_with_every_byte) {
    MockCluster cluster;
    Producer producer = harness::started(cluster.url());
    std::string body(1'000'000, '\0');
    for (std::size_t index = 0; index < body.size(); ++index) {
        body[index] = static_cast<char>(index % 251);
    }
    producer.send(Message("Large", body));
    CHECK(cluster.messages("Large")[0].body() == body);
}

TEST(send_does_not_change_the_message) {
    MockCluster cluster;
    Producer producer = harness::started(cluster.url());
    const Message message = Message("Twice", "body").property("a", "b");
    const Message copy = message;
    const std::string first(producer.send(message).message_id());
    const std::string second(producer.send(copy).message_id());
    CHECK(first != second);
    const MockMessages messages = cluster.messages("Twice");
    REQUIRE(messages.size() == 2);
    CHECK_EQUAL(messages[1].property("a").value_or(""), "b");
}

TEST(send_async_gives_a_result_to_keep) {
    MockCluster cluster;
    Producer producer = harness::started(cluster.url());
    std::optional<Receipt> kept;
    producer.send_async(Message("Async", "1"), [&](Result<Receipt> result) {
        if (result) {
            kept = *std::move(result);
        }
    });
    producer.flush(30s);
    REQUIRE(kept.has_value());
    CHECK_EQUAL(kept->topic(), "Async");
    CHECK_EQUAL(kept->message_id(), cluster.messages("Async")[0].message_id());
}

TEST(send_async_gives_a_completion_to_look_at) {
    MockCluster cluster;
    Producer producer = harness::started(cluster.url());
    std::string id;
    bool ok = false;
    producer.send_async(Message("Async", "1"), [&](const Completion& completion) {
        ok = completion.ok() && completion.status() == Status::ok;
        id = completion.receipt().message_id();
    });
    producer.flush(30s);
    CHECK(ok);
    CHECK_EQUAL(id, cluster.messages("Async")[0].message_id());
}

TEST(send_oneway_arrives) {
    MockCluster cluster;
    Producer producer = harness::started(cluster.url());
    const Receipt receipt = producer.send_oneway(Message("Oneway", "1"));
    CHECK_EQUAL(receipt.send_status(), SendStatus::oneway);
    CHECK_EQUAL(send_status_name(receipt.send_status()), "ONEWAY");
    CHECK_EQUAL(receipt.queue_offset(), -1);
    CHECK(receipt.offset_message_id().empty());
    // The same connection carries this one after it.
    const auto deadline = std::chrono::steady_clock::now() + 30s;
    while (cluster.message_count("Oneway") == 0 && std::chrono::steady_clock::now() < deadline) {
        producer.send(Message("After", "2"));
    }
    const MockMessages messages = cluster.messages("Oneway");
    REQUIRE(messages.size() == 1);
    CHECK_EQUAL(messages[0].message_id(), receipt.message_id());
    CHECK_EQUAL(messages[0].broker_name(), receipt.broker_name());
    CHECK_EQUAL(messages[0].queue_id(), receipt.queue_id());
}

TEST(cluster_by_name_is_shared) {
    MockCluster cluster("cpp-shared", 1, 1);
    {
        Producer producer = harness::started("mock://cpp-shared");
        producer.send(Message("Shared", "1"));
    }
    CHECK_EQUAL(MockCluster("cpp-shared").message_count("Shared"), 1u);
    cluster.close();
    CHECK_EQUAL(ERROR_OF(cluster.message_count()).status(), Status::invalid_argument);
    CHECK(cluster.url().empty());
    CHECK_EQUAL(ERROR_OF(MockCluster("", 65)).status(), Status::invalid_argument);
}

TEST(receipt_moves_with_its_texts) {
    MockCluster cluster;
    Producer producer = harness::started(cluster.url());
    Receipt first = producer.send(Message("Moved", "1"));
    const std::string_view id = first.message_id();
    Receipt second = std::move(first);
    CHECK(first.message_id().empty());
    CHECK(first.handle() == nullptr);
    CHECK(second.message_id().data() == id.data());
    second = producer.send(Message("Moved", "2"));
    CHECK(!second.message_id().empty());
    CHECK_EQUAL(second.topic(), "Moved");
    second = Receipt(nullptr);
    CHECK(second.topic().empty());
}

TEST(producer_moves) {
    MockCluster cluster;
    Producer first = harness::started(cluster.url());
    Producer second = std::move(first);
    second.send(Message("Moved", "1"));
    const Error error = ERROR_OF(first.send(Message("Moved", "2")));
    CHECK_EQUAL(error.status(), Status::invalid_argument);
    CHECK_CONTAINS(error.what(), "producer");
}

TEST(auto_batch_gathers_single_sends) {
    constexpr std::size_t count = 100;
    MockCluster cluster;
    Producer producer(harness::config(cluster.url())
                          .set("auto_batch", "true")
                          .set("batch_max_delay_ms", "30000")
                          .set("send_msg_timeout", "600000"));
    producer.start();
    std::mutex mutex;
    std::vector<std::pair<std::string, std::int64_t>> told;
    for (std::size_t i = 0; i < count; ++i) {
        producer.send_async(Message("Gathered", std::to_string(i)), [&](Result<Receipt> result) {
            std::lock_guard<std::mutex> lock(mutex);
            told.emplace_back(result->message_id(), result->queue_offset());
        });
    }
    producer.flush(60s);
    const MockMessages messages = cluster.messages("Gathered");
    REQUIRE(messages.size() == count && told.size() == count);
    for (std::size_t i = 0; i < count; ++i) {
        CHECK_EQUAL(messages[i].body(), std::to_string(i));
        CHECK_EQUAL(messages[i].message_id(), told[i].first);
        CHECK_EQUAL(messages[i].queue_offset(), told[i].second);
    }
    CHECK_EQUAL(cluster.requests({}, 320).size(), 1u);
    CHECK_EQUAL(cluster.requests({}, 310).size(), 0u);
}
