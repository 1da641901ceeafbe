// The calls that take messages, and waiting for their end.

#include "runner.hpp"

using namespace mqproducer;

const std::string& StepMessage::keep(std::string text) {
    return texts_.emplace_back(std::move(text));
}

StepMessage::StepMessage(const Json* of) {
    const Json nothing = Json::object();
    const Json& from = of != nullptr ? *of : nothing;
    const auto text = [&](const char* name, const char* otherwise = "") -> const std::string& {
        return keep(from.text_of(name, otherwise));
    };
    message_ = Message(text("topic", "T"), keep(body_of(from.text_of("body", "x"))));
    message_.tags(text("tags")).keys(text("keys")).flag(static_cast<std::int32_t>(from.number_of("flag")));
    if (const Json* properties = from.find("properties")) {
        for (std::size_t index = 0; index < properties->items.size(); ++index) {
            message_.property(keep(properties->names[index]), keep(properties->items[index].text));
        }
    }
    const Json* wait_store = from.find("wait_store");
    message_.no_wait_store(wait_store != nullptr && !wait_store->boolean);
    message_.delay_level(static_cast<std::uint32_t>(from.number_of("delay_level")));
    if (from.find("delay_seconds") != nullptr) {
        message_.delay(std::chrono::seconds(static_cast<std::int64_t>(from.number_of("delay_seconds"))));
    }
    if (from.find("delay_ms") != nullptr) {
        message_.delay(std::chrono::milliseconds(static_cast<std::int64_t>(from.number_of("delay_ms"))));
    }
    if (from.find("deliver_at_ms") != nullptr) {
        message_.deliver_at(std::chrono::system_clock::time_point(
            std::chrono::milliseconds(static_cast<std::int64_t>(from.number_of("deliver_at_ms")))));
    }
    if (from.find("priority") != nullptr) {
        message_.priority(static_cast<std::int32_t>(from.number_of("priority")));
    }
    message_.lite_topic(text("lite_topic")).sharding_key(text("sharding_key")).trace_parent(text("trace_parent"));
    if (const Json* jms = from.find("jms")) {
        read_jms(*jms);
        message_.jms(jms_);
    }
}

/// Of an object with one field: the type.
JmsValue StepMessage::typed(const Json& of) {
    const std::string& type = of.names.at(0);
    const Json& value = of.items.at(0);
    const auto whole = static_cast<std::int64_t>(value.number);
    if (type == "null") {
        return {};
    }
    if (type == "bool") {
        return value.boolean;
    }
    if (type == "byte") {
        return static_cast<std::int8_t>(whole);
    }
    if (type == "char") {
        return static_cast<char16_t>(whole);
    }
    if (type == "short") {
        return static_cast<std::int16_t>(whole);
    }
    if (type == "int") {
        return static_cast<std::int32_t>(whole);
    }
    if (type == "long") {
        return whole;
    }
    if (type == "float") {
        return static_cast<float>(value.number);
    }
    if (type == "double") {
        return value.number;
    }
    if (type == "text") {
        return std::string_view(keep(value.text));
    }
    if (type == "bytes") {
        const std::string& bytes = keep(body_of(value.text));
        return {static_cast<const void*>(bytes.data()), bytes.size()};
    }
    throw Wrong("there is no type `" + type + "`");
}

void StepMessage::read_jms(const Json& of) {
    const std::string body = of.text_of("body", "bytes"), mode = of.text_of("delivery_mode");
    const auto each = [&](const char* name, auto&& add) {
        if (const Json* values = of.find(name)) {
            for (std::size_t index = 0; index < values->items.size(); ++index) {
                add(keep(values->names[index]), typed(values->items[index]));
            }
        }
    };
    if (body == "text") {
        jms_.text();
    } else if (body == "map") {
        jms_.map();
        each("entries", [&](std::string_view name, JmsValue value) { jms_.entry(name, value); });
    }
    each("properties", [&](std::string_view name, JmsValue value) { jms_.property(name, value); });
    if (!mode.empty()) {
        jms_.delivery_mode(mode == "persistent" ? DeliveryMode::persistent : DeliveryMode::non_persistent);
    }
    if (of.find("time_to_live_ms") != nullptr) {
        jms_.time_to_live(std::chrono::milliseconds(static_cast<std::int64_t>(of.number_of("time_to_live_ms"))));
    }
    jms_.correlation_id(keep(of.text_of("correlation_id"))).reply_to(keep(of.text_of("reply_to")));
    jms_.message_type(keep(of.text_of("type")));
    jms_.group(keep(of.text_of("group_id")), static_cast<std::int32_t>(of.number_of("group_sequence")));
}

