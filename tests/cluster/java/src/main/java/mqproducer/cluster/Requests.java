package mqproducer.cluster;

import com.alibaba.fastjson2.JSONArray;
import com.alibaba.fastjson2.JSONObject;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.utils.MessageUtil;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageQueue;

/** Request and reply by the official client, on either side. */
@SuppressWarnings("deprecation")
final class Requests {
    private static final int PULL_BATCH = 32;
    private static final long POLL_MILLIS = 20;

    private final Clients clients;

    Requests(Clients clients) {
        this.clients = clients;
    }

    /** Consumes {@code count} requests of a topic and replies to each with {@code pong:} and its body. */
    JSONObject respond(JSONObject command) throws Exception {
        DefaultMQPullConsumer consumer = clients.consumer(command, false);
        DefaultMQProducer producer = clients.producer(command, Clients.required(command, "group"));
        String topic = Clients.required(command, "topic");
        long deadline = System.nanoTime() + command.getLongValue("timeout_ms", 30_000) * 1_000_000;
        JSONArray statuses = new JSONArray();
        try {
            Collection<MessageQueue> queues = consumer.fetchSubscribeMessageQueues(topic);
            Map<MessageQueue, Long> next = new HashMap<>();
            while (statuses.size() < command.getIntValue("count")) {
                if (System.nanoTime() > deadline) {
                    throw new IllegalStateException(statuses.size() + " requests came");
                }
                for (MessageQueue queue : queues) {
                    for (MessageExt request : pull(consumer, queue, next)) {
                        Message reply = MessageUtil.createReplyMessage(request, pong(request.getBody()));
                        reply.setTags("java");
                        statuses.add(producer.send(reply).getSendStatus().name());
                    }
                }
                Thread.sleep(POLL_MILLIS);
            }
        } finally {
            new Thread(producer::shutdown, "shutdown").start();
        }
        return new JSONObject().fluentPut("statuses", statuses);
    }

    private static List<MessageExt> pull(DefaultMQPullConsumer consumer, MessageQueue queue, Map<MessageQueue, Long> next)
        throws Exception {
        long from = next.containsKey(queue) ? next.get(queue) : consumer.minOffset(queue);
        List<MessageExt> messages = new ArrayList<>();
        if (from < consumer.maxOffset(queue)) {
            List<MessageExt> found = consumer.pull(queue, "*", from, PULL_BATCH).getMsgFoundList();
            if (found != null) {
                messages.addAll(found);
            }
        }
        next.put(queue, from + messages.size());
        return messages;
    }

    private static byte[] pong(byte[] body) {
        byte[] prefix = "pong:".getBytes(StandardCharsets.US_ASCII);
        byte[] reply = new byte[prefix.length + body.length];
        System.arraycopy(prefix, 0, reply, 0, prefix.length);
        System.arraycopy(body, 0, reply, prefix.length, body.length);
        return reply;
    }

    /** Sends a request and waits for its reply. */
    JSONObject request(JSONObject command) throws Exception {
        DefaultMQProducer producer = clients.producer(command, Clients.required(command, "group"));
        try {
            byte[] body = Base64.getDecoder().decode(Clients.required(command, "body"));
            Message message = new Message(Clients.required(command, "topic"), body);
            Message reply = producer.request(message, command.getLongValue("timeout_ms", 30_000));
            return new JSONObject()
                .fluentPut("topic", reply.getTopic())
                .fluentPut("body", Base64.getEncoder().encodeToString(reply.getBody()))
                .fluentPut("flag", reply.getFlag())
                .fluentPut("properties", new TreeMap<>(reply.getProperties()));
        } finally {
            new Thread(producer::shutdown, "shutdown").start();
        }
    }
}
