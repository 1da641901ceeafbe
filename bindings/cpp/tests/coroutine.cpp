// Coroutines that await the ends of messages.

#include "fake_server.hpp"
#include "harness.hpp"

#if defined(__cpp_impl_coroutine)

#include <array>
#include <atomic>
#include <coroutine>
#include <set>
#include <span>
#include <thread>

using namespace mqproducer;
using namespace std::chrono_literals;

namespace {

/// Starts at once, and is gone when it has ended. What leaves it, leaves whoever resumed it.
struct Detached {
    struct promise_type {
        Detached get_return_object() noexcept { return {}; }
        std::suspend_never initial_suspend() noexcept { return {}; }
        std::suspend_never final_suspend() noexcept { return {}; }
        void return_void() noexcept {}
        void unhandled_exception() { throw; }
    };
};

/// Starts at once, and is gone with its owner.
class Owned {
public:
    struct promise_type {
        Owned get_return_object() noexcept { return Owned(std::coroutine_handle<promise_type>::from_promise(*this)); }
        std::suspend_never initial_suspend() noexcept { return {}; }
        std::suspend_always final_suspend() noexcept { return {}; }
        void return_void() noexcept {}
        void unhandled_exception() { throw; }
    };

    Owned(Owned&& other) noexcept : handle_(std::exchange(other.handle_, nullptr)) {}
    Owned& operator=(Owned&&) = delete;
    ~Owned() {
        if (handle_) {
            handle_.destroy();
        }
    }

    bool done() const { return handle_.done(); }

private:
    explicit Owned(std::coroutine_handle<promise_type> handle) noexcept : handle_(handle) {}

    std::coroutine_handle<promise_type> handle_;
};

/// A loop: what is posted runs on the thread that calls run().
class Loop {
public:
    void post(Resume resume) {
        std::lock_guard<std::mutex> lock(mutex_);
        jobs_.push_back(std::move(resume));
        posted_.add();
    }

    std::vector<Resume> take() {
        std::lock_guard<std::mutex> lock(mutex_);
        return std::exchange(jobs_, {});
    }

    bool wait_for(int jobs) { return posted_.wait_for(jobs); }

private:
    harness::Counter posted_;
    std::mutex mutex_;
    std::vector<Resume> jobs_;
};

/// Counts how many of its kind there are: in a coroutine's frame, whether that is gone.
struct Alive {
    explicit Alive(int& counter) : count(counter) { ++count; }
    Alive(const Alive&) = delete;
    Alive& operator=(const Alive&) = delete;
    ~Alive() { --count; }

    int& count;
};

void delay_sends(MockCluster& cluster, std::chrono::milliseconds time) {
    MockFault fault;
    fault.action = MockFaultAction::delay;
    fault.request_code = 310;
    fault.delay = time;
    cluster.push_fault(fault);
}

}  // namespace

TEST(coroutine_gets_the_receipt_on_the_dispatcher) {
    MockCluster cluster;
    Producer producer = harness::started(cluster.url());
    delay_sends(cluster, 20ms);
    std::string id;
    std::thread::id here;
    std::optional<Status> blocking;
    [](Producer& to, std::string& into, std::thread::id& thread, std::optional<Status>& refused) -> Detached {
        const Receipt receipt = co_await to.send_awaitable(Message("Topic", "body"));
        into = receipt.message_id();
        thread = std::this_thread::get_id();
        refused = to.try_send(Message("Topic", "never")).error().status();
    }(producer, id, here, blocking);
    producer.flush(30s);
    CHECK_EQUAL(id, cluster.messages("Topic")[0].message_id());
    CHECK(here != std::this_thread::get_id());
    CHECK_EQUAL(*blocking, Status::would_deadlock);
    CHECK_EQUAL(cluster.message_count(), 1u);
}

