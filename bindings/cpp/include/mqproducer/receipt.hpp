/// @file
/// Receipts of messages, and the completion that a callback receives.

#ifndef MQPRODUCER_RECEIPT_HPP
#define MQPRODUCER_RECEIPT_HPP

#include "result.hpp"

namespace mqproducer {

/// How safely a message is stored. Later versions of the library may give other numbers.
enum class SendStatus : std::uint32_t {
    /// Stored to the broker's configured safety.
    ok = MQP_SEND_OK,
    /// Stored, but the disk flush did not end in time.
    flush_disk_timeout = MQP_SEND_FLUSH_DISK_TIMEOUT,
    /// Stored, but the replica did not confirm in time.
    flush_slave_timeout = MQP_SEND_FLUSH_SLAVE_TIMEOUT,
    /// Stored, but there is no replica to confirm.
    slave_not_available = MQP_SEND_SLAVE_NOT_AVAILABLE,
    /// Sent one-way: written to the connection, no answer is asked for.
    oneway = MQP_SEND_ONEWAY,
};

/// The name of a send status as the broker's protocol spells it, such as `SEND_OK`; `ONEWAY` for SendStatus::oneway and
/// `UNKNOWN` for a number that the library does not know. It lives for ever. Any thread.
inline std::string_view send_status_name(SendStatus status) noexcept {
    return mqp_send_status_name(static_cast<std::uint32_t>(status));
}

/// What the receipt of a message tells; borrowed, with its texts, from the Receipt or the Completion it comes from.
class ReceiptView {
public:
    /// How safely the message is stored.
    SendStatus send_status() const noexcept { return static_cast<SendStatus>(view_.send_status); }
    /// The unique id that the producer gave the message, kept over retries.
    std::string_view message_id() const noexcept { return detail::view(view_.message_id); }
    /// The broker's id: store address and commit-log offset. Empty for one-way.
    std::string_view offset_message_id() const noexcept { return detail::view(view_.offset_message_id); }
    /// The topic sent to.
    std::string_view topic() const noexcept { return detail::view(view_.topic); }
    /// The broker that stored it.
    std::string_view broker_name() const noexcept { return detail::view(view_.broker_name); }
    /// The queue that the broker put it in.
    std::int32_t queue_id() const noexcept { return view_.queue_id; }
    /// Its offset in the queue; -1 for one-way.
    std::int64_t queue_offset() const noexcept { return view_.queue_offset; }
    /// How many tries it took, at least 1.
    std::uint32_t attempts() const noexcept { return view_.attempts; }
    /// Transaction id; empty when there is none.
    std::string_view transaction_id() const noexcept { return detail::view(view_.transaction_id); }
    /// The broker's region; empty when it told none.
    std::string_view region_id() const noexcept { return detail::view(view_.region_id); }
    /// Handle to recall a timer message; empty when there is none.
    std::string_view recall_handle() const noexcept { return detail::view(view_.recall_handle); }

    /// Whether an earlier try may have left another copy of the message, with the same message_id().
    bool maybe_duplicated() const noexcept { return view_.maybe_duplicated != 0; }
    /// The tries before the last one.
    std::vector<Attempt> earlier() const {
        return detail::attempts(source_, mqp_receipt_attempt_count, mqp_receipt_attempt_at);
    }

    /// Reads a receipt of the C interface; the view is borrowed from it. An empty view for NULL.
    explicit ReceiptView(const mqp_receipt* receipt) noexcept : source_(receipt) {
        if (receipt != nullptr) {
            mqp_receipt_get(receipt, &view_, nullptr);
        }
    }

private:
    const mqp_receipt* source_;
    mqp_receipt_view view_ = MQP_RECEIPT_VIEW_INIT;
};

/// The broker's receipt of one message: the owner of what its base shows. Any threads may read it at the same time.
///
/// The texts are borrowed from it, and stay where they are when it is moved.
class Receipt : public ReceiptView {
public:
    /// Takes ownership of a receipt of the C interface.
    explicit Receipt(mqp_receipt* handle) noexcept : ReceiptView(handle), handle_(handle) {}

    /// Takes what `other` owns, which is then empty.
    Receipt(Receipt&& other) noexcept : ReceiptView(other), handle_(std::move(other.handle_)) {
        static_cast<ReceiptView&>(other) = ReceiptView(nullptr);
    }

    /// Takes what `other` owns, which is then empty.
    Receipt& operator=(Receipt&& other) noexcept {
        Receipt taken(std::move(other));
        std::swap(static_cast<ReceiptView&>(*this), static_cast<ReceiptView&>(taken));
        std::swap(handle_, taken.handle_);
        return *this;
    }

    /// The handle, for calls of the C interface; borrowed from this object.
    const mqp_receipt* handle() const noexcept { return handle_.get(); }

private:
    std::unique_ptr<mqp_receipt, detail::Deleter<mqp_receipt_free>> handle_;
};

inline namespace MQPRODUCER_ABI {

/// The end of one message, borrowed for the duration of the callback it is passed to; result() keeps more.
class Completion {
public:
    /// Reads a completion of the C interface.
    explicit Completion(const mqp_completion& completion) noexcept : completion_(completion) {}

    /// Whether the message was sent.
    bool ok() const noexcept { return completion_.status == MQP_OK; }

    /// Status::ok, or why the message failed.
    Status status() const noexcept { return static_cast<Status>(completion_.status); }

    /// The receipt, borrowed for the duration of the callback; all empty on failure.
    ReceiptView receipt() const noexcept { return ReceiptView(completion_.receipt); }

    /// Why the message failed, to be kept as long as wished. Only when not ok().
    Error error() const { return Error(completion_.status, mqp_error_clone(completion_.error)); }

    /// Receipt or error, to be kept as long as wished.
    Result<Receipt> result() const {
        if (ok()) {
            return Receipt(mqp_receipt_clone(completion_.receipt));
        }
        return detail::Failure(error());
    }

private:
    const mqp_completion& completion_;
};

}  // inline namespace MQPRODUCER_ABI
}  // namespace mqproducer

#endif
