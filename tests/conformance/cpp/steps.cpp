// One case, from its cluster to the end of its producer.

#include "runner.hpp"

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <set>
#include <system_error>

using namespace mqproducer;

namespace {

/// What the real broker stored, which only the parent process can read.
Json ask_parent(const std::string& topic, std::size_t count) {
    Json question = Json::object();
    question["read"] = Json(topic);
    question["count"] = Json::of(count);
    std::cout << question.print() << std::endl;
    std::string line;
    if (!std::getline(std::cin, line)) {
        throw Wrong("the parent process does not answer");
    }
    return Json::parse(line);
}

Json notes(Notes& of, const Json& step, const char* name) {
    const std::optional<std::vector<Json>> came = of.wait(static_cast<std::size_t>(step.number_of("count")), limit);
    if (!came) {
        return with_status("TIMEOUT");
    }
    Json made = with_status("OK");
    made["count"] = Json::of(came->size());
    Json list = Json::list();
    list.items = *came;
    made[name] = std::move(list);
    return made;
}

std::size_t index_of(const std::vector<std::string>& names, const std::string& name) {
    std::size_t index = 0;
    while (index < names.size() && names[index] != name) {
        ++index;
    }
    return index;
}

std::chrono::milliseconds time_of(const Json& step) {
    return std::chrono::milliseconds(static_cast<std::int64_t>(step.number_of("timeout_ms")));
}

}  // namespace

Run::Run(const Json& the_case, const std::string& url, const std::string& id)
    : case_(the_case), embedded_(url.empty()) {
    source_.id = id;
    source_.url = url;
    source_.saved = [this](const std::string& name, const std::string& field) -> const Json* {
        const Json* outcome = saved_.find(name);
        return outcome != nullptr ? outcome->find(field) : nullptr;
    };
    source_.stored = [this](const std::string& topic, std::size_t number,
                            const std::string& name) -> std::optional<std::string> {
        const Json messages = stored_messages(cluster(), topic);
        const Json* found =
            number < messages.items.size() ? messages.items[number].find("properties")->find(name) : nullptr;
        return found != nullptr ? std::optional<std::string>(found->text) : std::nullopt;
    };
}

Run::~Run() {
    transactions_.clear();
    // How a producer of any state closes is for the steps to say.
    static_cast<void>(producer_.try_close(limit));
    std::error_code ignored;
    std::filesystem::remove_all(source_.temporary, ignored);
}

MockCluster& Run::cluster() {
    if (!cluster_) {
        throw Wrong("a step of the embedded cluster, on a real one");
    }
    return *cluster_;
}

void Run::open_cluster() {
    const Json nothing = Json::object();
    const Json* given = case_.find("cluster");
    const Json& of = given != nullptr ? *given : nothing;
    cluster_.emplace(of.text_of("name"), static_cast<std::uint32_t>(of.number_of("brokers", 1)),
                     static_cast<std::uint32_t>(of.number_of("queues", 4)));
    if (const Json* echo = of.find("echo")) {
        for (const Json& topic : echo->items) {
            cluster_->echo(topic.text);
        }
    }
    cluster_->set_transaction_check_interval(
        std::chrono::milliseconds(static_cast<std::int64_t>(of.number_of("check_interval_ms", 3'600'000))));
    source_.url = cluster_->url();
}

void Run::prepare() {
    const std::size_t colon = source_.url.find("://");
    source_.address = colon != std::string::npos ? source_.url.substr(colon + 3) : source_.url;
    source_.temporary = (std::filesystem::temp_directory_path() / "mqp-conformance-XXXXXX").string();
    if (mkdtemp(source_.temporary.data()) == nullptr) {
        throw Wrong("there is no temporary folder");
    }
    config_.emplace();
    const Json nothing = Json::object();
    const Json* given = case_.find("config");
    const Json& of = given != nullptr ? *given : nothing;
    if (of.find("url") == nullptr) {
        config_->set("url", source_.url);
    }
    if (of.find("producer_group") == nullptr) {
        config_->set("producer_group", "conformance");
    }
    for (std::size_t index = 0; index < of.items.size(); ++index) {
        if (!of.items[index].is(Json::Kind::null)) {
            config_->set(of.names[index], resolve(of.items[index], 0, source_).text);
        }
    }
    const Json* start = case_.find("start");
    if (start != nullptr && !start->boolean) {
        return;
    }
    const Json made = create();
    if (!made.find("status")->is("OK")) {
        throw Wrong(made.print());
    }
    producer_.start();
}

Json Run::create() {
    Result<Producer> made = Producer::create(*config_);
    if (!made) {
        return outcome(made.error());
    }
    producer_ = *std::move(made);
    return outcome(add_hooks());
}

