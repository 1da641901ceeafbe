/// @file
/// How brokers do.

#ifndef MQPRODUCER_BROKER_HPP
#define MQPRODUCER_BROKER_HPP

#include "error.hpp"

#include <chrono>
#include <vector>

namespace mqproducer {

/// How a broker does. Later versions of the library may give other numbers.
enum class BrokerHealth : std::uint32_t {
    /// Takes its turn.
    healthy = MQP_BROKER_HEALTHY,
    /// Was slow or failed: passed over while there are others.
    isolated = MQP_BROKER_ISOLATED,
    /// Did not answer, and the detector has not reached it since.
    unreachable = MQP_BROKER_UNREACHABLE,
};

/// What a producer knew of one broker at one moment.
struct BrokerState {
    /// The broker's name.
    std::string name;
    /// The master's address.
    std::string address;
    /// As the key `send_latency_enable` has it judged; without that every broker is healthy.
    BrokerHealth health;
    /// Until when it is passed over; nothing when it is not isolated.
    std::optional<std::chrono::system_clock::time_point> isolated_until;
    /// How long the last send to it took; nothing when none was measured.
    std::optional<std::chrono::milliseconds> latency;
};

namespace detail {

/// The states of a snapshot, which is taken.
inline std::vector<BrokerState> broker_states(mqp_broker_states* handle) {
    const std::unique_ptr<mqp_broker_states, Deleter<mqp_broker_states_free>> owner(handle);
    std::vector<BrokerState> states;
    states.reserve(mqp_broker_states_count(handle));
    mqp_broker_state_view raw = MQP_BROKER_STATE_VIEW_INIT;
    for (std::size_t index = 0; mqp_broker_states_get(handle, index, &raw, nullptr) == MQP_OK; ++index) {
        BrokerState state{std::string(view(raw.name)), std::string(view(raw.address)),
                          static_cast<BrokerHealth>(raw.state), std::nullopt, std::nullopt};
        if (state.health == BrokerHealth::isolated) {
            state.isolated_until = std::chrono::system_clock::time_point(std::chrono::milliseconds(raw.until_ms));
        }
        if (raw.latency_ms >= 0) {
            state.latency = std::chrono::milliseconds(raw.latency_ms);
        }
        states.push_back(std::move(state));
    }
    return states;
}

}  // namespace detail
}  // namespace mqproducer

#endif
