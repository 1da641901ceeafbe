package mqproducer.activemq;

import com.fasterxml.jackson.databind.ObjectMapper;
import jakarta.jms.BytesMessage;
import jakarta.jms.Connection;
import jakarta.jms.DeliveryMode;
import jakarta.jms.Destination;
import jakarta.jms.JMSException;
import jakarta.jms.MapMessage;
import jakarta.jms.Message;
import jakarta.jms.MessageConsumer;
import jakarta.jms.MessageProducer;
import jakarta.jms.Session;
import jakarta.jms.TextMessage;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Enumeration;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import org.apache.activemq.ActiveMQConnectionFactory;
import org.apache.activemq.ActiveMQMessageProducer;
import org.apache.activemq.AsyncCallback;
import org.apache.activemq.command.ActiveMQDestination;
import org.apache.activemq.command.ActiveMQMessage;

/** The official Java client, told what to do by a line of JSON on the standard input, many at the same time. */
public final class Tool {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Map<String, Open> OPEN = new ConcurrentHashMap<>();

    private record Open(Connection connection, MessageConsumer consumer) {
    }

    private Tool() {
    }

    public static void main(String[] args) throws Exception {
        ExecutorService threads = Executors.newCachedThreadPool();
        say(Map.of("ready", true));
        BufferedReader commands = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = commands.readLine(); line != null; line = commands.readLine()) {
            Map<?, ?> command = JSON.readValue(line, Map.class);
            threads.execute(() -> run(command));
        }
        System.exit(0);
    }

    private static synchronized void say(Map<String, ?> what) throws Exception {
        System.out.println(JSON.writeValueAsString(what));
    }

    private static void run(Map<?, ?> command) {
        Map<String, Object> answer = new LinkedHashMap<>();
        answer.put("id", command.get("id"));
        try {
            switch ((String) command.get("op")) {
                case "read" -> answer.put("messages", read(command));
                case "subscribe" -> subscribe(command);
                case "take" -> answer.put("messages", take(command));
                case "send" -> send(command);
                case "reply" -> answer.put("replied", reply(command));
                default -> throw new IllegalArgumentException("unknown op");
            }
            answer.put("ok", true);
        } catch (Exception error) {
            answer.put("ok", false);
            answer.put("error", error.toString());
        }
        try {
            say(answer);
        } catch (Exception error) {
            error.printStackTrace();
        }
    }

    private static Connection connect(Map<?, ?> command) throws Exception {
        ActiveMQConnectionFactory factory = new ActiveMQConnectionFactory((String) command.get("url"));
        factory.setWatchTopicAdvisories(false);
        Object user = command.get("user");
        Connection connection = user == null
                ? factory.createConnection()
                : factory.createConnection((String) user, (String) command.get("password"));
        connection.start();
        return connection;
    }

    private static Destination destination(Map<?, ?> command) {
        String name = (String) command.get("destination");
        return ActiveMQDestination.createDestination(name, ActiveMQDestination.QUEUE_TYPE);
    }

    private static long number(Map<?, ?> command, String name) {
        return ((Number) command.get(name)).longValue();
    }

    private static MessageConsumer consumer(Connection connection, Map<?, ?> command) throws Exception {
        Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
        return session.createConsumer(destination(command));
    }

    /** Takes messages until there are at_least and then none for quiet_ms, or limit_ms is over. */
    private static List<Object> take(MessageConsumer consumer, Map<?, ?> command) throws Exception {
        long end = System.currentTimeMillis() + number(command, "limit_ms");
        long atLeast = number(command, "at_least");
        List<Object> messages = new ArrayList<>();
        while (true) {
            long left = end - System.currentTimeMillis();
            boolean enough = messages.size() >= atLeast;
            Message message = left > 0 ? consumer.receive(enough ? Math.min(left, number(command, "quiet_ms")) : left) : null;
            if (message == null) {
                return messages;
            }
            messages.add(show(message));
        }
    }

    private static List<Object> read(Map<?, ?> command) throws Exception {
        Connection connection = connect(command);
        try {
            return take(consumer(connection, command), command);
        } finally {
            connection.close();
        }
    }

    private static void subscribe(Map<?, ?> command) throws Exception {
        Connection connection = connect(command);
        OPEN.put((String) command.get("name"), new Open(connection, consumer(connection, command)));
    }

    private static List<Object> take(Map<?, ?> command) throws Exception {
        Open open = OPEN.remove((String) command.get("name"));
        try {
            return take(open.consumer(), command);
        } finally {
            open.connection().close();
        }
    }

    /** Sends so many text messages as told: persistent or not, with callbacks, in a transaction. */
    private static void send(Map<?, ?> command) throws Exception {
        boolean transacted = (Boolean) command.get("transacted");
        Connection connection = connect(command);
        try {
            Session session = connection.createSession(transacted, transacted ? Session.SESSION_TRANSACTED : Session.AUTO_ACKNOWLEDGE);
            ActiveMQMessageProducer producer = (ActiveMQMessageProducer) session.createProducer(destination(command));
            producer.setDeliveryMode((Boolean) command.get("persistent") ? DeliveryMode.PERSISTENT : DeliveryMode.NON_PERSISTENT);
            int count = (int) number(command, "count");
            CountDownLatch ended = new CountDownLatch((Boolean) command.get("callback") ? count : 0);
            for (int i = 0; i < count; i++) {
                TextMessage message = session.createTextMessage("message " + i);
                if ((Boolean) command.get("callback")) {
                    producer.send(message, new AsyncCallback() {
                        @Override
                        public void onSuccess() {
                            ended.countDown();
                        }

                        @Override
                        public void onException(JMSException failure) {
                            failure.printStackTrace();
                        }
                    });
                } else {
                    producer.send(message);
                }
            }
            if (!ended.await(number(command, "limit_ms"), TimeUnit.MILLISECONDS)) {
                throw new IllegalStateException("a callback did not come");
            }
            if (transacted) {
                session.commit();
            }
        } finally {
            connection.close();
        }
    }

    /** Answers one request with its text behind "re: ", and tells it. */
    private static Object reply(Map<?, ?> command) throws Exception {
        Connection connection = connect(command);
        try {
            Session session = connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
            MessageConsumer consumer = session.createConsumer(destination(command));
            Message request = consumer.receive(number(command, "limit_ms"));
            if (request == null) {
                throw new IllegalStateException("no request came");
            }
            MessageProducer producer = session.createProducer(request.getJMSReplyTo());
            Message reply;
            if (request instanceof TextMessage text) {
                reply = session.createTextMessage("re: " + text.getText());
            } else {
                BytesMessage bytes = session.createBytesMessage();
                byte[] body = new byte[(int) ((BytesMessage) request).getBodyLength()];
                ((BytesMessage) request).readBytes(body);
                bytes.writeBytes("re: ".getBytes(StandardCharsets.UTF_8));
                bytes.writeBytes(body);
                reply = bytes;
            }
            reply.setJMSCorrelationID(request.getJMSCorrelationID());
            reply.setStringProperty("answered", "yes");
            producer.send(reply);
            return show(request);
        } finally {
            connection.close();
        }
    }

    private static Map<String, Object> typed(Object value) {
        Map<String, Object> shown = new HashMap<>();
        if (value == null) {
            shown.put("type", "null");
        } else if (value instanceof byte[] bytes) {
            shown.put("type", "bytes");
            shown.put("value", Base64.getEncoder().encodeToString(bytes));
        } else {
            shown.put("type", value.getClass().getSimpleName().toLowerCase());
            shown.put("value", value.toString());
        }
        return shown;
    }

    private static Map<String, Object> show(Message message) throws Exception {
        ActiveMQMessage raw = (ActiveMQMessage) message;
        Map<String, Object> shown = new LinkedHashMap<>();
        shown.put("class", raw.getClass().getSimpleName());
        shown.put("message_id", message.getJMSMessageID());
        shown.put("destination", String.valueOf(message.getJMSDestination()));
        shown.put("persistent", raw.isPersistent());
        shown.put("priority", message.getJMSPriority());
        shown.put("expiration", message.getJMSExpiration());
        shown.put("timestamp", message.getJMSTimestamp());
        shown.put("redelivered", message.getJMSRedelivered());
        shown.put("correlation_id", message.getJMSCorrelationID());
        shown.put("reply_to", message.getJMSReplyTo() == null ? null : message.getJMSReplyTo().toString());
        shown.put("type", message.getJMSType());
        shown.put("group_id", raw.getGroupID());
        shown.put("group_sequence", raw.getGroupSequence());
        shown.put("compressed", raw.isCompressed());
        shown.put("transaction", raw.getTransactionId() == null ? null : raw.getTransactionId().toString());
        shown.put("producer", String.valueOf(raw.getProducerId()));
        Map<String, Object> properties = new LinkedHashMap<>();
        for (Enumeration<?> names = message.getPropertyNames(); names.hasMoreElements();) {
            String name = (String) names.nextElement();
            properties.put(name, typed(message.getObjectProperty(name)));
        }
        shown.put("properties", properties);
        if (message instanceof TextMessage text) {
            shown.put("text", text.getText());
        } else if (message instanceof BytesMessage bytes) {
            byte[] body = new byte[(int) bytes.getBodyLength()];
            bytes.readBytes(body);
            shown.put("bytes", Base64.getEncoder().encodeToString(body));
        } else if (message instanceof MapMessage map) {
            Map<String, Object> entries = new LinkedHashMap<>();
            for (Enumeration<?> names = map.getMapNames(); names.hasMoreElements();) {
                String name = (String) names.nextElement();
                entries.put(name, typed(map.getObject(name)));
            }
            shown.put("map", entries);
        }
        return shown;
    }
}
