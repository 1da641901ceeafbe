// What came, as outcomes.

#ifndef CONFORMANCE_OUTCOMES_HPP
#define CONFORMANCE_OUTCOMES_HPP

#include <mqproducer.hpp>

#include "json.hpp"

/// A body as cases write it.
Json body_json(std::string_view body);
/// A body that a case writes as `text`.
std::string body_of(const std::string& text);

/// Names with values.
template <class Pairs>
Json pairs_json(const Pairs& pairs) {
    Json object = Json::object();
    for (const auto& [name, value] : pairs) {
        object[name] = Json(value);
    }
    return object;
}

Json with_status(std::string_view status);
Json outcome(const mqproducer::Error& error);
Json outcome(const mqproducer::ReceiptView& receipt);
Json outcome(const mqproducer::ReceivedMessageView& message);
Json outcome(const mqproducer::BatchResultView& results);
Json outcome(const mqproducer::Result<void>& result);
/// Those of a batch that was sent and failed.
Json outcome_of_batch(const mqproducer::Error& error);

template <class T>
Json outcome(const mqproducer::Result<T>& result) {
    if (result) {
        return outcome(*result);
    }
    if constexpr (std::is_same_v<T, mqproducer::BatchResult>) {
        return outcome_of_batch(result.error());
    } else {
        return outcome(result.error());
    }
}

/// By broker, queue and offset, as the cluster lists them.
Json stored_messages(const mqproducer::MockCluster& cluster, const std::string& topic);
Json requests_seen(const mqproducer::MockRequests& requests);

/// From MockFaultAction::none on.
extern const char* const fault_names[11];

#endif
