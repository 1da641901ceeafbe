// Hooks: what they see, on which threads, and that what they throw changes nothing.

#include "fake_server.hpp"
#include "harness.hpp"

#include <atomic>
#include <thread>

using namespace mqproducer;
using namespace std::chrono_literals;

namespace {

/// What happened, in its order; of many threads.
class Record {
public:
    void add(const std::string& text) {
        std::lock_guard<std::mutex> lock(mutex_);
        text_ += text + ";";
    }

    std::string take() {
        std::lock_guard<std::mutex> lock(mutex_);
        return std::exchange(text_, std::string());
    }

private:
    std::mutex mutex_;
    std::string text_;
};

struct Recording : SendHook {
    Recording(std::string hook_name, Record& into) : name(std::move(hook_name)), record(into) {}
    ~Recording() override { record.add(name + " gone"); }

    std::optional<std::string> check_forbidden(const HookContext& context) override {
        record.add(name + " check");
        return context.topic() == "Closed" ? std::optional<std::string>("closed today") : std::nullopt;
    }
    void before_send(const HookContext&) override { record.add(name + " before"); }
    void after_send(const HookContext&, const HookEnd& end) override {
        record.add(name + (end.ok() ? " after" : " failed"));
    }

    std::string name;
    Record& record;
};

/// A hook from up to three functions.
struct Functions : SendHook {
    std::function<std::optional<std::string>(const HookContext&)> check;
    std::function<void(const HookContext&)> before;
    std::function<void(const HookContext&, const HookEnd&)> after;

    std::optional<std::string> check_forbidden(const HookContext& context) override {
        return check ? check(context) : std::nullopt;
    }
    void before_send(const HookContext& context) override { before ? before(context) : void(); }
    void after_send(const HookContext& context, const HookEnd& end) override { after ? after(context, end) : void(); }
};

Producer hooked(std::string_view url, std::shared_ptr<SendHook> hook) {
    Producer producer(harness::config(url).set("client_ip", "10.0.0.9"));
    producer.add_hook(std::move(hook));
    producer.start();
    return producer;
}

}  // namespace

TEST(hooks_run_in_order_and_go_with_the_producer) {
    MockCluster cluster;
    Record record;
    {
        Producer producer(harness::config(cluster.url()));
        producer.add_hook(std::make_unique<Recording>("a", record));
        producer.add_hook(std::make_shared<Recording>("b", record));
        producer.start();
        producer.send(Message("Topic", "body"));
        CHECK_EQUAL(record.take(), "a check;b check;a before;b before;a after;b after;");
        const Error error = ERROR_OF(producer.send(Message("Closed", "body")));
        CHECK_EQUAL(error.status(), Status::forbidden);
        CHECK_CONTAINS(error.what(), "closed today");
        CHECK(!error.maybe_persisted() && !error.retriable());
        CHECK_EQUAL(record.take(), "a check;");
        CHECK_EQUAL(cluster.message_count(), 1u);
        Producer moved = std::move(producer);
        moved.send(Message("Topic", "body"));
        CHECK_CONTAINS(record.take(), "b after");
    }
    CHECK_EQUAL(record.take(), "a gone;b gone;");
}

