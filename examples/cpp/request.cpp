// Sends a request and prints the reply of whoever consumes it; or replies to such a request.
//
// Usage: request URL TOPIC [TEXT], or request --reply URL CLUSTER CORRELATION_ID REPLY_TO_CLIENT TTL_MS TEXT
// With `mock://demo` the embedded cluster replies.

#include "common.hpp"

#include <chrono>
#include <optional>

using namespace mqproducer;
using namespace std::chrono_literals;

namespace {

void request(Producer& producer, const char* topic, const char* text) {
    const ReceivedMessage reply = producer.request(Message(topic, text).tags("cpp"), 10s);
    std::cout << "cpp reply: " << reply.body() << std::endl;
}

void reply(Producer& producer, char** arguments) {
    // Properties of the request; ReplyTo::from() takes them from one that is at hand.
    ReplyTo to;
    to.cluster = arguments[0];
    to.correlation_id = arguments[1];
    to.reply_to_client = arguments[2];
    to.ttl = std::chrono::milliseconds(std::stoll(arguments[3]));
    const Receipt receipt = producer.reply(to, Message("", arguments[4]));
    std::cout << "cpp replied id=" << receipt.message_id() << std::endl;
}

}  // namespace

int main(int argc, char** argv) {
    return run([&] {
        const std::string scheme = "mock://";
        const bool replies = argc == 8 && argv[1] == std::string("--reply");
        std::string url = argc < 2 ? "mock://demo" : argv[replies ? 2 : 1];
        const char* topic = argc > 2 ? argv[2] : "Demo";
        std::optional<MockCluster> cluster;
        if (url.compare(0, scheme.size(), scheme) == 0) {
            cluster.emplace(url.substr(scheme.size()));
            cluster->echo(topic);
            url = cluster->url();
        }
        Producer producer = started(url.c_str());
        if (replies) {
            reply(producer, argv + 3);
        } else {
            request(producer, topic, argc > 3 ? argv[3] : "a question");
        }
        producer.close(10s);
        return 0;
    });
}
