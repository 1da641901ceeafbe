/// @file
/// Producers.

#ifndef MQPRODUCER_PRODUCER_HPP
#define MQPRODUCER_PRODUCER_HPP

#include "async_sender.hpp"
#include "broker.hpp"
#include "config.hpp"
#include "hook.hpp"
#include "reliability.hpp"
#include "statistics.hpp"
#include "trace.hpp"
#include "transaction.hpp"
#include "transform.hpp"

namespace mqproducer {
inline namespace MQPRODUCER_ABI {

/// A producer. The calls that return at once are those of its base, AsyncSender. Any number of threads may use it at the
/// same time; moving or destroying it takes that no other call uses it.
///
/// The destructor closes one that is not closed without waiting: what is in flight is completed with Status::closed.
/// Those callbacks may run after the destructor has returned: flush() or close() first when they use what ends with it.
///
/// After `fork` a child makes a producer of its own: each call with the parent's fails with Status::forked there.
class Producer : public AsyncSender {
public:
    /// Takes ownership of a producer of the C interface.
    explicit Producer(mqp_producer* handle) noexcept : AsyncSender(handle) {}

    /// Makes a producer; it does nothing until start(). Errors: Status::invalid_config for a required key that is not
    /// set or keys that do not agree; Status::resource. Any thread.
    static Result<Producer> create(const Config& config) {
        return detail::call_for<Producer, mqp_producer>([&](mqp_producer** handle, mqp_error** error) {
            return mqp_producer_new(config.handle(), handle, error);
        });
    }

    /// Adds a hook that sees each message, behind those added before. Only before start().
    ///
    /// `hook`: shared with the library, as by `std::make_unique<MyHook>()`; let go once the producer is gone and no
    /// function of it runs any more. Any thread. Errors: Status::already_started, closed, forked; invalid_argument for
    /// an empty pointer.
    Result<void> try_add_hook(std::shared_ptr<SendHook> hook) {
        if (hook == nullptr) {
            return detail::Failure(Error(Status::invalid_argument, "`hook` is an empty pointer"));
        }
        using Box = detail::HookBox;
        std::unique_ptr<Box> box(new Box{std::move(hook)});
        mqp_hook raw = MQP_HOOK_INIT;
        raw.check_forbidden = Box::check_forbidden;
        raw.before_send = Box::before_send;
        raw.after_send = Box::after_send;
        raw.user_data = box.get();
        raw.drop = Box::drop;
        raw.end_transaction = Box::end_transaction;
        Result<void> result =
            detail::call([&](mqp_error** error) { return mqp_producer_add_hook(handle(), &raw, error); });
        if (result) {
            static_cast<void>(box.release());
        }
        return result;
    }

    /// Sets who knows what became of a transaction; needed for try_begin_transaction(). Only before start(), and once.
    ///
    /// A broker that hears no end of a transaction asks any producer of its group that is connected: RocketMQ's broker
    /// after 6 s at first, then each 30 s, up to 15 times, unless configured otherwise. A process that only answers
    /// names the key `topics`: the start then connects it to their brokers, although it sends nothing.
    ///
    /// `callable`: takes a `const ReceivedMessageView&`, borrowed until it returns, and returns a TransactionState;
    /// moved or copied, may be move-only; destroyed once the producer is gone and it does not run any more, on any
    /// thread. It runs on the library's dispatcher, as the callables of try_send_async() do. After an exception, which
    /// goes to set_callback_exception_handler(), the state is unknown.
    ///
    /// Any thread. Errors: Status::already_started, closed, forked; invalid_argument for a second one.
    template <class F>
    Result<void> try_set_transaction_checker(F&& callable) {
        return set<detail::CheckerBox<std::decay_t<F>>>(mqp_producer_set_transaction_checker,
                                                        std::forward<F>(callable));
    }

    /// Sets where messages get their trace context, in place of what was set before: the property `traceparent`, for
    /// their consumers. Only before start().
    ///
    /// `callable`: takes nothing and returns a W3C `traceparent` (`00-<32 hex digits>-<16>-<2>`, in lower case) as a
    /// std::string or a std::optional of one; anything else, an empty text too, is left out. Moved or copied, may be
    /// move-only; destroyed once the producer is gone or another one set, on any thread. It runs for each message that
    /// has none of its own, of a batch for each, on the thread that sends and before the send returns; on several at the
    /// same time. An exception that leaves it goes to set_callback_exception_handler(), and there is no context then.
    ///
    /// Any thread. Errors: Status::already_started, closed, forked.
    template <class F>
    Result<void> try_set_trace_context(F&& callable) {
        return set<detail::TraceContextBox<std::decay_t<F>>>(mqp_producer_set_trace_context, std::forward<F>(callable));
    }

    /// Sets what may put another message in the place of each that is sent, in place of what was set before; only for
    /// ActiveMQ and before start(). As the message transformer of ActiveMQ's Java client.
    ///
    /// `callable`: takes a `const MessageView&` and a `Transformed&`, borrowed until it returns, which takes another
    /// message; left alone, the message goes as it is. It returns nothing, or why the message is refused, a
    /// `std::optional<std::string>` of which the first 511 bytes are told; the send fails with Status::invalid_message
    /// then. Moved or copied, may be move-only; destroyed once the producer is gone or another one set, on any thread. It
    /// runs for each message, those of transactions and requests too, once, on the thread that sends and before all else:
    /// hooks see what it made, and so do the rules of destinations and of who waits; on several threads at the same time.
    /// An exception that leaves it goes to set_callback_exception_handler() and refuses the message.
    ///
    /// Any thread. Errors: Status::unsupported for RocketMQ; already_started, closed, forked.
    template <class F>
    Result<void> try_set_message_transformer(F&& callable) {
        return set<detail::TransformerBox<std::decay_t<F>>>(mqp_producer_set_message_transformer,
                                                            std::forward<F>(callable));
    }

    /// Makes a temporary queue of an ActiveMQ broker, which lives as long as the producer, for the answers of others: its
    /// name, `temp-queue://...`, for Jms::reply_to(). It is made anew, with its name, on each connection.
    ///
    /// `timeout`: 1 ms to 1 hour; default: the configured `send_msg_timeout`. Any thread; blocks up to it. Errors:
    /// Status::unsupported for RocketMQ; broker, connect, connection_lost, timeout, not_started, closed, forked, and
    /// would_deadlock in a callback.
    Result<std::string> try_create_temporary_queue(std::optional<std::chrono::milliseconds> timeout = std::nullopt) {
        return create_temporary(0, timeout);
    }

    /// The same for a topic, `temp-topic://...`.
    Result<std::string> try_create_temporary_topic(std::optional<std::chrono::milliseconds> timeout = std::nullopt) {
        return create_temporary(1, timeout);
    }

    /// Takes one of them away; from now on messages to it are refused with Status::invalid_message. Errors: those of
    /// try_create_temporary_queue(); Status::invalid_argument for a name that is none of this producer's.
    Result<void> try_delete_temporary(std::string_view name,
                                      std::optional<std::chrono::milliseconds> timeout = std::nullopt) {
        const std::uint32_t timeout_ms = timeout ? detail::c_milliseconds(*timeout) : 0;
        return detail::call([&](mqp_error** error) {
            return mqp_producer_delete_temporary(handle(), detail::c_str(name), timeout_ms, error);
        });
    }

    /// Sets who is told its statistics, every `statistics_interval` (a key; 0, the default: never) from start() on, in
    /// place of who was set before. Only before start().
    ///
    /// `callable`: takes a `const StatisticsView&`, borrowed until it returns; moved or copied, may be move-only;
    /// destroyed after its last call, when the producer is closed or gone or another one set. It runs on the library's
    /// dispatcher, as the callables of try_send_async() do; an interval is left out while the call before it still waits
    /// for the dispatcher. No call begins after try_close() returned. An exception that leaves it goes to
    /// set_callback_exception_handler().
    ///
    /// Any thread. Errors: Status::already_started, closed, forked.
    template <class F>
    Result<void> try_set_statistics_callback(F&& callable) {
        return set<detail::StatisticsBox<std::decay_t<F>>>(mqp_producer_set_statistics_callback,
                                                           std::forward<F>(callable));
    }

    /// Sets who is told of messages that reliable sending gives up (the key `reliability` = `reliable`), in place of who
    /// was set before. Only before start().
    ///
    /// `callable`: takes a `const ReliabilityEventView&`, borrowed until it returns; moved or copied, may be move-only;
    /// destroyed after its last call, when the producer is closed or gone or another one set. It runs on the library's
    /// dispatcher, as the callables of try_send_async() do: once for each message that used up its tries or its time,
    /// before its sender is told of the end, whether it went into the spool or not. Not for what a broker refuses for
    /// good, such as a message of the wrong form or without permission, which fails at once. An exception that leaves it
    /// goes to set_callback_exception_handler().
    ///
    /// Any thread. Errors: Status::already_started, closed, forked.
    template <class F>
    Result<void> try_set_alarm_callback(F&& callable) {
        return set<detail::ReliabilityBox<std::decay_t<F>>>(mqp_producer_set_alarm_callback, std::forward<F>(callable));
    }

    /// Sets who is told what becomes of messages that ended with Status::spooled, those of earlier producers of the same
    /// `spool_file` too; otherwise as try_set_alarm_callback(). No call begins after try_close() returned.
    template <class F>
    Result<void> try_set_spool_callback(F&& callable) {
        return set<detail::ReliabilityBox<std::decay_t<F>>>(mqp_producer_set_spool_callback, std::forward<F>(callable));
    }

    /// Takes a snapshot of what it has counted since it was made, and of how it does at the moment; also when it is
    /// closed. Any thread. Errors: Status::forked.
    Result<Statistics> try_statistics() const {
        return detail::call_for<Statistics, mqp_statistics>([&](mqp_statistics** statistics, mqp_error** error) {
            return mqp_producer_statistics(handle(), statistics, error);
        });
    }

    /// What it knows now of the brokers in the routes that it uses, by name. Any thread. Errors: Status::forked.
    Result<std::vector<BrokerState>> try_brokers() const {
        mqp_broker_states* states = nullptr;
        Result<void> result =
            detail::call([&](mqp_error** error) { return mqp_producer_broker_states(handle(), &states, error); });
        if (!result) {
            return detail::Failure(std::move(result).error());
        }
        return detail::broker_states(states);
    }

    /// Starts it: from now on it takes messages. When it fails it may be called again. Blocks. Errors:
    /// Status::already_started, closed, forked, no_name_server, resource; would_deadlock in a callback.
    Result<void> try_start() {
        return detail::call([&](mqp_error** error) { return mqp_producer_start(handle(), error); });
    }

    /// Sends one message and waits until the broker answered or the deadline passed; failed tries are repeated as
    /// configured.
    ///
    /// Blocks up to the deadline. Errors: Status::invalid_argument, invalid_message, message_too_large, not_started,
    /// closed, forked, no_name_server, no_route, broker_not_found, connect, connection_lost, timeout, broker, protocol,
    /// backpressure; forbidden by a hook; would_deadlock in a callback. After an error that says Error::maybe_persisted
    /// the message may be stored all the same.
    Result<Receipt> try_send(const Message& message, const SendOptions& options = {});

    /// Sends one message without asking for an answer: success means that it was handed to the connection, no more. It
    /// is never repeated.
    ///
    /// Returns: a receipt of SendStatus::oneway with queue offset -1. It waits as try_send_async() does, and until the
    /// connection is open. Errors: those of try_send() but Status::broker.
    Result<Receipt> try_send_oneway(const Message& message, const SendOptions& options = {});

    /// Sends several messages in one request, or in several when `batch` says to split them, and waits until each has
    /// its end or the deadline passed; failed tries are repeated as configured.
    ///
    /// The messages have one topic and one no_wait_store(). Each keeps its unique id, flag and properties. None may have
    /// a delay, a priority or a lite topic, or go to a retry topic (`%RETRY%...`); none is compressed. A message that is
    /// refused is named by its index, and then nothing was sent.
    ///
    /// The requests of a split batch go one after the other. With Selector::round_robin() and Selector::random() each
    /// has a queue of its own choice, and one that fails does not stop the next; with all other selectors they go to one
    /// queue in the order of the messages, and after a failure the rest is not sent.
    ///
    /// Returns: the results when every message was stored. Otherwise the error of the first one that failed; how each
    /// ended tells its Error::batch(), which is of no messages when the batch was refused and nothing was sent.
    ///
    /// `messages`: at least one. The deadline of `options` is one for the whole batch. Any thread; blocks up to it.
    /// Errors: those of try_send().
    Result<BatchResult> try_send_batch(const std::vector<Message>& messages, const SendOptions& options = {},
                                       const BatchOptions& batch = {});

    /// Sends several messages as try_send_batch() does without asking for answers: success means that they were handed
    /// to the connection, no more. Nothing is repeated.
    ///
    /// Returns: as there; the receipts are those of try_send_oneway(). Errors: those of try_send_batch() but
    /// Status::broker.
    Result<BatchResult> try_send_batch_oneway(const std::vector<Message>& messages, const SendOptions& options = {},
                                              const BatchOptions& batch = {});

    /// Begins a transaction. Any thread. Errors: Status::invalid_config without try_set_transaction_checker();
    /// not_started, closed, forked.
    Result<Transaction> try_begin_transaction() {
        return detail::call_for<Transaction, mqp_transaction>([&](mqp_transaction** made, mqp_error** error) {
            return mqp_transaction_begin(handle(), made, error);
        });
    }

    /// Takes a message of Message::delay() or Message::deliver_at() back before it is delivered, and waits for the
    /// broker's answer; there are no retries, and the broker takes a second recall of the same message, too.
    ///
    /// `topic`: the message's. `recall_handle`: from its receipt. `timeout`: 1 ms to 1 hour; default: the configured
    /// `send_msg_timeout`. Returns: a receipt with the message's id, topic and broker, and no queue (-1). Blocks up to
    /// the deadline. Errors: Status::invalid_argument, also for a handle that is none or of another topic; broker when
    /// the message is due, and with the code 16 when the broker's `recallMessageEnable` is off, which is RocketMQ's
    /// default; broker_not_found when the topic's route does not name the handle's broker; and those of try_send().
    Result<Receipt> try_recall(std::string_view topic, std::string_view recall_handle,
                               std::optional<std::chrono::milliseconds> timeout = std::nullopt);

    /// Sends a request and waits for the reply of whoever consumes it.
    ///
    /// The broker hands the reply to this client, which it knows by its heartbeats. The message is sent within the same
    /// `timeout`, and within that of `options`, when it is shorter; when that fails, the request fails at once with its
    /// error.
    ///
    /// `message`: without a delay and without properties called `CORRELATION_ID`, `REPLY_TO_CLIENT` or `TTL`, which the
    /// library sets. `timeout`: 1 ms to 1 hour, until the reply has come, the sending included. Any thread; blocks up to
    /// it. Errors: those of try_send(); Status::request_timeout when the message was stored, but no reply came.
    Result<ReceivedMessage> try_request(const Message& message, std::chrono::milliseconds timeout,
                                        const SendOptions& options = {});

    /// Replies to a request that something else consumed, and waits for the receipt of the broker, which hands the reply
    /// to the client that asked.
    ///
    /// `message`: its topic is not read, for the reply goes to the reply topic of the request's cluster; without a delay
    /// and without properties called `MSG_TYPE`, `CORRELATION_ID`, `REPLY_TO_CLIENT` or `TTL`, which the library sets.
    /// Any thread; blocks up to the deadline. Errors: those of try_send(); Status::broker with code 1 when no broker of
    /// the cluster knows the client any more.
    Result<Receipt> try_reply(const ReplyTo& to, const Message& message, const SendOptions& options = {});

    /// Ends all calls into the caller for its messages, as at the end of the process: from now on callables of messages
    /// are neither called nor destroyed, after-send hooks and statistics are not told, and transactions not checked.
    /// Futures are never ready then, and coroutines never resumed. One that runs is not waited for. Messages in flight go
    /// on, try_flush() and try_close() wait for them, and completion queues receive theirs. There is no way back.
    ///
    /// Any thread. Errors: Status::forked.
    Result<void> try_discard_completions() {
        return detail::call([&](mqp_error** error) { return mqp_producer_discard_completions(handle(), error); });
    }

    /// Waits until every message accepted so far is completed and its callback has returned.
    ///
    /// `timeout`: zero or less only looks. Blocks. Errors: Status::timeout, not_started, forked; would_deadlock in a
    /// callback.
    Result<void> try_flush(std::chrono::milliseconds timeout) {
        const std::uint32_t timeout_ms = detail::c_milliseconds(timeout);
        return detail::call([&](mqp_error** error) { return mqp_producer_flush(handle(), timeout_ms, error); });
    }

    /// Closes it: refuses further messages, waits for those in flight, says farewell to the brokers. What is not
    /// completed when the time is over is completed with Status::closed. A second call has nothing to do.
    ///
    /// `timeout`: zero or less waits for nothing. Blocks. Errors: Status::timeout (it is closed all the same), forked;
    /// would_deadlock in a callback.
    Result<void> try_close(std::chrono::milliseconds timeout) {
        const std::uint32_t timeout_ms = detail::c_milliseconds(timeout);
        return detail::call([&](mqp_error** error) { return mqp_producer_close(handle(), timeout_ms, error); });
    }

#if MQPRODUCER_EXCEPTIONS
    /// As create().
    explicit Producer(const Config& config) : Producer(unwrap(create(config))) {}

    /// As try_add_hook().
    void add_hook(std::shared_ptr<SendHook> hook) { unwrap(try_add_hook(std::move(hook))); }

    /// As try_set_transaction_checker().
    template <class F>
    void set_transaction_checker(F&& callable) {
        unwrap(try_set_transaction_checker(std::forward<F>(callable)));
    }

    /// As try_set_trace_context().
    template <class F>
    void set_trace_context(F&& callable) {
        unwrap(try_set_trace_context(std::forward<F>(callable)));
    }

    /// As try_set_message_transformer().
    template <class F>
    void set_message_transformer(F&& callable) {
        unwrap(try_set_message_transformer(std::forward<F>(callable)));
    }

    /// As try_create_temporary_queue().
    std::string create_temporary_queue(std::optional<std::chrono::milliseconds> timeout = std::nullopt) {
        return unwrap(try_create_temporary_queue(timeout));
    }

    /// As try_create_temporary_topic().
    std::string create_temporary_topic(std::optional<std::chrono::milliseconds> timeout = std::nullopt) {
        return unwrap(try_create_temporary_topic(timeout));
    }

    /// As try_delete_temporary().
    void delete_temporary(std::string_view name, std::optional<std::chrono::milliseconds> timeout = std::nullopt) {
        unwrap(try_delete_temporary(name, timeout));
    }

    /// As try_set_statistics_callback().
    template <class F>
    void set_statistics_callback(F&& callable) {
        unwrap(try_set_statistics_callback(std::forward<F>(callable)));
    }

    /// As try_set_alarm_callback().
    template <class F>
    void set_alarm_callback(F&& callable) {
        unwrap(try_set_alarm_callback(std::forward<F>(callable)));
    }

    /// As try_set_spool_callback().
    template <class F>
    void set_spool_callback(F&& callable) {
        unwrap(try_set_spool_callback(std::forward<F>(callable)));
    }

    /// As try_statistics().
    Statistics statistics() const { return unwrap(try_statistics()); }

    /// As try_brokers().
    std::vector<BrokerState> brokers() const { return unwrap(try_brokers()); }

    /// As try_start().
    void start() { unwrap(try_start()); }

    /// As try_send().
    Receipt send(const Message& message, const SendOptions& options = {}) {
        return unwrap(try_send(message, options));
    }

    /// As try_send_oneway().
    Receipt send_oneway(const Message& message, const SendOptions& options = {}) {
        return unwrap(try_send_oneway(message, options));
    }

    /// As try_send_batch().
    BatchResult send_batch(const std::vector<Message>& messages, const SendOptions& options = {},
                           const BatchOptions& batch = {}) {
        return unwrap(try_send_batch(messages, options, batch));
    }

    /// As try_send_batch_oneway().
    BatchResult send_batch_oneway(const std::vector<Message>& messages, const SendOptions& options = {},
                                  const BatchOptions& batch = {}) {
        return unwrap(try_send_batch_oneway(messages, options, batch));
    }

    /// As try_begin_transaction().
    Transaction begin_transaction() { return unwrap(try_begin_transaction()); }

    /// As try_recall().
    Receipt recall(std::string_view topic, std::string_view recall_handle,
                   std::optional<std::chrono::milliseconds> timeout = std::nullopt) {
        return unwrap(try_recall(topic, recall_handle, timeout));
    }

    /// As try_request().
    ReceivedMessage request(const Message& message, std::chrono::milliseconds timeout,
                            const SendOptions& options = {}) {
        return unwrap(try_request(message, timeout, options));
    }

    /// As try_reply().
    Receipt reply(const ReplyTo& to, const Message& message, const SendOptions& options = {}) {
        return unwrap(try_reply(to, message, options));
    }

    /// As try_discard_completions().
    void discard_completions() { unwrap(try_discard_completions()); }

    /// As try_flush().
    void flush(std::chrono::milliseconds timeout) { unwrap(try_flush(timeout)); }

    /// As try_close().
    void close(std::chrono::milliseconds timeout) { unwrap(try_close(timeout)); }
#endif

private:
    using SendFunction = mqp_status (*)(mqp_producer*, const mqp_message*, const mqp_send_options*, mqp_receipt**,
                                        mqp_error**);
    using BatchFunction = mqp_status (*)(mqp_producer*, const mqp_message*, std::size_t, std::uint32_t,
                                         const mqp_send_options*, const mqp_batch_options*, mqp_batch_result**,
                                         mqp_error**);

    Result<Receipt> send_by(SendFunction function, const Message& message, const SendOptions& options);
    Result<BatchResult> send_batch_by(BatchFunction function, const std::vector<Message>& messages,
                                      const SendOptions& options, const BatchOptions& batch);

    Result<std::string> create_temporary(std::uint32_t topic, std::optional<std::chrono::milliseconds> timeout) {
        const std::uint32_t timeout_ms = timeout ? detail::c_milliseconds(*timeout) : 0;
        char name[MQP_TEMPORARY_NAME_SIZE] = {};
        const Result<void> made = detail::call([&](mqp_error** error) {
            return mqp_producer_create_temporary(handle(), topic, timeout_ms, name, error);
        });
        if (!made) {
            return detail::Failure(made.error());
        }
        return std::string(name);
    }

    /// Gives the callable in a new `Box` to a setter of the C interface.
    template <class Box, class Raw, class F>
    Result<void> set(mqp_status (*setter)(mqp_producer*, Raw, mqp_error**), F&& callable) {
        std::unique_ptr<Box> box(new Box{std::forward<F>(callable)});
        const Raw raw = {Box::call, box.get(), Box::drop};
        Result<void> result = detail::call([&](mqp_error** error) { return setter(handle(), raw, error); });
        if (result) {
            static_cast<void>(box.release());
        }
        return result;
    }
};

}  // inline namespace MQPRODUCER_ABI
}  // namespace mqproducer

#include "producer_send.hpp"

#endif
