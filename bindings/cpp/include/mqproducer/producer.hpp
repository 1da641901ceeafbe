/// @file
/// Producers.

#ifndef MQPRODUCER_PRODUCER_HPP
#define MQPRODUCER_PRODUCER_HPP

#include "broker.hpp"
#include "config.hpp"
#include "hook.hpp"
#include "log.hpp"
#include "message.hpp"
#include "receipt.hpp"

namespace mqproducer {

namespace detail {
inline namespace MQPRODUCER_ABI {

/// The caller's callable as the library's callback.
template <class F>
struct CallbackBox {
    F callable;

    static void call(void* user_data, const mqp_completion* raw) {
        F& callable = static_cast<CallbackBox*>(user_data)->callable;
        guarded("a send callback", true, [&] {
            const Completion completion(*raw);
            if constexpr (std::is_invocable_v<F&, Result<Receipt>>) {
                static_cast<void>(callable(completion.result()));
            } else {
                static_cast<void>(callable(completion));
            }
        });
    }

    static void drop(void* user_data) { delete static_cast<CallbackBox*>(user_data); }
};

/// The options as the C interface takes them, borrowed from `options`; without the callable of a selector.
inline Result<mqp_send_options> c_options(const SendOptions& options) {
    mqp_send_options raw = MQP_SEND_OPTIONS_INIT;
    if (options.timeout) {
        // Zero would stand for the configured time.
        if (options.timeout->count() < 1) {
            return Failure(Error(Status::invalid_argument, "`timeout` is " + std::to_string(options.timeout->count()) +
                                                               " ms; the minimum is 1 ms"));
        }
        raw.timeout_ms = c_milliseconds(*options.timeout);
    }
    options.selector.write(raw);
    return raw;
}

}  // inline namespace MQPRODUCER_ABI
}  // namespace detail

inline namespace MQPRODUCER_ABI {

/// A producer. Any number of threads may use it at the same time; moving or destroying it takes that no other call uses
/// it.
///
/// The destructor closes one that is not closed without waiting: what is in flight is completed with Status::closed.
/// Those callbacks may run after the destructor has returned: flush() or close() first when they use what ends with it.
///
/// After `fork` a child makes a producer of its own: each call with the parent's fails with Status::forked there.
class Producer {
public:
    /// Makes a producer; it does nothing until start(). Errors: Status::invalid_config for a required key that is not
    /// set or keys that do not agree; Status::resource. Any thread.
    static Result<Producer> create(const Config& config) {
        mqp_producer* handle = nullptr;
        mqp_error* error = nullptr;
        const mqp_status status = mqp_producer_new(config.handle(), &handle, &error);
        if (status != MQP_OK) {
            return detail::failure(status, error);
        }
        return Producer(handle);
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
        mqp_error* error = nullptr;
        const mqp_status status = mqp_producer_add_hook(handle_.get(), &raw, &error);
        if (status == MQP_OK) {
            static_cast<void>(box.release());
        }
        return detail::result_of(status, error);
    }

    /// What it knows now of the brokers in the routes that it uses, by name. Any thread. Errors: Status::forked.
    Result<std::vector<BrokerState>> try_brokers() const {
        mqp_broker_states* states = nullptr;
        mqp_error* error = nullptr;
        const mqp_status status = mqp_producer_broker_states(handle_.get(), &states, &error);
        if (status != MQP_OK) {
            return detail::failure(status, error);
        }
        return detail::broker_states(states);
    }

    /// Starts it: from now on it takes messages. When it fails it may be called again. Blocks. Errors:
    /// Status::already_started, closed, forked, no_name_server, resource; would_deadlock in a callback.
    Result<void> try_start() {
        mqp_error* error = nullptr;
        const mqp_status status = mqp_producer_start(handle_.get(), &error);
        return detail::result_of(status, error);
    }

    /// Sends one message and waits until the broker answered or the deadline passed; failed tries are repeated as
    /// configured.
    ///
    /// Blocks up to the deadline. Errors: Status::invalid_argument, invalid_message, message_too_large, not_started,
    /// closed, forked, no_name_server, no_route, broker_not_found, connect, connection_lost, timeout, broker, protocol,
    /// backpressure; forbidden by a hook; would_deadlock in a callback. After an error that says Error::maybe_persisted
    /// the message may be stored all the same.
    Result<Receipt> try_send(const Message& message, const SendOptions& options = {}) {
        return send_for_receipt(mqp_producer_send, message, options);
    }

    /// Sends one message and returns at once; `callable` is told of its end.
    ///
    /// It waits only for a route that is not known yet and, with `backpressure` = `block` or `wait_forever`, for room
    /// in flight; in a callback it never waits: where it would, it fails.
    ///
    /// `callable`: takes a `Result<Receipt>`, to keep, or else a `const Completion&`, which copies nothing (one that
    /// takes `auto` gets the first); moved or copied, may be move-only. After a success here it is called exactly once
    /// and then destroyed, on success, failure, timeout and shutdown of the message alike, possibly before this
    /// returns. After a failure here it is destroyed without a call. It runs on the library's dispatcher, one callback
    /// at a time for the whole process: it must not block for long, and blocking calls fail with
    /// Status::would_deadlock there. An exception that leaves it goes to set_callback_exception_handler().
    ///
    /// Errors, here or told to the callable: those of try_send().
    template <class F>
    Result<void> try_send_async(const Message& message, F&& callable, const SendOptions& options = {}) {
        using Callable = std::decay_t<F>;
        // Not by `||`, which would also try the second with a callable that takes `auto`.
        static_assert(std::disjunction_v<std::is_invocable<Callable&, Result<Receipt>>,
                                         std::is_invocable<Callable&, const Completion&>>,
                      "a send callback takes a mqproducer::Result<mqproducer::Receipt> or a "
                      "const mqproducer::Completion&");
        Result<mqp_send_options> raw_options = detail::c_options(options);
        if (!raw_options) {
            return detail::Failure(std::move(raw_options).error());
        }
        using Box = detail::CallbackBox<Callable>;
        std::unique_ptr<Box> box(new Box{std::forward<F>(callable)});
        const mqp_callback callback = {Box::call, box.get(), Box::drop};
        const mqp_message raw = message.view();
        detail::SelectorCall selection(options.selector, *raw_options);
        mqp_error* error = nullptr;
        const mqp_status status = mqp_producer_send_async(handle_.get(), &raw, &*raw_options, callback, &error);
        if (status == MQP_OK) {
            static_cast<void>(box.release());
        }
        Result<void> result = detail::result_of(status, error);
        selection.rethrow();
        return result;
    }

    /// Sends one message without asking for an answer: success means that it was handed to the connection, no more. It
    /// is never repeated.
    ///
    /// Returns: a receipt of SendStatus::oneway with queue offset -1. It waits as try_send_async() does, and until the
    /// connection is open. Errors: those of try_send() but Status::broker.
    Result<Receipt> try_send_oneway(const Message& message, const SendOptions& options = {}) {
        return send_for_receipt(mqp_producer_send_oneway, message, options);
    }

    /// Waits until every message accepted so far is completed and its callback has returned.
    ///
    /// `timeout`: zero or less only looks. Blocks. Errors: Status::timeout, not_started, forked; would_deadlock in a
    /// callback.
    Result<void> try_flush(std::chrono::milliseconds timeout) {
        mqp_error* error = nullptr;
        const mqp_status status = mqp_producer_flush(handle_.get(), detail::c_milliseconds(timeout), &error);
        return detail::result_of(status, error);
    }

    /// Closes it: refuses further messages, waits for those in flight, says farewell to the brokers. What is not
    /// completed when the time is over is completed with Status::closed. A second call has nothing to do.
    ///
    /// `timeout`: zero or less waits for nothing. Blocks. Errors: Status::timeout (it is closed all the same), forked;
    /// would_deadlock in a callback.
    Result<void> try_close(std::chrono::milliseconds timeout) {
        mqp_error* error = nullptr;
        const mqp_status status = mqp_producer_close(handle_.get(), detail::c_milliseconds(timeout), &error);
        return detail::result_of(status, error);
    }

#if MQPRODUCER_EXCEPTIONS
    /// As create().
    explicit Producer(const Config& config) : Producer(unwrap(create(config))) {}

    /// As try_add_hook().
    void add_hook(std::shared_ptr<SendHook> hook) { unwrap(try_add_hook(std::move(hook))); }

    /// As try_brokers().
    std::vector<BrokerState> brokers() const { return unwrap(try_brokers()); }

    /// As try_start().
    void start() { unwrap(try_start()); }

    /// As try_send().
    Receipt send(const Message& message, const SendOptions& options = {}) {
        return unwrap(try_send(message, options));
    }

    /// As try_send_async().
    template <class F>
    void send_async(const Message& message, F&& callable, const SendOptions& options = {}) {
        unwrap(try_send_async(message, std::forward<F>(callable), options));
    }

    /// As try_send_oneway().
    Receipt send_oneway(const Message& message, const SendOptions& options = {}) {
        return unwrap(try_send_oneway(message, options));
    }

    /// As try_flush().
    void flush(std::chrono::milliseconds timeout) { unwrap(try_flush(timeout)); }

    /// As try_close().
    void close(std::chrono::milliseconds timeout) { unwrap(try_close(timeout)); }
#endif

    /// The handle, for calls of the C interface; borrowed from this object.
    mqp_producer* handle() const noexcept { return handle_.get(); }

private:
    using SendFunction = mqp_status (*)(mqp_producer*, const mqp_message*, const mqp_send_options*, mqp_receipt**,
                                        mqp_error**);

    explicit Producer(mqp_producer* handle) noexcept : handle_(handle) {}

    Result<Receipt> send_for_receipt(SendFunction function, const Message& message, const SendOptions& options) {
        Result<mqp_send_options> raw_options = detail::c_options(options);
        if (!raw_options) {
            return detail::Failure(std::move(raw_options).error());
        }
        const mqp_message raw = message.view();
        detail::SelectorCall selection(options.selector, *raw_options);
        mqp_receipt* receipt = nullptr;
        mqp_error* error = nullptr;
        const mqp_status status = function(handle_.get(), &raw, &*raw_options, &receipt, &error);
        if (status != MQP_OK) {
            Error failure(status, error);
            selection.rethrow();
            return detail::Failure(std::move(failure));
        }
        return Receipt(receipt);
    }

    std::unique_ptr<mqp_producer, detail::Deleter<mqp_producer_free>> handle_;
};

}  // inline namespace MQPRODUCER_ABI
}  // namespace mqproducer

#endif
