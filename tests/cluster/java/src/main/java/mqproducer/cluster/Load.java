package mqproducer.cluster;

import com.alibaba.fastjson2.JSONObject;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.client.producer.SendResult;
import org.apache.rocketmq.common.message.Message;

/** The official producer under load: several threads that send for a time and count what failed. */
final class Load {
    private final Clients clients;

    Load(Clients clients) {
        this.clients = clients;
    }

    /**
     * Answers the number of sends and failures, the longest one, the longest time without an acknowledgement, and the ids
     * of what was acknowledged. With a {@code stop}, the load ends when that file is there.
     */
    JSONObject sendFor(JSONObject command) throws Exception {
        String topic = Clients.required(command, "topic");
        long pause = command.getLongValue("pause_ms");
        DefaultMQProducer producer = clients.producer(command, Clients.required(command, "group"));
        producer.setSendLatencyFaultEnable(command.getBooleanValue("latency"));
        ConcurrentLinkedQueue<String> ids = new ConcurrentLinkedQueue<>();
        AtomicInteger sent = new AtomicInteger();
        AtomicInteger failed = new AtomicInteger();
        AtomicLong worst = new AtomicLong();
        String stop = command.getString("stop");
        AtomicLong longestGap = new AtomicLong();
        AtomicLong lastAcknowledged = new AtomicLong();
        ExecutorService workers = Executors.newCachedThreadPool();
        try {
            long end = System.nanoTime() + command.getLongValue("millis") * 1_000_000;
            List<Future<?>> running = new ArrayList<>();
            for (int i = 0; i < command.getIntValue("threads"); i++) {
                running.add(workers.submit(() -> {
                    while (System.nanoTime() < end && (stop == null || !Files.exists(Path.of(stop)))) {
                        long start = System.nanoTime();
                        sent.incrementAndGet();
                        try {
                            SendResult result = producer.send(new Message(topic, new byte[64]));
                            ids.add(result.getMsgId());
                            long now = System.nanoTime();
                            long before = lastAcknowledged.getAndSet(now);
                            if (before != 0) {
                                longestGap.accumulateAndGet((now - before) / 1_000_000, Math::max);
                            }
                        } catch (Exception error) {
                            failed.incrementAndGet();
                        }
                        worst.accumulateAndGet((System.nanoTime() - start) / 1_000_000, Math::max);
                        Thread.sleep(pause);
                    }
                    return null;
                }));
            }
            for (Future<?> one : running) {
                one.get();
            }
        } finally {
            workers.shutdownNow();
            new Thread(producer::shutdown, "shutdown").start();
        }
        return new JSONObject()
            .fluentPut("sent", sent.get())
            .fluentPut("failed", failed.get())
            .fluentPut("worst_ms", worst.get())
            .fluentPut("longest_gap_ms", longestGap.get())
            .fluentPut("ids", new ArrayList<>(ids));
    }
}
