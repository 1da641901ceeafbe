/// @file
/// What a producer tells of reliable sending besides the ends of its messages.

#ifndef MQPRODUCER_RELIABILITY_HPP
#define MQPRODUCER_RELIABILITY_HPP

#include "log.hpp"
#include "receipt.hpp"
#include "received.hpp"

namespace mqproducer {

/// What happened. Later versions of the library may give other numbers.
enum class ReliabilityEventKind : std::uint32_t {
    /// Reliable sending gave a message up: every try was used, or its time. The alarm's only kind.
    given_up = MQP_EVENT_GIVEN_UP,
    /// A message of the spool was sent and stored.
    spool_delivered = MQP_EVENT_SPOOL_DELIVERED,
    /// A message of the spool is lost: a broker refused it for good, or it was older than `spool_max_age`.
    spool_lost = MQP_EVENT_SPOOL_LOST,
    /// The spool held something that is no message, and it was skipped or cut.
    spool_damaged = MQP_EVENT_SPOOL_DAMAGED,
};

/// What alarm and spool callables are told, borrowed until they return; ReceivedMessage::copy() and the error keep more.
class ReliabilityEventView {
public:
    /// Reads an event of the C interface; the view is borrowed from it.
    explicit ReliabilityEventView(const mqp_reliability_event& event) noexcept : event_(event) {}

    /// What happened.
    ReliabilityEventKind kind() const noexcept { return static_cast<ReliabilityEventKind>(event_.kind); }

    /// The message as it was sent, its body decompressed and its topic without the namespace; its queue, offsets and store
    /// are not set. All empty for ReliabilityEventKind::spool_damaged.
    ReceivedMessageView message() const noexcept { return ReceivedMessageView(event_.message); }

    /// Where it is stored, for ReliabilityEventKind::spool_delivered; else all empty.
    ReceiptView receipt() const noexcept { return ReceiptView(event_.receipt); }

    /// Why, for all other kinds, to be kept as long as wished: its attempts() are the tries, maybe_persisted() tells whether
    /// a broker may have the message, and Status::spooled that it waits in the spool. Nothing for a message that was
    /// delivered.
    std::optional<Error> error() const {
        if (event_.error == nullptr) {
            return std::nullopt;
        }
        return Error(mqp_error_status(event_.error), mqp_error_clone(event_.error));
    }

private:
    const mqp_reliability_event& event_;
};

namespace detail {
inline namespace MQPRODUCER_ABI {

/// The caller's callable as the one that is told of reliable sending.
template <class F>
struct ReliabilityBox {
    F callable;

    static void call(void* user_data, const mqp_reliability_event* event) {
        guarded("an alarm or spool callback", true, [&] {
            static_cast<void>(static_cast<ReliabilityBox*>(user_data)->callable(ReliabilityEventView(*event)));
        });
    }

    static void drop(void* user_data) { delete static_cast<ReliabilityBox*>(user_data); }

    static_assert(std::is_invocable_v<F&, const ReliabilityEventView&>,
                  "an alarm or spool callback takes a const mqproducer::ReliabilityEventView&");
};

}  // inline namespace MQPRODUCER_ABI
}  // namespace detail
}  // namespace mqproducer

#endif
