// Hooks that write down what they were told.

#include "runner.hpp"

using namespace mqproducer;

std::size_t Notes::add(Json note) {
    std::lock_guard<std::mutex> lock(mutex_);
    notes_.push_back(std::move(note));
    changed_.notify_all();
    return notes_.size();
}

std::optional<std::vector<Json>> Notes::wait(std::size_t count, std::chrono::seconds time) {
    std::unique_lock<std::mutex> lock(mutex_);
    if (!changed_.wait_for(lock, time, [&] { return notes_.size() >= count; })) {
        return std::nullopt;
    }
    return notes_;
}

namespace {

std::string_view name_of(SendMode mode) {
    switch (mode) {
        case SendMode::sync:
            return "sync";
        case SendMode::async:
            return "async";
        case SendMode::oneway:
            return "oneway";
    }
    return "?";
}

std::string_view name_of(MessageType type) {
    switch (type) {
        case MessageType::normal:
            return "normal";
        case MessageType::transaction_half:
            return "half";
        case MessageType::delay:
            return "delay";
    }
    return "?";
}

std::string_view name_of(TransactionState state) {
    switch (state) {
        case TransactionState::unknown:
            return "unknown";
        case TransactionState::commit:
            return "commit";
        case TransactionState::rollback:
            return "rollback";
    }
    return "?";
}

class Recorder : public SendHook {
public:
    Recorder(const Json& hook, std::shared_ptr<Notes> calls)
        : name_(hook.text_of("name")), calls_(std::move(calls)) {
        if (hook.find("forbid") != nullptr) {
            forbid_ = hook.text_of("forbid");
        }
    }

    std::optional<std::string> check_forbidden(const HookContext& context) override {
        calls_->add(told("check_forbidden", context));
        return forbid_;
    }

    void before_send(const HookContext& context) override { calls_->add(told("before_send", context)); }

    void after_send(const HookContext& context, const HookEnd& end) override {
        Json call = told("after_send", context);
        call["status"] = Json(status_name(end.status()));
        call["attempts"] = Json::of(end.attempts());
        calls_->add(std::move(call));
    }

    void end_transaction(const EndTransactionContext& context) override {
        Json call = Json::object();
        call["hook"] = Json(name_);
        call["call"] = Json("end_transaction");
        call["topic"] = Json(context.topic());
        call["broker"] = Json(context.broker_name());
        call["state"] = Json(name_of(context.state()));
        call["from_check"] = Json(context.from_check());
        calls_->add(std::move(call));
    }

private:
    Json told(const char* what, const HookContext& context) const {
        Json call = Json::object();
        call["hook"] = Json(name_);
        call["call"] = Json(what);
        call["mode"] = Json(name_of(context.mode()));
        call["message_type"] = Json(name_of(context.message_type()));
        call["topic"] = Json(context.topic());
        call["broker"] = Json(context.broker_name());
        call["queue_id"] = Json::of(context.queue_id());
        call["body_length"] = Json::of(context.body_length());
        call["message_count"] = Json::of(context.message_count());
        call["group"] = Json(context.producer_group());
        call["namespace"] = Json(context.namespace_name());
        call["message_id"] = Json(context.message_id());
        return call;
    }

    std::string name_;
    std::optional<std::string> forbid_;
    std::shared_ptr<Notes> calls_;
};

}  // namespace

std::shared_ptr<SendHook> recorder(const Json& hook, std::shared_ptr<Notes> calls) {
    return std::make_shared<Recorder>(hook, std::move(calls));
}

Result<void> Run::add_hooks() {
    Result<void> result;
    const auto also = [&](Result<void> next) { result = result ? std::move(next) : std::move(result); };
    if (const Json* hooks = case_.find("hooks")) {
        for (const Json& hook : hooks->items) {
            also(producer_.try_add_hook(recorder(hook, calls_)));
        }
    }
    if (const Json* checker = case_.find("checker")) {
        also(producer_.try_set_transaction_checker([asked = asked_, states = *checker](const ReceivedMessageView& message) {
            const std::size_t number = asked->add(outcome(message));
            const Json& state = states.items[(number < states.items.size() ? number : states.items.size()) - 1];
            return state.is("commit")     ? TransactionState::commit
                   : state.is("rollback") ? TransactionState::rollback
                                          : TransactionState::unknown;
        }));
    }
    if (const Json* context = case_.find("trace_context")) {
        also(producer_.try_set_trace_context([text = context->text] { return text; }));
    }
    return result;
}
