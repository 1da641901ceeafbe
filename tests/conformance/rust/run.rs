//! One case: its cluster and producer, and what its steps do.

use crate::hooks::{Notes, Recorder};
use crate::scratch::ScratchDir;
use crate::value::{self, Source, body_bytes, compare};
use crate::{observe, sends};
use mqproducer::mock::{Cluster, Fault, FaultAction, NAME_SERVER};
use mqproducer::{Config, Producer, Statistics, Transaction, TransactionState};
use serde_json::{Value, json};
use std::collections::{BTreeSet, HashMap};
use std::io::{BufRead, Write};
use std::sync::{Arc, mpsc};
use std::time::Duration;

/// How long a condition is waited for.
const LIMIT: Duration = Duration::from_secs(10);
/// How long a completion is waited for.
const COMPLETION_LIMIT: Duration = Duration::from_secs(30);

type Wrong<T> = Result<T, String>;

/// Where the cases run.
#[derive(Clone)]
pub enum Place {
    Embedded,
    /// A name server's URL, and what tells this runner's topics from others'.
    Broker {
        url: String,
        id: String,
    },
}

/// A step that has ended, or will tell how.
pub enum Begun {
    Done(Value),
    Waiting(mpsc::Receiver<Value>),
}

pub struct Run<'c> {
    case: &'c Value,
    cluster: Option<Cluster>,
    placeholders: [(&'static str, String); 4],
    _temporary: ScratchDir,
    config: Config,
    producer: Option<Producer>,
    transactions: HashMap<String, Transaction>,
    saved: HashMap<String, Value>,
    waiting: HashMap<String, Vec<mpsc::Receiver<Value>>>,
    calls: Notes,
    asked: Notes,
}

fn text<'v>(value: &'v Value, field: &str) -> &'v str {
    value[field].as_str().unwrap_or_default()
}

fn count(step: &Value) -> usize {
    step["count"].as_u64().unwrap_or(0) as usize
}

fn told(error: mqproducer::Error) -> String {
    format!("{}: {error}", error.kind().name())
}

/// Runs a case; what differs from it.
pub fn case(case: &Value, place: &Place) -> Vec<String> {
    let mut run = match Run::open(case, place) {
        Ok(run) => run,
        Err(why) => return vec![why],
    };
    let mut differences = Vec::new();
    if let Err(why) = run.prepare().and_then(|()| run.steps(&mut differences)) {
        differences.push(why);
    }
    if let Some(producer) = &run.producer {
        // How a producer of any state closes is for the steps to say.
        drop(producer.close(LIMIT));
    }
    differences
}

impl<'c> Run<'c> {
    fn open(case: &'c Value, place: &Place) -> Wrong<Run<'c>> {
        let (cluster, url, id) = match place {
            Place::Embedded => {
                let of = &case["cluster"];
                let brokers = of["brokers"].as_u64().unwrap_or(1) as usize;
                let cluster = Cluster::open(text(of, "name"), brokers, of["queues"].as_u64().unwrap_or(4) as u32)
                    .map_err(told)?;
                for topic in of["echo"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                    cluster.set_responder(topic, |request| Some(request.body.clone())).map_err(told)?;
                }
                let interval = Duration::from_millis(of["check_interval_ms"].as_u64().unwrap_or(3_600_000));
                cluster.set_transaction_check_interval(interval).map_err(told)?;
                let url = cluster.url();
                (Some(cluster), url, "embedded".to_owned())
            }
            Place::Broker { url, id } => (None, url.clone(), id.clone()),
        };
        let address = url.trim_start_matches("rocketmq://").to_owned();
        let temporary = ScratchDir::new("conformance")?;
        let folder = temporary.path().display().to_string();
        Ok(Run {
            case,
            cluster,
            placeholders: [("{url}", url), ("{address}", address), ("{id}", id), ("{temporary}", folder)],
            _temporary: temporary,
            config: Config::new(),
            producer: None,
            transactions: HashMap::new(),
            saved: HashMap::new(),
            waiting: HashMap::new(),
            calls: Notes::default(),
            asked: Notes::default(),
        })
    }

    fn prepare(&mut self) -> Wrong<()> {
        let own = json!({"url": "{url}", "producer_group": "conformance"});
        let of_case = &self.case["config"];
        for (key, value) in own.as_object().into_iter().flatten() {
            if of_case.get(key).is_none() {
                self.set(key, value)?;
            }
        }
        for (key, value) in of_case.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null()) {
            self.set(key, value)?;
        }
        if self.case["start"] == false {
            return Ok(());
        }
        self.create().map_err(told)?;
        self.producer()?.start().map_err(told)
    }

