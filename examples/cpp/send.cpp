// Sends one message in each mode to the topic Demo. Usage: send [URL]; the default is an embedded cluster.

#include "common.hpp"

#include <chrono>
#include <optional>

using namespace mqproducer;
using namespace std::chrono_literals;

int main(int argc, char** argv) {
    return run([&] {
        Producer producer = started(argc > 1 ? argv[1] : "mock://demo");

        print("sync", producer.send(Message("Demo", "hello from C++").tags("sync").keys("demo-1")));

        std::optional<Result<Receipt>> answer;
        producer.send_async(Message("Demo", "hello again").property("lang", "cpp"),
                            [&](Result<Receipt> result) { answer.emplace(std::move(result)); });
        producer.flush(10s);
        print("async", unwrap(std::move(answer).value()));

        print("oneway", producer.send_oneway(Message("Demo", "and farewell")));
        producer.close(10s);
        return 0;
    });
}
