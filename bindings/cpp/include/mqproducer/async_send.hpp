/// @file
/// The calls that return at once, which async_sender.hpp describes.

#ifndef MQPRODUCER_ASYNC_SEND_HPP
#define MQPRODUCER_ASYNC_SEND_HPP

#include "async_sender.hpp"

namespace mqproducer {

namespace detail {

/// The messages as the C interface takes them; borrowed from `messages`, unchanged, and from what they view.
inline std::vector<mqp_message> views(const std::vector<Message>& messages) {
    std::vector<mqp_message> all;
    all.reserve(messages.size());
    for (const Message& message : messages) {
        all.push_back(message.view());
    }
    return all;
}

}  // namespace detail

inline namespace MQPRODUCER_ABI {

template <class F>
Result<void> AsyncSender::try_send_async(const Message& message, F&& callable, const SendOptions& options) {
    const mqp_message raw = message.view();
    return detail::call_async<mqp_callback, mqp_completion, Completion>(
        std::forward<F>(callable), options,
        [&](const mqp_send_options* with, const mqp_callback& callback, mqp_error** error) {
            return mqp_producer_send_async(handle_.get(), &raw, with, callback, error);
        });
}

template <class F>
Result<void> AsyncSender::try_send_batch_async(const std::vector<Message>& messages, F&& callable,
                                            const SendOptions& options, const BatchOptions& batch) {
    const std::vector<mqp_message> raw = detail::views(messages);
    const mqp_batch_options raw_batch = batch.view();
    return detail::call_async<mqp_batch_callback, mqp_batch_completion, BatchCompletion>(
        std::forward<F>(callable), options,
        [&](const mqp_send_options* with, const mqp_batch_callback& callback, mqp_error** error) {
            return mqp_producer_send_batch_async(handle_.get(), raw.data(), raw.size(), sizeof(mqp_message), with,
                                                 &raw_batch, callback, error);
        });
}

template <class F>
Result<void> AsyncSender::try_request_async(const Message& message, std::chrono::milliseconds timeout, F&& callable,
                                         const SendOptions& options) {
    const Result<std::uint32_t> timeout_ms = detail::c_timeout(timeout);
    if (!timeout_ms) {
        return detail::Failure(timeout_ms.error());
    }
    const mqp_message raw = message.view();
    return detail::call_async<mqp_request_callback, mqp_request_completion, RequestCompletion>(
        std::forward<F>(callable), options,
        [&](const mqp_send_options* with, const mqp_request_callback& callback, mqp_error** error) {
            return mqp_producer_request_async(handle_.get(), &raw, with, *timeout_ms, callback, error);
        });
}

template <class F>
Result<void> AsyncSender::try_reply_async(const ReplyTo& to, const Message& message, F&& callable,
                                       const SendOptions& options) {
    const mqp_reply_to raw_to = to.view();
    const mqp_message raw = message.view();
    return detail::call_async<mqp_callback, mqp_completion, Completion>(
        std::forward<F>(callable), options,
        [&](const mqp_send_options* with, const mqp_callback& callback, mqp_error** error) {
            return mqp_producer_reply_async(handle_.get(), &raw_to, &raw, with, callback, error);
        });
}

inline std::future<Result<Receipt>> AsyncSender::try_send_future(const Message& message, const SendOptions& options) {
    return detail::try_future_of<Receipt>(
        [&](auto&& told) { return try_send_async(message, std::forward<decltype(told)>(told), options); });
}

inline std::future<Result<BatchResult>> AsyncSender::try_send_batch_future(const std::vector<Message>& messages,
                                                                           const SendOptions& options,
                                                                           const BatchOptions& batch) {
    return detail::try_future_of<BatchResult>(
        [&](auto&& told) { return try_send_batch_async(messages, std::forward<decltype(told)>(told), options, batch); });
}

inline std::future<Result<ReceivedMessage>> AsyncSender::try_request_future(const Message& message,
                                                                            std::chrono::milliseconds timeout,
                                                                            const SendOptions& options) {
    return detail::try_future_of<ReceivedMessage>(
        [&](auto&& told) { return try_request_async(message, timeout, std::forward<decltype(told)>(told), options); });
}

inline std::future<Result<Receipt>> AsyncSender::try_reply_future(const ReplyTo& to, const Message& message,
                                                                  const SendOptions& options) {
    return detail::try_future_of<Receipt>(
        [&](auto&& told) { return try_reply_async(to, message, std::forward<decltype(told)>(told), options); });
}

#if MQPRODUCER_EXCEPTIONS

inline std::future<Receipt> AsyncSender::send_future(const Message& message, const SendOptions& options) {
    return detail::future_of<Receipt>(
        [&](auto&& told) { return try_send_async(message, std::forward<decltype(told)>(told), options); });
}

inline std::future<BatchResult> AsyncSender::send_batch_future(const std::vector<Message>& messages,
                                                                           const SendOptions& options,
                                                                           const BatchOptions& batch) {
    return detail::future_of<BatchResult>(
        [&](auto&& told) { return try_send_batch_async(messages, std::forward<decltype(told)>(told), options, batch); });
}

inline std::future<ReceivedMessage> AsyncSender::request_future(const Message& message,
                                                                            std::chrono::milliseconds timeout,
                                                                            const SendOptions& options) {
    return detail::future_of<ReceivedMessage>(
        [&](auto&& told) { return try_request_async(message, timeout, std::forward<decltype(told)>(told), options); });
}

inline std::future<Receipt> AsyncSender::reply_future(const ReplyTo& to, const Message& message,
                                                                  const SendOptions& options) {
    return detail::future_of<Receipt>(
        [&](auto&& told) { return try_reply_async(to, message, std::forward<decltype(told)>(told), options); });
}

#endif

inline Result<void> AsyncSender::try_send_queued(const Message& message, CompletionQueue& queue, void* user_data,
                                                 const SendOptions& options) {
    const mqp_message raw = message.view();
    return detail::call_with(options, [&](const mqp_send_options* with, mqp_error** error) {
        return mqp_producer_send_queued(handle(), &raw, with, queue.handle(), user_data, error);
    });
}

inline Result<std::size_t> AsyncSender::try_send_many(const Message* messages, std::size_t count,
                                                      CompletionQueue& queue, void* const* user_data,
                                                      const SendOptions& options) {
    Result<mqp_send_options> with = detail::c_options(options);
    if (!with) {
        return detail::Failure(std::move(with).error());
    }
    // So many at a time: one who goes on with the rest again and again does not copy all of it each time.
    constexpr std::size_t at_once = 256;
    std::vector<mqp_message> raw;
    std::size_t sent = 0;
    do {
        raw.clear();
        for (std::size_t index = sent; index < count && raw.size() < at_once; ++index) {
            raw.push_back(messages[index].view());
        }
        const detail::SelectorCall selection(options.selector, *with);
        std::size_t accepted = 0;
        Result<void> result = detail::call([&](mqp_error** error) {
            return mqp_producer_send_many(handle(), raw.data(), raw.size(), sizeof(mqp_message), &*with, queue.handle(),
                                          user_data == nullptr ? nullptr : user_data + sent, &accepted, error);
        });
        sent += accepted;
        if (result) {
            continue;
        }
        if (sent == 0) {
            selection.rethrow();
            if (result.error().status() != Status::backpressure) {
                return detail::Failure(std::move(result).error());
            }
        }
        break;
    } while (sent < count);
    return sent;
}

}  // inline namespace MQPRODUCER_ABI
}  // namespace mqproducer

#endif
