// Requests, replies, recalls, delays and trace contexts.

#include "harness.hpp"

using namespace mqproducer;
using namespace std::chrono_literals;

namespace {

constexpr const char* trace_parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

}  // namespace

TEST(request_gets_its_reply_in_every_mode) {
    MockCluster cluster;
    cluster.echo("Ask");
    Producer producer = harness::started(cluster.url());
    const Message question = Message("Ask", std::string_view("a\0b", 3)).tags("tag").property("colour", "red");
    const auto check = [&](const ReceivedMessageView& reply) {
        CHECK_EQUAL(reply.body(), std::string_view("a\0b", 3));
        CHECK(!reply.topic().empty() && !reply.message_id().empty());
        CHECK_EQUAL(reply.queue_offset(), -1);
        CHECK_EQUAL(reply.commit_log_offset(), -1);
        CHECK(reply.offset_message_id().empty());
        CHECK(std::chrono::system_clock::now() - reply.stored() < 1min);
        const std::string id(reply.property("CORRELATION_ID").value_or(""));
        bool known = false;
        for (const MockMessage stored : cluster.messages("Ask")) {
            known = known || (stored.property("CORRELATION_ID") == id && stored.property("colour") == "red");
        }
        CHECK(known);
        bool listed = false;
        for (const auto& [name, value] : reply.properties()) {
            listed = listed || (name == "CORRELATION_ID" && value == id);
        }
        CHECK(listed);
    };
    ReceivedMessage reply = producer.request(question, 30s);
    check(reply);
    const ReceivedMessage moved = std::move(reply);
    check(moved);
    CHECK(reply.body().empty());
    check(ReceivedMessage::copy(moved));
    std::optional<ReceivedMessage> kept;
    producer.request_async(question, 30s, [&](Result<ReceivedMessage> result) { kept = *std::move(result); });
    bool seen = false;
    producer.request_async(question, 30s, [&](const RequestCompletion& completion) {
        seen = completion.ok() && completion.status() == Status::ok && completion.reply().body().size() == 3;
    });
    producer.flush(30s);
    REQUIRE(kept.has_value());
    check(*kept);
    CHECK(seen);
    check(producer.request_future(question, 30s).get());
}

TEST(request_without_a_reply_times_out) {
    MockCluster cluster;
    Producer producer = harness::started(cluster.url());
    std::optional<Error> told;
    producer.request_async(Message("Nobody", "body"), 1s,
                           [&](const RequestCompletion& completion) { told = completion.error(); });
    const Error error = ERROR_OF(producer.request(Message("Nobody", "body"), 1s));
    producer.flush(30s);
    REQUIRE(told.has_value());
    for (const Error& one : {error, *told}) {
        CHECK_EQUAL(one.status(), Status::request_timeout);
        CHECK_EQUAL(one.name(), "REQUEST_TIMEOUT");
        CHECK_EQUAL(one.code().value_or(0), 10006);
        CHECK(one.maybe_persisted());
    }
    CHECK_EQUAL(cluster.message_count("Nobody"), 2u);
}

TEST(requests_that_are_refused_send_nothing) {
    MockCluster cluster;
    Producer producer = harness::started(cluster.url());
    const auto refused = [&](const Message& message, std::chrono::milliseconds timeout) {
        bool called = false;
        const auto callable = [&](const RequestCompletion&) { called = true; };
        CHECK(!producer.try_request_async(message, timeout, callable));
        CHECK(!called);
        return ERROR_OF(producer.request(message, timeout));
    };
    CHECK_EQUAL(refused(Message("", "body"), 1s).status(), Status::invalid_message);
    CHECK_CONTAINS(refused(Message("Topic", "body").delay_level(1), 1s).what(), "delay");
    CHECK_CONTAINS(refused(Message("Topic", "body").property("TTL", "5"), 1s).what(), "TTL");
    CHECK_CONTAINS(refused(Message("Topic", "body"), 0s).what(), "timeout");
    CHECK_EQUAL(cluster.message_count(), 0u);
}

TEST(request_callbacks_come_once_at_close) {
    MockCluster cluster;
    Producer producer = harness::started(cluster.url());
    harness::Counter closed;
    harness::Counter all;
    for (int index = 0; index < 20; ++index) {
        producer.request_async(Message("Nobody", "body"), 1h, [&](Result<ReceivedMessage> result) {
            if (!result && result.error().status() == Status::closed) {
                closed.add();
            }
            all.add();
        });
    }
    CHECK_EQUAL(ERROR_OF(producer.close(50ms)).status(), Status::timeout);
    CHECK(all.wait_for(20));
    CHECK_EQUAL(all.value(), 20);
    CHECK_EQUAL(closed.value(), 20);
}

TEST(reply_reaches_who_asked) {
    MockCluster cluster;
    Producer asking = harness::started(cluster.url());
    Producer answering(harness::config(cluster.url()).set("instance_name", "answering"));
    answering.start();
    for (const bool async : {false, true}) {
        std::future<ReceivedMessage> asked = asking.request_future(Message("Ask", "question"), 30s);
        cluster.wait(1, 30s, "Ask");
        const ReplyTo to = ReplyTo::from(cluster.messages("Ask")[0]);
        CHECK_EQUAL(to.ttl.count(), 30000);
        const Message answer = Message("", "answer").tags("told").property("colour", "red");
        std::optional<Receipt> receipt;
        if (async) {
            answering.reply_async(to, answer, [&](Result<Receipt> result) { receipt = *std::move(result); });
            answering.flush(30s);
        } else {
            receipt = answering.reply(to, answer);
        }
        const ReceivedMessage reply = asked.get();
        CHECK_EQUAL(reply.body(), "answer");
        CHECK_EQUAL(reply.tags(), "told");
        CHECK_EQUAL(reply.property("colour").value_or(""), "red");
        CHECK_EQUAL(reply.message_id(), receipt->message_id());
        cluster.clear();
    }
}

