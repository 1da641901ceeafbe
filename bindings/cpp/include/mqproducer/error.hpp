/// @file
/// Statuses and the error type.

#ifndef MQPRODUCER_ERROR_HPP
#define MQPRODUCER_ERROR_HPP

#include <mqproducer.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace mqproducer {

/// The result of a call or of a message. The numbers never change; later versions of the library may give others.
enum class Status : mqp_status {
    /// Success.
    ok = MQP_OK,
    /// A handle that was moved from, text that is not UTF-8, a time that cannot be.
    invalid_argument = MQP_ERR_INVALID_ARGUMENT,
    /// An unknown configuration key, a value out of its range, a malformed URL.
    invalid_config = MQP_ERR_INVALID_CONFIG,
    /// A message that breaks a rule: topic, body, property.
    invalid_message = MQP_ERR_INVALID_MESSAGE,
    /// A body or properties over the configured or protocol limit.
    message_too_large = MQP_ERR_MESSAGE_TOO_LARGE,
    /// A send, flush or close before Producer::start.
    not_started = MQP_ERR_NOT_STARTED,
    /// A second Producer::start.
    already_started = MQP_ERR_ALREADY_STARTED,
    /// The producer is closed or closing.
    closed = MQP_ERR_CLOSED,
    /// No name server answered; the message names each address and its cause.
    no_name_server = MQP_ERR_NO_NAME_SERVER,
    /// The name servers know no route of the topic with a writable queue.
    no_route = MQP_ERR_NO_ROUTE,
    /// The route names a broker without a master address.
    broker_not_found = MQP_ERR_BROKER_NOT_FOUND,
    /// A connection could not be opened.
    connect = MQP_ERR_CONNECT,
    /// A connection died under the request.
    connection_lost = MQP_ERR_CONNECTION_LOST,
    /// The deadline passed.
    timeout = MQP_ERR_TIMEOUT,
    /// The broker refused; Error::broker_code and Error::remark tell why.
    broker = MQP_ERR_BROKER,
    /// The peer broke the protocol.
    protocol = MQP_ERR_PROTOCOL,
    /// The limit of messages or bytes in flight is reached.
    backpressure = MQP_ERR_BACKPRESSURE,
    /// A blocking call was made in a callback.
    would_deadlock = MQP_ERR_WOULD_DEADLOCK,
    /// The handle was made before `fork` and is used in the child.
    forked = MQP_ERR_FORKED,
    /// These headers and the library do not fit together.
    version_mismatch = MQP_ERR_VERSION_MISMATCH,
    /// The operating system refused a thread, a socket or memory.
    resource = MQP_ERR_RESOURCE,
    /// A defect of the library.
    internal = MQP_ERR_INTERNAL,
    /// The operation exists but not for this transport or build.
    unsupported = MQP_ERR_UNSUPPORTED,
    /// A hook refused the message; the error's text holds its reason.
    forbidden = MQP_ERR_FORBIDDEN,
    /// No reply to a request came before its deadline.
    request_timeout = MQP_ERR_REQUEST_TIMEOUT,
    /// Not sent yet: the message waits in the local spool, from which it is sent later. Not a success, nor to be sent again.
    spooled = MQP_ERR_SPOOLED,
    /// The broker has dropped the transaction, all of it: its connection ended before the commit, or it refused a part.
    transaction_rolled_back = MQP_ERR_TRANSACTION_ROLLED_BACK,
    /// No answer came to a commit: the transaction may be committed or not.
    transaction_in_doubt = MQP_ERR_TRANSACTION_IN_DOUBT,
};

/// The stable name of a status, such as `NO_ROUTE`; `UNKNOWN` for a number that the library does not know. It lives for
/// ever. Any thread.
inline std::string_view status_name(Status status) noexcept {
    return mqp_status_name(static_cast<mqp_status>(status));
}

/// The library's version, such as `1.2.3`; that of these headers is MQP_VERSION_STRING. It lives for ever. Any thread.
inline std::string_view library_version() noexcept {
    return mqp_version_string();
}

/// All statuses that the library knows, Status::ok included. Any thread.
inline std::vector<Status> statuses() {
    std::vector<Status> all;
    const std::size_t count = mqp_status_count();
    all.reserve(count);
    mqp_status_view row = MQP_STATUS_VIEW_INIT;
    for (std::size_t index = 0; index < count && mqp_status_get(index, &row, nullptr) == MQP_OK; ++index) {
        all.push_back(static_cast<Status>(row.status));
    }
    return all;
}

