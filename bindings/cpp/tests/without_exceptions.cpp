// Built with -fno-exceptions, and linked with a part that was built for another language standard and with exceptions.

#include <mqproducer.hpp>

#include <atomic>
#include <cstdio>
#include <string>

/// In with_exceptions.cpp: sends one message to `topic` of the cluster.
bool send_with_exceptions(std::string_view url, std::string_view topic);

namespace {

int passed = 0;
int failures = 0;

void check(bool good, const char* what) {
    ++(good ? passed : failures);
    if (!good) {
        std::printf("without_exceptions: not so: %s\n", what);
    }
}

struct Counting : mqproducer::SendHook {
    std::optional<std::string> check_forbidden(const mqproducer::HookContext& context) override {
        return context.topic() == "Closed" ? std::optional<std::string>("closed") : std::nullopt;
    }
    void before_send(const mqproducer::HookContext&) override { ++befores; }
    void after_send(const mqproducer::HookContext&, const mqproducer::HookEnd&) override { ++afters; }

    std::atomic<int> befores{0};
    std::atomic<int> afters{0};
};

#if defined(__cpp_impl_coroutine)
struct Detached {
    struct promise_type {
        Detached get_return_object() noexcept { return {}; }
        std::suspend_never initial_suspend() noexcept { return {}; }
        std::suspend_never final_suspend() noexcept { return {}; }
        void return_void() noexcept {}
        void unhandled_exception() noexcept {}
    };
};

Detached await_one(mqproducer::Producer& producer, std::string& topic) {
    const mqproducer::Result<mqproducer::Receipt> receipt =
        co_await producer.try_send_awaitable(mqproducer::Message("Awaited", "x"));
    topic = receipt ? std::string(receipt->topic()) : "none";
}
#endif

bool ready(mqproducer::Config& config, std::string_view url) {
    return config.try_set("url", url) && config.try_set("producer_group", "cpp-tests") &&
           config.try_set("send_msg_timeout", std::chrono::minutes(1));
}

}  // namespace

int main() {
    using namespace mqproducer;
    using namespace std::chrono_literals;

    Result<MockCluster> cluster = MockCluster::create();
    Result<Config> config = Config::create();
    check(cluster && config && ready(*config, cluster->url()), "cluster and configuration");
    check(config->try_set("no_such_key", 1).error().status() == Status::invalid_config, "an unknown key is refused");

    Result<Producer> producer = Producer::create(*config);
    check(producer.has_value(), "the producer is made");
    check(producer->try_send(Message("Topic", "early")).error().status() == Status::not_started, "it is not started");
    const auto hook = std::make_shared<Counting>();
    check(producer->try_add_hook(hook).has_value(), "a hook is added");
    check(producer->try_start().has_value(), "it starts");

    const Result<Receipt> receipt = producer->try_send(Message("Topic", "sync"));
    check(receipt && receipt->topic() == "Topic", "a synchronous send");
    std::string id;
    const auto keep_id = [&id](Result<Receipt> result) { id = result ? std::string(result->message_id()) : ""; };
    check(producer->try_send_async(Message("Topic", "async"), keep_id).has_value(), "an asynchronous send");
    check(producer->try_flush(30s).has_value() && id.size() == 32, "its callback");
    check(producer->try_send_oneway(Message("Oneway", "1")).has_value(), "a one-way send");
    check(producer->try_send(Message("", "x")).error().status() == Status::invalid_message, "an empty topic");

    SendOptions options;
    options.selector = Selector::callback([](const std::vector<MessageQueueView>& all) { return all.size() - 1; });
    const Result<Receipt> chosen = producer->try_send(Message("Chosen", "x"), options);
    check(chosen && chosen->queue_id() == 3, "a queue that a callable chooses");
    check(hook->befores == 4 && hook->afters == 4, "a hook sees each message before and after");
    check(producer->try_send(Message("Closed", "x")).error().status() == Status::forbidden, "a hook refuses");
    check(producer->try_add_hook(hook).error().status() == Status::already_started, "no hook after the start");
    const Result<std::vector<BrokerState>> brokers = producer->try_brokers();
    check(brokers && brokers->size() == 1 && brokers->front().health == BrokerHealth::healthy, "broker states");

    std::future<Result<Receipt>> future = producer->try_send_future(Message("Later", "x"));
    check(future.get().has_value(), "a future");
    check(producer->try_send_future(Message("", "x")).get().error().status() == Status::invalid_message,
          "a future of a refusal");
    Result<CompletionQueue> queue = CompletionQueue::create();
    const Message many[] = {Message("Queued", "1"), Message("Queued", "2")};
    check(queue && producer->try_send_queued(many[0], *queue), "a queued send");
    const Result<std::size_t> taken = producer->try_send_many(many, 2, *queue);
    check(taken && *taken == 2, "many messages");
    Completions ends;
    std::size_t polled = 0;
    while (polled < 3 && queue->try_poll(ends, 30s) && !ends.empty()) {
        polled += ends.size();
    }
    check(polled == 3, "each has its end in the queue");
    const Result<BatchResult> batch = producer->try_send_batch({Message("Batch", "1"), Message("Batch", "2")});
    check(batch && batch->size() == 2, "a batch");
    check(producer->try_begin_transaction().error().status() == Status::invalid_config,
          "no transaction without a checker");
    check(producer->try_request(Message("Nobody", "x"), 1s).error().status() == Status::request_timeout, "no reply");
    const Result<Statistics> statistics = producer->try_statistics();
    check(statistics && statistics->json().front() == '{', "statistics");
#if defined(__cpp_impl_coroutine)
    std::string awaited;
    await_one(*producer, awaited);
    check(producer->try_flush(30s).has_value() && awaited == "Awaited", "a coroutine");
#endif

    check(send_with_exceptions(cluster->url(), "Topic"), "the other part sends too");
    const Result<MockMessages> messages = cluster->try_messages("Topic");
    check(messages && messages->size() == 3, "three messages are stored");
    check(producer->try_close(5s).has_value(), "it closes");

    std::printf("%d passed, %d failed\n", passed, failures);
    return failures == 0 ? 0 : 1;
}
