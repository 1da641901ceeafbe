//! What goes over the wire in each mode: a relay records this library and the Java client, each before the same broker.
//! The table of docs/ACTIVEMQ.md is made of it; `MQP_WRITE_DOCS=1` writes it anew.

use crate::broker::{Broker, LIMIT, close, producer, queue};
use mqproducer::protocol::openwire::{Command, Decoder, MAX_FRAME, Packet, TransactionInfo, WireFormatInfo, split};
use mqproducer::{Message, SendOptions};
use serde_json::json;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, spawn};

const COUNT: usize = 3;
const PAGE: &str = "docs/ACTIVEMQ.md";
const BEGIN: &str = "<!-- the wire -->\n";
const END: &str = "<!-- end -->\n";

/// One way to send.
#[derive(Clone, Copy, Debug)]
struct Mode {
    persistent: bool,
    transacted: bool,
    window: i32,
    callback: bool,
    /// A key of this library, and the option of the Java client's URL that it stands for.
    option: Option<(&'static str, &'static str, &'static str)>,
}

fn modes() -> Vec<Mode> {
    let mut all = Vec::new();
    for persistent in [true, false] {
        for (transacted, callback) in [(false, false), (false, true), (true, false)] {
            for window in [0, 100_000] {
                all.push(Mode { persistent, transacted, window, callback, option: None });
            }
        }
        for option in [
            ("use_async_send", "jms.useAsyncSend", "true"),
            ("always_sync_send", "jms.alwaysSyncSend", "true"),
            ("send_timeout", "jms.sendTimeout", "20000"),
        ] {
            all.push(Mode { persistent, transacted: false, window: 0, callback: false, option: Some(option) });
        }
    }
    all
}

/// One connection's packets, in each direction.
#[derive(Default)]
struct Seen {
    ours: Vec<Packet>,
    brokers: Vec<Packet>,
}

/// What both sides of a connection have told of themselves: the form of all frames behind that.
#[derive(Clone, Default)]
pub struct Agreement(Arc<Mutex<Vec<WireFormatInfo>>>);

/// One direction of a connection.
pub struct Direction {
    agreement: Agreement,
    pending: Vec<u8>,
    decoder: Option<Decoder>,
}

impl Direction {
    pub fn new(agreement: &Agreement) -> Self {
        Direction { agreement: agreement.clone(), pending: Vec::new(), decoder: None }
    }

