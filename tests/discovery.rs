//! How a producer finds name servers and brokers: address server, environment, rewritten addresses, IPv6.

mod fake;

use fake::{Act, FakeServer, closed_port};
use mqproducer::protocol::remoting::command::request_code::{GET_ROUTEINFO_BY_TOPIC, SEND_MESSAGE_V2};
use mqproducer::{Config, ErrorKind, Message, Producer, SendOptions};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(60);

fn start(settings: &[(&str, &str)]) -> Producer {
    let mut config = Config::default().with("producer_group", "test").unwrap();
    for (key, value) in settings {
        config.set(key, value).unwrap();
    }
    let producer = Producer::new(&config).unwrap();
    producer.start().unwrap();
    producer
}

fn send(producer: &Producer, topic: &str) -> mqproducer::Result<mqproducer::Receipt> {
    producer.send(&Message::new(topic, b"x"), &SendOptions::default())
}

fn eventually(what: &str, condition: impl Fn() -> bool) {
    let limit = Instant::now() + LONG;
    while !condition() {
        assert!(Instant::now() < limit, "{what}: not within {LONG:?}");
        std::thread::yield_now();
    }
}

/// An HTTP server that answers every request with what stands in `answer`, status line included.
struct AddressServer {
    url: String,
    answer: Arc<Mutex<String>>,
    asked: Arc<AtomicUsize>,
}

impl AddressServer {
    fn start() -> AddressServer {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/rocketmq/nsaddr?unit=a", listener.local_addr().unwrap());
        let (answer, asked) = (Arc::new(Mutex::new(String::new())), Arc::new(AtomicUsize::new(0)));
        let server = AddressServer { url, answer: Arc::clone(&answer), asked: Arc::clone(&asked) };
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                serve(stream, &answer.lock().unwrap().clone());
                asked.fetch_add(1, Ordering::SeqCst);
            }
        });
        server
    }

    fn lists(&self, addresses: &[&str]) {
        let list = addresses.join(";");
        *self.answer.lock().unwrap() = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{list}\n", list.len() + 1);
    }
}

fn serve(mut stream: TcpStream, answer: &str) {
    let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "GET /rocketmq/nsaddr?unit=a HTTP/1.1");
    while !lines.next().unwrap().unwrap().is_empty() {}
    // The client may have gone.
    let _ = stream.write_all(answer.as_bytes());
}

/// Rows: CF-19 ST-01 NS-07 LC-09.
#[test]
fn an_address_server_tells_the_name_servers_and_its_change_is_followed() {
    let broker = FakeServer::start(|_, _| Act::stored(0, 0));
    let (first, second) =
        (FakeServer::name_server(&[&broker.address], 1), FakeServer::name_server(&[&broker.address], 1));
    let addresses = AddressServer::start();
    addresses.lists(&[&first.address]);
    let producer = start(&[("name_server_address_url", &addresses.url), ("name_server_address_interval", "100")]);
    send(&producer, "A").unwrap();
    assert_eq!((first.seen(GET_ROUTEINFO_BY_TOPIC).len(), second.seen(GET_ROUTEINFO_BY_TOPIC).len()), (1, 0));
    addresses.lists(&[&second.address]);
    let asked = addresses.asked.load(Ordering::SeqCst);
    eventually("two more fetches", || addresses.asked.load(Ordering::SeqCst) > asked + 1);
    send(&producer, "B").unwrap();
    assert_eq!((first.seen(GET_ROUTEINFO_BY_TOPIC).len(), second.seen(GET_ROUTEINFO_BY_TOPIC).len()), (1, 1));
    // An answer that is none, and a list that is none, leave the last good one in force.
    for bad in ["HTTP/1.1 503 Busy\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n<html>maintenance</html>", ""] {
        *addresses.answer.lock().unwrap() = bad.to_owned();
        let asked = addresses.asked.load(Ordering::SeqCst);
        eventually("two more fetches", || addresses.asked.load(Ordering::SeqCst) > asked + 1);
        send(&producer, &format!("C{}", bad.len())).unwrap();
    }
}