TEST(hook_sees_the_message_and_its_end) {
    MockCluster cluster;
    auto hook = std::make_shared<Functions>();
    std::string seen;
    const auto show = [](const HookContext& context) {
        return std::string(context.producer_group()) + " " + std::string(context.namespace_name()) + " " +
               std::string(context.topic()) + " " + std::string(context.born_host()) + " " +
               std::string(context.broker_name()) + " " + std::to_string(context.queue_id()) + " " +
               std::to_string(context.body_length()) + " " +
               std::to_string(static_cast<int>(context.message_type())) + " " + std::string(context.message_id());
    };
    hook->before = [&](const HookContext& context) {
        seen = show(context);
        CHECK_EQUAL(context.mode(), SendMode::sync);
        CHECK_CONTAINS(context.broker_address(), "127.0.0.1:");
        REQUIRE(context.message().has_value());
        const MessageView message = *context.message();
        CHECK_EQUAL(message.topic(), "Topic");
        CHECK_EQUAL(message.body(), std::string_view("a\0b", 3));
        CHECK_EQUAL(message.tags(), "tag");
        CHECK_EQUAL(message.keys(), "k1 k2");
        CHECK_EQUAL(message.flag(), 7);
        CHECK(message.no_wait_store());
        REQUIRE(message.properties().size() == 2);
        CHECK_EQUAL(message.properties()[0].first, "DELAY");
        CHECK_EQUAL(message.properties()[1].second, "red");
    };
    std::string id;
    std::optional<Result<Receipt>> kept;
    std::thread::id thread;
    hook->after = [&](const HookContext& context, const HookEnd& end) {
        CHECK_EQUAL(show(context), seen);
        CHECK(!context.message().has_value());
        CHECK(end.ok());
        CHECK_EQUAL(end.status(), Status::ok);
        CHECK_EQUAL(end.attempts(), 1u);
        CHECK(end.cost() > 0us && end.cost() < 1h);
        id = end.receipt().message_id();
        kept.emplace(end.result());
        thread = std::this_thread::get_id();
    };
    Producer producer = hooked(cluster.url(), hook);
    const Message message = Message("Topic", std::string_view("a\0b", 3))
                                .tags("tag")
                                .keys("k1 k2")
                                .flag(7)
                                .no_wait_store()
                                .property("DELAY", "1")
                                .property("colour", "red");
    const Receipt receipt = producer.send(message, {std::nullopt, Selector::queue("broker-a", 2)});
    CHECK_EQUAL(seen, "cpp-tests  Topic 10.0.0.9 broker-a 2 3 3 " + std::string(receipt.message_id()));
    CHECK_EQUAL(id, receipt.message_id());
    REQUIRE(kept.has_value() && kept->has_value());
    CHECK_EQUAL((*kept)->message_id(), receipt.message_id());
    CHECK(thread != std::this_thread::get_id());
}

TEST(hook_sees_failures_and_modes) {
    FakeServer server({true, 13, "the message is illegal"});
    auto hook = std::make_shared<Functions>();
    Record record;
    hook->before = [&](const HookContext& context) {
        record.add(context.mode() == SendMode::sync ? "sync" : context.mode() == SendMode::async ? "async" : "oneway");
    };
    hook->after = [&](const HookContext&, const HookEnd& end) {
        record.add(end.ok() ? "sent" : std::string(end.error().remark()));
    };
    Producer producer = hooked(server.url(), hook);
    CHECK(!producer.try_send(Message("Topic", "body")));
    CHECK_EQUAL(record.take(), "sync;the message is illegal;");
    producer.send_async(Message("Topic", "body"), [&](const Completion&) { record.add("callback"); });
    producer.flush(30s);
    CHECK_EQUAL(record.take(), "async;the message is illegal;callback;");
    producer.send_oneway(Message("Topic", "body"));
    producer.flush(30s);
    CHECK_EQUAL(record.take(), "oneway;sent;");
}

TEST(hook_exceptions_change_nothing_but_forbid) {
    MockCluster cluster;
    std::mutex lock;
    std::string caught;
    set_callback_exception_handler([&](std::exception_ptr exception) {
        std::lock_guard<std::mutex> locked(lock);
        try {
            std::rethrow_exception(exception);
        } catch (const std::exception& known) {
            caught += std::string(known.what()) + ";";
        } catch (int number) {
            caught += std::to_string(number) + ";";
        }
    });
    auto hook = std::make_shared<Functions>();
    hook->check = [](const HookContext& context) -> std::optional<std::string> {
        if (context.topic() == "Known") {
            throw std::runtime_error("known");
        }
        if (context.topic() == "Unknown") {
            throw 7;
        }
        return std::nullopt;
    };
    hook->before = [](const HookContext&) { throw std::runtime_error("before"); };
    hook->after = [](const HookContext&, const HookEnd&) { throw std::runtime_error("after"); };
    Producer producer = hooked(cluster.url(), hook);
    producer.send(Message("Topic", "body"));
    bool sent = false;
    producer.send_async(Message("Topic", "body"), [&](const Completion& completion) { sent = completion.ok(); });
    producer.flush(30s);
    CHECK(sent);
    CHECK_EQUAL(cluster.message_count(), 2u);
    const Error known = ERROR_OF(producer.send(Message("Known", "body")));
    CHECK_EQUAL(known.status(), Status::forbidden);
    CHECK_CONTAINS(known.what(), "check_forbidden: known");
    const Error unknown = ERROR_OF(producer.send(Message("Unknown", "body")));
    CHECK_EQUAL(unknown.status(), Status::forbidden);
    CHECK_CONTAINS(unknown.what(), "an exception left SendHook::check_forbidden");
    set_callback_exception_handler(nullptr);
    CHECK_EQUAL(caught, "before;after;before;after;known;7;");
    CHECK_EQUAL(cluster.message_count(), 2u);
}

