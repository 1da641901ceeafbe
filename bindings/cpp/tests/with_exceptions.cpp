// The other part of without_exceptions.cpp: the same classes with exceptions and in another language standard.

#include <mqproducer.hpp>

#include <string_view>

bool send_with_exceptions(std::string_view url, std::string_view topic) {
    using namespace mqproducer;
    bool refused = false;
    Producer producer(Config{{"url", url}, {"producer_group", "cpp-tests"}});
    try {
        producer.send(Message(topic, "early"));
    } catch (const Error& error) {
        refused = error.status() == Status::not_started;
    }
    producer.start();
    const Result<Receipt> receipt = producer.try_send(Message(topic, "body"));
    return refused && receipt.has_value() && receipt->topic() == topic;
}
