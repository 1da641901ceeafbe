/// @file
/// Requests and replies.

#ifndef MQPRODUCER_REQUEST_HPP
#define MQPRODUCER_REQUEST_HPP

#include "message.hpp"
#include "received.hpp"

#include <cstdlib>
#include <string>

namespace mqproducer {

/// Where the reply to a request goes, from the properties of the request.
struct ReplyTo {
    /// Required: the property `CORRELATION_ID`.
    std::string correlation_id;
    /// Required: the client that asked, the property `REPLY_TO_CLIENT`.
    std::string reply_to_client;
    /// Required: the cluster that stored the request, the property `CLUSTER`.
    std::string cluster;
    /// How long the client waits from its request on, the property `TTL`, which is handed on and nothing depends on.
    /// Zero, the default: none.
    std::chrono::milliseconds ttl{0};

    /// From the properties of `request`, such as a ReceivedMessage: anything whose `property(name)` is an optional text.
    /// A required one that is missing stays empty, and the reply is refused.
    template <class Request>
    static ReplyTo from(const Request& request) {
        const auto text = [&](std::string_view name) {
            const std::optional<std::string_view> value = request.property(name);
            return std::string(value.value_or(std::string_view()));
        };
        ReplyTo to;
        to.correlation_id = text("CORRELATION_ID");
        to.reply_to_client = text("REPLY_TO_CLIENT");
        to.cluster = text("CLUSTER");
        to.ttl = std::chrono::milliseconds(std::strtoll(text("TTL").c_str(), nullptr, 10));
        return to;
    }

    /// As the C interface takes it; borrowed from this object, unchanged.
    mqp_reply_to view() const noexcept {
        mqp_reply_to raw = MQP_REPLY_TO_INIT;
        raw.ttl_ms = detail::c_milliseconds(ttl);
        raw.correlation_id = detail::c_str(correlation_id);
        raw.reply_to_client = detail::c_str(reply_to_client);
        raw.cluster = detail::c_str(cluster);
        return raw;
    }
};

inline namespace MQPRODUCER_ABI {

/// The end of a request, borrowed for the duration of the callback it is passed to; result() keeps more.
class RequestCompletion {
public:
    /// Reads a completion of the C interface.
    explicit RequestCompletion(const mqp_request_completion& completion) noexcept : completion_(completion) {}

    /// Whether there is a reply.
    bool ok() const noexcept { return completion_.status == MQP_OK; }

    /// Status::ok, or why there is no reply.
    Status status() const noexcept { return static_cast<Status>(completion_.status); }

    /// The reply, borrowed for the duration of the callback; all empty on failure.
    ReceivedMessageView reply() const noexcept { return ReceivedMessageView(completion_.reply); }

    /// Why there is no reply, to be kept as long as wished. Only when not ok().
    Error error() const { return Error(completion_.status, mqp_error_clone(completion_.error)); }

    /// Reply or error, to be kept as long as wished.
    Result<ReceivedMessage> result() const {
        if (ok()) {
            return ReceivedMessage(mqp_received_message_clone(completion_.reply));
        }
        return detail::Failure(error());
    }

private:
    const mqp_request_completion& completion_;
};

}  // inline namespace MQPRODUCER_ABI
}  // namespace mqproducer

#endif
