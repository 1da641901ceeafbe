package mqproducer.cluster;

import com.alibaba.fastjson2.JSONObject;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.apache.rocketmq.common.message.Message;

/** Messages that follow from their topic and index alone; `tests/support/messages.rs` expects the same ones. */
final class Samples {
    private Samples() {
    }

    static List<Message> messages(JSONObject command) {
        String topic = Clients.required(command, "topic");
        int size = command.getIntValue("body_size", 64);
        int first = command.getIntValue("first");
        int count = command.getIntValue("count", 1);
        List<Message> messages = new ArrayList<>(count);
        for (int index = first; index < first + count; index++) {
            Message message = new Message(topic, "tag-" + index % 3, "key-" + index, body(topic, index, size));
            message.setFlag(index * 7);
            message.putUserProperty("index", Integer.toString(index));
            message.putUserProperty("text", "\u00e9\u4e2d\u6587-" + index);
            Admin.strings(command.getJSONObject("properties")).forEach(message::putUserProperty);
            if (command.containsKey("delay_level")) {
                message.setDelayTimeLevel(command.getIntValue("delay_level"));
            }
            messages.add(message);
        }
        return messages;
    }

    /** The topic and index in front, then letters with a short period, so that bodies differ and still compress. */
    static byte[] body(String topic, int index, int size) {
        byte[] head = (topic + '#' + index + ':').getBytes(StandardCharsets.UTF_8);
        byte[] body = new byte[size];
        for (int at = 0; at < size; at++) {
            body[at] = at < head.length ? head[at] : (byte) ('a' + (index * 31L + at * 7L) % 26);
        }
        return body;
    }
}
