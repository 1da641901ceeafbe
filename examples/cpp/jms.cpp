// Sends JMS messages to ActiveMQ: synchronous, asynchronous, several in a transaction.
//
// Usage: jms [URL [DESTINATION]]; the default is an embedded cluster.

#include "common.hpp"

#include <chrono>
#include <optional>

using namespace mqproducer;
using namespace std::chrono_literals;

int main(int argc, char** argv) {
    return run([&] {
        Producer producer = started(argc > 1 ? argv[1] : "mock+openwire://demo");
        const char* destination = argc > 2 ? argv[2] : "queue://Demo";
        Jms jms;
        jms.text().correlation_id("order-1").property("count", 42).property("ratio", 0.5);
        print("sync", producer.send(Message(destination, "hello from C++").jms(jms)));

        // In the broker's memory alone; the callback asks for an answer all the same.
        Jms quick = jms;
        quick.delivery_mode(DeliveryMode::non_persistent);
        std::optional<Result<Receipt>> answer;
        producer.send_async(Message(destination, "hello from C++").jms(quick),
                            [&](Result<Receipt> result) { answer.emplace(std::move(result)); });
        producer.flush(10s);
        print("async", unwrap(std::move(answer).value()));

        // Messages of a transaction ask for no answer: the commit tells that all of them are stored.
        Transaction transaction = producer.begin_transaction();
        for (int i = 0; i < 3; ++i) {
            transaction.send(Message(destination, "hello from C++").jms(jms));
        }
        transaction.commit();
        std::cout << "cpp committed" << std::endl;
        producer.close(10s);
        return 0;
    });
}