    fn set(&mut self, key: &str, value: &Value) -> Wrong<()> {
        let value = value::resolve(value, 0, self)?;
        self.config.set(key, value.as_str().unwrap_or_default()).map_err(told)
    }

    fn create(&mut self) -> mqproducer::Result<()> {
        let producer = Producer::new(&self.config)?;
        for hook in self.case["hooks"].as_array().into_iter().flatten() {
            let forbid = hook["forbid"].as_str().map(str::to_owned);
            let recorder = Recorder { name: text(hook, "name").to_owned(), forbid, calls: self.calls.clone() };
            producer.add_hook(Arc::new(recorder))?;
        }
        if let Some(states) = self.case["checker"].as_array() {
            let (states, asked) = (states.clone(), self.asked.clone());
            producer.set_transaction_checker(move |message| {
                let number = asked.add(observe::received(message));
                match states[number.min(states.len()) - 1].as_str() {
                    Some("commit") => TransactionState::Commit,
                    Some("rollback") => TransactionState::Rollback,
                    _ => TransactionState::Unknown,
                }
            })?;
        }
        if let Some(context) = self.case["trace_context"].as_str() {
            let context = context.to_owned();
            producer.set_trace_context(move || Some(context.clone()))?;
        }
        self.producer = Some(producer);
        Ok(())
    }

    fn producer(&self) -> Wrong<&Producer> {
        self.producer.as_ref().ok_or_else(|| "there is no producer yet".to_owned())
    }

    fn cluster(&self) -> Wrong<&Cluster> {
        self.cluster.as_ref().ok_or_else(|| "a step of the embedded cluster, on a real one".to_owned())
    }

    fn steps(&mut self, differences: &mut Vec<String>) -> Wrong<()> {
        for (number, step) in self.case["steps"].as_array().into_iter().flatten().enumerate() {
            let at = format!("steps[{number}] {}", text(step, "do"));
            let outcomes = self.step(step).map_err(|why| format!("{at}: {why}"))?;
            if let (Some(name), Some(last)) = (step["save"].as_str(), outcomes.last()) {
                self.saved.insert(name.to_owned(), last.clone());
            }
            for (time, outcome) in outcomes.iter().enumerate() {
                let mut expect = step.get("expect").cloned().unwrap_or_else(|| json!({}));
                if expect.get("status").is_none() {
                    expect["status"] = "OK".into();
                }
                let expect = value::resolve(&expect, time, self).map_err(|why| format!("{at}: {why}"))?;
                let path = if outcomes.len() > 1 { format!("{at}, time {time}") } else { at.clone() };
                compare(&expect, outcome, &path, differences);
            }
            if !differences.is_empty() {
                break;
            }
        }
        Ok(())
    }

    /// The outcomes of a step: one for each time that it is done.
    fn step(&mut self, step: &Value) -> Wrong<Vec<Value>> {
        if text(step, "do") == "await" {
            let name = text(step, "of");
            let waiting = self.waiting.remove(name).ok_or_else(|| format!("nothing is called `{name}`"))?;
            return waiting.iter().map(completion).collect();
        }
        let (mut outcomes, mut waiting) = (Vec::new(), Vec::new());
        for number in 0..step["times"].as_u64().unwrap_or(1) {
            // `save` and `expect` are looked at when the outcome is there.
            let mut fields = step.as_object().cloned().unwrap_or_default();
            fields.remove("expect");
            let resolved = value::resolve(&Value::Object(fields), number as usize, self)?;
            match self.begin(&resolved)? {
                Begun::Done(outcome) => outcomes.push(outcome),
                Begun::Waiting(told) => waiting.push(told),
            }
        }
        match step["as"].as_str() {
            Some(name) => {
                outcomes.extend(waiting.iter().map(|_| observe::ok()));
                self.waiting.insert(name.to_owned(), waiting);
            }
            None => outcomes.extend(waiting.iter().map(completion).collect::<Wrong<Vec<_>>>()?),
        }
        Ok(outcomes)
    }

