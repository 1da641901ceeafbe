/// @file
/// Hooks: they see every message of a producer, and may forbid it.

#ifndef MQPRODUCER_HOOK_HPP
#define MQPRODUCER_HOOK_HPP

#include "log.hpp"
#include "receipt.hpp"
#include "transaction.hpp"

#include <algorithm>
#include <chrono>
#include <vector>

namespace mqproducer {

/// How a message is sent. Later versions of the library may give other numbers.
enum class SendMode : std::uint32_t {
    /// The caller waits for the message's end.
    sync = MQP_MODE_SYNC,
    /// A callback is told of the message's end.
    async = MQP_MODE_ASYNC,
    /// Nobody hears of the message's end.
    oneway = MQP_MODE_ONEWAY,
};

/// What a message is to the broker. Later versions of the library may give other numbers.
enum class MessageType : std::uint32_t {
    /// Delivered at once.
    normal = MQP_MESSAGE_TYPE_NORMAL,
    /// Delivered once its transaction is committed.
    transaction_half = MQP_MESSAGE_TYPE_HALF,
    /// Delivered later.
    delay = MQP_MESSAGE_TYPE_DELAY,
};

/// A message as its sender gave it; borrowed, with its texts, for the duration of the hook that it is shown to.
class MessageView {
public:
    /// Wraps a message of the C interface.
    explicit MessageView(const mqp_message& message) noexcept : message_(&message) {}

    /// The topic.
    std::string_view topic() const noexcept { return detail::view(message_->topic); }
    /// The body before it is compressed.
    std::string_view body() const noexcept {
        return std::string_view(reinterpret_cast<const char*>(message_->body.ptr), message_->body.len);
    }
    /// The tag; empty: none.
    std::string_view tags() const noexcept { return detail::view(message_->tags); }
    /// The index keys; empty: none.
    std::string_view keys() const noexcept { return detail::view(message_->keys); }
    /// The flag.
    std::int32_t flag() const noexcept { return message_->flag; }
    /// Whether the broker may answer before the message is stored to its configured safety.
    bool no_wait_store() const noexcept { return message_->no_wait_store != 0; }
    /// The level of its delay; 0: none.
    std::uint32_t delay_level() const noexcept { return message_->delay_level; }
    /// Its delay; zero: none.
    std::chrono::milliseconds delay() const noexcept {
        return std::chrono::milliseconds(static_cast<std::chrono::milliseconds::rep>(message_->delay_ms)) +
               std::chrono::seconds(static_cast<std::chrono::seconds::rep>(message_->delay_seconds));
    }
    /// When it is delivered; nothing: not at a given time.
    std::optional<std::chrono::system_clock::time_point> deliver_at() const noexcept {
        return message_->deliver_at_ms != 0 ? std::optional<std::chrono::system_clock::time_point>(
                                                  std::chrono::milliseconds(message_->deliver_at_ms))
                                            : std::nullopt;
    }
    /// The priority; nothing: none.
    std::optional<std::int32_t> priority() const noexcept {
        return message_->has_priority != 0 ? std::optional<std::int32_t>(message_->priority) : std::nullopt;
    }
    /// The lite topic; empty: none.
    std::string_view lite_topic() const noexcept { return detail::view(message_->lite_topic); }
    /// The sharding key of Message::sharding_key(); empty: none.
    std::string_view sharding_key() const noexcept { return detail::view(message_->sharding_key); }
    /// The trace context; empty: none.
    std::string_view trace_parent() const noexcept { return detail::view(message_->trace_parent); }

    /// All user properties, as names with values.
    std::vector<std::pair<std::string_view, std::string_view>> properties() const {
        return detail::all_properties(message_->properties, message_->property_count, message_->property_size);
    }

private:
    const mqp_message* message_;
};

/// A message on its way; borrowed, with its texts, for the duration of the hook that it is passed to.
class HookContext {
public:
    /// Wraps a context of the C interface.
    explicit HookContext(const mqp_hook_context& context) noexcept : context_(context) {}

    /// The producer's group.
    std::string_view producer_group() const noexcept { return detail::view(context_.producer_group); }
    /// The producer's namespace; empty: none.
    std::string_view namespace_name() const noexcept { return detail::view(context_.namespace_name); }
    /// How the message is sent.
    SendMode mode() const noexcept { return static_cast<SendMode>(context_.mode); }
    /// What it is to the broker.
    MessageType message_type() const noexcept { return static_cast<MessageType>(context_.message_type); }
    /// The topic.
    std::string_view topic() const noexcept { return detail::view(context_.topic); }
    /// The unique id that the producer gave the message; of a batch, its first request's own.
    std::string_view message_id() const noexcept { return detail::view(context_.message_id); }
    /// The length of the body before it was compressed, in bytes; of a batch, of all bodies together.
    std::size_t body_length() const noexcept { return context_.body_length; }
    /// This client's address.
    std::string_view born_host() const noexcept { return detail::view(context_.born_host); }
    /// The broker chosen; after the send the one of the last try.
    std::string_view broker_name() const noexcept { return detail::view(context_.broker_name); }
    /// Its `host:port`.
    std::string_view broker_address() const noexcept { return detail::view(context_.broker_address); }
    /// The queue chosen; after the send the one of the last try.
    std::int32_t queue_id() const noexcept { return context_.queue_id; }

