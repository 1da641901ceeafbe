/// @file
/// The tries of a message.

#ifndef MQPRODUCER_ATTEMPT_HPP
#define MQPRODUCER_ATTEMPT_HPP

#include "error.hpp"

namespace mqproducer {
namespace detail {

/// The tries that `of` tells, by its two functions.
template <class Handle, class Count, class At>
std::vector<Attempt> attempts(const Handle* of, Count count, At at) {
    std::vector<Attempt> all;
    const std::size_t size = count(of);
    all.reserve(size);
    mqp_attempt raw = MQP_ATTEMPT_INIT;
    for (std::size_t index = 0; index < size && at(of, index, &raw, nullptr) == MQP_OK; ++index) {
        Attempt attempt;
        attempt.broker_name = view(raw.broker_name);
        attempt.queue_id = raw.queue_id;
        attempt.status = static_cast<Status>(raw.status);
        if (raw.has_broker_code != 0) {
            attempt.broker_code = raw.broker_code;
        }
        attempt.remark = view(raw.remark);
        attempt.started = std::chrono::system_clock::time_point(std::chrono::milliseconds(raw.started_ms));
        attempt.took = std::chrono::microseconds(static_cast<std::chrono::microseconds::rep>(raw.took_us));
        attempt.maybe_stored = raw.maybe_stored != 0;
        all.push_back(std::move(attempt));
    }
    return all;
}

}  // namespace detail

inline std::vector<Attempt> Error::attempts() const {
    return detail::attempts(handle_.get(), mqp_error_attempt_count, mqp_error_attempt_at);
}

}  // namespace mqproducer

#endif