    fn begin(&mut self, step: &Value) -> Wrong<Begun> {
        Ok(Begun::Done(match text(step, "do") {
            "send" => return sends::send(self.producer()?, step),
            "send_async" => return sends::send_async(self.producer()?, step),
            "send_oneway" => return sends::send_oneway(self.producer()?, step),
            "send_many" => return sends::send_many(self.producer()?, step, COMPLETION_LIMIT),
            "send_batch" | "send_batch_async" | "send_batch_oneway" => {
                return sends::send_batch(self.producer()?, step);
            }
            "request" => return sends::request(self.producer()?, step),
            "request_async" => return sends::request_async(self.producer()?, step),
            "reply" => return sends::reply(self.producer()?, step),
            "reply_async" => return sends::reply_async(self.producer()?, step),
            "transaction_send" => {
                let transaction = self.transaction(step)?;
                return sends::one(step, |message, options| observe::of_receipt(transaction.send(message, options)));
            }
            "begin" => match self.producer()?.begin_transaction() {
                Ok(transaction) => {
                    self.transactions.insert(transaction_name(step), transaction);
                    observe::ok()
                }
                Err(error) => observe::failure(&error),
            },
            "commit" => observe::of_nothing(self.transaction(step)?.commit()),
            "rollback" => observe::of_nothing(self.transaction(step)?.rollback()),
            "release" => {
                let name = transaction_name(step);
                self.transactions.remove(&name).ok_or_else(|| format!("there is no transaction `{name}`"))?;
                observe::ok()
            }
            "recall" => {
                let timeout = step["timeout_ms"].as_u64().map(Duration::from_millis);
                let topic = step["topic"].as_str().unwrap_or("T");
                observe::of_receipt(self.producer()?.recall(topic, text(step, "handle"), timeout))
            }
            "config_set" => observe::of_nothing(self.config.set(text(step, "key"), text(step, "value"))),
            "config_get" => match self.config.get(text(step, "key")) {
                Some(value) => json!({"status": "OK", "value": value}),
                None => json!({"status": "INVALID_CONFIG"}),
            },
            "create" => observe::of_nothing(self.create()),
            "start" => observe::of_nothing(self.producer()?.start()),
            "flush" => observe::of_nothing(self.producer()?.flush(sends::milliseconds(step, "timeout_ms"))),
            "close" => observe::of_nothing(self.producer()?.close(sends::milliseconds(step, "timeout_ms"))),
            "brokers" => observe::of(self.producer()?.brokers(), observe::brokers),
            "statistics" => observe::of(self.producer()?.statistics(), statistics),
            "statuses" => observe::error_names(),
            "hook_calls" => match self.calls.wait(count(step), LIMIT) {
                Some(calls) => json!({"status": "OK", "calls": calls}),
                None => observe::timed_out(),
            },
            "checks" => match self.asked.wait(count(step), LIMIT) {
                Some(messages) => json!({"status": "OK", "count": messages.len(), "messages": messages}),
                None => observe::timed_out(),
            },
            "stored" => self.stored(text(step, "topic"), count(step))?,
            _ => self.script(step)?,
        }))
    }

    fn transaction(&self, step: &Value) -> Wrong<&Transaction> {
        let name = transaction_name(step);
        self.transactions.get(&name).ok_or_else(|| format!("there is no transaction `{name}`"))
    }

    fn stored(&self, topic: &str, count: usize) -> Wrong<Value> {
        let messages = match &self.cluster {
            Some(cluster) if !cluster.wait_for_messages(Some(topic), count, LIMIT) => return Ok(observe::timed_out()),
            Some(cluster) => cluster.messages(Some(topic)).iter().map(observe::stored).collect(),
            None => ask_parent(topic, count)?,
        };
        let queues: BTreeSet<_> =
            messages.iter().map(|message| (message["broker"].as_str(), message["queue_id"].as_i64())).collect();
        let brokers: BTreeSet<_> = messages.iter().map(|message| message["broker"].as_str()).collect();
        let (queues, brokers) = (queues.len(), brokers.len());
        Ok(json!({
            "status": "OK", "count": messages.len(), "queues": queues, "brokers": brokers, "messages": messages,
        }))
    }