std::optional<Json> Run::transaction_step(const Json& step, const std::string& what) {
    const std::string name = step.text_of("transaction", "t");
    if (what == "begin") {
        Result<Transaction> begun = producer_.try_begin_transaction();
        if (!begun) {
            return outcome(begun.error());
        }
        transactions_.erase(name);
        transactions_.emplace(name, *std::move(begun));
        return with_status("OK");
    }
    if (what == "release") {
        transactions_.erase(name);
        return with_status("OK");
    }
    if (what != "transaction_send" && what != "commit" && what != "rollback") {
        return std::nullopt;
    }
    Transaction& of = transactions_.try_emplace(name, nullptr).first->second;
    if (what == "transaction_send") {
        const StepMessage message(step.find("message"));
        return outcome(of.try_send(message.message(), options_of(step)));
    }
    return outcome(what == "commit" ? of.try_commit() : of.try_rollback());
}

Json Run::stored(const Json& step) {
    const std::string topic = step.text_of("topic");
    const auto count = static_cast<std::size_t>(step.number_of("count"));
    if (embedded_ && !cluster().try_wait(count, limit, topic)) {
        return with_status("TIMEOUT");
    }
    Json messages = embedded_ ? stored_messages(cluster(), topic) : ask_parent(topic, count);
    std::set<std::string> queues;
    std::set<std::string> brokers;
    for (const Json& message : messages.items) {
        brokers.insert(message.text_of("broker"));
        queues.insert(message.text_of("broker") + "/" + std::to_string(message.number_of("queue_id")));
    }
    Json made = with_status("OK");
    made["count"] = Json::of(messages.items.size());
    made["queues"] = Json::of(queues.size());
    made["brokers"] = Json::of(brokers.size());
    made["messages"] = std::move(messages);
    return made;
}

Json Run::requests(const Json& step) {
    const std::string broker = step.text_of("broker");
    const auto code = static_cast<std::int32_t>(step.number_of("request_code"));
    const auto count = static_cast<std::size_t>(step.number_of("count"));
    if (const Result<void> waited = cluster().try_wait_requests(count, limit, broker, code); !waited) {
        return outcome(waited);
    }
    const Result<MockRequests> seen = cluster().try_requests(broker, code);
    if (!seen) {
        return outcome(seen.error());
    }
    Json made = with_status("OK");
    made["count"] = Json::of(seen->size());
    made["requests"] = requests_seen(*seen);
    return made;
}

Json Run::push_fault(const Json& step) {
    const std::vector<std::string> actions(std::begin(fault_names), std::end(fault_names));
    const std::string broker = step.text_of("broker");
    const std::string remark = step.text_of("remark");
    const std::string bytes = body_of(step.text_of("bytes"));
    MockFault fault;
    fault.action = static_cast<MockFaultAction>(index_of(actions, step.text_of("action")));
    fault.broker = broker;
    fault.request_code = static_cast<std::int32_t>(step.number_of("request_code"));
    fault.count = static_cast<std::uint32_t>(step.number_of("count", 1));
    fault.response_code = static_cast<std::int32_t>(step.number_of("response_code"));
    fault.delay = std::chrono::milliseconds(static_cast<std::int64_t>(step.number_of("delay_ms")));
    fault.remark = remark;
    fault.bytes = bytes;
    return outcome(cluster().try_push_fault(fault));
}

std::optional<Json> Run::cluster_step(const Json& step, const std::string& what) {
    if (what == "push_fault") {
        return push_fault(step);
    }
    if (what == "set_broker") {
        const auto state = static_cast<MockBrokerState>(
            index_of({"up", "out_of_route", "stopped", "gone"}, step.text_of("state")));
        return outcome(cluster().try_set_broker_state(step.text_of("broker"), state));
    }
    if (what == "requests") {
        return requests(step);
    }
    if (what == "clear_faults") {
        return outcome(cluster().try_clear_faults());
    }
    if (what == "clear_requests") {
        return outcome(cluster().try_clear_requests());
    }
    if (what == "clear_messages") {
        return outcome(cluster().try_clear());
    }
    return std::nullopt;
}

Json Run::config_step(const Json& step, bool set) {
    const std::string key = step.text_of("key");
    if (set) {
        return outcome(config_->try_set(key, step.text_of("value")));
    }
    const Result<std::string> value = config_->try_get(key);
    if (!value) {
        return outcome(value.error());
    }
    Json made = with_status("OK");
    made["value"] = Json(*value);
    return made;
}

