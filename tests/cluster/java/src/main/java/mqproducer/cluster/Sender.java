package mqproducer.cluster;

import com.alibaba.fastjson2.JSONArray;
import com.alibaba.fastjson2.JSONObject;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendCallback;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.compression.CompressionType;
import org.apache.rocketmq.common.message.Message;
import org.apache.rocketmq.common.message.MessageClientIDSetter;
import org.apache.rocketmq.common.message.MessageQueue;

/** The official producer, sending the messages of {@link Samples}. */
final class Sender {
    private final Clients clients;

    Sender(Clients clients) {
        this.clients = clients;
    }

    /** Answers one result a message, or one for the whole of a batch, and the unique ids of all messages. */
    JSONObject send(JSONObject command) throws Exception {
        String group = Clients.required(command, "group");
        List<Message> messages = Samples.messages(command);
        DefaultMQProducer producer = clients.producer(command, group);
        try {
            long timeout = command.getLongValue("timeout_ms", 10_000);
            producer.setSendMsgTimeout((int) timeout);
            compression(producer, command.getString("compress"));
            MessageQueue queue = queue(command);
            JSONArray results = new JSONArray();
            String mode = Clients.required(command, "mode");
            switch (mode) {
                case "sync":
                    messages.forEach(message -> results.add(sync(producer, queue, message)));
                    break;
                case "async":
                    results.addAll(async(producer, queue, messages, timeout));
                    break;
                case "oneway":
                    for (Message message : messages) {
                        oneway(producer, queue, message);
                    }
                    break;
                case "batch":
                    results.add(batch(producer, queue, messages));
                    break;
                default:
                    throw new IllegalArgumentException("unknown mode: " + mode);
            }
            List<String> ids = new ArrayList<>();
            messages.forEach(message -> ids.add(MessageClientIDSetter.getUniqID(message)));
            return new JSONObject().fluentPut("results", results).fluentPut("ids", ids);
        } finally {
            // A shutdown loses traces that are on their way; such a producer ends with the tool.
            if (!command.getBooleanValue("trace")) {
                // The client now and then takes three seconds for its own shutdown.
                new Thread(producer::shutdown, "shutdown").start();
            }
        }
    }

    private static void compression(DefaultMQProducer producer, String compress) {
        if ("none".equals(compress)) {
            producer.setCompressMsgBodyOverHowmuch(Integer.MAX_VALUE);
        } else if (compress != null) {
            producer.setCompressType(CompressionType.of(compress));
            producer.setCompressMsgBodyOverHowmuch(1);
        }
    }

    /** The queue of the fields {@code broker} and {@code queue}; without them the producer chooses. */
    private static MessageQueue queue(JSONObject command) {
        return command.containsKey("queue")
            ? new MessageQueue(Clients.required(command, "topic"), Clients.required(command, "broker"),
                command.getIntValue("queue"))
            : null;
    }

    private static JSONObject sync(DefaultMQProducer producer, MessageQueue queue, Message message) {
        try {
            return json(queue == null ? producer.send(message) : producer.send(message, queue));
        } catch (Exception error) {
            return Tool.failure(error);
        }
    }

    private static JSONObject batch(DefaultMQProducer producer, MessageQueue queue, List<Message> messages) {
        try {
            return json(queue == null ? producer.send(messages) : producer.send(messages, queue));
        } catch (Exception error) {
            return Tool.failure(error);
        }
    }

    private static void oneway(DefaultMQProducer producer, MessageQueue queue, Message message) throws Exception {
        if (queue == null) {
            producer.sendOneway(message);
        } else {
            producer.sendOneway(message, queue);
        }
    }

    private static List<JSONObject> async(DefaultMQProducer producer, MessageQueue queue, List<Message> messages,
        long timeout) throws Exception {
        JSONObject[] results = new JSONObject[messages.size()];
        CountDownLatch left = new CountDownLatch(messages.size());
        for (int i = 0; i < results.length; i++) {
            int index = i;
            SendCallback callback = new SendCallback() {
                @Override
                public void onSuccess(SendResult result) {
                    results[index] = json(result);
                    left.countDown();
                }

                @Override
                public void onException(Throwable error) {
                    results[index] = Tool.failure(error);
                    left.countDown();
                }
            };
            if (queue == null) {
                producer.send(messages.get(i), callback);
            } else {
                producer.send(messages.get(i), queue, callback);
            }
        }
        // Every attempt may take the entire timeout, and the client makes at most three.
        if (!left.await(4 * timeout, TimeUnit.MILLISECONDS)) {
            throw new IllegalStateException(left.getCount() + " of " + results.length + " callbacks did not come");
        }
        return List.of(results);
    }

    private static JSONObject json(SendResult result) {
        return new JSONObject()
            .fluentPut("ok", true)
            .fluentPut("status", result.getSendStatus().name())
            .fluentPut("msgId", result.getMsgId())
            .fluentPut("offsetMsgId", result.getOffsetMsgId())
            .fluentPut("broker", result.getMessageQueue().getBrokerName())
            .fluentPut("queueId", result.getMessageQueue().getQueueId())
            .fluentPut("queueOffset", result.getQueueOffset())
            .fluentPut("transactionId", result.getTransactionId())
            .fluentPut("regionId", result.getRegionId())
            .fluentPut("traceOn", result.isTraceOn())
            .fluentPut("recallHandle", result.getRecallHandle());
    }
}