TEST(coroutine_awaits_several_one_after_the_other) {
    MockCluster cluster;
    Producer producer = harness::started(cluster.url());
    harness::Counter done;
    const std::array<std::byte, 3> bytes = {std::byte{'x'}, std::byte{0}, std::byte{'y'}};
    [](Producer& to, harness::Counter& ended, std::span<const std::byte> body) -> Detached {
        // Both are on their way before the first is awaited.
        auto first = to.send_awaitable(Message("Topic", body));
        auto second = to.try_send_awaitable(Message("Topic", std::string(3, 'z')));
        const Receipt one = co_await first;
        const Result<Receipt> two = co_await second;
        CHECK(two.has_value() && one.message_id() != two->message_id());
        for (int index = 0; index < 50; ++index) {
            co_await to.send_awaitable(Message("Loop", std::to_string(index)), {30s, Selector::hash("k")});
        }
        ended.add();
    }(producer, done, bytes);
    REQUIRE(done.wait_for(1));
    producer.flush(30s);
    std::multiset<std::string> bodies;
    for (const MockMessage message : cluster.messages("Topic")) {
        bodies.emplace(message.body());
    }
    CHECK((bodies == std::multiset<std::string>{std::string("x\0y", 3), "zzz"}));
    const MockMessages stored = cluster.messages("Loop");
    REQUIRE(stored.size() == 50);
    for (std::size_t index = 0; index < 50; ++index) {
        CHECK_EQUAL(stored[index].body(), std::to_string(index));
    }
}

TEST(coroutine_gets_errors) {
    MockCluster cluster;
    Producer producer = harness::started(cluster.url());
    std::vector<Status> seen;
    std::thread::id thread;
    harness::Counter done;
    [](Producer& to, std::vector<Status>& into, std::thread::id& after_refusal, harness::Counter& ended) -> Detached {
        const Result<Receipt> tried = co_await to.try_send_awaitable(Message("", "body"));
        into.push_back(tried.error().status());
        try {
            co_await to.send_awaitable(Message("", "body"));
        } catch (const Error& error) {
            into.push_back(error.status());
        }
        after_refusal = std::this_thread::get_id();
        try {
            co_await to.request_awaitable(Message("Nobody", "body"), 1s);
        } catch (const Error& error) {
            into.push_back(error.status());
        }
        const Result<ReceivedMessage> reply = co_await to.try_request_awaitable(Message("Nobody", "body"), 1s);
        into.push_back(reply.error().status());
        ended.add();
    }(producer, seen, thread, done);
    CHECK(thread == std::this_thread::get_id());
    REQUIRE(done.wait_for(1));
    producer.flush(30s);
    CHECK((seen == std::vector<Status>{Status::invalid_message, Status::invalid_message, Status::request_timeout,
                                       Status::request_timeout}));
}

TEST(coroutine_awaits_batches_requests_and_replies) {
    MockCluster cluster;
    cluster.echo("Echo");
    Producer producer = harness::started(cluster.url());
    harness::Counter done;
    [](Producer& to, harness::Counter& ended) -> Detached {
        std::vector<Message> messages;
        messages.emplace_back("Topic", "1");
        messages.emplace_back("Topic", "2");
        const BatchResult batch = co_await to.send_batch_awaitable(messages);
        CHECK_EQUAL(batch.size(), 2u);
        const Result<BatchResult> tried = co_await to.try_send_batch_awaitable(std::vector<Message>());
        CHECK_EQUAL(tried.error().status(), Status::invalid_argument);
        const ReceivedMessage reply = co_await to.request_awaitable(Message("Echo", "hello"), 30s);
        CHECK_EQUAL(reply.body(), "hello");
        const ReplyTo nowhere;
        const Result<Receipt> refused = co_await to.try_reply_awaitable(nowhere, Message("", "body"));
        CHECK_EQUAL(refused.error().status(), Status::invalid_argument);
        ended.add();
    }(producer, done);
    REQUIRE(done.wait_for(1));
    producer.flush(30s);

    std::string answer;
    [](Producer& to, std::string& into) -> Detached {
        const ReceivedMessage reply = co_await to.request_awaitable(Message("Ask", "question"), 30s);
        into = reply.body();
    }(producer, answer);
    cluster.wait(1, 30s, "Ask");
    Producer answering(harness::config(cluster.url()).set("instance_name", "answering"));
    answering.start();
    [](Producer& by, const MockMessage& request) -> Detached {
        const ReplyTo to = ReplyTo::from(request);
        co_await by.reply_awaitable(to, Message("", "answer"));
    }(answering, cluster.messages("Ask")[0]);
    answering.flush(30s);
    producer.flush(30s);
    CHECK_EQUAL(answer, "answer");
}

