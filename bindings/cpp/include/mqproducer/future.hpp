/// @file
/// Ends of messages as std::future.

#ifndef MQPRODUCER_FUTURE_HPP
#define MQPRODUCER_FUTURE_HPP

#include "result.hpp"

#include <future>

namespace mqproducer {
namespace detail {
inline namespace MQPRODUCER_ABI {

/// A future of what a callable will be told. `start` gives the callable to a call that sends and returns a
/// `Result<void>`: a refusal is the future's.
template <class T, class Start>
std::future<Result<T>> try_future_of(Start&& start) {
    // Shared: a call that refuses has destroyed the callable.
    const auto promise = std::make_shared<std::promise<Result<T>>>();
    std::future<Result<T>> future = promise->get_future();
    Result<void> started = start([promise](Result<T> result) { promise->set_value(std::move(result)); });
    if (!started) {
        promise->set_value(Failure(std::move(started).error()));
    }
    return future;
}

#if MQPRODUCER_EXCEPTIONS
/// The same with the error as the future's exception.
template <class T, class Start>
std::future<T> future_of(Start&& start) {
    const auto promise = std::make_shared<std::promise<T>>();
    std::future<T> future = promise->get_future();
    Result<void> started = start([promise](Result<T> result) {
        if (result) {
            promise->set_value(*std::move(result));
        } else {
            promise->set_exception(std::make_exception_ptr(std::move(result).error()));
        }
    });
    if (!started) {
        promise->set_exception(std::make_exception_ptr(std::move(started).error()));
    }
    return future;
}
#endif

}  // inline namespace MQPRODUCER_ABI
}  // namespace detail
}  // namespace mqproducer

#endif