SendOptions options_of(const Json& step) {
    SendOptions options;
    const Json* of = step.find("options");
    if (of == nullptr) {
        return options;
    }
    if (of->number_of("timeout_ms") > 0) {
        options.timeout = std::chrono::milliseconds(static_cast<std::int64_t>(of->number_of("timeout_ms")));
    }
    const Json* selector = of->find("selector");
    if (selector == nullptr) {
        return options;
    }
    const std::string kind = selector->text_of("kind");
    if (kind == "random") {
        options.selector = Selector::random();
    } else if (kind == "hash") {
        options.selector = Selector::hash(selector->text_of("key"));
    } else if (kind == "consistent_hash") {
        options.selector = Selector::consistent_hash(selector->text_of("key"));
    } else if (kind == "machine_room") {
        std::vector<std::string> rooms;
        if (const Json* list = selector->find("rooms")) {
            for (const Json& room : list->items) {
                rooms.push_back(room.text);
            }
        }
        options.selector = Selector::machine_rooms(rooms);
    } else if (kind == "queue") {
        options.selector =
            Selector::queue(selector->text_of("broker"), static_cast<std::int32_t>(selector->number_of("queue_id")));
    } else if (kind == "callback") {
        const std::string index = selector->text_of("index");
        options.selector = Selector::callback([index](const std::vector<MessageQueueView>& queues) {
            return index == "first" ? 0 : index == "last" ? queues.size() - 1 : queues.size();
        });
    } else if (kind != "round_robin") {
        throw Wrong("there is no selector `" + kind + "`");
    }
    return options;
}

namespace {

std::chrono::milliseconds timeout_of(const Json& step) {
    return std::chrono::milliseconds(static_cast<std::int64_t>(step.number_of("timeout_ms")));
}

template <class T>
auto telling(const std::shared_ptr<Later>& later) {
    return [later](Result<T> result) { later->told.add(outcome(result)); };
}

Given accepted(const Result<void>& result, std::shared_ptr<Later> later) {
    return result ? Given(std::move(later)) : Given(outcome(result));
}

}  // namespace

CompletionQueue& Run::queue() {
    if (!queue_) {
        queue_.emplace();
    }
    return *queue_;
}

Json Run::await(const std::shared_ptr<Later>& later) {
    Completions ends(16);
    while (later->queued && !later->told.wait(1, std::chrono::seconds(0)) && queue().poll(ends, completion_limit) > 0) {
        for (const QueuedCompletion end : ends) {
            end.user_data<Later>()->told.add(outcome(end.result()));
        }
    }
    const std::optional<std::vector<Json>> told = later->told.wait(1, completion_limit);
    if (!told) {
        throw Wrong("no completion came");
    }
    if (told->size() > 1) {
        throw Wrong("a second completion came");
    }
    return told->front();
}

Given Run::send(const Json& step, const std::string& what) {
    const StepMessage message(step.find("message"));
    const SendOptions options = options_of(step);
    if (what == "send") {
        return outcome(producer_.try_send(message.message(), options));
    }
    if (what == "send_oneway") {
        return outcome(producer_.try_send_oneway(message.message(), options));
    }
    const auto later = std::make_shared<Later>();
    if (what == "send_async") {
        return accepted(producer_.try_send_async(message.message(), telling<Receipt>(later), options), later);
    }
    later->queued = true;
    queued_.push_back(later);
    return accepted(producer_.try_send_queued(message.message(), queue(), later.get(), options), later);
}

