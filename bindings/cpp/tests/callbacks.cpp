// Callbacks: exactly once, on every way out, and what becomes of exceptions.

#include "fake_server.hpp"
#include "harness.hpp"

#include <atomic>
#include <csignal>
#include <thread>

using namespace mqproducer;
using namespace std::chrono_literals;

namespace {

std::atomic<int> alive{0};

/// A callable that can only be moved, and tells how many of its kind there are.
struct Owner {
    explicit Owner(std::unique_ptr<int> value) : value_(std::move(value)) { ++alive; }
    Owner(Owner&& other) noexcept : value_(std::move(other.value_)) { ++alive; }
    ~Owner() { --alive; }

    void operator()(const Completion&) { *calls() += *value_; }

    static std::atomic<int>* calls() {
        static std::atomic<int> count{0};
        return &count;
    }

private:
    std::unique_ptr<int> value_;
};

void plain_function(Result<Receipt> result) {
    *Owner::calls() += result ? 100 : 1000;
}

}  // namespace

TEST(callback_of_any_callable) {
    MockCluster cluster;
    Producer producer = harness::started(cluster.url());
    const Message message("Topic", "body");
    *Owner::calls() = 0;
    producer.send_async(message, Owner(std::make_unique<int>(5)));
    producer.send_async(message, plain_function);
    const std::function<void(Result<Receipt>)> function = plain_function;
    producer.send_async(message, function);
    producer.send_async(message, [](auto result) { *Owner::calls() += result->topic() == "Topic" ? 10000 : 0; });
    producer.send_async(message, [many = std::vector<int>(3, 1)](const Result<Receipt>&) mutable {
        *Owner::calls() += static_cast<int>(many.size()) * 100000;
        return true;
    });
    producer.flush(30s);
    CHECK_EQUAL(Owner::calls()->load(), 310205);
    CHECK_EQUAL(alive.load(), 0);
}

TEST(callback_that_is_refused_is_destroyed_without_a_call) {
    MockCluster cluster;
    Producer producer(harness::config(cluster.url()));
    *Owner::calls() = 0;
    for (const char* topic : {"Topic", ""}) {
        CHECK(!producer.try_send_async(Message(topic, "body"), Owner(std::make_unique<int>(1))));
        CHECK(!producer.try_send_async(Message(topic, "body"), Owner(std::make_unique<int>(1)), {-1ms}));
    }
    CHECK_EQUAL(alive.load(), 0);
    CHECK_EQUAL(Owner::calls()->load(), 0);
}

TEST(callback_exceptions_go_to_the_handler_and_lose_nothing) {
    MockCluster cluster;
    Producer producer = harness::started(cluster.url());
    std::vector<std::string> caught;
    set_callback_exception_handler([&](std::exception_ptr exception) {
        try {
            std::rethrow_exception(exception);
        } catch (const std::exception& known) {
            caught.push_back(known.what());
        } catch (int number) {
            caught.push_back(std::to_string(number));
        }
    });
    int calls = 0;
    for (int index = 0; index < 10; ++index) {
        producer.send_async(Message("Topic", "body"), [&, index](const Completion&) {
            ++calls;
            if (index == 3) {
                throw std::runtime_error("three");
            }
            if (index == 4) {
                throw 44;
            }
        });
    }
    producer.flush(30s);
    set_callback_exception_handler(nullptr);
    CHECK_EQUAL(calls, 10);
    CHECK_EQUAL(cluster.message_count(), 10u);
    REQUIRE(caught.size() == 2);
    CHECK_EQUAL(caught[0] + caught[1], caught[0] == "44" ? "44three" : "three44");
}

TEST(callback_exceptions_are_logged_without_a_handler) {
    MockCluster cluster;
    Producer producer = harness::started(cluster.url());
    std::string logged;
    set_log(LogLevel::error, [&](const LogRecord& record) {
        if (record.target == "mqproducer::cpp") {
            logged = record.message;
        }
    });
    producer.send_async(Message("Topic", "body"), [](const Completion&) { throw std::runtime_error("to the log"); });
    producer.flush(30s);
    clear_log();
    CHECK_CONTAINS(logged, "to the log");
    // Neither a handler nor a log: a line on standard error, and life goes on.
    producer.send_async(Message("Topic", "body"), [](const Completion&) { throw 1; });
    producer.flush(30s);
    CHECK_EQUAL(cluster.message_count(), 2u);
}

TEST(callback_may_send_but_not_block) {
    MockCluster cluster;
    Producer producer = harness::started(cluster.url());
    std::optional<Error> blocking;
    harness::Counter second;
    producer.send_async(Message("Topic", "1"), [&](const Completion&) {
        const Result<Receipt> sync = producer.try_send(Message("Topic", "never"));
        if (!sync) {
            blocking = sync.error();
        }
        producer.send_async(Message("Topic", "2"), [&](const Completion& completion) {
            CHECK(completion.ok());
            second.add();
        });
    });
    REQUIRE(second.wait_for(1));
    producer.flush(30s);
    REQUIRE(blocking.has_value());
    CHECK_EQUAL(blocking->status(), Status::would_deadlock);
    CHECK_EQUAL(cluster.message_count(), 2u);
}

