package mqproducer.activemq;

import java.io.BufferedReader;
import java.io.File;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.activemq.broker.BrokerPlugin;
import org.apache.activemq.broker.BrokerService;
import org.apache.activemq.broker.region.policy.PolicyEntry;
import org.apache.activemq.broker.region.policy.PolicyMap;
import org.apache.activemq.security.AuthenticationUser;
import org.apache.activemq.security.SimpleAuthenticationPlugin;
import org.apache.activemq.store.kahadb.KahaDBPersistenceAdapter;

/**
 * A broker in a process of its own. Arguments are {@code name=value}: {@code port}, {@code data} (a directory: KahaDB, else
 * the memory), {@code memory} (bytes for each destination), {@code fail_when_full}, {@code users} (name:password,...),
 * {@code scheduler}, {@code max_frame}. It says READY, and ends with its standard input or the word stop.
 */
public final class BrokerMain {
    private BrokerMain() {
    }

    public static void main(String[] args) throws Exception {
        Map<String, String> options = new HashMap<>();
        for (String arg : args) {
            int at = arg.indexOf('=');
            options.put(arg.substring(0, at), arg.substring(at + 1));
        }
        BrokerService broker = new BrokerService();
        broker.setBrokerName("test");
        broker.setUseJmx(false);
        broker.setUseShutdownHook(false);
        broker.setAdvisorySupport(!"false".equals(options.get("advisories")));
        String data = options.get("data");
        broker.setPersistent(data != null);
        if (data != null) {
            broker.setDataDirectoryFile(new File(data));
            KahaDBPersistenceAdapter store = new KahaDBPersistenceAdapter();
            store.setDirectory(new File(data, "kahadb"));
            broker.setPersistenceAdapter(store);
        }
        if ("true".equals(options.get("scheduler"))) {
            broker.setSchedulerSupport(true);
            if (data == null) {
                broker.setJobSchedulerStore(new org.apache.activemq.broker.scheduler.memory.InMemoryJobSchedulerStore());
            }
        }
        limits(broker, options);
        if (options.containsKey("users")) {
            List<AuthenticationUser> users = new ArrayList<>();
            for (String user : options.get("users").split(",")) {
                int at = user.indexOf(':');
                users.add(new AuthenticationUser(user.substring(0, at), user.substring(at + 1), "users"));
            }
            broker.setPlugins(new BrokerPlugin[] {new SimpleAuthenticationPlugin(users)});
        }
        String frame = options.containsKey("max_frame") ? "?wireFormat.maxFrameSize=" + options.get("max_frame") : "";
        broker.addConnector("tcp://127.0.0.1:" + options.get("port") + frame);
        broker.start();
        broker.waitUntilStarted();
        System.out.println("READY");
        BufferedReader commands = new BufferedReader(new InputStreamReader(System.in));
        if (!"true".equals(options.get("detached"))) {
            String line = commands.readLine();
            while (line != null && !line.equals("stop")) {
                line = commands.readLine();
            }
            broker.stop();
            System.exit(0);
        }
        broker.waitUntilStopped();
    }

    private static void limits(BrokerService broker, Map<String, String> options) {
        PolicyEntry policy = new PolicyEntry();
        policy.setTopic(">");
        PolicyEntry queues = new PolicyEntry();
        queues.setQueue(">");
        for (PolicyEntry entry : List.of(policy, queues)) {
            entry.setProducerFlowControl(true);
            if (options.containsKey("memory")) {
                entry.setMemoryLimit(Long.parseLong(options.get("memory")));
            }
            if ("true".equals(options.get("fail_when_full"))) {
                entry.setSendFailIfNoSpace(true);
            }
        }
        PolicyMap map = new PolicyMap();
        map.setPolicyEntries(List.of(policy, queues));
        broker.setDestinationPolicy(map);
    }
}
