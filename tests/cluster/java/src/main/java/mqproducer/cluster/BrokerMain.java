package mqproducer.cluster;

import java.util.Map;
import org.apache.rocketmq.broker.BrokerController;
import org.apache.rocketmq.broker.BrokerStartup;
import org.apache.rocketmq.remoting.protocol.route.BrokerData;

/**
 * RocketMQ's own broker, which says when the name server knows it.
 *
 * <p>A broker that boots quickly skips its first registration, because its connection to the name server is not up
 * yet, and registers ten seconds later: meanwhile it has reported success, but no client finds it.
 */
public final class BrokerMain {
    private BrokerMain() {
    }

    public static void main(String[] args) throws Exception {
        BrokerController broker = BrokerStartup.start(BrokerStartup.createBrokerController(args));
        while (!registered(broker)) {
            broker.registerBrokerAll(true, false, true);
            Thread.sleep(20);
        }
        System.out.println("registered " + broker.getBrokerAddr());
    }

    private static boolean registered(BrokerController broker) {
        try {
            Map<String, BrokerData> known = broker.getBrokerOuterAPI().getBrokerClusterInfo().getBrokerAddrTable();
            BrokerData data = known.get(broker.getBrokerConfig().getBrokerName());
            return data != null && data.getBrokerAddrs().containsValue(broker.getBrokerAddr());
        } catch (Exception unreachable) {
            return false;
        }
    }
}
