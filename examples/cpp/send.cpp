// Sends one message in each mode to the topic Demo. Usage: send [URL]; the default is an embedded cluster.

#include <mqproducer.hpp>

#include <chrono>
#include <iostream>
#include <optional>
#include <string>

namespace {

void print(const char* mode, const mqproducer::Receipt& receipt) {
    const std::string offset = receipt.queue_offset() < 0 ? "-" : std::to_string(receipt.queue_offset());
    std::cout << "cpp " << mode << " id=" << receipt.message_id() << " queue=" << receipt.broker_name() << '/'
              << receipt.queue_id() << " offset=" << offset << std::endl;
}

void run(const char* url) {
    using namespace std::chrono_literals;
    mqproducer::Producer producer(mqproducer::Config{{"url", url}, {"producer_group", "demo-cpp"}});
    producer.start();

    print("sync", producer.send(mqproducer::Message("Demo", "hello from C++").tags("sync").keys("demo-1")));

    std::optional<mqproducer::Result<mqproducer::Receipt>> answer;
    producer.send_async(mqproducer::Message("Demo", "hello again").property("lang", "cpp"),
                        [&](mqproducer::Result<mqproducer::Receipt> result) { answer.emplace(std::move(result)); });
    producer.flush(10s);
    print("async", mqproducer::unwrap(std::move(answer).value()));

    print("oneway", producer.send_oneway(mqproducer::Message("Demo", "and farewell")));
    producer.close(10s);
}

}  // namespace

int main(int argc, char** argv) {
    try {
        run(argc > 1 ? argv[1] : "mock://demo");
    } catch (const mqproducer::Error& error) {
        std::cerr << "cpp: " << error.name() << ": " << error.what() << std::endl;
        return 1;
    } catch (const std::exception& exception) {
        std::cerr << "cpp: " << exception.what() << std::endl;
        return 1;
    }
    return 0;
}
