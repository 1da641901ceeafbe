// For a coroutine `send_order(producer, loop, order)`.
#include "page.hpp"

#include <coroutine>
#include <functional>
#include <future>

struct Task {
    struct promise_type {
        Task get_return_object() noexcept { return {}; }
        std::suspend_never initial_suspend() noexcept { return {}; }
        std::suspend_never final_suspend() noexcept { return {}; }
        void return_void() noexcept {}
        void unhandled_exception() { throw; }
    };
};

struct Loop {
    void post(std::function<void()> function) { posted.set_value(std::move(function)); }

    std::promise<std::function<void()>> posted;
};

namespace {
#include "block.inc"
}  // namespace

int main() {
    const mqproducer::MockCluster cluster;
    PageProducer producer(cluster);
    Loop loop;
    send_order(producer.ready(), loop, "hello");
    loop.posted.get_future().get()();
    return stored(cluster, 1);
}
