package mqproducer.cluster;

import com.alibaba.fastjson2.JSONObject;
import com.alibaba.fastjson2.JSONWriter;
import java.io.BufferedWriter;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.consumer.PullResult;
import org.apache.rocketmq.client.consumer.PullStatus;
import org.apache.rocketmq.common.message.MessageClientExt;
import org.apache.rocketmq.common.message.MessageExt;
import org.apache.rocketmq.common.message.MessageConst;
import org.apache.rocketmq.common.message.MessageQueue;

/** Reads a topic by offsets, without a consumer group's rebalancing and so without its delays. */
@SuppressWarnings("deprecation")
final class Reader {
    private static final int PULL_BATCH = 1024;
    private static final long POLL_MILLIS = 20;

    private final Clients clients;

    Reader(Clients clients) {
        this.clients = clients;
    }

    /** Every message from the least to the greatest offset of every queue, once {@code min_count} are readable. */
    JSONObject read(JSONObject command) throws Exception {
        DefaultMQPullConsumer consumer = clients.consumer(command, command.getBooleanValue("raw"));
        String topic = Clients.required(command, "topic");
        Path out = Paths.get(Clients.required(command, "out"));
        long wanted = command.getLongValue("min_count");
        long deadline = System.nanoTime() + command.getLongValue("timeout_ms", 30_000) * 1_000_000;

        List<MessageExt> messages = new ArrayList<>();
        // Where the next pull of each queue starts: a later round reads only what came since.
        Map<MessageQueue, Long> next = new TreeMap<>();
        while (true) {
            Exception failure = null;
            try {
                for (MessageQueue queue : sorted(consumer.fetchSubscribeMessageQueues(topic))) {
                    long from = next.containsKey(queue) ? next.get(queue) : consumer.minOffset(queue);
                    next.put(queue, pull(consumer, queue, from, consumer.maxOffset(queue), messages));
                }
            } catch (InterruptedException stop) {
                throw stop;
            } catch (Exception error) {
                failure = error;
            }
            boolean late = System.nanoTime() > deadline;
            if (failure == null && (messages.size() >= wanted || late)) {
                break;
            }
            if (late) {
                throw failure;
            }
            Thread.sleep(POLL_MILLIS);
        }
        write(out, messages);
        return new JSONObject().fluentPut("count", messages.size());
    }

    private static List<MessageQueue> sorted(Iterable<MessageQueue> queues) {
        List<MessageQueue> list = new ArrayList<>();
        queues.forEach(list::add);
        list.sort(Comparator.naturalOrder());
        return list;
    }

    /** Returns the offset after the last one that was read. */
    private static long pull(DefaultMQPullConsumer consumer, MessageQueue queue, long from, long end,
        List<MessageExt> messages) throws Exception {
        long offset = from;
        while (offset < end) {
            PullResult result = consumer.pull(queue, "*", offset, PULL_BATCH);
            if (result.getPullStatus() == PullStatus.FOUND) {
                messages.addAll(result.getMsgFoundList());
            }
            if (result.getNextBeginOffset() <= offset) {
                break;
            }
            offset = result.getNextBeginOffset();
        }
        return offset;
    }

    private static void write(Path out, List<MessageExt> messages) throws Exception {
        messages.sort(Comparator.comparing(MessageExt::getBrokerName).thenComparing(MessageExt::getQueueId)
            .thenComparing(MessageExt::getQueueOffset));
        try (BufferedWriter writer = Files.newBufferedWriter(out)) {
            for (MessageExt message : messages) {
                writer.write(json(message).toJSONString(JSONWriter.Feature.WriteMapNullValue));
                writer.newLine();
            }
        }
    }

    private static JSONObject json(MessageExt message) {
        Map<String, String> properties = new TreeMap<>(message.getProperties());
        // Added by the pulling client, not stored.
        properties.remove(MessageConst.PROPERTY_MIN_OFFSET);
        properties.remove(MessageConst.PROPERTY_MAX_OFFSET);
        return new JSONObject()
            .fluentPut("topic", message.getTopic())
            .fluentPut("brokerName", message.getBrokerName())
            .fluentPut("queueId", message.getQueueId())
            .fluentPut("queueOffset", message.getQueueOffset())
            .fluentPut("msgId", message.getMsgId())
            .fluentPut("offsetMsgId", offsetMsgId(message))
            .fluentPut("tags", message.getTags())
            .fluentPut("keys", message.getKeys())
            .fluentPut("flag", message.getFlag())
            .fluentPut("sysFlag", message.getSysFlag())
            .fluentPut("bornTimestamp", message.getBornTimestamp())
            .fluentPut("bornHost", address(message.getBornHost()))
            .fluentPut("storeTimestamp", message.getStoreTimestamp())
            .fluentPut("storeHost", address(message.getStoreHost()))
            .fluentPut("reconsumeTimes", message.getReconsumeTimes())
            .fluentPut("properties", properties)
            .fluentPut("body", Base64.getEncoder().encodeToString(message.getBody()));
    }

    private static String offsetMsgId(MessageExt message) {
        return ((MessageClientExt) message).getOffsetMsgId();
    }

    private static String address(SocketAddress address) {
        InetSocketAddress inet = (InetSocketAddress) address;
        return inet.getAddress().getHostAddress() + ':' + inet.getPort();
    }
}
