package mqproducer.cluster;

import com.alibaba.fastjson2.JSONObject;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import org.apache.rocketmq.remoting.protocol.route.TopicRouteData;
import org.apache.rocketmq.remoting.protocol.statictopic.TopicConfigAndQueueMapping;
import org.apache.rocketmq.remoting.protocol.statictopic.TopicQueueMappingInfo;
import org.apache.rocketmq.remoting.protocol.statictopic.TopicQueueMappingUtils;
import org.apache.rocketmq.remoting.protocol.statictopic.TopicRemappingDetailWrapper;
import org.apache.rocketmq.tools.admin.DefaultMQAdminExt;
import org.apache.rocketmq.tools.admin.MQAdminUtils;

/** Topics whose queues are more than what each broker says of itself: static and ordered ones. */
final class LogicalTopics {
    private static final long ROUTE_TIMEOUT_MILLIS = 30_000;
    private static final int QUEUES_A_STEP = 10_000;

    private final Clients clients;

    LogicalTopics(Clients clients) {
        this.clients = clients;
    }

    private interface Condition {
        boolean holds(TopicRouteData route);
    }

    JSONObject createStatic(JSONObject command) throws Exception {
        DefaultMQAdminExt admin = clients.admin(command);
        String topic = Clients.required(command, "topic");
        Set<String> brokers = brokers(command);
        int queues = command.getIntValue("queues");
        Map<String, TopicConfigAndQueueMapping> configs = MQAdminUtils.examineTopicConfigAll(topic, admin);
        TopicQueueMappingUtils.createTopicConfigMapping(topic, queues, brokers, configs);
        MQAdminUtils.completeNoTargetBrokers(configs, admin);
        MQAdminUtils.updateTopicConfigMappingAll(configs, admin, false);
        await(admin, topic, route -> queuesOf(route, brokers) == queues);
        return new JSONObject();
    }

    JSONObject remapStatic(JSONObject command) throws Exception {
        DefaultMQAdminExt admin = clients.admin(command);
        String topic = Clients.required(command, "topic");
        Set<String> brokers = brokers(command);
        Map<String, TopicConfigAndQueueMapping> configs = MQAdminUtils.examineTopicConfigAll(topic, admin);
        TopicRemappingDetailWrapper wrapper = TopicQueueMappingUtils.remappingStaticTopic(topic, configs, brokers);
        MQAdminUtils.completeNoTargetBrokers(configs, admin);
        MQAdminUtils.remappingStaticTopic(topic, wrapper.getBrokerToMapIn(), wrapper.getBrokerToMapOut(), configs,
            QUEUES_A_STEP, false, admin);
        int queues = configs.values().iterator().next().getMappingDetail().getTotalQueues();
        await(admin, topic, route -> queuesOf(route, brokers) == queues);
        return new JSONObject();
    }

    JSONObject setOrder(JSONObject command) throws Exception {
        DefaultMQAdminExt admin = clients.admin(command);
        String topic = Clients.required(command, "topic");
        String order = Clients.required(command, "order");
        admin.createOrUpdateOrderConf(topic, order, true);
        await(admin, topic, route -> order.equals(route.getOrderTopicConf()));
        return new JSONObject();
    }

    private static Set<String> brokers(JSONObject command) {
        return new HashSet<>(command.getJSONArray("brokers").toJavaList(String.class));
    }

    /** How many logical queues are on these brokers. */
    private static int queuesOf(TopicRouteData route, Set<String> brokers) {
        if (route.getTopicQueueMappingByBroker() == null) {
            return 0;
        }
        int queues = 0;
        for (TopicQueueMappingInfo info : route.getTopicQueueMappingByBroker().values()) {
            queues += brokers.contains(info.getBname()) ? info.getCurrIdMap().size() : 0;
        }
        return queues;
    }

    private static void await(DefaultMQAdminExt admin, String topic, Condition condition) throws Exception {
        long deadline = System.nanoTime() + ROUTE_TIMEOUT_MILLIS * 1_000_000;
        TopicRouteData route = admin.examineTopicRouteInfo(topic);
        while (!condition.holds(route)) {
            if (System.nanoTime() > deadline) {
                throw new IllegalStateException("after " + ROUTE_TIMEOUT_MILLIS + " ms the route of " + topic
                    + " still is " + route);
            }
            Thread.sleep(20);
            route = admin.examineTopicRouteInfo(topic);
        }
    }
}