    /// The frames that are whole now, each with its packet. Neither side goes on before it has heard the other's first
    /// word, which goes by here.
    pub fn frames(&mut self, more: &[u8]) -> Vec<(Vec<u8>, Packet)> {
        self.pending.extend_from_slice(more);
        let mut all = Vec::new();
        while let Some((body, length)) = split(&self.pending, MAX_FRAME).unwrap() {
            let packet = if body[0] == WireFormatInfo::KIND {
                Packet::decode(body, false).unwrap()
            } else {
                let told = self.agreement.0.lock().unwrap();
                let decoder = || Decoder::new(&told[0].negotiate(&told[1]).unwrap());
                self.decoder.get_or_insert_with(decoder).decode(body).unwrap()
            };
            if let Command::WireFormatInfo(info) = &packet.command {
                self.agreement.0.lock().unwrap().push((**info).clone());
            }
            all.push((self.pending.drain(..length).collect(), packet));
        }
        all
    }
}

/// Copies until either side closes, and notes whole frames.
fn copy(mut from: TcpStream, mut to: TcpStream, mut direction: Direction, note: impl Fn(Packet)) {
    let mut chunk = [0; 8192];
    while let Ok(read @ 1..) = from.read(&mut chunk) {
        for (_, packet) in direction.frames(&chunk[..read]) {
            note(packet);
        }
        if to.write_all(&chunk[..read]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}

/// A relay for one connection; the packets are there when both sides have closed it.
fn relay(broker: &Broker) -> (u16, JoinHandle<Seen>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (port, address) = (listener.local_addr().unwrap().port(), broker.address());
    let relaying = spawn(move || {
        let (client, _) = listener.accept().unwrap();
        let server = TcpStream::connect(address).unwrap();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let (theirs, back) = (Arc::clone(&seen), (server.try_clone().unwrap(), client.try_clone().unwrap()));
        let agreement = Agreement::default();
        let answers = Direction::new(&agreement);
        let answers =
            spawn(move || copy(back.0, back.1, answers, |packet| theirs.lock().unwrap().brokers.push(packet)));
        copy(client, server, Direction::new(&agreement), |packet| seen.lock().unwrap().ours.push(packet));
        answers.join().unwrap();
        std::mem::take(&mut *seen.lock().unwrap())
    });
    (port, relaying)
}

/// What went over the wire of messages and transactions, in words.
fn told(seen: &Seen) -> String {
    let answered: Vec<i32> = seen
        .brokers
        .iter()
        .filter_map(|packet| match &packet.command {
            Command::Response(response) => Some(response.correlation_id),
            _ => None,
        })
        .collect();
    let is_answered = |packet: &Packet| {
        // Who asks is answered, and nobody else is.
        assert_eq!(packet.response_required, answered.contains(&packet.command_id), "{packet:?}");
        packet.response_required
    };
    let mut words: Vec<String> = Vec::new();
    let mut messages = (0, 0);
    for packet in &seen.ours {
        match &packet.command {
            Command::Message(_) => messages = (messages.0 + 1, messages.1 + usize::from(is_answered(packet))),
            Command::TransactionInfo(info) => {
                if messages.0 > 0 {
                    words.push(count(std::mem::take(&mut messages)));
                }
                let word = match info.operation {
                    TransactionInfo::BEGIN => "begin",
                    TransactionInfo::COMMIT_ONE_PHASE => "commit",
                    other => panic!("operation {other}"),
                };
                words.push(if is_answered(packet) { format!("{word}, answered") } else { word.to_owned() });
            }
            _ => {}
        }
    }
    if messages.0 > 0 {
        words.push(count(messages));
    }
    let acknowledged = seen.brokers.iter().filter(|packet| matches!(packet.command, Command::ProducerAck(_))).count();
    if acknowledged > 0 {
        words.push(format!("{acknowledged} acknowledgements of the window"));
    }
    words.join("; ")
}

fn count((messages, answered): (usize, usize)) -> String {
    match answered {
        0 => format!("{messages} messages"),
        all if all == messages => format!("{messages} messages, each answered"),
        some => format!("{messages} messages, {some} answered"),
    }
}

/// What this library does in a mode.
fn ours(broker: &Broker, mode: Mode) -> String {
    let (port, relaying) = relay(broker);
    let window = mode.window.to_string();
    let mut settings = vec![("delivery_mode", if mode.persistent { "persistent" } else { "non_persistent" })];
    settings.push(("producer_window_size", &window));
    settings.extend(mode.option.map(|(key, _, value)| (key, value)));
    let (producer, queue) = (producer(&format!("activemq://127.0.0.1:{port}"), &settings), queue("wire.ours"));
    let (message, options) = (Message::new(&queue, b"body"), SendOptions::default());
    let transaction = mode.transacted.then(|| producer.begin_transaction().unwrap());
    for _ in 0..COUNT {
        match &transaction {
            Some(transaction) => drop(transaction.send(&message, &options).unwrap()),
            None if mode.callback => producer.send_async(&message, &options, |end| drop(end.unwrap())).unwrap(),
            None => drop(producer.send(&message, &options).unwrap()),
        }
    }
    if let Some(transaction) = transaction {
        transaction.commit().unwrap();
    }
    producer.flush(LIMIT).unwrap();
    let limit = std::time::Instant::now() + LIMIT;
    while producer.statistics().unwrap().window_bytes > 0 {
        assert!(std::time::Instant::now() < limit, "the window is not given back");
        std::thread::yield_now();
    }
    close(&producer);
    told(&relaying.join().unwrap())
}

/// What the Java client does.
fn javas(broker: &Broker, mode: Mode) -> String {
    let (port, relaying) = relay(broker);
    let mut url =
        format!("tcp://127.0.0.1:{port}?wireFormat.stackTraceEnabled=false&jms.producerWindowSize={}", mode.window);
    if let Some((_, option, value)) = mode.option {
        url.push_str(&format!("&{option}={value}"));
    }
    let fields = json!({
        "url": url, "destination": queue("wire.java"), "count": COUNT, "persistent": mode.persistent,
        "transacted": mode.transacted, "callback": mode.callback, "limit_ms": LIMIT.as_millis() as u64, "op": "send",
    });
    crate::broker::tool().call(fields, LIMIT * 2).unwrap_or_else(|error| panic!("{mode:?}: {error}"));
    told(&relaying.join().unwrap())
}

/// Rows: AM-03 AM-04 AM-05 AM-06 AM-08 AM-09.
#[test]
fn the_wire_of_each_mode_is_that_of_the_java_client() {
    let broker = Broker::shared();
    let yes = |is: bool| if is { "yes" } else { "no" };
    let mut table = format!(
        "{BEGIN}| persistent | transacted | window | callback | key | this library | Java's client |\n|---|---|---|---|---|---|---|\n"
    );
    for mode in modes() {
        let (ours, javas) = (ours(broker, mode), javas(broker, mode));
        assert_eq!(ours, javas, "{mode:?}");
        let (persistent, transacted, callback) = (yes(mode.persistent), yes(mode.transacted), yes(mode.callback));
        let window = yes(mode.window > 0);
        let key = mode.option.map_or(String::new(), |(key, ..)| format!("`{key}`"));
        table
            .push_str(&format!("| {persistent} | {transacted} | {window} | {callback} | {key} | {ours} | {javas} |\n"));
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    let page = std::fs::read_to_string(&path).unwrap();
    let begin = page.find(BEGIN).expect("the page has no place for the table");
    let end = begin + page[begin..].find(END).expect("the table has no end");
    let anew = format!("{}{table}{}", &page[..begin], &page[end..]);
    if std::env::var("MQP_WRITE_DOCS").is_ok_and(|value| value == "1") {
        std::fs::write(&path, anew).unwrap();
    } else {
        assert_eq!(page, anew, "MQP_WRITE_DOCS=1 cargo test --test activemq -- wire writes {PAGE} anew");
    }
}