TEST(coroutine_goes_on_where_its_executor_says) {
    MockCluster cluster;
    Producer producer = harness::started(cluster.url());
    Loop loop;
    std::vector<std::string> steps;
    const auto on_loop = [&loop, only = std::make_unique<int>(1)](Resume resume) { loop.post(std::move(resume)); };
    Owned coroutine = [](Producer& to, Loop& executor, std::vector<std::string>& into) -> Owned {
        const auto post = [&executor](Resume resume) { executor.post(std::move(resume)); };
        const Receipt receipt = co_await to.send_awaitable(Message("Topic", "body")).resume_on(post);
        into.push_back(std::string(receipt.topic()));
        // Also when nothing was ever in flight, and when it has a name.
        auto refused = to.try_send_awaitable(Message("", "body"));
        refused.resume_on(post);
        const Result<Receipt> result = co_await refused;
        into.push_back(std::string(result.error().name()));
    }(producer, loop, steps);
    producer.flush(30s);
    CHECK(steps.empty());
    REQUIRE(loop.wait_for(1));
    std::vector<Resume> jobs = loop.take();
    REQUIRE(jobs.size() == 1);
    const Resume copy = jobs[0];
    jobs[0]();
    CHECK_EQUAL(steps.size(), 1u);
    copy();
    jobs[0]();
    CHECK_EQUAL(steps.size(), 1u);
    REQUIRE(loop.wait_for(2));
    jobs = loop.take();
    REQUIRE(jobs.size() == 1);
    CHECK(!coroutine.done());
    jobs[0]();
    CHECK(coroutine.done());
    CHECK((steps == std::vector<std::string>{"Topic", "INVALID_MESSAGE"}));
    on_loop(copy);
}

TEST(coroutine_that_is_destroyed_while_it_waits_is_not_resumed) {
    MockCluster cluster;
    Producer producer = harness::started(cluster.url());
    delay_sends(cluster, 100ms);
    int alive = 0;
    std::atomic<int> resumed{0};
    const auto waiting = [](Producer& to, int& frames, std::atomic<int>& counter) -> Owned {
        const Alive here(frames);
        co_await to.send_awaitable(Message("Topic", "body"));
        ++counter;
    };
    {
        const Owned first = waiting(producer, alive, resumed);
        const Owned second = waiting(producer, alive, resumed);
        CHECK_EQUAL(alive, 2);
    }
    CHECK_EQUAL(alive, 0);
    producer.flush(30s);
    CHECK_EQUAL(resumed.load(), 0);
    CHECK_EQUAL(cluster.message_count("Topic"), 2u);
}

TEST(coroutine_that_is_destroyed_before_its_executor_runs_it_is_not_resumed) {
    MockCluster cluster;
    Producer producer = harness::started(cluster.url());
    Loop loop;
    int alive = 0;
    int resumed = 0;
    {
        const Owned coroutine = [](Producer& to, Loop& executor, int& frames, int& counter) -> Owned {
            const Alive here(frames);
            co_await to.send_awaitable(Message("Topic", "body")).resume_on([&executor](Resume resume) {
                executor.post(std::move(resume));
            });
            ++counter;
        }(producer, loop, alive, resumed);
        REQUIRE(loop.wait_for(1));
        CHECK_EQUAL(alive, 1);
    }
    CHECK_EQUAL(alive, 0);
    for (const Resume& resume : loop.take()) {
        resume();
    }
    CHECK_EQUAL(resumed, 0);
}

