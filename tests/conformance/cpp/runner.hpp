// One case at a time.

#ifndef CONFORMANCE_RUNNER_HPP
#define CONFORMANCE_RUNNER_HPP

#include "outcomes.hpp"

#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>

/// How long a condition is waited for, and a completion.
constexpr std::chrono::seconds limit(10);
constexpr std::chrono::seconds completion_limit(30);

/// A list that the library's threads write.
class Notes {
public:
    /// How many there are with this one.
    std::size_t add(Json note);
    /// All of them, once there are so many; nothing: the time passed.
    std::optional<std::vector<Json>> wait(std::size_t count, std::chrono::seconds time);

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<Json> notes_;
};

/// An outcome to come: of a callback, or in the queue. Shared with the callable, which may outlive the case.
struct Later {
    Notes told;
    bool queued = false;
};

/// What a step gives: its outcome, or who will tell it.
struct Given {
    Given(Json now) : outcome(std::move(now)) {}
    Given(std::shared_ptr<Later> then) : later(std::move(then)) {}

    std::optional<Json> outcome;
    std::shared_ptr<Later> later;
};

class Run {
public:
    /// `url`: of a real cluster; empty: the embedded one.
    Run(const Json& the_case, const std::string& url, const std::string& id);

    /// Does the steps; throws Wrong for what fails without one.
    void steps(std::vector<std::string>& differences);

    ~Run();
    Run(const Run&) = delete;
    Run& operator=(const Run&) = delete;

private:
    void open_cluster();
    void prepare();
    Json create();
    mqproducer::Result<void> add_hooks();

    std::vector<Json> outcomes_of(const Json& step);
    Given do_step(const Json& step);
    std::optional<Given> send_step(const Json& step, const std::string& what);
    std::optional<Json> transaction_step(const Json& step, const std::string& what);
    std::optional<Json> cluster_step(const Json& step, const std::string& what);
    Json await(const std::shared_ptr<Later>& later);

    Given send(const Json& step, const std::string& what);
    Json send_many(const Json& step);
    Given send_batch(const Json& step, const std::string& what);
    Given request(const Json& step, bool async);
    Given reply(const Json& step, bool async);
    Json stored(const Json& step);
    Json requests(const Json& step);
    Json push_fault(const Json& step);
    Json config_step(const Json& step, bool set);
    Json brokers() const;

    mqproducer::MockCluster& cluster();
    mqproducer::CompletionQueue& queue();

    const Json& case_;
    Source source_;
    bool embedded_;
    Json saved_ = Json::object();
    std::shared_ptr<Notes> calls_ = std::make_shared<Notes>();
    std::shared_ptr<Notes> asked_ = std::make_shared<Notes>();
    std::optional<mqproducer::MockCluster> cluster_;
    std::optional<mqproducer::Config> config_;
    std::optional<mqproducer::CompletionQueue> queue_;
    /// Without a handle until it is made: calls are refused then.
    mqproducer::Producer producer_{static_cast<mqp_producer*>(nullptr)};
    std::map<std::string, mqproducer::Transaction> transactions_;
    /// What steps with `as` wait for.
    std::map<std::string, std::vector<std::shared_ptr<Later>>> kept_;
    /// Those whose pointers the queue has.
    std::vector<std::shared_ptr<Later>> queued_;
};

/// The hooks of a case, its checker, in hooks.cpp.
std::shared_ptr<mqproducer::SendHook> recorder(const Json& hook, std::shared_ptr<Notes> calls);

/// A message of a step, with the texts that it views.
class StepMessage {
public:
    explicit StepMessage(const Json* of);

    const mqproducer::Message& message() const { return message_; }

private:
    const std::string& keep(std::string text);
    mqproducer::JmsValue typed(const Json& of);
    void read_jms(const Json& of);

    std::deque<std::string> texts_;
    mqproducer::Jms jms_;
    mqproducer::Message message_{""};
};

mqproducer::SendOptions options_of(const Json& step);

#endif
