/// Sends as fast as it can in one mode and prints what a message cost: see ../README.md.
///
/// Asynchronous messages end in a callable that looks at the completion without a copy and gives its place back.
#include "../driver.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <memory>
#include <mqproducer.hpp>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

using namespace mqproducer;

namespace {

std::atomic<long long> done{0}, errors{0};
/// Requests that were answered, and one-way messages.
std::atomic<long long> answered{0}, one_way{0};
std::atomic<bool> stop{false}, measuring{false};

/// Adds to a counter that nothing else depends on.
void add(std::atomic<long long>& counter, long long n) { counter.fetch_add(n, std::memory_order_relaxed); }

bool go_on() { return !stop.load(std::memory_order_relaxed); }

void count_error(const std::string& what) {
    if (errors.fetch_add(1) == 0) {
        std::fprintf(stderr, "%s\n", what.c_str());
    }
}

bool is_stored(const ReceiptView& receipt) {
    return receipt.send_status() == SendStatus::ok && receipt.queue_offset() >= 0;
}

void count(const ReceiptView& receipt) {
    add(is_stored(receipt) ? done : errors, 1);
    add(answered, 1);
}

/// Places for messages in flight. A thread that finds none waits until half of them are free, so that it wakes seldom.
class Window {
public:
    void enter() {
        if (in_flight_.fetch_add(1) < BENCH_WINDOW) {
            return;
        }
        std::unique_lock<std::mutex> lock(mutex_);
        ++waiting_;
        half_free_.wait(lock, [&] { return in_flight_.load() <= BENCH_WINDOW / 2; });
        --waiting_;
    }

    void leave() {
        const int left = in_flight_.fetch_sub(1) - 1;
        if ((left == BENCH_WINDOW / 2 && waiting_.load() > 0) || left == 0) {
            const std::lock_guard<std::mutex> lock(mutex_);
            half_free_.notify_all();
        }
    }

    void wait_empty() {
        std::unique_lock<std::mutex> lock(mutex_);
        half_free_.wait(lock, [&] { return in_flight_.load() == 0; });
    }

private:
    std::mutex mutex_;
    std::condition_variable half_free_;
    std::atomic<int> in_flight_{0}, waiting_{0};
};

Window window;

void send_one(Producer& producer, const Message& message) {
    if (const Result<Receipt> receipt = producer.try_send(message)) {
        count(*receipt);
    } else {
        count_error(receipt.error().what());
    }
}

void send_sync(Producer& producer, const Message& message, std::vector<int32_t>& latencies) {
    while (go_on()) {
        const double begin = bench_now_ns();
        send_one(producer, message);
        if (measuring.load(std::memory_order_relaxed) && latencies.size() < BENCH_LATENCIES) {
            latencies.push_back(static_cast<int32_t>(bench_now_ns() - begin));
        }
    }
}

void send_oneway(Producer& producer, const Message& message) {
    for (long long n = 1; go_on(); n++) {
        if (const Result<Receipt> receipt = producer.try_send_oneway(message)) {
            add(done, 1);
            add(one_way, 1);
        } else {
            count_error(receipt.error().what());
        }
        if (n % BENCH_ONE_WAYS == 0) {
            send_one(producer, message);
        }
    }
}

void send_batches(Producer& producer, const Message& message) {
    while (go_on()) {
        const std::vector<Message> messages(BENCH_BATCH, message);
        const Result<BatchResult> result = producer.try_send_batch(messages);
        if (!result) {
            count_error(result.error().what());
            continue;
        }
        long long stored = 0;
        for (std::size_t i = 0; i < result->size(); i++) {
            stored += result->ok(i) && is_stored(result->receipt(i));
        }
        add(answered, 1);
        add(done, stored);
        add(errors, BENCH_BATCH - stored);
    }
}

void send_async(Producer& producer, const Message& message) {
    while (go_on()) {
        window.enter();
        const Result<void> sent = producer.try_send_async(message, [](const Completion& completion) {
            if (completion.ok()) {
                count(completion.receipt());
            } else {
                count_error(completion.error().what());
            }
            window.leave();
        });
        if (!sent) {
            count_error(sent.error().what());
            window.leave();
        }
    }
}

Producer started(const bench_arguments& arguments) {
    Config config{{"url", std::string("rocketmq://") + arguments.name_server},
                  {"producer_group", "perf_group"},
                  {"send_msg_timeout", "10000"}};
    if (!arguments.compress) {
        config.set("compress_msg_body_over_howmuch", "2147483647");
    }
    Producer producer(config);
    producer.start();
    return producer;
}

}  // namespace

int main(int argc, char** argv) {
    const bench_arguments arguments = bench_read_arguments(argc, argv);
    const std::string_view mode(arguments.mode);
    const std::unique_ptr<uint8_t, decltype(&std::free)> body(bench_body(&arguments), &std::free);
    Message message("PerfTopic", std::string_view(reinterpret_cast<const char*>(body.get()), arguments.size));
    message.tags("TagA");
    if (mode == "startup") {
        Producer producer = started(arguments);
        producer.send(message);
        bench_print_idle();
        return 0;
    }
    const bench_counters before = bench_ask(arguments.name_server);
    Producer producer = started(arguments);
    std::vector<std::vector<int32_t>> latencies(static_cast<std::size_t>(arguments.threads));
    std::vector<std::thread> threads;
    for (std::vector<int32_t>& kept : latencies) {
        threads.emplace_back([&] {
            if (mode == "sync") {
                send_sync(producer, message, kept);
            } else if (mode == "oneway") {
                send_oneway(producer, message);
            } else if (mode == "batch") {
                send_batches(producer, message);
            } else if (mode == "async") {
                send_async(producer, message);
            } else {
                bench_fail("unknown mode");
            }
        });
    }
    bench_wait_cpu(arguments.warm);
    measuring = true;
    const long long first = done;
    const double cpu = bench_cpu_us(), begin = bench_now_ns();
    bench_wait_cpu(arguments.seconds);
    const long long messages = done - first;
    const double used = bench_cpu_us() - cpu, elapsed = (bench_now_ns() - begin) / 1e9;
    measuring = false;
    const long rss = bench_status("VmHWM:");
    stop = true;
    std::vector<int32_t> all;
    for (std::size_t i = 0; i < threads.size(); i++) {
        threads[i].join();
        all.insert(all.end(), latencies[i].begin(), latencies[i].end());
    }
    window.wait_empty();
    producer.close(std::chrono::seconds(10));
    bench_print(messages, elapsed, used, all.data(), all.size(), rss, errors,
                bench_verify(&arguments, before, answered, one_way));
    return 0;
}
