// Sends a message that is delivered only when its transaction is committed.
//
// Usage: transaction URL TOPIC GROUP commit|rollback|die|check
// `die` ends the process before it says what becomes of the message: the broker then asks any producer of the group, and
// `check` is one that answers.

#include "common.hpp"

#include <chrono>
#include <csignal>
#include <future>

using namespace mqproducer;
using namespace std::chrono_literals;

namespace {

void send_half(Producer& producer, const char* topic, const std::string& action) {
    // Rolls back when it ends without a commit, as by an exception.
    Transaction transaction = producer.begin_transaction();
    const Receipt receipt = transaction.send(Message(topic, action).tags("cpp"));
    std::cout << "cpp half id=" << receipt.message_id() << std::endl;
    if (action == "die") {
        std::raise(SIGKILL);
    } else if (action == "commit") {
        transaction.commit();
        std::cout << "cpp committed" << std::endl;
    } else {
        transaction.rollback();
        std::cout << "cpp rolled back" << std::endl;
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 5) {
        std::cerr << "usage: " << argv[0] << " URL TOPIC GROUP commit|rollback|die|check" << std::endl;
        return 1;
    }
    return run([&] {
        std::promise<void> answered;
        bool first = true;
        // Meets the topic's brokers at the start: they can only ask a producer that they know.
        Producer producer(config(argv[1], argv[3]).set("topics", argv[2]));
        // Runs on the library's dispatcher. A real program looks into its own records here.
        producer.set_transaction_checker([&](const ReceivedMessageView& message) {
            std::cout << "cpp checked id=" << message.message_id() << std::endl;
            if (std::exchange(first, false)) {
                answered.set_value();
            }
            return TransactionState::commit;
        });
        producer.start();
        bool done = true;
        if (argv[4] == std::string("check")) {
            done = answered.get_future().wait_for(60s) == std::future_status::ready;
        } else {
            send_half(producer, argv[2], argv[4]);
        }
        producer.close(10s);
        return done ? 0 : 1;
    });
}
