/// @file
/// The calls of Producer that send, which producer.hpp describes.

#ifndef MQPRODUCER_PRODUCER_SEND_HPP
#define MQPRODUCER_PRODUCER_SEND_HPP

#include "producer.hpp"

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

inline Result<Receipt> Producer::send_by(SendFunction function, const Message& message, const SendOptions& options) {
    const mqp_message raw = message.view();
    return detail::call_for_with<Receipt, mqp_receipt>(
        options, [&](const mqp_send_options* with, mqp_receipt** receipt, mqp_error** error) {
            return function(handle_.get(), &raw, with, receipt, error);
        });
}

inline Result<Receipt> Producer::try_send(const Message& message, const SendOptions& options) {
    return send_by(mqp_producer_send, message, options);
}

inline Result<Receipt> Producer::try_send_oneway(const Message& message, const SendOptions& options) {
    return send_by(mqp_producer_send_oneway, message, options);
}

template <class F>
Result<void> Producer::try_send_async(const Message& message, F&& callable, const SendOptions& options) {
    const mqp_message raw = message.view();
    return detail::call_async<mqp_callback, mqp_completion, Completion>(
        std::forward<F>(callable), options,
        [&](const mqp_send_options* with, const mqp_callback& callback, mqp_error** error) {
            return mqp_producer_send_async(handle_.get(), &raw, with, callback, error);
        });
}

inline Result<BatchResult> Producer::send_batch_by(BatchFunction function, const std::vector<Message>& messages,
                                                   const SendOptions& options, const BatchOptions& batch) {
    const std::vector<mqp_message> raw = detail::views(messages);
    const mqp_batch_options raw_batch = batch.view();
    BatchResult results(nullptr);
    const Result<void> sent = detail::call_with(options, [&](const mqp_send_options* with, mqp_error** error) {
        mqp_batch_result* handle = nullptr;
        const mqp_status status = function(handle_.get(), raw.data(), raw.size(), sizeof(mqp_message), with, &raw_batch,
                                           &handle, error);
        results = BatchResult(handle);
        return status;
    });
    if (!sent) {
        return detail::Failure(Error(sent.error(), results.release()));
    }
    return Result<BatchResult>(std::move(results));
}

inline Result<BatchResult> Producer::try_send_batch(const std::vector<Message>& messages, const SendOptions& options,
                                                    const BatchOptions& batch) {
    return send_batch_by(mqp_producer_send_batch, messages, options, batch);
}

inline Result<BatchResult> Producer::try_send_batch_oneway(const std::vector<Message>& messages,
                                                           const SendOptions& options, const BatchOptions& batch) {
    return send_batch_by(mqp_producer_send_batch_oneway, messages, options, batch);
}

template <class F>
Result<void> Producer::try_send_batch_async(const std::vector<Message>& messages, F&& callable,
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

inline Result<Receipt> Producer::try_recall(std::string_view topic, std::string_view recall_handle,
                                            std::optional<std::chrono::milliseconds> timeout) {
    const Result<std::uint32_t> timeout_ms = timeout ? detail::c_timeout(*timeout) : Result<std::uint32_t>(0u);
    if (!timeout_ms) {
        return detail::Failure(timeout_ms.error());
    }
    return detail::call_for<Receipt, mqp_receipt>([&](mqp_receipt** receipt, mqp_error** error) {
        return mqp_producer_recall(handle_.get(), detail::c_str(topic), detail::c_str(recall_handle), *timeout_ms,
                                   receipt, error);
    });
}

inline Result<ReceivedMessage> Producer::try_request(const Message& message, std::chrono::milliseconds timeout,
                                                     const SendOptions& options) {
    const Result<std::uint32_t> timeout_ms = detail::c_timeout(timeout);
    if (!timeout_ms) {
        return detail::Failure(timeout_ms.error());
    }
    const mqp_message raw = message.view();
    return detail::call_for_with<ReceivedMessage, mqp_received_message>(
        options, [&](const mqp_send_options* with, mqp_received_message** reply, mqp_error** error) {
            return mqp_producer_request(handle_.get(), &raw, with, *timeout_ms, reply, error);
        });
}

template <class F>
Result<void> Producer::try_request_async(const Message& message, std::chrono::milliseconds timeout, F&& callable,
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

inline Result<Receipt> Producer::try_reply(const ReplyTo& to, const Message& message, const SendOptions& options) {
    const mqp_reply_to raw_to = to.view();
    const mqp_message raw = message.view();
    return detail::call_for_with<Receipt, mqp_receipt>(
        options, [&](const mqp_send_options* with, mqp_receipt** receipt, mqp_error** error) {
            return mqp_producer_reply(handle_.get(), &raw_to, &raw, with, receipt, error);
        });
}

template <class F>
Result<void> Producer::try_reply_async(const ReplyTo& to, const Message& message, F&& callable,
                                       const SendOptions& options) {
    const mqp_reply_to raw_to = to.view();
    const mqp_message raw = message.view();
    return detail::call_async<mqp_callback, mqp_completion, Completion>(
        std::forward<F>(callable), options,
        [&](const mqp_send_options* with, const mqp_callback& callback, mqp_error** error) {
            return mqp_producer_reply_async(handle_.get(), &raw_to, &raw, with, callback, error);
        });
}

}  // inline namespace MQPRODUCER_ABI
}  // namespace mqproducer

#endif