// The wrapper tells how many were taken, and why the next one is refused to the call with the rest.
Json Run::send_many(const Json& step) {
    std::deque<StepMessage> kept;
    std::vector<Message> messages;
    std::vector<void*> pointers;
    std::vector<std::shared_ptr<Later>> waits;
    for (const Json& one : step.find("messages")->items) {
        messages.push_back(kept.emplace_back(&one).message());
        waits.push_back(std::make_shared<Later>());
        waits.back()->queued = true;
        pointers.push_back(waits.back().get());
        queued_.push_back(waits.back());
    }
    const SendOptions options = options_of(step);
    const auto send_from = [&](std::size_t first) {
        return producer_.try_send_many(messages.data() + first, messages.size() - first, queue(),
                                       pointers.data() + first, options);
    };
    Result<std::size_t> sent = send_from(0);
    const std::size_t taken = sent ? *sent : 0;
    if (sent && taken < messages.size()) {
        sent = send_from(taken);
        if (sent) {
            throw Wrong("the message that was not taken is not refused");
        }
    }
    Json made = sent ? with_status("OK") : outcome(sent.error());
    made["accepted"] = Json::of(taken);
    Json completions = Json::list();
    for (std::size_t index = 0; index < taken; ++index) {
        completions.add(await(waits[index]));
    }
    made["completions"] = std::move(completions);
    return made;
}

Given Run::send_batch(const Json& step, const std::string& what) {
    std::deque<StepMessage> kept;
    std::vector<Message> messages;
    for (const Json& one : step.find("messages")->items) {
        messages.push_back(kept.emplace_back(&one).message());
    }
    const SendOptions options = options_of(step);
    BatchOptions batch;
    batch.split_bytes = static_cast<std::uint32_t>(step.number_of("split_bytes"));
    if (what == "send_batch") {
        return outcome(producer_.try_send_batch(messages, options, batch));
    }
    if (what == "send_batch_oneway") {
        return outcome(producer_.try_send_batch_oneway(messages, options, batch));
    }
    const auto later = std::make_shared<Later>();
    return accepted(producer_.try_send_batch_async(messages, telling<BatchResult>(later), options, batch), later);
}

Given Run::request(const Json& step, bool async) {
    const StepMessage message(step.find("message"));
    const SendOptions options = options_of(step);
    if (!async) {
        return outcome(producer_.try_request(message.message(), timeout_of(step), options));
    }
    const auto later = std::make_shared<Later>();
    return accepted(producer_.try_request_async(message.message(), timeout_of(step), telling<ReceivedMessage>(later),
                                                options),
                    later);
}

Given Run::reply(const Json& step, bool async) {
    const StepMessage message(step.find("message"));
    const SendOptions options = options_of(step);
    ReplyTo to;
    if (const Json* from = step.find("to")) {
        to.correlation_id = from->text_of("correlation_id");
        to.reply_to_client = from->text_of("reply_to_client");
        to.cluster = from->text_of("cluster");
        to.ttl = std::chrono::milliseconds(static_cast<std::int64_t>(from->number_of("ttl_ms")));
    }
    if (!async) {
        return outcome(producer_.try_reply(to, message.message(), options));
    }
    const auto later = std::make_shared<Later>();
    return accepted(producer_.try_reply_async(to, message.message(), telling<Receipt>(later), options), later);
}

std::optional<Given> Run::send_step(const Json& step, const std::string& what) {
    if (what == "send" || what == "send_async" || what == "send_oneway" || what == "send_queued") {
        return send(step, what);
    }
    if (what == "send_many") {
        return send_many(step);
    }
    if (what == "send_batch" || what == "send_batch_async" || what == "send_batch_oneway") {
        return send_batch(step, what);
    }
    if (what == "request" || what == "request_async") {
        return request(step, what == "request_async");
    }
    if (what == "reply" || what == "reply_async") {
        return reply(step, what == "reply_async");
    }
    return std::nullopt;
}