namespace detail {

inline mqp_str c_str(std::string_view text) noexcept {
    return mqp_str{text.data(), text.size()};
}

inline std::string_view view(mqp_str text) noexcept {
    return std::string_view(text.ptr, text.len);
}

/// The property `index` of an array whose elements are `size` bytes each.
inline const mqp_property& property_at(const mqp_property* first, std::uint32_t size, std::size_t index) noexcept {
    return *reinterpret_cast<const mqp_property*>(reinterpret_cast<const char*>(first) + index * size);
}

/// All of them, as names with values.
inline std::vector<std::pair<std::string_view, std::string_view>> all_properties(const mqp_property* first,
                                                                                 std::size_t count,
                                                                                 std::uint32_t size) {
    std::vector<std::pair<std::string_view, std::string_view>> all;
    all.reserve(count);
    for (std::size_t index = 0; index < count; ++index) {
        const mqp_property& property = property_at(first, size, index);
        all.emplace_back(view(property.name), view(property.value));
    }
    return all;
}

/// The value of the one called `name`; nothing when there is none.
inline std::optional<std::string_view> find_property(const mqp_property* first, std::size_t count, std::uint32_t size,
                                                     std::string_view name) noexcept {
    for (std::size_t index = 0; index < count; ++index) {
        const mqp_property& property = property_at(first, size, index);
        if (view(property.name) == name) {
            return view(property.value);
        }
    }
    return std::nullopt;
}

/// A unique_ptr's deleter from a C function.
template <auto Free>
struct Deleter {
    template <class T>
    void operator()(T* handle) const noexcept {
        Free(handle);
    }
};

}  // namespace detail

class BatchResultView;

/// One try of a message that did not end as wanted.
struct Attempt {
    /// The broker that it was for.
    std::string broker_name;
    /// The queue that was asked for.
    std::int32_t queue_id = -1;
    /// What went wrong: Status::broker for an answer that was no SEND_OK.
    Status status = Status::ok;
    /// The broker's response code, when it answered.
    std::optional<std::int32_t> broker_code;
    /// The broker's remark, or what went wrong, for a person.
    std::string remark;
    /// When it began.
    std::chrono::system_clock::time_point started;
    /// How long it took.
    std::chrono::microseconds took{0};
    /// Whether the broker may have stored the message: it said so, or its answer was not heard.
    bool maybe_stored = false;
};

/// Why a call or a message failed. Copies share what they hold and never throw; any threads may read one at the same
/// time.
///
/// `what()` is the text for a person; it names the field, the value and the limit.
class Error : public std::runtime_error {
public:
    /// Takes ownership of an error of the C interface. `handle` may be NULL when there is no more than the status.
    Error(mqp_status status, mqp_error* handle)
        : std::runtime_error(handle != nullptr ? mqp_error_message(handle) : mqp_status_name(status)),
          handle_(handle, mqp_error_free) {
        if (handle == nullptr || mqp_error_get(handle, &view_, nullptr) != MQP_OK) {
            view_.status = status;
        }
    }

    /// An error of the caller's own making.
    Error(Status status, const std::string& message) : std::runtime_error(message) {
        view_.status = static_cast<mqp_status>(status);
    }

    /// The same with how each message of a batch ended, which it takes ownership of; NULL: it tells of no batch.
    Error(const Error& error, mqp_batch_result* batch) : Error(error) {
        if (batch != nullptr) {
            batch_ = std::shared_ptr<mqp_batch_result>(batch, mqp_batch_result_free);
        }
    }

    /// The status; never Status::ok.
    Status status() const noexcept { return static_cast<Status>(view_.status); }

    /// The status's stable name, such as `NO_ROUTE`. It lives for ever.
    std::string_view name() const noexcept { return mqp_status_name(view_.status); }

    /// The server's response code, when a server refused.
    std::optional<std::int32_t> broker_code() const noexcept {
        return view_.has_broker_code != 0 ? std::optional<std::int32_t>(view_.broker_code) : std::nullopt;
    }

    /// The number that RocketMQ's Java client gives this failure: the server's response code, or one of its own such as
    /// 10001 for a connection that could not be opened; nothing when it has none.
    std::optional<std::int32_t> code() const noexcept {
        return view_.code != 0 ? std::optional<std::int32_t>(view_.code) : std::nullopt;
    }

    /// The server's remark; empty when there is none. Borrowed until the last copy of this error is gone.
    std::string_view remark() const noexcept { return detail::view(view_.remark); }

    /// Whether the same call may succeed later without being changed.
    bool retriable() const noexcept { return view_.retriable != 0; }

    /// Whether a broker may have stored the message although the send failed.
    bool maybe_persisted() const noexcept { return view_.maybe_persisted != 0; }

    /// The tries of the message, in their order; empty when none was made, as for one that was refused.
    std::vector<Attempt> attempts() const;

    /// How each message of a batch ended that was sent and not stored as a whole; of no messages for all other errors.
    /// Borrowed until the last copy of this error is gone.
    BatchResultView batch() const noexcept;

private:
    std::shared_ptr<mqp_error> handle_;
    std::shared_ptr<mqp_batch_result> batch_;
    mqp_error_view view_ = MQP_ERROR_VIEW_INIT;
};

}  // namespace mqproducer

#include "attempt.hpp"

#endif
