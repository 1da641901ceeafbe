package mqproducer.cluster;

import com.alibaba.fastjson2.JSON;
import com.alibaba.fastjson2.JSONObject;
import com.alibaba.fastjson2.JSONWriter;
import java.io.BufferedReader;
import java.io.FileDescriptor;
import java.io.FileOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.apache.rocketmq.client.exception.MQBrokerException;
import org.apache.rocketmq.client.exception.MQClientException;

/**
 * The official Java client as a child process: one JSON command a line on standard input, one JSON answer a line on
 * standard output. Commands run at the same time; an answer carries the {@code id} of its command.
 */
public final class Tool {
    private final PrintStream out;
    private final Clients clients = new Clients();
    private final Admin admin = new Admin(clients);
    private final LogicalTopics topics = new LogicalTopics(clients);
    private final Reader reader = new Reader(clients);
    private final Sender sender = new Sender(clients);
    private final Load load = new Load(clients);
    private final Requests requests = new Requests(clients);

    private Tool(PrintStream out) {
        this.out = out;
    }

    public static void main(String[] args) throws Exception {
        PrintStream answers = new PrintStream(new FileOutputStream(FileDescriptor.out), false, "UTF-8");
        // Whatever the libraries print must not mix with the answers.
        System.setOut(System.err);
        new Tool(answers).run();
        // Client threads are not daemons, and an orderly shutdown takes seconds that no test wants to pay.
        Runtime.getRuntime().halt(0);
    }

    private void run() throws Exception {
        ExecutorService workers = Executors.newCachedThreadPool();
        answer(new JSONObject().fluentPut("ready", true));
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        String line;
        while ((line = in.readLine()) != null) {
            JSONObject command = JSON.parseObject(line);
            if ("quit".equals(command.getString("op"))) {
                answer(new JSONObject().fluentPut("ok", true).fluentPut("id", command.get("id")));
                return;
            }
            workers.execute(() -> answer(execute(command).fluentPut("id", command.get("id"))));
        }
    }

    private JSONObject execute(JSONObject command) {
        try {
            return dispatch(command).fluentPut("ok", true);
        } catch (Throwable error) {
            return failure(error);
        }
    }

    private JSONObject dispatch(JSONObject command) throws Exception {
        String op = String.valueOf(command.getString("op"));
        switch (op) {
            case "create_topic":
                return admin.createTopic(command);
            case "create_static_topic":
                return topics.createStatic(command);
            case "remap_static_topic":
                return topics.remapStatic(command);
            case "set_order":
                return topics.setOrder(command);
            case "set_config":
                return admin.setConfig(command);
            case "create_user":
                return admin.createUser(command);
            case "create_acl":
                return admin.createAcl(command);
            case "read":
                return reader.read(command);
            case "send":
                return sender.send(command);
            case "send_for":
                return load.sendFor(command);
            case "respond":
                return requests.respond(command);
            case "request":
                return requests.request(command);
            case "decode_traces":
                return Traces.decode(command);
            default:
                throw new IllegalArgumentException("unknown op: " + op);
        }
    }

    private void answer(JSONObject answer) {
        String text = answer.toJSONString(JSONWriter.Feature.WriteMapNullValue);
        synchronized (out) {
            out.print(text + "\n");
            out.flush();
        }
    }

    /** The error's text, and the response code of the server or the client where there is one. */
    static JSONObject failure(Throwable error) {
        Integer code = null;
        if (error instanceof MQBrokerException) {
            code = ((MQBrokerException) error).getResponseCode();
        } else if (error instanceof MQClientException) {
            code = ((MQClientException) error).getResponseCode();
        }
        return new JSONObject().fluentPut("ok", false).fluentPut("error", error.toString()).fluentPut("code", code);
    }
}
