package mqproducer.cluster;

import com.alibaba.fastjson2.JSONArray;
import com.alibaba.fastjson2.JSONObject;
import java.util.HashMap;
import java.util.Map;
import java.util.Properties;
import org.apache.rocketmq.client.exception.MQClientException;
import org.apache.rocketmq.common.TopicConfig;
import org.apache.rocketmq.remoting.protocol.route.BrokerData;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;

/** Topics, live broker settings, users and their permissions. */
final class Admin {
    private static final long ROUTE_TIMEOUT_MILLIS = 30_000;

    private final Clients clients;

    Admin(Clients clients) {
        this.clients = clients;
    }

    /** Answers when the name server serves the topic's route, so that the next command can use it. */
    JSONObject createTopic(JSONObject command) throws Exception {
        DefaultMQAdminExt admin = clients.admin(command);
        String topic = Clients.required(command, "topic");
        String broker = Clients.required(command, "broker_addr");
        int queues = command.getIntValue("queues", 8);
        TopicConfig config = new TopicConfig(topic, queues, queues, command.getIntValue("perm", 6));
        config.setOrder(command.getBooleanValue("order"));
        Map<String, String> attributes = new HashMap<>();
        strings(command.getJSONObject("attributes")).forEach((name, value) ->
            // The broker wants to be told whether an attribute is added or removed.
            attributes.put(name.startsWith("+") || name.startsWith("-") ? name : "+" + name, value));
        config.setAttributes(attributes);
        admin.createAndUpdateTopicConfig(broker, config);

        long deadline = System.nanoTime() + ROUTE_TIMEOUT_MILLIS * 1_000_000;
        while (!routed(admin, topic, broker)) {
            if (System.nanoTime() > deadline) {
                throw new IllegalStateException("no route of topic " + topic + " names " + broker + " after "
                    + ROUTE_TIMEOUT_MILLIS + " ms");
            }
            Thread.sleep(20);
        }
        return new JSONObject();
    }

    private static boolean routed(DefaultMQAdminExt admin, String topic, String broker) throws Exception {
        try {
            for (BrokerData data : admin.examineTopicRouteInfo(topic).getBrokerDatas()) {
                if (data.getBrokerAddrs().containsValue(broker)) {
                    return true;
                }
            }
            return false;
        } catch (MQClientException missing) {
            return false;
        }
    }

    /** Live settings; the broker also writes them into its configuration file. */
    JSONObject setConfig(JSONObject command) throws Exception {
        Properties properties = new Properties();
        properties.putAll(strings(command.getJSONObject("properties")));
        clients.admin(command).updateBrokerConfig(Clients.required(command, "broker_addr"), properties);
        return new JSONObject();
    }

    JSONObject createUser(JSONObject command) throws Exception {
        String type = command.getString("type");
        clients.admin(command).createUser(Clients.required(command, "broker_addr"), Clients.required(command, "user"),
            Clients.required(command, "password"), type == null ? "Normal" : type);
        return new JSONObject();
    }

    JSONObject createAcl(JSONObject command) throws Exception {
        JSONArray resources = command.getJSONArray("resources");
        JSONArray actions = command.getJSONArray("actions");
        clients.admin(command).createAcl(Clients.required(command, "broker_addr"), Clients.required(command, "subject"),
            resources.toJavaList(String.class), actions.toJavaList(String.class), null, "Allow");
        return new JSONObject();
    }

    static Map<String, String> strings(JSONObject object) {
        Map<String, String> map = new HashMap<>();
        if (object != null) {
            object.forEach((name, value) -> map.put(name, String.valueOf(value)));
        }
        return map;
    }
}
