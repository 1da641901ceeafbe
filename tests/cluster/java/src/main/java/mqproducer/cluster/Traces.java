package mqproducer.cluster;

import com.alibaba.fastjson2.JSONArray;
import com.alibaba.fastjson2.JSONObject;
import org.apache.rocketmq.client.trace.TraceBean;
import org.apache.rocketmq.client.trace.TraceContext;
import org.apache.rocketmq.client.trace.TraceDataEncoder;
import org.apache.rocketmq.client.trace.TraceTransferBean;

/** Trace records, read by the official decoder and written again by the official encoder. */
final class Traces {
    private Traces() {
    }

    /** The records of the field {@code text}, the body of a message to the trace topic. */
    static JSONObject decode(JSONObject command) {
        JSONArray records = new JSONArray();
        for (TraceContext context : TraceDataEncoder.decoderFromTraceDataString(Clients.required(command, "text"))) {
            TraceBean bean = context.getTraceBeans().get(0);
            TraceTransferBean again = TraceDataEncoder.encoderFromContextBean(context);
            records.add(new JSONObject()
                .fluentPut("type", context.getTraceType().name())
                .fluentPut("region", context.getRegionId())
                .fluentPut("group", context.getGroupName())
                .fluentPut("topic", bean.getTopic())
                .fluentPut("msgId", bean.getMsgId())
                .fluentPut("tags", bean.getTags())
                .fluentPut("keys", bean.getKeys())
                .fluentPut("storeHost", bean.getStoreHost())
                .fluentPut("bodyLength", bean.getBodyLength())
                .fluentPut("msgType", bean.getMsgType() == null ? null : bean.getMsgType().name())
                .fluentPut("offsetMsgId", bean.getOffsetMsgId())
                .fluentPut("success", context.isSuccess())
                .fluentPut("text", again.getTransData())
                .fluentPut("indexKeys", again.getTransKey()));
        }
        return new JSONObject().fluentPut("records", records);
    }
}
