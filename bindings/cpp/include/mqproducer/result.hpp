/// @file
/// Result: a value or an Error, for the calls that do not throw.

#ifndef MQPRODUCER_RESULT_HPP
#define MQPRODUCER_RESULT_HPP

#include "error.hpp"

#if __has_include(<version>)
#include <version>
#endif
#if defined(__cpp_lib_expected)
#include <expected>
#else
#include <variant>
#endif

/// 1 when the throwing calls are there: not with `-fno-exceptions`.
#if defined(__cpp_exceptions)
#define MQPRODUCER_EXCEPTIONS 1
#else
#define MQPRODUCER_EXCEPTIONS 0
#endif

// What depends on the language standard or on exceptions has a namespace for each choice, so that parts of one program
// that were compiled differently can be linked together.
#if defined(__cpp_lib_expected) && MQPRODUCER_EXCEPTIONS
#define MQPRODUCER_ABI with_expected
#elif defined(__cpp_lib_expected)
#define MQPRODUCER_ABI with_expected_without_exceptions
#elif MQPRODUCER_EXCEPTIONS
#define MQPRODUCER_ABI with_result
#else
#define MQPRODUCER_ABI with_result_without_exceptions
#endif

namespace mqproducer {
inline namespace MQPRODUCER_ABI {

#if defined(__cpp_lib_expected)

/// A value or why there is none: std::expected where the standard library has it, else a class with its core.
template <class T>
using Result = std::expected<T, Error>;

#else

/// A value or why there is none: std::expected where the standard library has it, else this class with its core.
///
/// Reading the value of a failure, or the error of a success, is undefined, as it is for std::expected.
template <class T>
class [[nodiscard]] Result {
public:
    /// A success.
    Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
    /// A failure.
    Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

    /// Whether there is a value.
    bool has_value() const noexcept { return state_.index() == 0; }
    /// Whether there is a value.
    explicit operator bool() const noexcept { return has_value(); }

    /// The value.
    T& operator*() & noexcept { return *std::get_if<0>(&state_); }
    /// The value.
    const T& operator*() const& noexcept { return *std::get_if<0>(&state_); }
    /// The value, to be moved from.
    T&& operator*() && noexcept { return std::move(*std::get_if<0>(&state_)); }
    /// A member of the value.
    T* operator->() noexcept { return std::get_if<0>(&state_); }
    /// A member of the value.
    const T* operator->() const noexcept { return std::get_if<0>(&state_); }

    /// The error.
    const Error& error() const& noexcept { return *std::get_if<1>(&state_); }
    /// The error, to be moved from.
    Error&& error() && noexcept { return std::move(*std::get_if<1>(&state_)); }

private:
    std::variant<T, Error> state_;
};

/// Success without a value, or why it is none.
template <>
class [[nodiscard]] Result<void> {
public:
    /// A success.
    Result() = default;
    /// A failure.
    Result(Error error) : error_(std::move(error)) {}

    /// Whether it is a success.
    bool has_value() const noexcept { return !error_.has_value(); }
    /// Whether it is a success.
    explicit operator bool() const noexcept { return has_value(); }

    /// The error.
    const Error& error() const& noexcept { return *error_; }
    /// The error, to be moved from.
    Error&& error() && noexcept { return std::move(*error_); }

private:
    std::optional<Error> error_;
};

#endif

#if MQPRODUCER_EXCEPTIONS

/// The value of a result, out of it; throws its Error when there is none.
template <class T>
T unwrap(Result<T> result) {
    if (!result) {
        throw std::move(result).error();
    }
    return *std::move(result);
}

/// Throws the result's Error, if it has one.
inline void unwrap(Result<void> result) {
    if (!result) {
        throw std::move(result).error();
    }
}

#endif

}  // inline namespace MQPRODUCER_ABI

namespace detail {
inline namespace MQPRODUCER_ABI {

#if defined(__cpp_lib_expected)
using Failure = std::unexpected<Error>;
#else
using Failure = Error;
#endif

/// What a failing function returns; takes `error`.
inline Failure failure(mqp_status status, mqp_error* error) {
    return Failure(Error(status, error));
}

inline Result<void> result_of(mqp_status status, mqp_error* error) {
    if (status != MQP_OK) {
        return failure(status, error);
    }
    return {};
}

/// Holds headers against library once; every way into the library passes here.
inline Result<void> check_version() {
    static const bool fits = mqp_version_check(MQP_VERSION_NUMBER, nullptr) == MQP_OK;
    if (fits) {
        return {};
    }
    mqp_error* error = nullptr;
    return result_of(mqp_version_check(MQP_VERSION_NUMBER, &error), error);
}

}  // inline namespace MQPRODUCER_ABI
}  // namespace detail
}  // namespace mqproducer

#endif
