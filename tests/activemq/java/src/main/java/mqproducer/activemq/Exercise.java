package mqproducer.activemq;

import jakarta.jms.BytesMessage;
import jakarta.jms.Connection;
import jakarta.jms.DeliveryMode;
import jakarta.jms.Destination;
import jakarta.jms.JMSException;
import jakarta.jms.MapMessage;
import jakarta.jms.Message;
import jakarta.jms.MessageConsumer;
import jakarta.jms.MessageProducer;
import jakarta.jms.ObjectMessage;
import jakarta.jms.Queue;
import jakarta.jms.QueueBrowser;
import jakarta.jms.Session;
import jakarta.jms.StreamMessage;
import jakarta.jms.TextMessage;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import org.apache.activemq.ActiveMQConnection;
import org.apache.activemq.ActiveMQConnectionFactory;
import org.apache.activemq.ActiveMQMessageProducer;
import org.apache.activemq.AsyncCallback;

/** What the official Java client does with a broker at the URL of its argument: each step, or what went wrong in it. */
public final class Exercise {
    private static final long LIMIT = 20_000;

    private final String url;

    private interface Step {
        void run(Connection connection) throws Exception;
    }

    private Exercise(String url) {
        this.url = url;
    }

    public static void main(String[] args) throws Exception {
        Thread watch = new Thread(() -> {
            try {
                Thread.sleep(4 * LIMIT);
            } catch (InterruptedException end) {
                return;
            }
            System.out.println("failed: it took too long");
            System.out.flush();
            Runtime.getRuntime().halt(2);
        });
        watch.setDaemon(true);
        watch.start();
        Exercise all = new Exercise(args[0]);
        all.step("messages", "", all::messages);
        all.step("compressed", "jms.useCompression=true", all::compressed);
        all.step("window", "jms.useAsyncSend=true&jms.producerWindowSize=4096", all::window);
        all.step("callbacks", "", all::callbacks);
        all.step("transactions", "", all::transactions);
        all.step("acknowledgements", "", all::acknowledgements);
        all.step("topics", "", all::topics);
        all.step("request", "", all::request);
        all.step("browser", "", all::browser);
        all.step("pulls", "jms.prefetchPolicy.all=0", all::pulls);
        all.step("scheduled", "", all::scheduled);
        all.step("refusals", "", all::refusals);
        System.exit(0);
    }

    private Connection connect(String options) throws Exception {
        String separator = url.contains("?") ? "&" : "?";
        ActiveMQConnectionFactory factory =
                new ActiveMQConnectionFactory(options.isEmpty() ? url : url + separator + options);
        factory.setTrustAllPackages(true);
        Connection connection = factory.createConnection();
        connection.start();
        return connection;
    }

    private void step(String name, String options, Step step) throws Exception {
        try {
            Connection connection = connect(options);
            step.run(connection);
            connection.close();
            System.out.println("ok " + name);
        } catch (Throwable error) {
            error.printStackTrace();
            System.out.println("failed " + name + ": " + error);
            System.out.flush();
            // Threads of connections would keep the program alive.
            Runtime.getRuntime().halt(1);
        }
    }

    private static void same(Object expected, Object found) {
        if (!Objects.equals(expected, found)) {
            throw new IllegalStateException("expected " + expected + ", found " + found);
        }
    }

    private static Session session(Connection connection) throws JMSException {
        return connection.createSession(false, Session.AUTO_ACKNOWLEDGE);
    }

    private static TextMessage text(MessageConsumer consumer) throws JMSException {
        TextMessage message = (TextMessage) consumer.receive(LIMIT);
        if (message == null) {
            throw new IllegalStateException("no message came");
        }
        return message;
    }

