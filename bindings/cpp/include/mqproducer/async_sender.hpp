/// @file
/// The calls of a producer that return at once.

#ifndef MQPRODUCER_ASYNC_SENDER_HPP
#define MQPRODUCER_ASYNC_SENDER_HPP

#include "batch.hpp"
#include "completion_queue.hpp"
#include "future.hpp"
#include "receipt.hpp"
#include "request.hpp"

namespace mqproducer {
inline namespace MQPRODUCER_ABI {

template <class T, bool Throws>
class Awaitable;

/// The calls of Producer that return at once. They tell of the end in one of four ways:
///
/// * `…_async`: to a callable, on the library's dispatcher;
/// * `…_future`: by a std::future;
/// * `…_awaitable`: to a coroutine, in C++20 and later with a compiler that has them (coroutine.hpp);
/// * `send_queued`, `send_many`: in a CompletionQueue.
///
/// None of them waits for the message. They wait only for a route that is not known yet and, with `backpressure` =
/// `block` or `wait_forever`, for room in flight; in a callback they never wait: where they would, they fail.
class AsyncSender {
public:
    /// Sends one message; `callable` is told of its end.
    ///
    /// `callable`: takes a `Result<Receipt>`, to keep, or else a `const Completion&`, which copies nothing (one that
    /// takes `auto` gets the first); moved or copied, may be move-only. After a success here it is called exactly once
    /// and then destroyed, on success, failure, timeout and shutdown of the message alike, possibly before this
    /// returns. After a failure here it is destroyed without a call. It runs on the library's dispatcher, one callback
    /// at a time for the whole process: it must not block for long, and blocking calls fail with
    /// Status::would_deadlock there. An exception that leaves it goes to set_callback_exception_handler().
    ///
    /// Any thread. Errors, here or told to the callable: those of Producer::try_send().
    template <class F>
    Result<void> try_send_async(const Message& message, F&& callable, const SendOptions& options = {});

    /// Sends several messages as Producer::try_send_batch() does; `callable` is told of the end of all of them, once.
    ///
    /// `callable`: takes a `Result<BatchResult>`, as Producer::try_send_batch() returns it, or else a
    /// `const BatchCompletion&`, which copies nothing; all else as in try_send_async(). Any thread. Errors, here or told
    /// to the callable: those of Producer::try_send_batch().
    template <class F>
    Result<void> try_send_batch_async(const std::vector<Message>& messages, F&& callable,
                                      const SendOptions& options = {}, const BatchOptions& batch = {});

    /// Sends a request; `callable` is told of its end: the reply, or why there is none.
    ///
    /// The request counts as in flight until the callable has returned: flush() waits for it, and close(), when its time
    /// is over, ends it with Status::closed.
    ///
    /// `message`, `timeout`: as in Producer::try_request(). `callable`: takes a `Result<ReceivedMessage>`, to keep, or
    /// else a `const RequestCompletion&`, which copies nothing; all else as in try_send_async(). Any thread. Errors, here
    /// or told to the callable: those of Producer::try_request().
    template <class F>
    Result<void> try_request_async(const Message& message, std::chrono::milliseconds timeout, F&& callable,
                                   const SendOptions& options = {});

    /// Replies to a request; `callable`, as in try_send_async(), is told of the end. Any thread. Errors, here or told to
    /// the callable: those of Producer::try_reply().
    template <class F>
    Result<void> try_reply_async(const ReplyTo& to, const Message& message, F&& callable,
                                 const SendOptions& options = {});

    /// Sends one message and returns a future of its receipt, or of why there is none: a refusal is told there, too.
    ///
    /// The future is ready exactly once, whatever happens; one that is let go waits for nothing. Waiting for it in a
    /// callback would wait for ever, for the dispatcher makes it ready. Any thread. Errors: those of
    /// Producer::try_send().
    std::future<Result<Receipt>> try_send_future(const Message& message, const SendOptions& options = {});

    /// The same for a batch, as Producer::try_send_batch().
    std::future<Result<BatchResult>> try_send_batch_future(const std::vector<Message>& messages,
                                                           const SendOptions& options = {},
                                                           const BatchOptions& batch = {});

    /// The same for a request, as Producer::try_request().
    std::future<Result<ReceivedMessage>> try_request_future(const Message& message, std::chrono::milliseconds timeout,
                                                            const SendOptions& options = {});

    /// The same for a reply, as Producer::try_reply().
    std::future<Result<Receipt>> try_reply_future(const ReplyTo& to, const Message& message,
                                                  const SendOptions& options = {});

    /// Sends one message now, by this call; `co_await` of what it returns gives the `Result<Receipt>`, a refusal
    /// included. See Awaitable. Any thread. Errors: those of Producer::try_send().
    Awaitable<Receipt, false> try_send_awaitable(const Message& message, const SendOptions& options = {});

    /// The same for a batch, as Producer::try_send_batch().
    Awaitable<BatchResult, false> try_send_batch_awaitable(const std::vector<Message>& messages,
                                                           const SendOptions& options = {},
                                                           const BatchOptions& batch = {});

    /// The same for a request, as Producer::try_request().
    Awaitable<ReceivedMessage, false> try_request_awaitable(const Message& message, std::chrono::milliseconds timeout,
                                                            const SendOptions& options = {});

    /// The same for a reply, as Producer::try_reply().
    Awaitable<Receipt, false> try_reply_awaitable(const ReplyTo& to, const Message& message,
                                                  const SendOptions& options = {});

    /// Sends one message; its end is put into `queue`. After a failure here there will be none.
    ///
    /// `queue`: may end while messages are in flight, whose ends are then dropped. `user_data`: comes back in the
    /// completion; never read or freed by the library. Any thread. Errors, here or in the completion: those of
    /// Producer::try_send().
    Result<void> try_send_queued(const Message& message, CompletionQueue& queue, void* user_data = nullptr,
                                 const SendOptions& options = {});

    /// Sends many messages, each as try_send_queued() does, in order and up to the first that is refused. Those of one
    /// broker leave in few writes.
    ///
    /// Returns: how many were taken, from the first on: each of these will have its completion. Fewer than `count`, and
    /// even 0, means that there is no more room in flight, or that the next message is refused, which the next call with
    /// the rest tells: poll, and go on with the rest.
    ///
    /// `messages`: the first of `count`. `user_data`: one pointer for each message; nullptr: all are nullptr. `options`:
    /// for each of them. Any thread. Errors: those of Producer::try_send() but Status::backpressure, when the first
    /// message is refused: then none was taken.
    Result<std::size_t> try_send_many(const Message* messages, std::size_t count, CompletionQueue& queue,
                                      void* const* user_data = nullptr, const SendOptions& options = {});

    /// Finds the route of a topic without waiting: its end, which has no receipt, is put into `queue`, at once when the
    /// route is known already. Once it was found, sends to the topic do not wait for a route: with `backpressure` =
    /// `fail` the thread of an event loop never waits.
    ///
    /// It counts not as a message: flush and close do not wait for it. `timeout`: 1 ms to 1 hour; default: the
    /// configured `send_msg_timeout`. `queue`, `user_data`: as for try_send_queued(). Any thread. Errors, here or in the
    /// completion: Status::invalid_message for the topic's name, no_route, no_name_server, timeout, not_started, closed,
    /// forked, invalid_argument.
    Result<void> try_find_route(std::string_view topic, CompletionQueue& queue, void* user_data = nullptr,
                                std::optional<std::chrono::milliseconds> timeout = std::nullopt) {
        const Result<std::uint32_t> timeout_ms = timeout ? detail::c_timeout(*timeout) : Result<std::uint32_t>(0u);
        if (!timeout_ms) {
            return detail::Failure(timeout_ms.error());
        }
        return detail::call([&](mqp_error** error) {
            return mqp_producer_find_route(handle(), detail::c_str(topic), *timeout_ms, queue.handle(), user_data,
                                           error);
        });
    }

#if MQPRODUCER_EXCEPTIONS
    /// As try_send_async().
    template <class F>
    void send_async(const Message& message, F&& callable, const SendOptions& options = {}) {
        unwrap(try_send_async(message, std::forward<F>(callable), options));
    }

    /// As try_send_batch_async().
    template <class F>
    void send_batch_async(const std::vector<Message>& messages, F&& callable, const SendOptions& options = {},
                          const BatchOptions& batch = {}) {
        unwrap(try_send_batch_async(messages, std::forward<F>(callable), options, batch));
    }

    /// As try_request_async().
    template <class F>
    void request_async(const Message& message, std::chrono::milliseconds timeout, F&& callable,
                       const SendOptions& options = {}) {
        unwrap(try_request_async(message, timeout, std::forward<F>(callable), options));
    }

    /// As try_reply_async().
    template <class F>
    void reply_async(const ReplyTo& to, const Message& message, F&& callable, const SendOptions& options = {}) {
        unwrap(try_reply_async(to, message, std::forward<F>(callable), options));
    }

    /// As try_send_future(), with each Error as the exception of the future: this call throws none.
    std::future<Receipt> send_future(const Message& message, const SendOptions& options = {});

    /// As try_send_batch_future(), with each Error as the exception of the future.
    std::future<BatchResult> send_batch_future(const std::vector<Message>& messages, const SendOptions& options = {},
                                               const BatchOptions& batch = {});

    /// As try_request_future(), with each Error as the exception of the future.
    std::future<ReceivedMessage> request_future(const Message& message, std::chrono::milliseconds timeout,
                                                const SendOptions& options = {});

    /// As try_reply_future(), with each Error as the exception of the future.
    std::future<Receipt> reply_future(const ReplyTo& to, const Message& message, const SendOptions& options = {});

    /// As try_send_awaitable(); `co_await` gives the Receipt or throws the Error.
    Awaitable<Receipt, true> send_awaitable(const Message& message, const SendOptions& options = {});

    /// As try_send_batch_awaitable(); `co_await` gives the BatchResult or throws the Error.
    Awaitable<BatchResult, true> send_batch_awaitable(const std::vector<Message>& messages,
                                                      const SendOptions& options = {}, const BatchOptions& batch = {});

    /// As try_request_awaitable(); `co_await` gives the reply or throws the Error.
    Awaitable<ReceivedMessage, true> request_awaitable(const Message& message, std::chrono::milliseconds timeout,
                                                       const SendOptions& options = {});

    /// As try_reply_awaitable(); `co_await` gives the Receipt or throws the Error.
    Awaitable<Receipt, true> reply_awaitable(const ReplyTo& to, const Message& message,
                                             const SendOptions& options = {});

    /// As try_send_queued().
    void send_queued(const Message& message, CompletionQueue& queue, void* user_data = nullptr,
                     const SendOptions& options = {}) {
        unwrap(try_send_queued(message, queue, user_data, options));
    }

    /// As try_send_many().
    std::size_t send_many(const Message* messages, std::size_t count, CompletionQueue& queue,
                          void* const* user_data = nullptr, const SendOptions& options = {}) {
        return unwrap(try_send_many(messages, count, queue, user_data, options));
    }

    /// As try_find_route().
    void find_route(std::string_view topic, CompletionQueue& queue, void* user_data = nullptr,
                    std::optional<std::chrono::milliseconds> timeout = std::nullopt) {
        unwrap(try_find_route(topic, queue, user_data, timeout));
    }
#endif

    /// The handle, for calls of the C interface; borrowed from this object.
    mqp_producer* handle() const noexcept { return handle_.get(); }

protected:
    /// Takes ownership of a producer of the C interface.
    explicit AsyncSender(mqp_producer* handle) noexcept : handle_(handle) {}

    /// Takes the producer of the other, which has none then.
    AsyncSender(AsyncSender&&) noexcept = default;
    /// Takes the producer of the other, which has none then.
    AsyncSender& operator=(AsyncSender&&) noexcept = default;
    ~AsyncSender() = default;

private:
    std::unique_ptr<mqp_producer, detail::Deleter<mqp_producer_free>> handle_;
};

}  // inline namespace MQPRODUCER_ABI
}  // namespace mqproducer

#include "async_send.hpp"
#include "coroutine.hpp"

#endif
