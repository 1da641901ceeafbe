package mqproducer.cluster;

import com.alibaba.fastjson2.JSONObject;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import org.apache.rocketmq.acl.common.AclClientRPCHook;
import org.apache.rocketmq.acl.common.SessionCredentials;
import org.apache.rocketmq.client.ClientConfig;
import org.apache.rocketmq.client.consumer.DefaultMQPullConsumer;
import org.apache.rocketmq.client.producer.DefaultMQProducer;
import org.apache.rocketmq.remoting.RPCHook;
import org.apache.rocketmq.remoting.protocol.RemotingCommand;
import org.apache.rocketmq.remoting.protocol.SerializeType;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;

/**
 * Clients from the connection fields of a command: {@code namesrv}, {@code access_key}, {@code secret_key},
 * {@code tls}, {@code serializer}. Admin clients and consumers are kept, so that only the first command pays for one.
 */
@SuppressWarnings("deprecation")
final class Clients {
    private static final long ADMIN_TIMEOUT_MILLIS = 10_000;

    private final AtomicInteger sequence = new AtomicInteger();
    private final Map<String, DefaultMQAdminExt> admins = new ConcurrentHashMap<>();
    private final Map<String, DefaultMQPullConsumer> consumers = new ConcurrentHashMap<>();

    private interface Start {
        void start() throws Exception;
    }

    DefaultMQAdminExt admin(JSONObject command) {
        return admins.computeIfAbsent(key(command), key -> {
            DefaultMQAdminExt admin = new DefaultMQAdminExt(hook(command), ADMIN_TIMEOUT_MILLIS);
            configure(admin, command);
            start(admin::start);
            return admin;
        });
    }

    /** {@code raw} leaves compressed bodies, and the flag that tells so, as they are stored. */
    DefaultMQPullConsumer consumer(JSONObject command, boolean raw) {
        return consumers.computeIfAbsent(key(command) + '|' + raw, key -> {
            DefaultMQPullConsumer consumer = new DefaultMQPullConsumer("cluster_tool_reader", hook(command));
            consumer.setDecodeDecompressBody(!raw);
            configure(consumer, command);
            start(consumer::start);
            return consumer;
        });
    }

    /** A started producer of its own, which the caller shuts down. */
    DefaultMQProducer producer(JSONObject command, String group) throws Exception {
        DefaultMQProducer producer = new DefaultMQProducer(group, hook(command));
        configure(producer, command);
        producer.setEnableTrace(command.getBooleanValue("trace"));
        producer.start();
        return producer;
    }

    private void configure(ClientConfig client, JSONObject command) {
        client.setNamesrvAddr(required(command, "namesrv"));
        client.setUseTLS(command.getBooleanValue("tls"));
        // Clients of one instance name share connections, and with them the hooks of whichever came first.
        client.setInstanceName("cluster-tool-" + sequence.incrementAndGet());
    }

    private static void start(Start client) {
        try {
            client.start();
        } catch (Exception error) {
            throw new IllegalStateException("a client does not start: " + error, error);
        }
    }

    private static String key(JSONObject command) {
        return String.join("|", required(command, "namesrv"), String.valueOf(command.getString("access_key")),
            String.valueOf(command.getString("secret_key")), String.valueOf(command.getBooleanValue("tls")),
            String.valueOf(command.getString("serializer")));
    }

    private static RPCHook hook(JSONObject command) {
        String accessKey = command.getString("access_key");
        RPCHook acl = accessKey == null
            ? null
            : new AclClientRPCHook(new SessionCredentials(accessKey, required(command, "secret_key")));
        String serializer = command.getString("serializer");
        return serializer == null ? acl : new SerializerHook(SerializeType.valueOf(serializer), acl);
    }

    static String required(JSONObject command, String field) {
        String value = command.getString(field);
        if (value == null) {
            throw new IllegalArgumentException("missing field: " + field);
        }
        return value;
    }

    /** Chooses the serializer of each request; the client's own setting holds for the entire JVM. */
    private static final class SerializerHook implements RPCHook {
        private final SerializeType type;
        private final RPCHook next;

        SerializerHook(SerializeType type, RPCHook next) {
            this.type = type;
            this.next = next;
        }

        @Override
        public void doBeforeRequest(String remoteAddr, RemotingCommand request) {
            request.setSerializeTypeCurrentRPC(type);
            if (next != null) {
                next.doBeforeRequest(remoteAddr, request);
            }
        }

        @Override
        public void doAfterResponse(String remoteAddr, RemotingCommand request, RemotingCommand response) {
            if (next != null) {
                next.doAfterResponse(remoteAddr, request, response);
            }
        }
    }
}
