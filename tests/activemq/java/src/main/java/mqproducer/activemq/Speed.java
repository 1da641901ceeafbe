package mqproducer.activemq;

import jakarta.jms.BytesMessage;
import jakarta.jms.DeliveryMode;
import jakarta.jms.JMSException;
import jakarta.jms.Session;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.activemq.ActiveMQConnection;
import org.apache.activemq.ActiveMQConnectionFactory;
import org.apache.activemq.ActiveMQMessageProducer;
import org.apache.activemq.AsyncCallback;
import org.apache.activemq.command.ActiveMQQueue;

/** The official Java client, measured as benches/activemq/send.c measures this library: the same arguments and output. */
public final class Speed {
    private static final int IN_FLIGHT = 1000;
    private static final AtomicLong FAILED = new AtomicLong();
    private static final Room ROOM = new Room();

    private Speed() {
    }

    public static void main(String[] args) throws Exception {
        String mode = args[1];
        long count = Long.parseLong(args[4]);
        byte[] body = new byte[Integer.parseInt(args[5])];
        int threads = Integer.parseInt(args[6]);
        boolean window = mode.equals("window");
        ActiveMQConnectionFactory factory = new ActiveMQConnectionFactory(args[0]);
        factory.setWatchTopicAdvisories(false);
        if (window) {
            factory.setProducerWindowSize(1048576);
        }
        ActiveMQConnection connection = (ActiveMQConnection) factory.createConnection();
        connection.start();
        List<Worker> workers = new ArrayList<>();
        for (int i = 0; i < threads; i++) {
            Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
            ActiveMQMessageProducer producer = (ActiveMQMessageProducer) session.createProducer(new ActiveMQQueue(args[2]));
            producer.setDeliveryMode(window ? DeliveryMode.NON_PERSISTENT : DeliveryMode.PERSISTENT);
            workers.add(new Worker(mode, session, producer, body));
        }
        sendAll(workers, Long.parseLong(args[3]));
        // The kernel's count of this process's CPU time, as getrusage tells it to the driver in C.
        var system = (com.sun.management.OperatingSystemMXBean) ManagementFactory.getOperatingSystemMXBean();
        long cpu = system.getProcessCpuTime();
        long wall = System.nanoTime();
        sendAll(workers, count);
        wall = System.nanoTime() - wall;
        cpu = system.getProcessCpuTime() - cpu;
        System.out.printf("{\"count\":%d,\"wall_us\":%d,\"cpu_us\":%d,\"failed\":%d}%n", count, wall / 1000, cpu / 1000,
                FAILED.get());
        connection.close();
    }

    private static void sendAll(List<Worker> workers, long count) throws Exception {
        List<Thread> threads = new ArrayList<>();
        for (Worker worker : workers) {
            Thread thread = new Thread(() -> worker.send(count / workers.size()));
            thread.start();
            threads.add(thread);
        }
        for (Thread thread : threads) {
            thread.join();
        }
    }

    private record Worker(String mode, Session session, ActiveMQMessageProducer producer, byte[] body) {
        void send(long count) {
            try {
                switch (mode) {
                    case "sync" -> sendSync(count);
                    case "async" -> sendAsync(count);
                    case "window" -> {
                        sendSync(count - 1);
                        // Answered when all before it have reached the broker.
                        producer.send(message(), DeliveryMode.PERSISTENT, 4, 0);
                    }
                    default -> throw new IllegalArgumentException(mode);
                }
            } catch (Exception error) {
                error.printStackTrace();
                System.exit(1);
            }
        }

        private BytesMessage message() throws JMSException {
            BytesMessage message = session.createBytesMessage();
            message.writeBytes(body);
            return message;
        }

        private void sendSync(long count) throws JMSException {
            for (long i = 0; i < count; i++) {
                producer.send(message());
            }
        }

        private void sendAsync(long count) throws Exception {
            AsyncCallback callback = new AsyncCallback() {
                @Override
                public void onSuccess() {
                    ROOM.leave();
                }

                @Override
                public void onException(JMSException failure) {
                    FAILED.incrementAndGet();
                    ROOM.leave();
                }
            };
            for (long i = 0; i < count; i++) {
                ROOM.enter();
                producer.send(message(), callback);
            }
            ROOM.await(0);
        }
    }

    /** At the limit senders wait until half of it is free: one that wakes for each message measures itself. */
    private static final class Room {
        private int outstanding;

        synchronized void enter() throws InterruptedException {
            if (outstanding >= IN_FLIGHT) {
                await(IN_FLIGHT / 2);
            }
            outstanding++;
        }

        synchronized void leave() {
            outstanding--;
            if (outstanding <= IN_FLIGHT / 2) {
                notifyAll();
            }
        }

        synchronized void await(int most) throws InterruptedException {
            while (outstanding > most) {
                wait();
            }
        }
    }
}