// Some wait, some have their end, some are about to be resumed when their owner lets them go, on the loop's thread.
TEST(coroutines_are_resumed_once_or_not_at_all) {
    constexpr int rounds = 100;
    MockCluster cluster;
    Producer producer = harness::started(cluster.url());
    Loop loop;
    int alive = 0;
    std::vector<int> resumed(rounds);
    std::vector<bool> destroyed(rounds);
    {
        std::vector<std::optional<Owned>> coroutines;
        for (int index = 0; index < rounds; ++index) {
            coroutines.emplace_back([](Producer& to, Loop& executor, int& frames, int& counter) -> Owned {
                const Alive here(frames);
                co_await to.send_awaitable(Message("Topic", "body")).resume_on([&executor](Resume resume) {
                    executor.post(std::move(resume));
                });
                ++counter;
            }(producer, loop, alive, resumed[static_cast<std::size_t>(index)]));
            const std::size_t other = static_cast<std::size_t>(index * 7 % (index + 1));
            if (index % 2 == 0 && !destroyed[other] && resumed[other] == 0) {
                destroyed[other] = true;
                coroutines[other].reset();
            }
            if (index % 3 == 0) {
                for (const Resume& resume : loop.take()) {
                    resume();
                }
            }
        }
        producer.flush(60s);
        for (const Resume& resume : loop.take()) {
            resume();
        }
        for (std::size_t index = 0; index < rounds; ++index) {
            CHECK_EQUAL(resumed[index], destroyed[index] ? 0 : 1);
        }
    }
    CHECK_EQUAL(alive, 0);
    CHECK_EQUAL(cluster.message_count("Topic"), static_cast<std::size_t>(rounds));
}

TEST(awaitable_that_is_let_go_sends_all_the_same) {
    MockCluster cluster;
    Producer producer = harness::started(cluster.url());
    { const auto gone = producer.send_awaitable(Message("Topic", "body")); }
    auto first = producer.send_awaitable(Message("Topic", "body"));
    auto second = std::move(first);
    first = producer.send_awaitable(Message("Topic", "body"));
    producer.flush(30s);
    CHECK(second.await_ready());
    CHECK_EQUAL(second.await_resume().topic(), "Topic");
    CHECK_EQUAL(cluster.message_count("Topic"), 3u);
}

TEST(coroutine_ends_with_its_producer) {
    FakeServer server({});
    harness::Counter closed;
    {
        Producer producer = harness::started(server.url());
        for (int index = 0; index < 20; ++index) {
            [](Producer& to, harness::Counter& ends) -> Detached {
                const Result<Receipt> result = co_await to.try_send_awaitable(Message("Topic", "body"), {60s});
                if (!result && result.error().status() == Status::closed) {
                    ends.add();
                }
            }(producer, closed);
        }
    }
    CHECK(closed.wait_for(20));
}

TEST(what_leaves_a_coroutine_or_an_executor_goes_to_the_handler) {
    MockCluster cluster;
    Producer producer = harness::started(cluster.url());
    delay_sends(cluster, 20ms);
    harness::Counter caught;
    set_callback_exception_handler([&](std::exception_ptr) { caught.add(); });
    // The frame of one whose promise lets exceptions out stays, suspended for ever, and its owner's.
    Owned throwing = [](Producer& to) -> Owned {
        co_await to.send_awaitable(Message("Topic", "body"));
        throw std::runtime_error("on purpose");
    }(producer);
    Owned stuck = [](Producer& to) -> Owned {
        co_await to.send_awaitable(Message("Topic", "body")).resume_on([](const Resume&) {
            throw std::runtime_error("no room in the loop");
        });
    }(producer);
    CHECK(caught.wait_for(2));
    producer.flush(30s);
    set_callback_exception_handler(nullptr);
    CHECK(throwing.done());
    CHECK(!stuck.done());
}

#endif
