/// @file
/// The calls of Producer that send and wait, which producer.hpp describes.

#ifndef MQPRODUCER_PRODUCER_SEND_HPP
#define MQPRODUCER_PRODUCER_SEND_HPP

#include "producer.hpp"

namespace mqproducer {

inline namespace MQPRODUCER_ABI {

inline Result<Receipt> Producer::send_by(SendFunction function, const Message& message, const SendOptions& options) {
    const mqp_message raw = message.view();
    return detail::call_for_with<Receipt, mqp_receipt>(
        options, [&](const mqp_send_options* with, mqp_receipt** receipt, mqp_error** error) {
            return function(handle(), &raw, with, receipt, error);
        });
}

inline Result<Receipt> Producer::try_send(const Message& message, const SendOptions& options) {
    return send_by(mqp_producer_send, message, options);
}

inline Result<Receipt> Producer::try_send_oneway(const Message& message, const SendOptions& options) {
    return send_by(mqp_producer_send_oneway, message, options);
}

inline Result<BatchResult> Producer::send_batch_by(BatchFunction function, const std::vector<Message>& messages,
                                                   const SendOptions& options, const BatchOptions& batch) {
    const std::vector<mqp_message> raw = detail::views(messages);
    const mqp_batch_options raw_batch = batch.view();
    BatchResult results(nullptr);
    const Result<void> sent = detail::call_with(options, [&](const mqp_send_options* with, mqp_error** error) {
        mqp_batch_result* made = nullptr;
        const mqp_status status =
            function(handle(), raw.data(), raw.size(), sizeof(mqp_message), with, &raw_batch, &made, error);
        results = BatchResult(made);
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

inline Result<Receipt> Producer::try_recall(std::string_view topic, std::string_view recall_handle,
                                            std::optional<std::chrono::milliseconds> timeout) {
    const Result<std::uint32_t> timeout_ms = timeout ? detail::c_timeout(*timeout) : Result<std::uint32_t>(0u);
    if (!timeout_ms) {
        return detail::Failure(timeout_ms.error());
    }
    return detail::call_for<Receipt, mqp_receipt>([&](mqp_receipt** receipt, mqp_error** error) {
        return mqp_producer_recall(handle(), detail::c_str(topic), detail::c_str(recall_handle), *timeout_ms,
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
            return mqp_producer_request(handle(), &raw, with, *timeout_ms, reply, error);
        });
}

inline Result<Receipt> Producer::try_reply(const ReplyTo& to, const Message& message, const SendOptions& options) {
    const mqp_reply_to raw_to = to.view();
    const mqp_message raw = message.view();
    return detail::call_for_with<Receipt, mqp_receipt>(
        options, [&](const mqp_send_options* with, mqp_receipt** receipt, mqp_error** error) {
            return mqp_producer_reply(handle(), &raw_to, &raw, with, receipt, error);
        });
}

}  // inline namespace MQPRODUCER_ABI
}  // namespace mqproducer

#endif
