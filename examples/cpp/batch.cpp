// Sends five messages in one request. Usage: batch [URL [TOPIC]]; the default is an embedded cluster.

#include "common.hpp"

#include <chrono>
#include <vector>

using namespace mqproducer;
using namespace std::chrono_literals;

int main(int argc, char** argv) {
    return run([&] {
        Producer producer = started(argc > 1 ? argv[1] : "mock://demo");
        const char* topic = argc > 2 ? argv[2] : "Demo";

        std::vector<Message> messages;
        for (const char* body : {"one", "two", "three", "four", "five"}) {
            messages.push_back(Message(topic, body).tags("cpp"));
        }
        const BatchResult results = producer.send_batch(messages);
        for (std::size_t index = 0; index < results.size(); ++index) {
            print("batch", results.receipt(index));
        }
        producer.close(10s);
        return 0;
    });
}
