//! Connections through a SOCKS 5 proxy.

use crate::server::{Cluster, Plan, stored};
use crate::{LONG, eventually, logs, producer, refused};
use mqproducer::protocol::remoting::command::request_code::{GET_ROUTEINFO_BY_TOPIC, SEND_MESSAGE_V2};
use mqproducer::{Error, Message, SendOptions};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What a proxy does with those who ask it.
#[derive(Clone, Copy)]
enum Rule {
    Anybody,
    Login(&'static str, &'static str),
    /// Answers with this code.
    Refuse(u8),
}

/// Starts a proxy; its address and the count of connections it has made.
fn proxy(rule: Rule) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let made = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&made);
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let count = Arc::clone(&count);
            std::thread::spawn(move || drop(serve(stream, rule, &count)));
        }
    });
    (address, made)
}

fn read<const N: usize>(stream: &mut TcpStream) -> std::io::Result<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).map(|()| bytes)
}

fn text(stream: &mut TcpStream) -> std::io::Result<String> {
    let mut bytes = vec![0; usize::from(read::<1>(stream)?[0])];
    stream.read_exact(&mut bytes)?;
    Ok(String::from_utf8(bytes).unwrap())
}

fn serve(mut client: TcpStream, rule: Rule, made: &AtomicUsize) -> std::io::Result<()> {
    let [version, 1, offered] = read(&mut client)? else { panic!("one method is offered") };
    let wanted = if matches!(rule, Rule::Login(..)) { 2 } else { 0 };
    assert_eq!(version, 5);
    client.write_all(&[5, if offered == wanted { wanted } else { 255 }])?;
    if let Rule::Login(user, password) = rule {
        let [1] = read(&mut client)? else { panic!("the version of the login") };
        let good = text(&mut client)? == user && text(&mut client)? == password;
        client.write_all(&[1, u8::from(!good)])?;
    }
    let [5, 1, 0, kind] = read(&mut client)? else { panic!("a connect request") };
    let host = match kind {
        1 => Ipv4Addr::from(read::<4>(&mut client)?).to_string(),
        3 => text(&mut client)?,
        other => panic!("address kind {other}"),
    };
    let port = u16::from_be_bytes(read(&mut client)?);
    if let Rule::Refuse(code) = rule {
        return client.write_all(&[5, code, 0, 1, 0, 0, 0, 0, 0, 0]);
    }
    // A name that only the proxy can resolve.
    let host = if host == "inside.example" { "127.0.0.1".to_owned() } else { host };
    let mut server = TcpStream::connect((host, port))?;
    made.fetch_add(1, Ordering::SeqCst);
    client.write_all(&[5, 0, 0, 3, 1, b'x', 0, 0])?;
    let (mut from, mut to) = (server.try_clone()?, client.try_clone()?);
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Both);
    });
    std::io::copy(&mut client, &mut server)?;
    server.shutdown(Shutdown::Both)
}

fn failure(cluster: &Cluster, proxy: &str) -> Error {
    let producer = producer(&cluster.url(), &[("socks_proxy", proxy), ("send_msg_timeout", "1500")]);
    producer.send(&Message::new("T", b"x"), &SendOptions::default()).unwrap_err()
}

/// Rows: RM-08.
#[test]
fn every_connection_goes_through_the_proxy() {
    for (rule, login) in [(Rule::Anybody, ""), (Rule::Login("me", "pass-word"), "me:pass-word@")] {
        let cluster = Cluster::start(Plan::default());
        let (address, made) = proxy(rule);
        let url = format!("rocketmq://inside.example:{}", cluster.names.port);
        let producer = producer(&url, &[("socks_proxy", &format!("socks5://{login}{address}"))]);
        producer.send(&Message::new("T", b"x"), &SendOptions::default()).unwrap();
        producer.close(LONG).unwrap();
        assert_eq!(made.load(Ordering::SeqCst), 2, "one to the name server, one to the broker");
        assert_eq!((cluster.seen(GET_ROUTEINFO_BY_TOPIC).len(), cluster.seen(SEND_MESSAGE_V2).len()), (1, 1));
    }
}

/// Rows: RM-08.
#[test]
fn a_proxy_that_refuses_is_named_with_its_reason_and_no_password_is_shown() {
    logs::capture();
    let cluster = Cluster::start(Plan { respond: Box::new(|_| stored()), ..Plan::default() });
    let cases = [
        (Rule::Refuse(5), "", "connection refused"),
        (Rule::Refuse(2), "", "its rules forbid the connection"),
        (Rule::Login("me", "good"), "", "it wants a user and a password"),
        (Rule::Login("me", "good"), "me:hidden-1@", "it refused user and password"),
        (Rule::Anybody, "me:hidden-2@", "it does not take a user and a password"),
    ];
    for (rule, login, why) in cases {
        let (address, _) = proxy(rule);
        let error = failure(&cluster, &format!("socks5://{login}{address}"));
        assert!(error.message().contains(&format!("SOCKS proxy {address}: {why}")), "{error}");
        assert!(!format!("{error:?}").contains("hidden-"), "{error:?}");
    }
    assert!(cluster.all().is_empty());
    eventually("the log", || logs::text().contains("SOCKS proxy"));
    assert!(!logs::text().contains("hidden-"));
    let mut config = mqproducer::Config::new();
    let error = config.set("socks_proxy", "socks5://me:hidden-3").unwrap_err();
    assert!(error.message().contains("`socks_proxy` is malformed") && !error.message().contains("hidden-"), "{error}");
    assert!(
        refused("rocketmq://a:1", &[("socks_proxy", "socks5://me:hidden-4@a:1"), ("access_key", "x")])
            .message()
            .contains("`secret_key` is not")
    );
}