    private void messages(Connection connection) throws Exception {
        Session session = session(connection);
        Queue queue = session.createQueue("Java.messages");
        MessageProducer producer = session.createProducer(queue);
        TextMessage text = session.createTextMessage("hé\u0000llo \uD83D\uDE00");
        text.setJMSCorrelationID("c-1");
        text.setJMSType("t-1");
        text.setJMSReplyTo(session.createTopic("Java.reply"));
        text.setStringProperty("JMSXGroupID", "g");
        text.setIntProperty("JMSXGroupSeq", 3);
        text.setStringProperty("s", "é".repeat(9000));
        text.setBooleanProperty("b", true);
        text.setByteProperty("y", (byte) -4);
        text.setShortProperty("h", (short) -5);
        text.setIntProperty("i", -7);
        text.setLongProperty("l", Long.MIN_VALUE);
        text.setFloatProperty("f", 2.5f);
        text.setDoubleProperty("d", -1.5);
        producer.send(text, DeliveryMode.PERSISTENT, 7, 60_000);
        BytesMessage bytes = session.createBytesMessage();
        bytes.writeBytes(new byte[] {0, 1, -1});
        producer.send(bytes, DeliveryMode.NON_PERSISTENT, 4, 0);
        MapMessage map = session.createMapMessage();
        map.setString("k", "v");
        map.setBytes("bytes", new byte[] {1, 2});
        producer.send(map);
        ObjectMessage object = session.createObjectMessage(new ArrayList<>(List.of("a", "b")));
        producer.send(object);
        StreamMessage stream = session.createStreamMessage();
        stream.writeInt(7);
        stream.writeString("s");
        producer.send(stream);
        producer.send(session.createMessage());

        MessageConsumer consumer = session.createConsumer(queue);
        TextMessage back = text(consumer);
        same(text.getText(), back.getText());
        same(text.getJMSMessageID(), back.getJMSMessageID());
        same(queue, back.getJMSDestination());
        same(7, back.getJMSPriority());
        same(text.getJMSExpiration(), back.getJMSExpiration());
        same("c-1", back.getJMSCorrelationID());
        same("t-1", back.getJMSType());
        same(text.getJMSReplyTo(), back.getJMSReplyTo());
        for (String name : List.of("JMSXGroupID", "JMSXGroupSeq", "s", "b", "y", "h", "i", "l", "f", "d")) {
            same(text.getObjectProperty(name), back.getObjectProperty(name));
        }
        BytesMessage bytesBack = (BytesMessage) consumer.receive(LIMIT);
        byte[] body = new byte[(int) bytesBack.getBodyLength()];
        bytesBack.readBytes(body);
        same("[0, 1, -1]", java.util.Arrays.toString(body));
        same(DeliveryMode.NON_PERSISTENT, bytesBack.getJMSDeliveryMode());
        same("v", ((MapMessage) consumer.receive(LIMIT)).getString("k"));
        same(List.of("a", "b"), ((ObjectMessage) consumer.receive(LIMIT)).getObject());
        same(7, ((StreamMessage) consumer.receive(LIMIT)).readInt());
        same(true, consumer.receive(LIMIT) != null);
        same(null, consumer.receiveNoWait());
    }

    private void compressed(Connection connection) throws Exception {
        Session session = session(connection);
        Queue queue = session.createQueue("Java.compressed");
        MessageProducer producer = session.createProducer(queue);
        String repeated = "compress me ".repeat(1000);
        producer.send(session.createTextMessage(repeated));
        BytesMessage bytes = session.createBytesMessage();
        bytes.writeBytes(repeated.getBytes("UTF-8"));
        producer.send(bytes);
        MapMessage map = session.createMapMessage();
        map.setString("k", repeated);
        producer.send(map);
        MessageConsumer consumer = session.createConsumer(queue);
        same(repeated, text(consumer).getText());
        BytesMessage back = (BytesMessage) consumer.receive(LIMIT);
        byte[] body = new byte[(int) back.getBodyLength()];
        back.readBytes(body);
        same(repeated, new String(body, "UTF-8"));
        same(repeated, ((MapMessage) consumer.receive(LIMIT)).getString("k"));
    }

    private void window(Connection connection) throws Exception {
        Session session = session(connection);
        MessageProducer producer = session.createProducer(session.createQueue("Java.window"));
        for (int number = 0; number < 50; number++) {
            producer.send(session.createTextMessage(Integer.toString(number)));
        }
        MessageConsumer consumer = session.createConsumer(session.createQueue("Java.window"));
        for (int number = 0; number < 50; number++) {
            same(Integer.toString(number), text(consumer).getText());
        }
    }

    private void callbacks(Connection connection) throws Exception {
        Session session = session(connection);
        ActiveMQMessageProducer producer =
                (ActiveMQMessageProducer) session.createProducer(session.createQueue("Java.callbacks"));
        CountDownLatch done = new CountDownLatch(20);
        AtomicReference<JMSException> failed = new AtomicReference<>();
        for (int number = 0; number < 20; number++) {
            producer.send(session.createTextMessage(Integer.toString(number)), new AsyncCallback() {
                @Override
                public void onSuccess() {
                    done.countDown();
                }

                @Override
                public void onException(JMSException error) {
                    failed.set(error);
                    done.countDown();
                }
            });
        }
        same(true, done.await(LIMIT, TimeUnit.MILLISECONDS));
        same(null, failed.get());
    }

    private void transactions(Connection connection) throws Exception {
        Session session = connection.createSession(true, Session.SESSION_TRANSACTED);
        Queue queue = session.createQueue("Java.transactions");
        MessageProducer producer = session.createProducer(queue);
        for (String body : List.of("committed", "rolled back", "committed, too")) {
            producer.send(session.createTextMessage(body));
            if (body.startsWith("c")) {
                session.commit();
            } else {
                session.rollback();
            }
        }
        MessageConsumer consumer = session.createConsumer(queue);
        same("committed", text(consumer).getText());
        session.rollback();
        TextMessage again = text(consumer);
        same("committed", again.getText());
        same(true, again.getJMSRedelivered());
        same("committed, too", text(consumer).getText());
        session.commit();
        consumer.close();
        same(null, session(connection).createConsumer(queue).receiveNoWait());
    }

