// What is for ActiveMQ alone: JMS messages, temporary destinations, message transformers; against the embedded cluster.
#include "harness.hpp"

using namespace mqproducer;
using namespace std::chrono_literals;

namespace {

Config config_of(const char* url) {
    Config config;
    config.set("url", url);
    config.set("send_msg_timeout", "30000");
    return config;
}

}  // namespace

TEST(temporary_destinations_live_until_they_are_deleted) {
    Producer producer(config_of("mock+openwire://cpp-temporary"));
    producer.start();
    const std::string queue = producer.create_temporary_queue(), topic = producer.create_temporary_topic(10s);
    CHECK_EQUAL(queue.substr(0, 16), "temp-queue://ID:");
    CHECK_EQUAL(topic.substr(0, 16), "temp-topic://ID:");
    producer.send(Message(queue, "x").jms(Jms().text().reply_to(topic).property("n", std::int16_t{3})));
    producer.delete_temporary(queue);
    CHECK_EQUAL(ERROR_OF(producer.send(Message(queue, "x"))).status(), Status::invalid_message);
    CHECK_EQUAL(ERROR_OF(producer.delete_temporary(queue)).status(), Status::invalid_argument);
    producer.close(10s);
    CHECK_EQUAL(ERROR_OF(producer.create_temporary_queue()).status(), Status::closed);
    Producer rocket(harness::config("mock://"));
    CHECK_EQUAL(ERROR_OF(rocket.create_temporary_queue()).status(), Status::unsupported);
}

TEST(a_transformer_puts_another_message_in_the_place_of_each) {
    MockCluster cluster("cpp-transform");
    harness::Counter caught;
    set_callback_exception_handler([&](std::exception_ptr) { caught.add(); });
    auto token = std::make_shared<int>(1);
    {
        Producer producer(config_of("mock+openwire://cpp-transform"));
        producer.set_message_transformer(
            [token](const MessageView& message, Transformed& made) -> std::optional<std::string> {
                if (message.body() == "refuse") {
                    return "not today";
                }
                if (message.body() == "throw") {
                    throw std::runtime_error("on purpose");
                }
                if (message.body() != "same") {
                    // It is copied: these are gone when this returns.
                    const std::string topic = std::string(message.topic()) + ".other";
                    made.set(Message(topic, "of " + std::string(message.body())).jms(Jms().text()));
                }
                return std::nullopt;
            });
        producer.start();
        CHECK_EQUAL(ERROR_OF(producer.set_message_transformer([](const MessageView&, Transformed&) {
                        return std::optional<std::string>();
                    })).status(),
                    Status::already_started);
        CHECK_EQUAL(producer.send(Message("T", "this")).topic(), "T.other");
        producer.send(Message("T", "same"));
        CHECK_EQUAL(ERROR_OF(producer.send(Message("T", "refuse"))).status(), Status::invalid_message);
        CHECK_EQUAL(ERROR_OF(producer.send(Message("T", "throw"))).status(), Status::invalid_message);
        producer.close(10s);
    }
    CHECK(caught.wait_for(1));
    set_callback_exception_handler(nullptr);
    CHECK_EQUAL(cluster.messages("T").size(), 1u);
    const MockMessages made = cluster.messages("T.other");
    CHECK_EQUAL(made.size(), 1u);
    for (const MockMessage message : made) {
        CHECK_EQUAL(message.body(), "of this");
    }
    CHECK_EQUAL(token.use_count(), 1);
}
