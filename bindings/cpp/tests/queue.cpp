// Completion queues, and futures.

#include "fake_server.hpp"
#include "harness.hpp"

#include <poll.h>

#include <atomic>
#include <cstdlib>
#include <thread>

using namespace mqproducer;
using namespace std::chrono_literals;

namespace {

bool readable(const CompletionQueue& queue) {
    pollfd one = {queue.fd(), POLLIN, 0};
    return poll(&one, 1, 0) == 1 && (one.revents & POLLIN) != 0;
}

Producer bounded(std::string_view url, int messages) {
    Producer producer(harness::config(url)
                          .set("max_in_flight_messages", messages)
                          .set("backpressure", "fail")
                          .set("send_msg_timeout", 60s)
                          .set("topics", "Topic"));
    producer.start();
    return producer;
}

std::size_t loop_length() {
    return std::getenv("MQP_TEST_LONG") != nullptr ? 100'000 : 2'000;
}

}  // namespace

TEST(queue_gives_each_end_with_its_pointer) {
    MockCluster cluster;
    Producer producer = harness::started(cluster.url());
    CompletionQueue queue;
    CHECK(queue.fd() >= 0 && !readable(queue));
    Completions ends(2);
    CHECK_EQUAL(queue.poll(ends), 0u);
    CHECK(ends.empty() && ends.begin() == ends.end());
    int numbers[3] = {0, 1, 2};
    for (int& number : numbers) {
        const SendOptions in_order = {std::nullopt, Selector::hash("k")};
        producer.send_queued(Message("Topic", std::to_string(number)), queue, &number, in_order);
    }
    producer.flush(30s);
    CHECK(readable(queue));
    CHECK_EQUAL(queue.poll(ends, 30s), 2u);
    CHECK(ends[0].ok() && ends[1].status() == Status::ok);
    CHECK_EQUAL(ends[0].user_data<int>(), &numbers[0]);
    CHECK_EQUAL(ends[1].user_data(), static_cast<void*>(&numbers[1]));
    Result<Receipt> kept = ends[1].result();
    CHECK_EQUAL(queue.poll(ends), 1u);
    CHECK_EQUAL(*ends[0].user_data<int>(), 2);
    CHECK(!readable(queue));
    const MockMessages stored = cluster.messages("Topic");
    REQUIRE(stored.size() == 3 && kept);
    CHECK_EQUAL(kept->message_id(), stored[1].message_id());
    CHECK_EQUAL(ends[0].receipt().message_id(), stored[2].message_id());
    Completions moved = std::move(ends);
    CHECK_EQUAL(moved[0].receipt().message_id(), stored[2].message_id());
    CHECK_EQUAL(ends.size(), 0u);
    moved = Completions(5);
    CHECK_EQUAL(moved.capacity(), 5u);
}

TEST(queue_tells_failures) {
    FakeServer server({});
    Producer producer = harness::started(server.url());
    CompletionQueue queue;
    CHECK_EQUAL(ERROR_OF(producer.send_queued(Message("", "body"), queue)).status(), Status::invalid_message);
    for (int index = 0; index < 5; ++index) {
        producer.send_queued(Message("Topic", "body"), queue, nullptr, {60s});
    }
    CHECK_EQUAL(ERROR_OF(producer.close(0s)).status(), Status::timeout);
    Completions ends;
    std::size_t count = 0;
    while (count < 5 && queue.poll(ends, 30s) > 0) {
        for (const QueuedCompletion end : ends) {
            CHECK_EQUAL(end.status(), Status::closed);
            CHECK_EQUAL(end.error().status(), Status::closed);
            CHECK(end.receipt().message_id().empty());
            ++count;
        }
    }
    CHECK_EQUAL(count, 5u);
    CHECK_EQUAL(queue.poll(ends, 1ms), 0u);
    CHECK_EQUAL(ERROR_OF(producer.send_queued(Message("Topic", "body"), queue)).status(), Status::closed);
}

TEST(queue_that_ends_first_takes_what_would_come) {
    MockCluster cluster;
    Producer producer = harness::started(cluster.url());
    {
        CompletionQueue queue;
        for (int index = 0; index < 10; ++index) {
            producer.send_queued(Message("Topic", "body"), queue);
        }
        CompletionQueue other = std::move(queue);
        CHECK_EQUAL(queue.fd(), -1);
        Completions ends;
        CHECK_EQUAL(ERROR_OF(queue.poll(ends)).status(), Status::invalid_argument);
        CHECK(other.poll(ends, 30s) > 0);
    }
    producer.flush(30s);
    CHECK_EQUAL(cluster.message_count("Topic"), 10u);
}

