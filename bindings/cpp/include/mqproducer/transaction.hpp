/// @file
/// Transactions: a message that is delivered only when it is committed.

#ifndef MQPRODUCER_TRANSACTION_HPP
#define MQPRODUCER_TRANSACTION_HPP

#include "call.hpp"
#include "receipt.hpp"
#include "received.hpp"

namespace mqproducer {

/// What became of a transaction.
enum class TransactionState : std::uint32_t {
    /// It is not known yet: the broker asks again.
    unknown = MQP_TRANSACTION_UNKNOWN,
    /// The message is delivered.
    commit = MQP_TRANSACTION_COMMIT,
    /// The message is dropped.
    rollback = MQP_TRANSACTION_ROLLBACK,
};

inline namespace MQPRODUCER_ABI {

/// A transaction, from Producer::begin_transaction(): send one message in it, do the local work, then commit or roll
/// back. Any number of threads may use it at the same time; moving or destroying it takes that no other call uses it.
///
/// The destructor rolls the message back, without waiting, when there is one and neither commit nor rollback was
/// attempted; after an attempt that failed the broker's check decides. It does not keep its producer open, nor must it
/// end first: once the producer is closed, nothing can be ended any more and the broker's check decides.
class Transaction {
public:
    /// Takes ownership of a transaction of the C interface.
    explicit Transaction(mqp_transaction* handle) noexcept : handle_(handle) {}

    /// Sends the transaction's message and waits for the broker's receipt, with retries as Producer::try_send() does.
    /// Consumers do not see the message before it is committed.
    ///
    /// RocketMQ takes one message in a transaction: a second is refused. After an error that says
    /// Error::maybe_persisted the broker may hold the message, and its check decides; after any other the send can be
    /// repeated. A message whose receipt does not say SendStatus::ok is rolled back at once, as the Java client does it,
    /// and cannot be committed.
    ///
    /// `message`: not delayed. Any thread; blocks up to the deadline. Errors: those of Producer::try_send();
    /// Status::unsupported for a second message; invalid_argument while another call uses the transaction.
    Result<Receipt> try_send(const Message& message, const SendOptions& options = {}) {
        const mqp_message raw = message.view();
        return detail::call_for_with<Receipt, mqp_receipt>(
            options, [&](const mqp_send_options* with, mqp_receipt** receipt, mqp_error** error) {
                return mqp_transaction_send(handle_.get(), &raw, with, receipt, error);
            });
    }

    /// Lets the broker deliver the message.
    ///
    /// The word is one-way: success says that it was handed to the operating system for the broker that holds the
    /// message, not that it arrived; when it is lost, the broker asks the transaction checker. After Status::connect and
    /// other errors of the connection it may be said again, but not the opposite.
    ///
    /// Any thread; blocks for at most the configured `send_msg_timeout`. Errors: Status::invalid_argument without a
    /// stored message, after an end, and while another call uses the transaction; broker_not_found, no_route,
    /// no_name_server, connect, connection_lost, timeout, closed, forked; would_deadlock in a callback.
    Result<void> try_commit() {
        return detail::call([&](mqp_error** error) { return mqp_transaction_commit(handle_.get(), error); });
    }

    /// Lets the broker drop the message; all else as with try_commit().
    Result<void> try_rollback() {
        return detail::call([&](mqp_error** error) { return mqp_transaction_rollback(handle_.get(), error); });
    }

#if MQPRODUCER_EXCEPTIONS
    /// As try_send().
    Receipt send(const Message& message, const SendOptions& options = {}) { return unwrap(try_send(message, options)); }

    /// As try_commit().
    void commit() { unwrap(try_commit()); }

    /// As try_rollback().
    void rollback() { unwrap(try_rollback()); }
#endif

    /// The handle, for calls of the C interface; borrowed from this object.
    mqp_transaction* handle() const noexcept { return handle_.get(); }

private:
    std::unique_ptr<mqp_transaction, detail::Deleter<mqp_transaction_free>> handle_;
};

}  // inline namespace MQPRODUCER_ABI

namespace detail {
inline namespace MQPRODUCER_ABI {

/// The caller's checker as the library's.
template <class F>
struct CheckerBox {
    F callable;

    static std::uint32_t call(void* user_data, const mqp_received_message* message) {
        TransactionState state = TransactionState::unknown;
        guarded("the transaction checker", true, [&] {
            state = static_cast<CheckerBox*>(user_data)->callable(ReceivedMessageView(message));
        });
        return static_cast<std::uint32_t>(state);
    }

    static void drop(void* user_data) { delete static_cast<CheckerBox*>(user_data); }

    static_assert(std::is_invocable_r_v<TransactionState, F&, const ReceivedMessageView&>,
                  "a transaction checker takes a const mqproducer::ReceivedMessageView& and returns a "
                  "mqproducer::TransactionState");
};

}  // inline namespace MQPRODUCER_ABI
}  // namespace detail
}  // namespace mqproducer

#endif
