/// @file
/// The configuration of a producer.

#ifndef MQPRODUCER_CONFIG_HPP
#define MQPRODUCER_CONFIG_HPP

#include "result.hpp"

#include <chrono>
#include <initializer_list>
#include <type_traits>
#include <vector>

namespace mqproducer {

/// One configuration key. The texts live for ever.
struct ConfigOption {
    /// The key.
    std::string_view key;
    /// The type of its value: `text`, `integer`, `milliseconds`, `flag`, `choice`, `codes` or `list`.
    std::string_view type_name;
    /// The value when it is not set; empty when there is none.
    std::string_view default_value;
    /// The legal values, for a person, such as `0 to 100`; empty when any text of the type is legal.
    std::string_view range;
    /// What it does.
    std::string_view doc;
};

/// The library's table of all configuration keys. Any thread.
inline std::vector<ConfigOption> config_options() {
    std::vector<ConfigOption> options;
    const std::size_t count = mqp_config_option_count();
    options.reserve(count);
    for (std::size_t index = 0; index < count; ++index) {
        mqp_config_option_view row = MQP_CONFIG_OPTION_VIEW_INIT;
        if (mqp_config_option_get(index, &row, nullptr) == MQP_OK) {
            options.push_back({detail::view(row.key), detail::view(row.type_name), detail::view(row.default_value),
                               detail::view(row.range), detail::view(row.doc)});
        }
    }
    return options;
}

namespace detail {

/// A value of a key as the text that the library reads; a text stays a view of the argument.
template <class V>
auto config_text(const V& value) {
    if constexpr (std::is_convertible_v<const V&, std::string_view>) {
        return std::string_view(value);
    } else if constexpr (std::is_same_v<V, bool>) {
        return std::string_view(value ? "true" : "false");
    } else if constexpr (std::is_integral_v<V> && !std::is_same_v<V, char>) {
        return std::to_string(value);
    } else {
        static_assert(std::is_convertible_v<const V&, std::chrono::milliseconds>,
                      "a configuration value is a text, a bool, an integer or a duration of whole milliseconds");
        return std::to_string(std::chrono::milliseconds(value).count());
    }
}

}  // namespace detail

inline namespace MQPRODUCER_ABI {

/// The configuration of a producer: texts by key. The keys with their defaults are in config_options().
///
/// Threads: one at a time. Producers made from it keep what they have when it changes or ends.
class Config {
public:
    /// A key with its value, as text.
    using Entry = std::pair<std::string_view, std::string_view>;

    /// Makes a configuration with every default. Errors: Status::version_mismatch.
    static Result<Config> create() {
        if (Result<void> fits = detail::check_version(); !fits) {
            return detail::Failure(std::move(fits).error());
        }
        mqp_config* handle = nullptr;
        mqp_error* error = nullptr;
        const mqp_status status = mqp_config_new(&handle, &error);
        if (status != MQP_OK) {
            return detail::failure(status, error);
        }
        return Config(handle);
    }

    /// Sets one key. A refused value leaves the earlier one in force.
    ///
    /// `value`: a text, a bool, an integer or a duration (of milliseconds or coarser); copied. Errors:
    /// Status::invalid_config for an unknown key, with the nearest one suggested, or an illegal value, with its range.
    template <class V>
    Result<void> try_set(std::string_view key, const V& value) {
        const auto text = detail::config_text(value);
        mqp_error* error = nullptr;
        const mqp_status status = mqp_config_set(handle_.get(), detail::c_str(key), detail::c_str(text), &error);
        return detail::result_of(status, error);
    }

    /// Reads the value in force of one key: what was set, else the default. Errors: Status::invalid_config for an
    /// unknown key.
    Result<std::string> try_get(std::string_view key) const {
        mqp_str value = {nullptr, 0};
        mqp_error* error = nullptr;
        const mqp_status status = mqp_config_get(handle_.get(), detail::c_str(key), &value, &error);
        if (status != MQP_OK) {
            return detail::failure(status, error);
        }
        return std::string(detail::view(value));
    }

#if MQPRODUCER_EXCEPTIONS
    /// As create().
    Config() : Config(unwrap(create())) {}

    /// As create(), then set() for each entry.
    Config(std::initializer_list<Entry> entries) : Config() {
        for (const Entry& entry : entries) {
            set(entry.first, entry.second);
        }
    }

    /// As try_set(); calls can be chained.
    template <class V>
    Config& set(std::string_view key, const V& value) & {
        unwrap(try_set(key, value));
        return *this;
    }

    /// As try_set(); calls can be chained.
    template <class V>
    Config&& set(std::string_view key, const V& value) && {
        unwrap(try_set(key, value));
        return std::move(*this);
    }

    /// As try_get().
    std::string get(std::string_view key) const { return unwrap(try_get(key)); }
#endif

    /// The handle, for calls of the C interface; borrowed from this object.
    mqp_config* handle() const noexcept { return handle_.get(); }

private:
    explicit Config(mqp_config* handle) noexcept : handle_(handle) {}

    std::unique_ptr<mqp_config, detail::Deleter<mqp_config_free>> handle_;
};

}  // inline namespace MQPRODUCER_ABI
}  // namespace mqproducer

#endif
