/// @file
/// Batches: several messages in one request, each with an end of its own.

#ifndef MQPRODUCER_BATCH_HPP
#define MQPRODUCER_BATCH_HPP

#include "receipt.hpp"

#include <cstddef>

namespace mqproducer {

/// How a batch is sent.
struct BatchOptions {
    /// 0, the default: the batch is one request, and refused when it takes more than `max_message_size`. Otherwise it is
    /// split into requests that take at most so many bytes each, up to `max_message_size`; a message that is larger by
    /// itself goes alone. A message takes its body, its properties and 22 bytes.
    std::uint32_t split_bytes = 0;

    /// As the C interface takes it.
    mqp_batch_options view() const noexcept {
        mqp_batch_options raw = MQP_BATCH_OPTIONS_INIT;
        raw.split_bytes = split_bytes;
        return raw;
    }
};

/// How each message of a batch ended, in the order in which they were given; borrowed, with its texts, from where it
/// comes from. Any threads may read it at the same time.
class BatchResultView {
public:
    /// Reads a result of the C interface; borrowed from it. Of no messages for NULL.
    explicit BatchResultView(const mqp_batch_result* handle) noexcept : handle_(handle) {}

    /// How many messages the batch held.
    std::size_t size() const noexcept { return mqp_batch_result_count(handle_); }

    /// Whether the message at `index` was sent; false when `index` is not below size().
    bool ok(std::size_t index) const noexcept { return receipt_at(index) != nullptr; }

    /// Its receipt; all empty when it was not sent.
    ReceiptView receipt(std::size_t index) const noexcept { return ReceiptView(receipt_at(index)); }

    /// Why it was not sent, to be kept as long as wished; nothing when it was. Status::invalid_argument when `index` is
    /// not below size().
    std::optional<Error> error(std::size_t index) const {
        const mqp_error* failure = nullptr;
        mqp_error* error = nullptr;
        const mqp_status status = mqp_batch_result_get(handle_, index, nullptr, &failure, &error);
        if (status != MQP_OK) {
            return Error(status, error);
        }
        if (failure != nullptr) {
            return Error(mqp_error_status(failure), mqp_error_clone(failure));
        }
        return std::nullopt;
    }

    /// The handle, for calls of the C interface; borrowed.
    const mqp_batch_result* handle() const noexcept { return handle_; }

private:
    const mqp_receipt* receipt_at(std::size_t index) const noexcept {
        const mqp_receipt* receipt = nullptr;
        mqp_batch_result_get(handle_, index, &receipt, nullptr, nullptr);
        return receipt;
    }

    const mqp_batch_result* handle_;
};

inline BatchResultView Error::batch() const noexcept { return BatchResultView(batch_.get()); }

/// The owner of what its base shows. The texts stay where they are when it is moved.
class BatchResult : public BatchResultView {
public:
    /// Takes ownership of a result of the C interface.
    explicit BatchResult(mqp_batch_result* handle) noexcept : BatchResultView(handle), owner_(handle) {}

    /// Takes what `other` owns, which is then empty.
    BatchResult(BatchResult&& other) noexcept : BatchResultView(other), owner_(std::move(other.owner_)) {
        static_cast<BatchResultView&>(other) = BatchResultView(nullptr);
    }

    /// Takes what `other` owns, which is then empty.
    BatchResult& operator=(BatchResult&& other) noexcept {
        BatchResult taken(std::move(other));
        std::swap(static_cast<BatchResultView&>(*this), static_cast<BatchResultView&>(taken));
        std::swap(owner_, taken.owner_);
        return *this;
    }

    /// Gives the handle up to the caller; this is of no messages then.
    mqp_batch_result* release() noexcept {
        static_cast<BatchResultView&>(*this) = BatchResultView(nullptr);
        return owner_.release();
    }

private:
    std::unique_ptr<mqp_batch_result, detail::Deleter<mqp_batch_result_free>> owner_;
};

inline namespace MQPRODUCER_ABI {

/// The end of a batch, borrowed for the duration of the callback it is passed to; result() keeps more.
class BatchCompletion {
public:
    /// Reads a completion of the C interface.
    explicit BatchCompletion(const mqp_batch_completion& completion) noexcept : completion_(completion) {}

    /// Whether every message was sent.
    bool ok() const noexcept { return completion_.status == MQP_OK; }

    /// Status::ok, or why the first of those that were not sent failed.
    Status status() const noexcept { return static_cast<Status>(completion_.status); }

    /// How each message ended; borrowed for the duration of the callback.
    BatchResultView messages() const noexcept { return BatchResultView(completion_.result); }

    /// Why the first of those that were not sent failed, with Error::batch(); to be kept as long as wished. Only when
    /// not ok().
    Error error() const {
        return Error(Error(completion_.status, mqp_error_clone(completion_.error)),
                     mqp_batch_result_clone(completion_.result));
    }

    /// The results, or why the first message failed, with Error::batch(); to be kept as long as wished.
    Result<BatchResult> result() const {
        if (ok()) {
            return BatchResult(mqp_batch_result_clone(completion_.result));
        }
        return detail::Failure(error());
    }

private:
    const mqp_batch_completion& completion_;
};

}  // inline namespace MQPRODUCER_ABI
}  // namespace mqproducer

#endif
