/// @file
/// Completion queues: the ends of messages for a loop of the caller's, without callbacks.

#ifndef MQPRODUCER_COMPLETION_QUEUE_HPP
#define MQPRODUCER_COMPLETION_QUEUE_HPP

#include "call.hpp"
#include "receipt.hpp"
#include "snapshot.hpp"

namespace mqproducer {
inline namespace MQPRODUCER_ABI {

/// The end of one message, borrowed from the Completions it is in; result() keeps more.
class QueuedCompletion : public Completion {
public:
    /// Reads a polled completion of the C interface.
    explicit QueuedCompletion(const mqp_completion& completion) noexcept
        : Completion(completion), user_data_(completion.user_data) {}

    /// The pointer that came with the message, as a pointer to what it was.
    template <class T = void>
    T* user_data() const noexcept {
        return static_cast<T*>(user_data_);
    }

private:
    void* user_data_;
};

/// Room for completions, to be filled again and again by CompletionQueue::try_poll(). One thread at a time.
class Completions {
public:
    /// Reads one completion after another.
    using Iterator = detail::SnapshotIterator<Completions, QueuedCompletion>;

    /// Room for so many, at least 1.
    explicit Completions(std::size_t capacity = 64) : all_(capacity == 0 ? 1 : capacity) {}

    /// Takes what `other` holds, which has no room then, and may only be assigned to or destroyed.
    Completions(Completions&& other) noexcept
        : all_(std::move(other.all_)), size_(std::exchange(other.size_, std::size_t(0))) {}

    /// Takes what `other` holds, which has no room then, and may only be assigned to or destroyed.
    Completions& operator=(Completions&& other) noexcept {
        Completions taken(std::move(other));
        std::swap(all_, taken.all_);
        std::swap(size_, taken.size_);
        return *this;
    }

    ~Completions() { clear(); }

    /// How many there are.
    std::size_t size() const noexcept { return size_; }
    /// Whether there is none.
    bool empty() const noexcept { return size_ == 0; }
    /// How many there is room for.
    std::size_t capacity() const noexcept { return all_.size(); }

    /// One of them; `index` must be below size().
    QueuedCompletion operator[](std::size_t index) const noexcept { return QueuedCompletion(all_[index]); }

    /// The first.
    Iterator begin() const noexcept { return Iterator(*this, 0); }
    /// Behind the last.
    Iterator end() const noexcept { return Iterator(*this, size_); }

    /// Lets go of all of them.
    void clear() noexcept {
        mqp_completions_free(all_.data(), sizeof(mqp_completion), std::exchange(size_, std::size_t(0)));
    }

private:
    friend class CompletionQueue;

    std::vector<mqp_completion> all_;
    std::size_t size_ = 0;
};

/// Where messages of AsyncSender::try_send_queued() and try_send_many() end; docs/THREADS.md tells more. Any number of
/// producers may share it, and any number of threads use it at the same time; moving or destroying it takes that no
/// other call uses it. After `fork` a child makes a queue of its own: each call with the parent's fails with
/// Status::forked there.
///
/// A message counts as in flight until it is polled: a queue that nobody polls is bounded by the producers'
/// `max_in_flight_messages` and `max_in_flight_bytes`, and loses nothing. A thread that both sends and polls sets
/// `backpressure` to `fail`, since a send that waits for room would wait for the poll after it.
///
/// The destructor drops what nobody has polled, and what messages still in flight will have.
class CompletionQueue {
public:
    /// Takes ownership of a queue of the C interface.
    explicit CompletionQueue(mqp_completion_queue* handle) noexcept : handle_(handle) {}

    /// Makes a queue. Any thread. Errors: Status::resource when the system gives no descriptor; version_mismatch.
    static Result<CompletionQueue> create() {
        if (Result<void> fits = detail::check_version(); !fits) {
            return detail::Failure(std::move(fits).error());
        }
        return detail::call_for<CompletionQueue, mqp_completion_queue>(
            [](mqp_completion_queue** handle, mqp_error** error) { return mqp_completion_queue_new(handle, error); });
    }

    /// The descriptor, for epoll, poll, select and the like: readable exactly while the queue is not empty. It is a
    /// state, not a stream: never read, write or close it. One who waits for edges (EPOLLET) polls until there is
    /// nothing more before the next wait. Borrowed from this object; -1 in a child of `fork`. Any thread.
    int fd() const noexcept { return mqp_completion_queue_fd(handle_.get()); }

    /// Takes the oldest completions, as many as there are and fit, and waits for the first when there is none. Each goes
    /// to exactly one caller.
    ///
    /// `out`: emptied, then filled. `timeout`: zero or less does not wait; when it passes, the number is 0. Returns: how
    /// many there are. Any thread. Errors: Status::forked; would_deadlock with a timeout in a callback;
    /// invalid_argument.
    Result<std::size_t> try_poll(Completions& out, std::chrono::milliseconds timeout = std::chrono::milliseconds(0)) {
        out.clear();
        const std::uint32_t timeout_ms = detail::c_milliseconds(timeout);
        Result<void> polled = detail::call([&](mqp_error** error) {
            return mqp_completion_queue_poll(handle_.get(), out.all_.data(), sizeof(mqp_completion), out.all_.size(),
                                             timeout_ms, &out.size_, error);
        });
        if (!polled) {
            return detail::Failure(std::move(polled).error());
        }
        return out.size_;
    }

#if MQPRODUCER_EXCEPTIONS
    /// As create().
    CompletionQueue() : CompletionQueue(unwrap(create())) {}

    /// As try_poll().
    std::size_t poll(Completions& out, std::chrono::milliseconds timeout = std::chrono::milliseconds(0)) {
        return unwrap(try_poll(out, timeout));
    }
#endif

    /// The handle, for calls of the C interface; borrowed from this object.
    mqp_completion_queue* handle() const noexcept { return handle_.get(); }

private:
    std::unique_ptr<mqp_completion_queue, detail::Deleter<mqp_completion_queue_free>> handle_;
};

}  // inline namespace MQPRODUCER_ABI
}  // namespace mqproducer

#endif
