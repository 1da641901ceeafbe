/// @file
/// Ends of messages for coroutines: in C++20 and later, with a compiler that has them.

#ifndef MQPRODUCER_COROUTINE_HPP
#define MQPRODUCER_COROUTINE_HPP

#include "async_sender.hpp"

// A <coroutine> that the compiler does not fit refuses to be included.
#if defined(__cpp_impl_coroutine) && __has_include(<coroutine>)

#include <atomic>
#include <coroutine>
#include <functional>

namespace mqproducer {

namespace detail {
inline namespace MQPRODUCER_ABI {

class AwaitedEnd;

}  // inline namespace MQPRODUCER_ABI
}  // namespace detail

inline namespace MQPRODUCER_ABI {

/// What an executor gets: to be called on the thread that goes on with the coroutine. It may be copied, and calls after
/// the first do nothing; nor does one after the coroutine was destroyed. One that is let go without a call leaves the
/// coroutine suspended.
class Resume {
public:
    /// Goes on with the coroutine, until it is suspended again or ends.
    void operator()() const;

private:
    friend class detail::AwaitedEnd;

    explicit Resume(std::shared_ptr<detail::AwaitedEnd> end) noexcept : end_(std::move(end)) {}

    std::shared_ptr<detail::AwaitedEnd> end_;
};

}  // inline namespace MQPRODUCER_ABI

namespace detail {
inline namespace MQPRODUCER_ABI {

/// What an Awaitable shares with the library: whoever comes second, the end of the message or the coroutine that waits
/// for it, has the coroutine go on.
class AwaitedEnd {
public:
    /// Tells that there is an end; on the dispatcher.
    static void end(const std::shared_ptr<AwaitedEnd>& self) {
        if ((self->state_.fetch_or(ended, std::memory_order_acq_rel) & (waiting | taken)) == waiting) {
            go_on(self);
        }
    }

    /// Has `coroutine` wait; false when there is nothing to wait for. Keeps `self` itself: the coroutine may be gone.
    // NOLINTNEXTLINE(performance-unnecessary-value-param)
    static bool wait(std::shared_ptr<AwaitedEnd> self, std::coroutine_handle<> coroutine) {
        self->coroutine_ = coroutine;
        // From here on the coroutine may run elsewhere, and what it holds be gone.
        if ((self->state_.fetch_or(waiting, std::memory_order_acq_rel) & ended) == 0) {
            return true;
        }
        if (!self->executor_) {
            return false;
        }
        go_on(self);
        return true;
    }

    /// Whether the coroutine can go on without being suspended.
    bool ready() const noexcept { return !executor_ && (state_.load(std::memory_order_acquire) & ended) != 0; }

    /// Goes on with the coroutine, once.
    void resume() {
        if ((state_.fetch_or(taken, std::memory_order_acq_rel) & taken) == 0) {
            coroutine_.resume();
        }
    }

    /// Nobody waits any more.
    void abandon() noexcept { state_.fetch_or(taken, std::memory_order_acq_rel); }

    void set_executor(std::function<void(Resume)> executor) { executor_ = std::move(executor); }

private:
    static constexpr unsigned ended = 1;
    static constexpr unsigned waiting = 2;
    static constexpr unsigned taken = 4;

    static void go_on(const std::shared_ptr<AwaitedEnd>& self) {
        if (!self->executor_) {
            self->resume();
            return;
        }
        // Not kept here: what it holds may hold the Resume.
        const std::function<void(Resume)> executor = std::move(self->executor_);
        executor(Resume(self));
    }

    std::atomic<unsigned> state_{0};
    std::coroutine_handle<> coroutine_;
    std::function<void(Resume)> executor_;
};

/// The same with the end.
template <class T>
struct AwaitedResult : AwaitedEnd {
    std::optional<Result<T>> result;
};

}  // inline namespace MQPRODUCER_ABI
}  // namespace detail

inline namespace MQPRODUCER_ABI {

inline void Resume::operator()() const {
    end_->resume();
}

/// The end of a message that was sent, to be awaited once: `co_await producer.send_awaitable(message)`. It is on its way
/// already: several can be sent first and awaited then, and one that is let go goes on all the same.
///
/// `co_await` gives the value or throws the Error; that of a `try_…_awaitable` gives the Result.
///
/// The coroutine goes on, exactly once, on the library's dispatcher, as a callback does: it must not block there, and
/// blocking calls fail with Status::would_deadlock. When the end is there before it is suspended, as when the message is
/// refused, it goes on at once on its own thread. resume_on() takes it elsewhere, always. An exception that leaves
/// the coroutine on the dispatcher, or the executor, goes to set_callback_exception_handler().
///
/// A coroutine that waits may be destroyed, and is then not resumed; its message goes on. As with every coroutine that
/// must not happen while another thread resumes it: destroy it on the thread that it is resumed on.
template <class T, bool Throws>
class [[nodiscard]] Awaitable {
public:
    /// Takes what the other awaits.
    Awaitable(Awaitable&& other) noexcept = default;
    /// Takes what the other awaits, which gets what this one did.
    Awaitable& operator=(Awaitable&& other) noexcept {
        end_.swap(other.end_);
        return *this;
    }

    ~Awaitable() {
        if (end_ != nullptr) {
            end_->abandon();
        }
    }

    /// Has the coroutine go on where `executor` says: before `co_await`, as in
    /// `co_await producer.send_awaitable(message).resume_on(executor)`.
    ///
    /// `executor`: takes a Resume, and calls it on a thread of its choice, or has it called; moved or copied. It runs
    /// once, on the library's dispatcher or on the thread of the coroutine, and must not block.
    template <class F>
    Awaitable&& resume_on(F&& executor) && {
        static_assert(std::is_invocable_v<std::decay_t<F>&, Resume>, "an executor takes a mqproducer::Resume");
        end_->set_executor(detail::shared_function<void(Resume)>(std::forward<F>(executor)));
        return std::move(*this);
    }

    /// The same for one that has a name.
    template <class F>
    Awaitable& resume_on(F&& executor) & {
        std::move(*this).resume_on(std::forward<F>(executor));
        return *this;
    }

    /// For `co_await`.
    bool await_ready() const noexcept { return end_->ready(); }
    /// For `co_await`.
    bool await_suspend(std::coroutine_handle<> coroutine) { return detail::AwaitedEnd::wait(end_, coroutine); }
    /// For `co_await`.
    auto await_resume() {
        if constexpr (Throws) {
            return unwrap(*std::move(end_->result));
        } else {
            return *std::move(end_->result);
        }
    }

    /// Sends: gives a callable to `start`, which returns a `Result<void>`.
    template <class Start>
    static Awaitable of(Start&& start) {
        Awaitable awaitable;
        const std::shared_ptr<detail::AwaitedResult<T>> end = awaitable.end_;
        Result<void> started = start([end](Result<T> result) {
            end->result.emplace(std::move(result));
            detail::AwaitedEnd::end(end);
        });
        if (!started) {
            end->result.emplace(detail::Failure(std::move(started).error()));
            detail::AwaitedEnd::end(end);
        }
        return awaitable;
    }

private:
    Awaitable() : end_(std::make_shared<detail::AwaitedResult<T>>()) {}

    std::shared_ptr<detail::AwaitedResult<T>> end_;
};

inline Awaitable<Receipt, false> AsyncSender::try_send_awaitable(
    const Message& message, const SendOptions& options) {
    return Awaitable<Receipt, false>::of(
        [&](auto&& told) { return try_send_async(message, std::forward<decltype(told)>(told), options); });
}

inline Awaitable<BatchResult, false> AsyncSender::try_send_batch_awaitable(
    const std::vector<Message>& messages, const SendOptions& options,
    const BatchOptions& batch) {
    return Awaitable<BatchResult, false>::of(
        [&](auto&& told) { return try_send_batch_async(messages, std::forward<decltype(told)>(told), options, batch); });
}

inline Awaitable<ReceivedMessage, false> AsyncSender::try_request_awaitable(
    const Message& message, std::chrono::milliseconds timeout,
    const SendOptions& options) {
    return Awaitable<ReceivedMessage, false>::of(
        [&](auto&& told) { return try_request_async(message, timeout, std::forward<decltype(told)>(told), options); });
}

inline Awaitable<Receipt, false> AsyncSender::try_reply_awaitable(
    const ReplyTo& to, const Message& message, const SendOptions& options) {
    return Awaitable<Receipt, false>::of(
        [&](auto&& told) { return try_reply_async(to, message, std::forward<decltype(told)>(told), options); });
}

#if MQPRODUCER_EXCEPTIONS

inline Awaitable<Receipt, true> AsyncSender::send_awaitable(
    const Message& message, const SendOptions& options) {
    return Awaitable<Receipt, true>::of(
        [&](auto&& told) { return try_send_async(message, std::forward<decltype(told)>(told), options); });
}

inline Awaitable<BatchResult, true> AsyncSender::send_batch_awaitable(
    const std::vector<Message>& messages, const SendOptions& options,
    const BatchOptions& batch) {
    return Awaitable<BatchResult, true>::of(
        [&](auto&& told) { return try_send_batch_async(messages, std::forward<decltype(told)>(told), options, batch); });
}

inline Awaitable<ReceivedMessage, true> AsyncSender::request_awaitable(
    const Message& message, std::chrono::milliseconds timeout,
    const SendOptions& options) {
    return Awaitable<ReceivedMessage, true>::of(
        [&](auto&& told) { return try_request_async(message, timeout, std::forward<decltype(told)>(told), options); });
}

inline Awaitable<Receipt, true> AsyncSender::reply_awaitable(
    const ReplyTo& to, const Message& message, const SendOptions& options) {
    return Awaitable<Receipt, true>::of(
        [&](auto&& told) { return try_reply_async(to, message, std::forward<decltype(told)>(told), options); });
}

#endif

}  // inline namespace MQPRODUCER_ABI
}  // namespace mqproducer

#endif

#endif