TEST(queue_is_not_waited_for_in_a_callback) {
    MockCluster cluster;
    Producer producer = harness::started(cluster.url());
    CompletionQueue queue;
    std::optional<Status> waiting;
    std::optional<std::size_t> looking;
    producer.send_async(Message("Topic", "body"), [&](const Completion&) {
        Completions ends;
        waiting = queue.try_poll(ends, 1s).error().status();
        looking = *queue.try_poll(ends);
    });
    producer.flush(30s);
    CHECK_EQUAL(*waiting, Status::would_deadlock);
    CHECK_EQUAL(*looking, 0u);
}

TEST(many_messages_are_taken_up_to_the_first_that_is_refused) {
    MockCluster cluster;
    Producer producer = harness::started(cluster.url());
    CompletionQueue queue;
    const std::vector<Message> messages = {Message("Topic", "0"), Message("Topic", "1"), Message("", "2"),
                                           Message("Topic", "3")};
    int numbers[4] = {0, 1, 2, 3};
    void* const pointers[4] = {&numbers[0], &numbers[1], &numbers[2], &numbers[3]};
    CHECK_EQUAL(producer.send_many(messages.data(), 4, queue, pointers), 2u);
    CHECK_EQUAL(ERROR_OF(producer.send_many(&messages[2], 2, queue, &pointers[2])).status(), Status::invalid_message);
    CHECK_EQUAL(producer.send_many(&messages[3], 1, queue, &pointers[3]), 1u);
    CHECK_EQUAL(producer.send_many(nullptr, 0, queue), 0u);
    CHECK_EQUAL(ERROR_OF(producer.send_many(messages.data(), 1, queue, nullptr, {-1ms})).status(),
                Status::invalid_argument);
    producer.flush(30s);
    Completions ends;
    CHECK_EQUAL(queue.poll(ends, 30s), 3u);
    int sum = 0;
    for (const QueuedCompletion end : ends) {
        CHECK(end.ok());
        sum += *end.user_data<int>();
    }
    CHECK_EQUAL(sum, 0 + 1 + 3);
    CHECK_EQUAL(cluster.message_count("Topic"), 3u);
}

TEST(many_messages_with_a_selector_that_throws) {
    MockCluster cluster;
    Producer producer = harness::started(cluster.url());
    CompletionQueue queue;
    const std::vector<Message> messages(5, Message("Topic", "body"));
    std::size_t calls = 0;
    SendOptions options;
    options.selector = Selector::callback([&](const std::vector<MessageQueueView>& all) {
        if (++calls == 3) {
            throw std::runtime_error("no queue today");
        }
        return all.size() - 1;
    });
    CHECK_EQUAL(producer.send_many(messages.data(), 5, queue, nullptr, options), 2u);
    calls = 2;
    std::string thrown;
    try {
        producer.send_many(&messages[2], 3, queue, nullptr, options);
    } catch (const std::runtime_error& error) {
        thrown = error.what();
    }
    CHECK_EQUAL(thrown, "no queue today");
    CHECK_EQUAL(producer.send_many(&messages[2], 3, queue, nullptr, options), 3u);
    producer.flush(30s);
    CHECK_EQUAL(cluster.message_count("Topic"), 5u);
}

// One thread sends and takes the ends, as an event loop does; there is never room for all.
TEST(queue_loop_completes_each_message_exactly_once) {
    const std::size_t count = loop_length();
    MockCluster cluster("", 2, 4);
    Producer producer = bounded(cluster.url(), 500);
    CompletionQueue queue;
    const std::vector<Message> messages(count, Message("Topic", "body"));
    std::vector<unsigned char> seen(count);
    std::vector<void*> pointers;
    for (unsigned char& one : seen) {
        pointers.push_back(&one);
    }
    Completions ends(200);
    std::size_t sent = 0;
    std::size_t completed = 0;
    bool was_full = false;
    while (completed < count && !harness::failed()) {
        const std::size_t taken = producer.send_many(&messages[0] + sent, count - sent, queue, pointers.data() + sent);
        was_full = was_full || taken < count - sent;
        sent += taken;
        // A time-out here is a message without an end.
        REQUIRE(queue.poll(ends, 60s) > 0);
        for (const QueuedCompletion end : ends) {
            CHECK(end.ok());
            ++*end.user_data<unsigned char>();
            ++completed;
        }
    }
    CHECK_EQUAL(queue.poll(ends), 0u);
    CHECK_EQUAL(completed, count);
    CHECK_EQUAL(sent, count);
    CHECK(was_full);
    for (const unsigned char one : seen) {
        REQUIRE(one == 1);
    }
    CHECK_EQUAL(cluster.message_count("Topic"), count);
}