TEST(callback_once_for_each_message_of_many_threads) {
    constexpr int threads = 8;
    constexpr int each = 250;
    MockCluster cluster("", 2, 4);
    Producer producer = harness::started(cluster.url());
    std::vector<std::atomic<int>> calls(threads * each);
    std::vector<std::thread> senders;
    for (int thread = 0; thread < threads; ++thread) {
        senders.emplace_back([&, thread] {
            for (int index = 0; index < each; ++index) {
                const auto number = static_cast<std::size_t>(thread * each + index);
                const std::string body = std::to_string(number);
                if (index % 10 == 0) {
                    CHECK(producer.try_send(Message("Many", body)).has_value());
                    ++calls[number];
                } else {
                    CHECK(producer.try_send_async(Message("Many", body), [&calls, number](Result<Receipt> result) {
                                      calls[number] += result ? 1 : 100;
                                  }).has_value());
                }
            }
        });
    }
    for (std::thread& sender : senders) {
        sender.join();
    }
    producer.flush(60s);
    producer.close(10s);
    for (const std::atomic<int>& count : calls) {
        CHECK_EQUAL(count.load(), 1);
    }
    CHECK_EQUAL(cluster.message_count("Many"), calls.size());
}

// A program that does not ignore SIGPIPE would end by it.
TEST(connections_that_close_while_threads_send_raise_no_signal) {
    static std::atomic<int> signals;
    signals = 0;
    const auto before = std::signal(SIGPIPE, [](int) { ++signals; });
    MockCluster cluster;
    Producer producer(harness::config(cluster.url())
                          .set("retry_times_when_send_async_failed", 0)
                          .set("max_in_flight_messages", 64));
    producer.start();
    producer.send(Message("Topic", "body"));
    MockFault close;
    close.action = MockFaultAction::close_before;
    close.request_code = 310;
    cluster.push_fault(close);
    const std::string body(20'000, 'x');
    std::atomic<int> accepted{0};
    std::atomic<int> ended{0};
    std::vector<std::thread> senders;
    for (int thread = 0; thread < 4; ++thread) {
        senders.emplace_back([&] {
            for (int index = 0; index < 400; ++index) {
                accepted += producer.try_send_async(Message("Topic", body), [&](const Completion&) { ++ended; }) ? 1 : 0;
            }
        });
    }
    for (std::thread& sender : senders) {
        sender.join();
    }
    producer.flush(60s);
    CHECK_EQUAL(ended.load(), accepted.load());
    CHECK_EQUAL(signals.load(), 0);
    std::signal(SIGPIPE, before);
}

TEST(callback_once_at_close_with_messages_in_flight) {
    FakeServer server({});
    Producer producer = harness::started(server.url());
    harness::Counter closed;
    harness::Counter all;
    for (int index = 0; index < 50; ++index) {
        producer.send_async(Message("Topic", "body"), [&](const Completion& completion) {
            if (completion.status() == Status::closed) {
                closed.add();
            }
            all.add();
        }, {60s});
    }
    CHECK_EQUAL(ERROR_OF(producer.flush(0s)).status(), Status::timeout);
    CHECK_EQUAL(ERROR_OF(producer.close(0s)).status(), Status::timeout);
    CHECK(all.wait_for(50));
    CHECK_EQUAL(all.value(), 50);
    CHECK_EQUAL(closed.value(), 50);
}

// Many rounds: what ends last, the message or the producer with the library's threads, is a matter of luck.
TEST(callback_once_when_the_producer_is_destroyed) {
    FakeServer server({});
    for (int round = 0; round < 50 && !harness::failed(); ++round) {
        harness::Counter calls;
        std::atomic<int> good{0};
        {
            Producer producer = harness::started(server.url());
            for (int index = 0; index < 3; ++index) {
                producer.send_async(Message("Topic", "body"), [&](Result<Receipt> result) {
                    good += result ? 1 : 0;
                    calls.add();
                }, {60s});
            }
        }
        CHECK(calls.wait_for(3));
        CHECK_EQUAL(calls.value(), 3);
        CHECK_EQUAL(good.load(), 0);
    }
}

TEST(log_receives_records_and_lets_its_callable_go) {
    harness::Counter records;
    auto token = std::make_shared<int>(1);
    set_log(LogLevel::trace, [&records, move_only = std::make_unique<int>(1), token](const LogRecord& record) {
        if (!record.target.empty() && !record.message.empty() && record.level <= LogLevel::trace && move_only) {
            records.add();
        }
    });
    {
        MockCluster cluster;
        Producer producer = harness::started(cluster.url());
        producer.send(Message("Topic", "body"));
        CHECK(records.wait_for(1));
        producer.close(5s);
    }
    clear_log();
    CHECK(harness::eventually([&] { return token.use_count() == 1; }));
}

TEST(log_that_throws_is_survived) {
    harness::Counter thrown;
    set_callback_exception_handler([&](std::exception_ptr) { thrown.add(); });
    set_log(LogLevel::trace, [](const LogRecord&) { throw std::runtime_error("log"); });
    MockCluster cluster;
    Producer producer = harness::started(cluster.url());
    producer.send(Message("Topic", "body"));
    CHECK(thrown.wait_for(1));
    producer.close(5s);
    clear_log();
    set_callback_exception_handler(nullptr);
}
