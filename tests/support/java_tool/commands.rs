//! The tool's commands.

use super::{CALL_LIMIT, Connection, JavaTool, JavaTrace, Load, SendSpec, Sent, ToolError};
use crate::support::messages::{self, StoredMessage};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::time::Duration;

impl JavaTool {
    /// Creates a topic on one broker and waits until its route is known. `perm`: 2 write, 4 read, 6 both.
    pub fn create_topic(
        &self,
        to: &Connection,
        broker_addr: &str,
        topic: &str,
        queues: u32,
        perm: u32,
        attributes: &[(&str, &str)],
    ) -> Result<(), ToolError> {
        let fields = json!({
            "broker_addr": broker_addr, "topic": topic, "queues": queues, "perm": perm,
            "attributes": attributes.iter().copied().collect::<HashMap<_, _>>(),
        });
        self.call(to.command("create_topic", fields), CALL_LIMIT).map(drop)
    }

    /// Makes `topic` a static one of so many logical queues, spread over the brokers.
    pub fn create_static_topic(
        &self,
        to: &Connection,
        topic: &str,
        queues: u32,
        brokers: &[&str],
    ) -> Result<(), ToolError> {
        let fields = json!({"topic": topic, "queues": queues, "brokers": brokers});
        self.call(to.command("create_static_topic", fields), CALL_LIMIT).map(drop)
    }

    /// Moves the logical queues of a static topic to these brokers.
    pub fn remap_static_topic(&self, to: &Connection, topic: &str, brokers: &[&str]) -> Result<(), ToolError> {
        self.call(to.command("remap_static_topic", json!({"topic": topic, "brokers": brokers})), CALL_LIMIT).map(drop)
    }

    /// Sets the order of a topic's queues, `broker:queues;…`, in the name server.
    pub fn set_order(&self, to: &Connection, topic: &str, order: &str) -> Result<(), ToolError> {
        self.call(to.command("set_order", json!({"topic": topic, "order": order})), CALL_LIMIT).map(drop)
    }

    /// Changes settings of a running broker.
    pub fn set_config(&self, to: &Connection, broker_addr: &str, settings: &[(&str, &str)]) -> Result<(), ToolError> {
        let properties = settings.iter().copied().collect::<HashMap<_, _>>();
        let fields = json!({"broker_addr": broker_addr, "properties": properties});
        self.call(to.command("set_config", fields), CALL_LIMIT).map(drop)
    }

    /// Creates a user of a broker with ACL.
    pub fn create_user(&self, to: &Connection, broker_addr: &str, user: &str, password: &str) -> Result<(), ToolError> {
        let fields = json!({"broker_addr": broker_addr, "user": user, "password": password});
        self.call(to.command("create_user", fields), CALL_LIMIT).map(drop)
    }

    /// Allows a subject (`User:name`) some actions (`Pub`) on resources (`Topic:name`).
    pub fn create_acl(
        &self,
        to: &Connection,
        broker_addr: &str,
        subject: &str,
        resources: &[&str],
        actions: &[&str],
    ) -> Result<(), ToolError> {
        let fields =
            json!({"broker_addr": broker_addr, "subject": subject, "resources": resources, "actions": actions});
        self.call(to.command("create_acl", fields), CALL_LIMIT).map(drop)
    }

    /// Reads a whole topic, ordered by broker, queue and offset, once it has `min_count` messages or `limit` is over.
    pub fn read(
        &self,
        from: &Connection,
        topic: &str,
        min_count: usize,
        limit: Duration,
    ) -> Result<Vec<StoredMessage>, ToolError> {
        self.read_as(from, topic, min_count, limit, false)
    }

    /// Like `read`, but with compressed bodies as they are stored.
    pub fn read_raw(
        &self,
        from: &Connection,
        topic: &str,
        min_count: usize,
        limit: Duration,
    ) -> Result<Vec<StoredMessage>, ToolError> {
        self.read_as(from, topic, min_count, limit, true)
    }

    fn read_as(
        &self,
        from: &Connection,
        topic: &str,
        min_count: usize,
        limit: Duration,
        raw: bool,
    ) -> Result<Vec<StoredMessage>, ToolError> {
        let out = self.dir.path().join(format!("read-{}", self.sequence.fetch_add(1, Ordering::Relaxed)));
        let fields = json!({
            "topic": topic, "min_count": min_count, "timeout_ms": limit.as_millis() as u64, "out": out, "raw": raw,
        });
        self.call(from.command("read", fields), limit + CALL_LIMIT)?;
        messages::read_file(&out).map_err(ToolError::of_tool)
    }

    /// Sends sample messages (`samples.rs`) through the official producer.
    pub fn send(&self, to: &Connection, spec: &SendSpec) -> Result<Sent, ToolError> {
        // The tool itself bounds the waits, by the timeout of each attempt.
        let limit = CALL_LIMIT + spec.timeout * 4;
        let answer = self.call(to.command("send", spec.fields()), limit)?;
        let unexpected = |error| ToolError::of_tool(format!("unexpected answer: {error}: {answer}"));
        let results = answer["results"].as_array().cloned().unwrap_or_default().into_iter().map(|result| {
            if result["ok"] == json!(true) {
                serde_json::from_value(result).map(Ok)
            } else {
                Ok(Err(ToolError::of_answer(&result)))
            }
        });
        Ok(Sent {
            results: results.collect::<Result<_, _>>().map_err(unexpected)?,
            ids: serde_json::from_value(answer["ids"].clone()).map_err(unexpected)?,
        })
    }

    /// The records of a message to the trace topic, by the official decoder.
    pub fn decode_traces(&self, text: &str) -> Result<Vec<JavaTrace>, ToolError> {
        let answer = self.call(json!({"op": "decode_traces", "text": text}), CALL_LIMIT)?;
        serde_json::from_value(answer["records"].clone())
            .map_err(|error| ToolError::of_tool(format!("unexpected answer: {error}: {answer}")))
    }

    /// Has the official producer send from several threads for a time, each pausing after every send.
    pub fn send_for(
        &self,
        to: &Connection,
        topic: &str,
        time: Duration,
        threads: usize,
        pause: Duration,
        latency: bool,
    ) -> Result<Load, ToolError> {
        let fields = json!({"threads": threads, "pause_ms": pause.as_millis() as u64, "latency": latency});
        self.send_load(to, topic, time, fields)
    }

    /// The same until the file `stop` is there, or `time` is over.
    pub fn send_until(
        &self,
        to: &Connection,
        topic: &str,
        stop: &Path,
        time: Duration,
        threads: usize,
        pause: Duration,
    ) -> Result<Load, ToolError> {
        let fields = json!({"threads": threads, "pause_ms": pause.as_millis() as u64, "stop": stop});
        self.send_load(to, topic, time, fields)
    }

    fn send_load(&self, to: &Connection, topic: &str, time: Duration, mut fields: Value) -> Result<Load, ToolError> {
        fields["group"] = json!("java-load");
        fields["topic"] = json!(topic);
        fields["millis"] = json!(time.as_millis() as u64);
        let answer = self.call(to.command("send_for", fields), CALL_LIMIT + time)?;
        let count = |name: &str| answer[name].as_u64().unwrap_or_default();
        let ids = answer["ids"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
        Ok(Load {
            sent: count("sent") as usize,
            failed: count("failed") as usize,
            worst: Duration::from_millis(count("worst_ms")),
            longest_gap: Duration::from_millis(count("longest_gap_ms")),
            ids: ids.collect(),
        })
    }
}