    private void acknowledgements(Connection connection) throws Exception {
        Session session = connection.createSession(false, Session.CLIENT_ACKNOWLEDGE);
        Queue queue = session.createQueue("Java.acknowledgements");
        MessageProducer producer = session.createProducer(queue);
        for (int number = 0; number < 10; number++) {
            producer.send(session.createTextMessage(Integer.toString(number)));
        }
        MessageConsumer consumer = session.createConsumer(queue);
        for (int number = 0; number < 5; number++) {
            TextMessage message = text(consumer);
            same(Integer.toString(number), message.getText());
            message.acknowledge();
        }
        same("5", text(consumer).getText());
        session.close();
        Session next = session(connection);
        MessageConsumer heir = next.createConsumer(queue);
        TextMessage again = text(heir);
        same("5", again.getText());
        same(true, again.getJMSRedelivered());
        for (int number = 6; number < 10; number++) {
            TextMessage message = text(heir);
            same(Integer.toString(number), message.getText());
            same(false, message.getJMSRedelivered());
        }
    }

    private void topics(Connection connection) throws Exception {
        Session session = session(connection);
        MessageConsumer one = session.createConsumer(session.createTopic("Java.topics.*"));
        MessageConsumer two = session.createConsumer(session.createTopic("Java.>"));
        session.createProducer(session.createTopic("Java.topics.a")).send(session.createTextMessage("all"));
        same("all", text(one).getText());
        same("all", text(two).getText());
        MessageProducer composite = session.createProducer(session.createQueue("Java.left,Java.right"));
        composite.send(session.createTextMessage("both"));
        same("both", text(session.createConsumer(session.createQueue("Java.left"))).getText());
        same("both", text(session.createConsumer(session.createQueue("Java.right"))).getText());
    }

    /** The one who answers is another connection: it has to hear of the temporary queue. */
    private void request(Connection connection) throws Exception {
        Connection other = connect("");
        try {
            Session answering = session(other);
            MessageProducer anywhere = answering.createProducer(null);
            answering.createConsumer(answering.createQueue("Java.request")).setMessageListener(request -> {
                try {
                    Message reply = answering.createTextMessage("re: " + ((TextMessage) request).getText());
                    reply.setJMSCorrelationID(request.getJMSCorrelationID());
                    anywhere.send(request.getJMSReplyTo(), reply);
                } catch (JMSException error) {
                    error.printStackTrace();
                }
            });
            Session session = session(connection);
            Destination own = session.createTemporaryQueue();
            MessageConsumer consumer = session.createConsumer(own);
            TextMessage request = session.createTextMessage("question");
            request.setJMSReplyTo(own);
            request.setJMSCorrelationID("c-2");
            session.createProducer(session.createQueue("Java.request")).send(request);
            TextMessage reply = text(consumer);
            same("re: question", reply.getText());
            same("c-2", reply.getJMSCorrelationID());
        } finally {
            other.close();
        }
    }

    private void browser(Connection connection) throws Exception {
        Session session = session(connection);
        Queue queue = session.createQueue("Java.browser");
        MessageProducer producer = session.createProducer(queue);
        producer.send(session.createTextMessage("1"));
        producer.send(session.createTextMessage("2"));
        for (int look = 0; look < 2; look++) {
            QueueBrowser browser = session.createBrowser(queue);
            same(2, Collections.list(browser.getEnumeration()).size());
            browser.close();
        }
    }

    private void pulls(Connection connection) throws Exception {
        Session session = session(connection);
        Queue queue = session.createQueue("Java.pulls");
        MessageConsumer consumer = session.createConsumer(queue);
        same(null, consumer.receiveNoWait());
        MessageProducer producer = session.createProducer(queue);
        producer.send(session.createTextMessage("1"));
        producer.send(session.createTextMessage("2"));
        same("1", text(consumer).getText());
        same("2", text(consumer).getText());
    }

    private void scheduled(Connection connection) throws Exception {
        Session session = session(connection);
        Queue queue = session.createQueue("Java.scheduled");
        MessageProducer producer = session.createProducer(queue);
        TextMessage late = session.createTextMessage("late");
        late.setLongProperty("AMQ_SCHEDULED_DELAY", 500);
        producer.send(late);
        producer.send(session.createTextMessage("early"));
        MessageConsumer consumer = session.createConsumer(queue);
        same("early", text(consumer).getText());
        same("late", text(consumer).getText());
    }

    private void refusals(Connection connection) throws Exception {
        Session session = session(connection);
        MessageProducer gone = session.createProducer(null);
        Destination nowhere = new org.apache.activemq.command.ActiveMQTempQueue("ID:nobody:1");
        try {
            gone.send(nowhere, session.createTextMessage("x"));
            throw new IllegalStateException("a message to nowhere was taken");
        } catch (JMSException expected) {
            same(true, expected.getMessage().contains("ID:nobody:1"));
        }
        try (Connection second = new ActiveMQConnectionFactory(url).createConnection()) {
            second.setClientID(connection.getClientID());
            second.start();
            throw new IllegalStateException("a client id was taken twice");
        } catch (jakarta.jms.InvalidClientIDException expected) {
            same(true, expected.getMessage().contains("already connected"));
        }
        same(true, ((ActiveMQConnection) connection).getBrokerInfo() != null);
    }
}