    /// The message itself; nothing after the send. Of a batch, which hooks see as one message, it has the topic and
    /// no_wait_store(), but no body.
    std::optional<MessageView> message() const noexcept {
        return context_.message != nullptr ? std::optional<MessageView>(*context_.message) : std::nullopt;
    }

    /// How many messages there are: 1, or as many as a batch holds.
    std::size_t message_count() const noexcept { return context_.message_count; }

    /// The messages of a batch; none after the send and for a single message.
    std::vector<MessageView> batch() const {
        std::vector<MessageView> all;
        const auto* first = reinterpret_cast<const char*>(context_.batch);
        for (std::size_t index = 0; first != nullptr && index < context_.message_count; ++index) {
            all.emplace_back(*reinterpret_cast<const mqp_message*>(first + index * context_.message_size));
        }
        return all;
    }

private:
    const mqp_hook_context& context_;
};

/// The end of a transaction; borrowed, with its texts, for the duration of the hook that it is passed to.
class EndTransactionContext {
public:
    /// Wraps a context of the C interface.
    explicit EndTransactionContext(const mqp_end_transaction_context& context) noexcept : context_(context) {}

    /// What the broker was told.
    TransactionState state() const noexcept { return static_cast<TransactionState>(context_.state); }
    /// Whether the broker had asked, in a transaction check.
    bool from_check() const noexcept { return context_.from_check != 0; }
    /// The producer's group.
    std::string_view producer_group() const noexcept { return detail::view(context_.producer_group); }
    /// The producer's namespace; empty: none.
    std::string_view namespace_name() const noexcept { return detail::view(context_.namespace_name); }
    /// The half message's topic.
    std::string_view topic() const noexcept { return detail::view(context_.topic); }
    /// The unique id that its producer gave it.
    std::string_view message_id() const noexcept { return detail::view(context_.message_id); }
    /// The transaction's id.
    std::string_view transaction_id() const noexcept { return detail::view(context_.transaction_id); }
    /// The half message's tag; empty: none.
    std::string_view tags() const noexcept { return detail::view(context_.tags); }
    /// Its index keys, separated by spaces; empty: none.
    std::string_view keys() const noexcept { return detail::view(context_.keys); }
    /// The region of its broker; empty when that told none.
    std::string_view region_id() const noexcept { return detail::view(context_.region_id); }
    /// The broker that holds it.
    std::string_view broker_name() const noexcept { return detail::view(context_.broker_name); }
    /// Its `host:port`.
    std::string_view broker_address() const noexcept { return detail::view(context_.broker_address); }

private:
    const mqp_end_transaction_context& context_;
};

inline namespace MQPRODUCER_ABI {

/// How a message ended; borrowed for the duration of the hook that it is passed to. result() keeps more.
class HookEnd {
public:
    /// Wraps an end of the C interface.
    explicit HookEnd(const mqp_hook_end& end) noexcept : end_(end) {}

    /// Whether the message was sent.
    bool ok() const noexcept { return end_.status == MQP_OK; }
    /// Status::ok, or why the message failed.
    Status status() const noexcept { return static_cast<Status>(end_.status); }
    /// How many tries it took.
    std::uint32_t attempts() const noexcept { return end_.attempts; }
    /// The time from the message's acceptance to its end.
    std::chrono::microseconds cost() const noexcept {
        return std::chrono::microseconds(static_cast<std::chrono::microseconds::rep>(end_.cost_us));
    }
    /// The receipt, borrowed for the duration of the hook; all empty on failure.
    ReceiptView receipt() const noexcept { return ReceiptView(end_.receipt); }
    /// Why the message failed, to be kept as long as wished. Only when not ok().
    Error error() const { return Error(end_.status, mqp_error_clone(end_.error)); }

    /// Receipt or error, to be kept as long as wished.
    Result<Receipt> result() const {
        if (ok()) {
            return Receipt(mqp_receipt_clone(end_.receipt));
        }
        return detail::Failure(error());
    }

private:
    const mqp_hook_end& end_;
};

/// Sees every message of a producer; for Producer::add_hook(). Each function does nothing unless overridden.
///
/// The functions of one hook may run on several threads at the same time. An exception that leaves one goes to
/// set_callback_exception_handler() and changes nothing, but in check_forbidden(), where it forbids the message.
class SendHook {
public:
    /// Runs once the producer is gone and no function of the hook runs any more; on any thread, one of the library's
    /// included.
    virtual ~SendHook() = default;

    /// Before the send, on the thread that sends, once for each message and not again for a further try.
    ///
    /// Returns: nothing to let it pass, or why it is forbidden, of which the first 511 bytes up to a NUL are told. The
    /// send fails with Status::forbidden then, and no other function is called for the message.
    virtual std::optional<std::string> check_forbidden(const HookContext& context) {
        static_cast<void>(context);
        return std::nullopt;
    }

    /// Before the send, on the thread that sends, once for each message and not again for a further try.
    virtual void before_send(const HookContext& context) { static_cast<void>(context); }

    /// After the message succeeded or finally failed, on the library's dispatcher, before its sender or callback is
    /// told; once for each call of before_send(). It must not block for long: callbacks and synchronous sends wait.
    virtual void after_send(const HookContext& context, const HookEnd& end) {
        static_cast<void>(context);
        static_cast<void>(end);
    }

    /// After a broker was told the end of a transaction, once for each word, an unknown state included; not for one that
    /// could not be written. On the thread that committed, rolled back or destroyed the transaction; for the answer to a
    /// broker's check on the library's dispatcher.
    virtual void end_transaction(const EndTransactionContext& context) { static_cast<void>(context); }

protected:
    SendHook() = default;
    /// Copies are for hooks that copy themselves; the producer never copies one.
    SendHook(const SendHook&) = default;
    /// As the copy.
    SendHook& operator=(const SendHook&) = default;
};

}  // inline namespace MQPRODUCER_ABI

namespace detail {
inline namespace MQPRODUCER_ABI {

/// As much of `text` as there is room for, in whole characters.
inline void write_reason(char* reason, std::size_t size, std::string_view text) noexcept {
    std::size_t length = std::min(text.size(), size - 1);
    while (length < text.size() && length > 0 && (static_cast<unsigned char>(text[length]) & 0xc0) == 0x80) {
        --length;
    }
    // Of a view of nothing, which may be a null pointer, this copies nothing: `memcpy` must not get it.
    reason[text.copy(reason, length)] = '\0';
}

/// The caller's hook as the library's.
struct HookBox {
    std::shared_ptr<SendHook> hook;

    static std::uint32_t check_forbidden(void* user_data, const mqp_hook_context* context, char* reason,
                                         std::size_t reason_size) {
        bool refused = true;
        write_reason(reason, reason_size, "an exception left SendHook::check_forbidden");
        // Not on the threads of the log.
        guarded("SendHook::check_forbidden", false, [&] {
            const std::optional<std::string> answer =
                ask(*static_cast<HookBox*>(user_data)->hook, HookContext(*context), reason, reason_size);
            refused = answer.has_value();
            write_reason(reason, reason_size, refused ? std::string_view(*answer) : std::string_view());
        });
        return refused ? 1 : 0;
    }

    static void before_send(void* user_data, const mqp_hook_context* context) {
        guarded("SendHook::before_send", false,
                [&] { static_cast<HookBox*>(user_data)->hook->before_send(HookContext(*context)); });
    }

    static void after_send(void* user_data, const mqp_hook_context* context, const mqp_hook_end* end) {
        guarded("SendHook::after_send", true,
                [&] { static_cast<HookBox*>(user_data)->hook->after_send(HookContext(*context), HookEnd(*end)); });
    }

    static void end_transaction(void* user_data, const mqp_end_transaction_context* raw) {
        const EndTransactionContext context(*raw);
        guarded("SendHook::end_transaction", context.from_check(),
                [&] { static_cast<HookBox*>(user_data)->hook->end_transaction(context); });
    }

    static void drop(void* user_data) { delete static_cast<HookBox*>(user_data); }

private:
    /// The hook's answer; an exception goes on, with its text in `reason`.
    static std::optional<std::string> ask(SendHook& hook, const HookContext& context, char* reason,
                                          std::size_t reason_size) {
#if MQPRODUCER_EXCEPTIONS
        try {
            return hook.check_forbidden(context);
        } catch (const std::exception& exception) {
            write_reason(reason, reason_size,
                         std::string("an exception left SendHook::check_forbidden: ") + exception.what());
            throw;
        }
#else
        static_cast<void>(reason);
        static_cast<void>(reason_size);
        return hook.check_forbidden(context);
#endif
    }
};

}  // inline namespace MQPRODUCER_ABI
}  // namespace detail
}  // namespace mqproducer

#endif