TEST(queue_of_many_threads_gives_each_end_once) {
    constexpr std::size_t senders = 4;
    constexpr std::size_t each = 250;
    MockCluster cluster;
    Producer producer(harness::config(cluster.url()).set("send_msg_timeout", 60s));
    producer.start();
    CompletionQueue queue;
    std::vector<std::atomic<int>> seen(senders * each);
    std::atomic<std::size_t> completed{0};
    std::vector<std::thread> threads;
    for (std::size_t sender = 0; sender < senders; ++sender) {
        threads.emplace_back([&, sender] {
            for (std::size_t index = 0; index < each; ++index) {
                CHECK(producer.try_send_queued(Message("Topic", "body"), queue, &seen[sender * each + index]));
            }
        });
        threads.emplace_back([&] {
            Completions ends(16);
            const auto deadline = std::chrono::steady_clock::now() + 120s;
            while (completed < seen.size() && std::chrono::steady_clock::now() < deadline) {
                CHECK(queue.try_poll(ends, 20ms));
                for (const QueuedCompletion end : ends) {
                    CHECK(end.ok());
                    ++*end.user_data<std::atomic<int>>();
                    ++completed;
                }
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    for (const std::atomic<int>& one : seen) {
        CHECK_EQUAL(one.load(), 1);
    }
    CHECK_EQUAL(cluster.message_count("Topic"), seen.size());
}

TEST(route_is_found_before_the_first_send) {
    MockCluster cluster;
    Producer producer = harness::started(cluster.url());
    CompletionQueue queue;
    int topic = 0;
    producer.find_route("Topic", queue, &topic);
    Completions ends;
    REQUIRE(queue.poll(ends, 60s) == 1);
    CHECK(ends[0].ok() && ends[0].user_data<int>() == &topic);
    CHECK(ends[0].receipt().message_id().empty());
    CHECK_EQUAL(ERROR_OF(producer.find_route("", queue)).status(), Status::invalid_message);
    CHECK_EQUAL(ERROR_OF(producer.find_route("Topic", queue, nullptr, 0ms)).status(), Status::invalid_argument);
    FakeServer without_routes({}, false);
    Producer lost = harness::started(without_routes.url());
    lost.find_route("Topic", queue);
    REQUIRE(queue.poll(ends, 60s) == 1);
    CHECK_EQUAL(ends[0].status(), Status::no_route);
    CHECK_EQUAL(ends[0].error().status(), Status::no_route);
}

TEST(future_has_the_receipt_or_the_error) {
    MockCluster cluster;
    Producer producer = harness::started(cluster.url());
    std::future<Receipt> sent = producer.send_future(Message("Topic", "1"));
    std::future<Result<Receipt>> tried = producer.try_send_future(Message("Topic", "2"));
    std::future<BatchResult> batch = producer.send_batch_future({Message("Topic", "3"), Message("Topic", "4")});
    REQUIRE(sent.wait_for(60s) == std::future_status::ready);
    CHECK_EQUAL(sent.get().topic(), "Topic");
    CHECK(tried.get());
    CHECK_EQUAL(batch.get().size(), 2u);
    CHECK_EQUAL(cluster.message_count("Topic"), 4u);
    std::future<Receipt> refused = producer.send_future(Message("", "body"));
    REQUIRE(refused.wait_for(0s) == std::future_status::ready);
    CHECK_EQUAL(ERROR_OF(refused.get()).status(), Status::invalid_message);
    CHECK_EQUAL(producer.try_send_future(Message("", "body")).get().error().status(), Status::invalid_message);
    CHECK_EQUAL(ERROR_OF(producer.send_batch_future({}).get()).status(), Status::invalid_argument);
    CHECK_EQUAL(ERROR_OF(producer.request_future(Message("Nobody", "body"), 1s).get()).status(),
                Status::request_timeout);
    CHECK_EQUAL(producer.try_request_future(Message("Nobody", "body"), 1s).get().error().status(),
                Status::request_timeout);
}

TEST(future_that_fails_later_and_one_that_is_let_go) {
    FakeServer server({true, 13, "too bad"});
    Producer producer(harness::config(server.url()).set("retry_times_when_send_async_failed", 0));
    producer.start();
    const Error error = ERROR_OF(producer.send_future(Message("Topic", "body")).get());
    CHECK_EQUAL(error.broker_code().value_or(0), 13);
    { const std::future<Receipt> gone = producer.send_future(Message("Topic", "body")); }
    producer.flush(30s);
    CHECK_EQUAL(server.sends(), 2);
    FakeServer silent({});
    std::future<Receipt> open;
    {
        Producer ending = harness::started(silent.url());
        open = ending.send_future(Message("Topic", "body"), {60s});
    }
    CHECK_EQUAL(ERROR_OF(open.get()).status(), Status::closed);
}