/// Rows: ST-01 LC-09 RT-18.
#[test]
fn a_start_without_the_address_server_succeeds_and_the_first_send_asks_again() {
    let broker = FakeServer::start(|_, _| Act::stored(0, 0));
    let names = FakeServer::name_server(&[&broker.address], 1);
    let addresses = AddressServer::start();
    *addresses.answer.lock().unwrap() = "HTTP/1.1 500 Broken\r\n\r\n".to_owned();
    let producer = start(&[("name_server_address_url", &addresses.url)]);
    let error = send(&producer, "T").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoNameServer);
    assert!(error.message().contains("the address server gave no name servers: it answered status 500"), "{error}");
    addresses.lists(&[&names.address]);
    send(&producer, "T").unwrap();
}

/// Rows: CF-19.
#[test]
fn the_servers_of_the_url_are_used_until_the_address_server_answers() {
    let broker = FakeServer::start(|_, _| Act::stored(0, 0));
    let names = FakeServer::name_server(&[&broker.address], 1);
    let unreachable = format!("http://{}/", closed_port());
    send(&start(&[("url", &names.url()), ("name_server_address_url", &unreachable)]), "T").unwrap();
}

/// What [`the_environment_names_the_servers`] runs in a process with the variable; alone it has nothing to do.
#[test]
fn child_with_the_environment() {
    if std::env::var_os("MQP_TEST_CHILD").is_none() {
        return;
    }
    let producer = Producer::new(&Config::new().with("producer_group", "test").unwrap()).unwrap();
    producer.start().unwrap();
    send(&producer, "FromTheEnvironment").unwrap();
}

/// Rows: CF-19.
#[test]
fn the_environment_names_the_servers() {
    let broker = FakeServer::start(|_, _| Act::stored(0, 0));
    let names = FakeServer::name_server(&[&broker.address], 1);
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child_with_the_environment"])
        .env("MQP_TEST_CHILD", "1")
        .env("NAMESRV_ADDR", &names.address)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    assert_eq!(broker.seen(SEND_MESSAGE_V2)[0].get("b"), Some("FromTheEnvironment"));
}

/// Rows: RT-19.
#[test]
fn broker_addresses_are_rewritten() {
    let broker = FakeServer::start(|_, _| Act::stored(0, 0));
    let names = FakeServer::name_server(&["inside.container:10911"], 1);
    let map = format!("inside.container:10911={}", broker.address);
    let producer = start(&[("url", &names.url()), ("broker_address_map", &map)]);
    assert_eq!(send(&producer, "T").unwrap().broker_name, "broker-a");
    // By host alone, with the port kept.
    let port = broker.address.rsplit_once(':').unwrap().1;
    let names = FakeServer::name_server(&[&format!("172.31.255.254:{port}")], 1);
    let producer = start(&[("url", &names.url()), ("broker_address_map", "172.31.255.254=localhost")]);
    send(&producer, "T").unwrap();
}

/// Rows: SK-08 RM-07.
#[test]
fn name_servers_and_brokers_may_have_ipv6_addresses() {
    if TcpListener::bind("[::1]:0").is_err() {
        println!("not run: this host has no IPv6 loopback");
        return;
    }
    let broker = FakeServer::start_at("[::1]:0", |_, _| Act::stored(0, 0));
    assert!(broker.address.starts_with("[::1]:"));
    let names = FakeServer::name_server_at("[::1]:0", &[&broker.address], 1);
    let producer = start(&[("url", &names.url()), ("client_ip", "2001:db8::7")]);
    let receipt = send(&producer, "T").unwrap();
    assert!(receipt.message_id.starts_with("20010DB8000000000000000000000007"), "{}", receipt.message_id);
    assert_eq!(receipt.message_id.len(), 56);
}
