#include "outcomes.hpp"

#include <cstdio>
#include <cstdlib>

using namespace mqproducer;

const char* const fault_names[11] = {"none",        "answer",       "change_answer", "delay",       "drop",
                                     "lose_answer", "close_before", "close_after",   "half_answer", "garbage",
                                     "stop_reading"};

Json body_json(std::string_view body) {
    std::string digits = "hex:";
    bool is_text = true;
    for (const char byte : body) {
        is_text = is_text && byte >= 0x20 && byte < 0x7f;
        char two[3];
        std::snprintf(two, sizeof(two), "%02x", static_cast<unsigned>(static_cast<unsigned char>(byte)));
        digits += two;
    }
    return is_text ? Json(body) : Json(digits);
}

std::string body_of(const std::string& text) {
    if (text.substr(0, 4) != "hex:") {
        return text;
    }
    std::string bytes;
    for (std::size_t at = 4; at + 1 < text.size(); at += 2) {
        bytes += static_cast<char>(std::strtoul(text.substr(at, 2).c_str(), nullptr, 16));
    }
    return bytes;
}

Json with_status(std::string_view status) {
    Json made = Json::object();
    made["status"] = Json(status);
    return made;
}

Json outcome(const Error& error) {
    Json made = with_status(error.name());
    made["code"] = Json::of(error.code().value_or(0));
    made["broker_code"] = Json::of(error.broker_code().value_or(0));
    made["remark"] = Json(error.remark());
    made["text"] = Json(error.what());
    made["retriable"] = Json(error.retriable());
    made["maybe_persisted"] = Json(error.maybe_persisted());
    return made;
}

Json outcome(const ReceiptView& receipt) {
    Json made = with_status("OK");
    made["send_status"] = Json(send_status_name(receipt.send_status()));
    made["topic"] = Json(receipt.topic());
    made["broker"] = Json(receipt.broker_name());
    made["queue_id"] = Json::of(receipt.queue_id());
    made["queue_offset"] = Json::of(receipt.queue_offset());
    made["message_id"] = Json(receipt.message_id());
    made["offset_message_id"] = Json(receipt.offset_message_id());
    made["transaction_id"] = Json(receipt.transaction_id());
    made["region_id"] = Json(receipt.region_id());
    made["recall_handle"] = Json(receipt.recall_handle());
    made["attempts"] = Json::of(receipt.attempts());
    return made;
}

Json outcome(const ReceivedMessageView& message) {
    Json made = with_status("OK");
    made["topic"] = Json(message.topic());
    made["body"] = body_json(message.body());
    made["tags"] = Json(message.tags());
    made["keys"] = Json(message.keys());
    made["flag"] = Json::of(message.flag());
    made["message_id"] = Json(message.message_id());
    made["transaction_id"] = Json(message.transaction_id());
    made["properties"] = pairs_json(message.properties());
    return made;
}

Json outcome(const BatchResultView& results) {
    Json made = with_status("OK");
    Json& list = made["results"] = Json::list();
    for (std::size_t index = 0; index < results.size(); ++index) {
        const std::optional<Error> error = results.error(index);
        list.add(error ? outcome(*error) : outcome(results.receipt(index)));
    }
    return made;
}

Json outcome_of_batch(const Error& error) {
    Json made = outcome(error);
    if (error.batch().size() > 0) {
        made["results"] = *outcome(error.batch()).find("results");
    }
    return made;
}

Json outcome(const Result<void>& result) {
    return result ? with_status("OK") : outcome(result.error());
}

Json stored_messages(const MockCluster& cluster, const std::string& topic) {
    Json list = Json::list();
    for (const MockMessage message : cluster.messages(topic)) {
        Json one = Json::object();
        one["topic"] = Json(message.topic());
        one["body"] = body_json(message.body());
        one["tags"] = Json(message.tags());
        one["keys"] = Json(message.keys());
        one["flag"] = Json::of(message.flag());
        one["broker"] = Json(message.broker_name());
        one["queue_id"] = Json::of(message.queue_id());
        one["queue_offset"] = Json::of(message.queue_offset());
        one["message_id"] = Json(message.message_id());
        one["offset_message_id"] = Json(message.offset_message_id());
        one["properties"] = pairs_json(message.properties());
        list.add(std::move(one));
    }
    return list;
}

Json requests_seen(const MockRequests& requests) {
    Json list = Json::list();
    for (const MockRequest request : requests) {
        Json one = Json::object();
        const auto fault = static_cast<std::size_t>(request.fault());
        one["code"] = Json::of(request.code());
        one["broker"] = Json(request.broker_name());
        one["oneway"] = Json(request.oneway());
        one["fault"] = Json(fault < std::size(fault_names) ? fault_names[fault] : "?");
        one["fields"] = pairs_json(request.fields());
        one["body"] = body_json(request.body());
        list.add(std::move(one));
    }
    return list;
}