TEST(replies_that_are_refused) {
    MockCluster cluster;
    Producer producer = harness::started(cluster.url());
    ReplyTo to;
    to.correlation_id = "c";
    to.reply_to_client = "nobody@1";
    to.cluster = "DefaultCluster";
    for (std::string ReplyTo::* const field :
         {&ReplyTo::correlation_id, &ReplyTo::reply_to_client, &ReplyTo::cluster}) {
        ReplyTo incomplete = to;
        (incomplete.*field).clear();
        CHECK_EQUAL(ERROR_OF(producer.reply(incomplete, Message("", "body"))).status(), Status::invalid_argument);
        CHECK(!producer.try_reply_async(incomplete, Message("", "body"), [](const Completion&) {}));
        CHECK(!producer.try_reply_future(incomplete, Message("", "body")).get());
    }
    CHECK_EQUAL(ERROR_OF(producer.reply_future(to, Message("", "")).get()).status(), Status::invalid_message);
}

TEST(messages_with_a_delay_are_stored_so_and_recalled) {
    MockCluster cluster;
    Producer producer = harness::started(cluster.url());
    const auto later = std::chrono::system_clock::now() + 1h;
    const Receipt timed = producer.send(Message("Later", "body").deliver_at(later));
    CHECK(!timed.recall_handle().empty());
    const Receipt recalled = producer.recall("Later", timed.recall_handle());
    CHECK_EQUAL(recalled.message_id(), timed.message_id());
    CHECK_EQUAL(recalled.queue_id(), -1);
    CHECK_EQUAL(cluster.message_count("Later"), 0u);
    CHECK_EQUAL(ERROR_OF(producer.recall("Later", "no handle")).status(), Status::invalid_argument);
    CHECK_EQUAL(ERROR_OF(producer.recall("Other", timed.recall_handle())).status(), Status::invalid_argument);
    CHECK_EQUAL(ERROR_OF(producer.recall("Later", timed.recall_handle(), 0ms)).status(), Status::invalid_argument);

    producer.send(Message("Fields", "body")
                      .priority(3)
                      .sharding_key("order-17")
                      .trace_parent(trace_parent));
    const MockMessages stored = cluster.messages("Fields");
    REQUIRE(stored.size() == 1);
    CHECK_EQUAL(stored[0].property("__SHARDINGKEY").value_or(""), "order-17");
    CHECK_EQUAL(stored[0].property("traceparent").value_or(""), trace_parent);
    CHECK_EQUAL(stored[0].property("_SYS_MSG_PRIORITY_").value_or(""), "3");
    const Receipt half_hour = producer.send(Message("Later", "body").delay(30min));
    CHECK(!half_hour.recall_handle().empty());
    CHECK(!producer.send(Message("Later", "body").delay(90'000ms)).recall_handle().empty());
    CHECK_EQUAL(ERROR_OF(producer.send(Message("T", "b").delay_level(2).delay(1s))).status(), Status::invalid_message);
    CHECK_EQUAL(Message("T").delay(2min).view().delay_seconds, 120u);
    CHECK_EQUAL(Message("T").delay(2s).delay(1500ms).view().delay_seconds, 0u);
    CHECK_EQUAL(Message("T").delay(2s).delay(1500ms).view().delay_ms, 1500u);
    CHECK_EQUAL(Message("T").delay(-1s).view().delay_seconds, 0u);
}

TEST(trace_context_comes_from_a_callable) {
    MockCluster cluster;
    harness::Counter caught;
    set_callback_exception_handler([&](std::exception_ptr) { caught.add(); });
    auto token = std::make_shared<int>(1);
    std::optional<std::string> told = trace_parent;
    bool throws = false;
    {
        Producer producer(harness::config(cluster.url()));
        producer.set_trace_context([&, token]() -> std::optional<std::string> {
            if (throws) {
                throw std::runtime_error("on purpose");
            }
            return told;
        });
        producer.start();
        CHECK_EQUAL(ERROR_OF(producer.set_trace_context([] { return std::string(); })).status(),
                    Status::already_started);
        producer.send(Message("Topic", "0"));
        told = std::nullopt;
        producer.send(Message("Topic", "1"));
        told = std::string(5000, '0');
        producer.send(Message("Topic", "2"));
        throws = true;
        producer.send(Message("Topic", "3"));
        producer.close(5s);
    }
    CHECK(caught.wait_for(1));
    set_callback_exception_handler(nullptr);
    const MockMessages stored = cluster.messages("Topic");
    CHECK_EQUAL(stored.size(), 4u);
    for (const MockMessage message : stored) {
        CHECK_EQUAL(message.property("traceparent").value_or("none"), message.body() == "0" ? trace_parent : "none");
    }
    CHECK_EQUAL(token.use_count(), 1);
}