TEST(hook_exceptions_on_the_dispatcher_are_logged) {
    MockCluster cluster;
    auto hook = std::make_shared<Functions>();
    hook->before = [](const HookContext&) { throw std::runtime_error("to standard error"); };
    hook->after = [](const HookContext&, const HookEnd&) { throw std::runtime_error("to the log"); };
    Producer producer = hooked(cluster.url(), hook);
    std::string logged;
    set_log(LogLevel::error, [&](const LogRecord& record) { logged += record.message; });
    producer.send(Message("Topic", "body"));
    producer.close(5s);
    clear_log();
    CHECK_CONTAINS(logged, "SendHook::after_send: to the log");
}

TEST(hook_reasons_are_cut_between_characters) {
    MockCluster cluster;
    auto hook = std::make_shared<Functions>();
    std::string reason;
    hook->check = [&](const HookContext&) { return std::optional<std::string>(reason); };
    Producer producer = hooked(cluster.url(), hook);
    for (const std::string_view character : {"x", "\xc3\xa9", "\xe4\xb8\xad"}) {
        reason.clear();
        while (reason.size() < 2000) {
            reason += character;
        }
        const std::string text = ERROR_OF(producer.send(Message("Topic", "body"))).what();
        CHECK_CONTAINS(text, reason.substr(0, 511 / character.size() * character.size()));
        CHECK(text.find("\xef\xbf\xbd") == std::string::npos);
    }
    reason.clear();
    CHECK_EQUAL(ERROR_OF(producer.send(Message("Topic", "body"))).status(), Status::forbidden);
}

TEST(hook_that_is_refused_is_let_go) {
    MockCluster cluster;
    Producer producer = harness::started(cluster.url());
    auto hook = std::make_shared<Functions>();
    CHECK_EQUAL(ERROR_OF(producer.add_hook(hook)).status(), Status::already_started);
    CHECK_EQUAL(hook.use_count(), 1);
    CHECK_EQUAL(ERROR_OF(producer.add_hook(nullptr)).status(), Status::invalid_argument);
    {
        Producer never_started(harness::config(cluster.url()));
        never_started.add_hook(hook);
        CHECK_EQUAL(hook.use_count(), 2);
    }
    CHECK_EQUAL(hook.use_count(), 1);
}

TEST(hooks_of_many_threads_are_balanced) {
    constexpr int threads = 4;
    constexpr int each = 100;
    MockCluster cluster("", 2, 4);
    auto hook = std::make_shared<Functions>();
    std::atomic<int> befores{0};
    std::atomic<int> afters{0};
    std::atomic<int> refused{0};
    hook->check = [](const HookContext& context) {
        return context.message()->body() == "no" ? std::optional<std::string>("no") : std::nullopt;
    };
    hook->before = [&](const HookContext&) { ++befores; };
    hook->after = [&](const HookContext&, const HookEnd&) { ++afters; };
    Producer producer = hooked(cluster.url(), hook);
    std::vector<std::thread> senders;
    for (int thread = 0; thread < threads; ++thread) {
        senders.emplace_back([&] {
            for (int index = 0; index < each; ++index) {
                const Message message("Topic", index % 10 == 0 ? "no" : "yes");
                const bool sent = index % 2 == 0
                                      ? producer.try_send_async(message, [](const Completion&) {}).has_value()
                                      : producer.try_send(message).has_value();
                refused += sent ? 0 : 1;
            }
        });
    }
    for (std::thread& sender : senders) {
        sender.join();
    }
    producer.flush(60s);
    CHECK_EQUAL(refused.load(), threads * each / 10);
    CHECK_EQUAL(befores.load(), threads * each * 9 / 10);
    CHECK_EQUAL(afters.load(), befores.load());
    CHECK_EQUAL(cluster.message_count(), static_cast<std::size_t>(befores.load()));
}