Json Run::brokers() const {
    const Result<std::vector<BrokerState>> states = producer_.try_brokers();
    if (!states) {
        return outcome(states.error());
    }
    Json made = with_status("OK");
    Json& list = made["brokers"] = Json::list();
    for (const BrokerState& state : *states) {
        Json one = Json::object();
        one["name"] = Json(state.name);
        one["state"] = Json(state.health == BrokerHealth::healthy     ? "healthy"
                            : state.health == BrokerHealth::isolated ? "isolated"
                                                                      : "unreachable");
        list.add(std::move(one));
    }
    return made;
}

Given Run::do_step(const Json& step) {
    const std::string what = step.text_of("do");
    if (what == "config_set" || what == "config_get") {
        return config_step(step, what == "config_set");
    }
    if (what == "create") {
        return create();
    }
    if (what == "start") {
        return outcome(producer_.try_start());
    }
    if (what == "flush") {
        return outcome(producer_.try_flush(time_of(step)));
    }
    if (what == "close") {
        return outcome(producer_.try_close(time_of(step)));
    }
    if (what == "recall") {
        const auto timeout = step.number_of("timeout_ms") > 0 ? std::optional(time_of(step)) : std::nullopt;
        return outcome(producer_.try_recall(step.text_of("topic", "T"), step.text_of("handle"), timeout));
    }
    if (what == "brokers") {
        return brokers();
    }
    if (what == "statistics") {
        const Result<Statistics> taken = producer_.try_statistics();
        Json made = taken ? with_status("OK") : outcome(taken.error());
        if (taken) {
            made["statistics"] = Json::parse(taken->json());
        }
        return made;
    }
    if (what == "statuses") {
        Json made = with_status("OK");
        Json& names = made["names"] = Json::object();
        for (const Status status : statuses()) {
            if (status != Status::ok) {
                names[status_name(status)] = Json::of(static_cast<mqp_status>(status));
            }
        }
        return made;
    }
    if (what == "stored") {
        return stored(step);
    }
    if (what == "hook_calls") {
        return notes(*calls_, step, "calls");
    }
    if (what == "checks") {
        return notes(*asked_, step, "messages");
    }
    if (std::optional<Given> given = send_step(step, what)) {
        return *std::move(given);
    }
    if (std::optional<Json> made = transaction_step(step, what)) {
        return *std::move(made);
    }
    if (std::optional<Json> made = cluster_step(step, what)) {
        return *std::move(made);
    }
    throw Wrong("there is no step `" + what + "`");
}

std::vector<Json> Run::outcomes_of(const Json& step) {
    std::vector<Json> outcomes;
    std::vector<std::shared_ptr<Later>> laters;
    if (step.text_of("do") == "await") {
        laters = std::exchange(kept_[step.text_of("of")], {});
    }
    const bool keeps = step.find("as") != nullptr;
    Json bare = Json::object();
    for (std::size_t index = 0; index < step.items.size(); ++index) {
        if (step.names[index] != "expect") {
            bare[step.names[index]] = step.items[index];
        }
    }
    const std::size_t times = step.text_of("do") == "await" ? 0 : static_cast<std::size_t>(step.number_of("times", 1));
    for (std::size_t number = 0; number < times; ++number) {
        Given given = do_step(resolve(bare, number, source_));
        if (given.outcome) {
            outcomes.push_back(*std::move(given.outcome));
        } else if (keeps) {
            kept_[step.text_of("as")].push_back(std::move(given.later));
            outcomes.push_back(with_status("OK"));
        } else {
            laters.push_back(std::move(given.later));
        }
    }
    for (const std::shared_ptr<Later>& later : laters) {
        outcomes.push_back(await(later));
    }
    return outcomes;
}

void Run::steps(std::vector<std::string>& differences) {
    if (embedded_) {
        open_cluster();
    }
    prepare();
    const std::vector<Json>& list = case_.find("steps")->items;
    for (std::size_t number = 0; number < list.size() && differences.empty(); ++number) {
        const Json& step = list[number];
        const std::string at = "steps[" + std::to_string(number) + "] " + step.text_of("do");
        try {
            const std::vector<Json> outcomes = outcomes_of(step);
            if (step.find("save") != nullptr && !outcomes.empty()) {
                saved_[step.text_of("save")] = outcomes.back();
            }
            for (std::size_t time = 0; time < outcomes.size(); ++time) {
                const Json* expect = step.find("expect");
                Json pattern = resolve(expect != nullptr ? *expect : Json::object(), time, source_);
                if (pattern.find("status") == nullptr) {
                    pattern["status"] = Json("OK");
                }
                compare(pattern, outcomes[time], outcomes.size() > 1 ? at + ", time " + std::to_string(time) : at,
                        differences);
            }
        } catch (const std::exception& wrong) {
            differences.push_back(at + ": " + wrong.what());
        }
    }
}
