package mqproducer.activemq;

import java.io.BufferedReader;
import java.io.File;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import javax.net.ssl.KeyManager;
import javax.net.ssl.KeyManagerFactory;
import org.apache.activemq.broker.Broker;
import org.apache.activemq.broker.BrokerFilter;
import org.apache.activemq.broker.BrokerPlugin;
import org.apache.activemq.broker.BrokerService;
import org.apache.activemq.broker.ConnectionContext;
import org.apache.activemq.broker.SslContext;
import org.apache.activemq.broker.region.Destination;
import org.apache.activemq.broker.region.Queue;
import org.apache.activemq.broker.region.policy.PolicyEntry;
import org.apache.activemq.broker.region.policy.PolicyMap;
import org.apache.activemq.command.ActiveMQQueue;
import org.apache.activemq.command.DestinationInfo;
import org.apache.activemq.security.AuthenticationUser;
import org.apache.activemq.security.SimpleAuthenticationPlugin;
import org.apache.activemq.store.kahadb.KahaDBPersistenceAdapter;

/**
 * A broker in a process of its own. Arguments are {@code name=value}: {@code port}, {@code data} (a directory: KahaDB, else
 * the memory), {@code memory} (bytes for each destination), {@code fail_when_full}, {@code users} (name:password,...),
 * {@code scheduler}, {@code max_frame}, {@code cache_size}, {@code tls_port} with {@code tls} (a directory of cert.pem and key.pem),
 * {@code deny_temporary} (temporary queues are refused). It says READY, and ends with its standard input or the word stop. Asked
 * {@code take QUEUE} it says how many messages were put into the queue, and removes it.
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
        List<String> form = new ArrayList<>();
        if (options.containsKey("max_frame")) {
            form.add("wireFormat.maxFrameSize=" + options.get("max_frame"));
        }
        if (options.containsKey("cache_size")) {
            form.add("wireFormat.cacheSize=" + options.get("cache_size"));
        }
        broker.addConnector("tcp://127.0.0.1:" + options.get("port") + "?" + String.join("&", form));
        if ("true".equals(options.get("deny_temporary"))) {
            broker.setPlugins(new BrokerPlugin[] {NoTemporary::new});
        }
        if (options.containsKey("tls")) {
            broker.setSslContext(new SslContext(keys(Path.of(options.get("tls"))), null, null));
            broker.addConnector("ssl://127.0.0.1:" + options.get("tls_port"));
        }
        broker.start();
        broker.waitUntilStarted();
        System.out.println("READY");
        BufferedReader commands = new BufferedReader(new InputStreamReader(System.in));
        if (!"true".equals(options.get("detached"))) {
            String line = commands.readLine();
            while (line != null && !line.equals("stop")) {
                System.out.println(take(broker, line.substring("take ".length())));
                line = commands.readLine();
            }
            broker.stop();
            System.exit(0);
        }
        broker.waitUntilStopped();
    }

    private static final class NoTemporary extends BrokerFilter {
        NoTemporary(Broker next) {
            super(next);
        }

        @Override
        public void addDestinationInfo(ConnectionContext context, DestinationInfo info) throws Exception {
            if (info.getDestination().isTemporary()) {
                throw new SecurityException("temporary destinations are not allowed here");
            }
            super.addDestinationInfo(context, info);
        }
    }

    /** Of an elliptic curve, as the tests make them. */
    private static KeyManager[] keys(Path directory) throws Exception {
        Certificate certificate;
        try (InputStream file = Files.newInputStream(directory.resolve("cert.pem"))) {
            certificate = CertificateFactory.getInstance("X.509").generateCertificate(file);
        }
        String pem = Files.readString(directory.resolve("key.pem")).replaceAll("-----[A-Z ]+-----|\\s", "");
        PrivateKey key = KeyFactory.getInstance("EC").generatePrivate(new PKCS8EncodedKeySpec(Base64.getDecoder().decode(pem)));
        char[] password = "unused".toCharArray();
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        store.setKeyEntry("broker", key, password, new Certificate[] {certificate});
        KeyManagerFactory managers = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        managers.init(store, password);
        return managers.getKeyManagers();
    }

    private static long take(BrokerService broker, String name) throws Exception {
        ActiveMQQueue queue = new ActiveMQQueue(name);
        Destination destination = broker.getDestination(queue);
        long count = destination.getDestinationStatistics().getEnqueues().getCount();
        ((Queue) destination).purge();
        broker.removeDestination(queue);
        return count;
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