    /// What is done to the embedded cluster, and asked of it.
    fn script(&self, step: &Value) -> Wrong<Value> {
        let cluster = self.cluster()?;
        let broker = text(step, "broker");
        let code = step["request_code"].as_i64().unwrap_or(0) as i32;
        Ok(match text(step, "do") {
            "push_fault" => {
                let mut fault = Fault::new(fault_action(step)?).broker(broker).code(code);
                fault = fault.count(step["count"].as_u64().unwrap_or(1) as u32);
                observe::of_nothing(cluster.push_fault(&fault.delay(sends::milliseconds(step, "delay_ms"))))
            }
            "clear_faults" => observe::of_nothing(cluster.clear_faults()),
            "clear_requests" => observe::of_nothing(cluster.clear_requests()),
            "clear_messages" => {
                cluster.clear();
                observe::ok()
            }
            "set_broker" => {
                let state = text(step, "state");
                let routed = matches!(state, "up" | "stopped");
                let in_route = if broker == NAME_SERVER { Ok(()) } else { cluster.set_in_route(broker, routed) };
                let listening = matches!(state, "up" | "out_of_route");
                observe::of_nothing(in_route.and_then(|()| cluster.set_listening(broker, listening)))
            }
            "requests" => {
                let (broker, code) =
                    (Some(broker).filter(|name| !name.is_empty()), Some(code).filter(|code| *code != 0));
                match cluster.wait_for_requests(broker, code, count(step), LIMIT) {
                    Ok(true) => observe::of(cluster.requests(broker, code), |requests| {
                        let list: Vec<_> = requests.iter().map(observe::request).collect();
                        json!({"status": "OK", "count": list.len(), "requests": list})
                    }),
                    Ok(false) => observe::timed_out(),
                    Err(error) => observe::failure(&error),
                }
            }
            other => return Err(format!("there is no step `{other}`")),
        })
    }
}

impl Source for Run<'_> {
    fn saved(&self, name: &str, field: &str) -> Option<Value> {
        self.saved.get(name)?.get(field).cloned()
    }

    fn stored(&self, topic: &str, index: usize, property: &str) -> Option<String> {
        self.cluster.as_ref()?.messages(Some(topic)).get(index)?.property(property).map(str::to_owned)
    }

    fn placeholders(&self) -> &[(&'static str, String)] {
        &self.placeholders
    }
}

fn completion(told: &mpsc::Receiver<Value>) -> Wrong<Value> {
    told.recv_timeout(COMPLETION_LIMIT).map_err(|error| format!("no completion: {error}"))
}

fn transaction_name(step: &Value) -> String {
    step["transaction"].as_str().unwrap_or("t").to_owned()
}

fn statistics(statistics: Statistics) -> Value {
    let parsed: Value = serde_json::from_str(&statistics.to_json()).unwrap_or_else(|error| json!(error.to_string()));
    json!({"status": "OK", "statistics": parsed})
}

fn fault_action(step: &Value) -> Wrong<FaultAction> {
    let code = step["response_code"].as_i64().unwrap_or(0) as i32;
    let remark = text(step, "remark").to_owned();
    Ok(match text(step, "action") {
        "answer" => FaultAction::Answer { code, remark },
        "change_answer" => FaultAction::ChangeAnswer { code, remark },
        "delay" => FaultAction::Delay,
        "drop" => FaultAction::Drop,
        "lose_answer" => FaultAction::LoseAnswer,
        "close_before" => FaultAction::CloseBefore,
        "close_after" => FaultAction::CloseAfter,
        "half_answer" => FaultAction::HalfAnswer,
        "garbage" => FaultAction::Garbage(body_bytes(text(step, "bytes"))?),
        "stop_reading" => FaultAction::StopReading,
        other => return Err(format!("there is no fault `{other}`")),
    })
}

/// What the real broker stored, which only the parent process can read.
fn ask_parent(topic: &str, count: usize) -> Wrong<Vec<Value>> {
    let ask = || {
        println!("{}", json!({"read": topic, "count": count}));
        std::io::stdout().flush()?;
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line)?;
        Ok(serde_json::from_str(&line)?)
    };
    ask().map_err(|error: std::io::Error| format!("the parent process does not answer: {error}"))
}
