// For a coroutine `send_order(producer, order)` that sends two messages.
#include "page.hpp"

#include <coroutine>

struct Task {
    struct promise_type {
        Task get_return_object() noexcept { return {}; }
        std::suspend_never initial_suspend() noexcept { return {}; }
        std::suspend_never final_suspend() noexcept { return {}; }
        void return_void() noexcept {}
        void unhandled_exception() { throw; }
    };
};

namespace {
#include "block.inc"
}  // namespace

int main() {
    const mqproducer::MockCluster cluster;
    PageProducer producer(cluster);
    send_order(producer.ready(), "hello");
    return stored(cluster, 2);
}
