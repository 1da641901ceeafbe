//! TLS: what is trusted, what is refused and how, and that no byte is lost where the socket is full.

use crate::certificates::Authority;
use crate::server::{Cluster, Plan, Server, route_to};
use crate::{LONG, config, eventually, logs, producer, refused};
use mqproducer::protocol::remoting::command::request_code::{
    GET_ROUTEINFO_BY_TOPIC, HEART_BEAT, SEND_MESSAGE_V2, UNREGISTER_CLIENT,
};
use mqproducer::{Error, ErrorKind, Message, Producer, SendOptions};
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, SupportedProtocolVersion, version};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

/// Files of one test, removed with it.
struct Files(PathBuf);

impl Files {
    fn new() -> Files {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("mqproducer-tls-{}-{number}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        Files(path)
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

const BOTH: &[&SupportedProtocolVersion] = &[&version::TLS12, &version::TLS13];

fn server(authority: &Authority, name: &str, versions: &[&'static SupportedProtocolVersion]) -> Arc<ServerConfig> {
    let (certificate, key) = authority.issue(name);
    let builder = ServerConfig::builder_with_protocol_versions(versions).with_no_client_auth();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    Arc::new(builder.with_single_cert(vec![certificate.der().clone()], key).unwrap())
}

fn over_tls(tls: Arc<ServerConfig>) -> Plan {
    Plan { tls: Some(tls), ..Plan::default() }
}

fn send(producer: &Producer) -> mqproducer::Result<mqproducer::Receipt> {
    producer.send(&Message::new("T", b"body\0with NUL"), &SendOptions::default())
}

/// Why a send to a server fails.
fn failure(url: &str, settings: &[(&str, &str)]) -> Error {
    send(&producer(url, &[settings, &[("send_msg_timeout", "1500")]].concat())).unwrap_err()
}

/// Rows: RM-08.
#[test]
fn both_versions_carry_every_kind_of_request_to_a_trusted_server() {
    let (files, authority) = (Files::new(), Authority::new("ours"));
    let ca = files.write("ca.pem", &authority.pem());
    for versions in [&BOTH[..1], &BOTH[1..], BOTH] {
        let cluster = Cluster::start(over_tls(server(&authority, "127.0.0.1", versions)));
        let producer = producer(&cluster.url(), &[("use_tls", "true"), ("tls_ca_file", &ca)]);
        assert_eq!(send(&producer).unwrap().queue_offset, 7);
        producer.send_oneway(&Message::new("T", b"x"), &SendOptions::default()).unwrap();
        producer.close(LONG).unwrap();
        eventually("the one-way message", || cluster.seen(SEND_MESSAGE_V2).len() == 2);
        for code in [GET_ROUTEINFO_BY_TOPIC, HEART_BEAT, UNREGISTER_CLIENT] {
            assert!(!cluster.seen(code).is_empty(), "no request of code {code}");
        }
    }
}

/// Rows: RM-08.
#[test]
fn a_server_of_another_authority_is_refused_and_hears_nothing() {
    let (files, ours, theirs) = (Files::new(), Authority::new("ours"), Authority::new("theirs"));
    let cluster = Cluster::start(over_tls(server(&theirs, "127.0.0.1", BOTH)));
    let ca = files.write("ca.pem", &ours.pem());
    let error = failure(&cluster.url(), &[("use_tls", "true"), ("tls_ca_file", &ca)]);
    assert_eq!(error.kind(), ErrorKind::NoNameServer);
    assert!(error.message().contains("invalid peer certificate: UnknownIssuer"), "{error}");
    // Without the key the system decides, and no system trusts that authority.
    let error = failure(&cluster.url(), &[("use_tls", "true")]);
    assert!(error.message().contains("invalid peer certificate"), "{error}");
    assert!(cluster.all().is_empty());
}

/// Rows: RM-08.
#[test]
fn the_name_in_the_certificate_must_be_the_address_or_the_one_that_is_set() {
    let (files, authority) = (Files::new(), Authority::new("ours"));
    let cluster = Cluster::start(over_tls(server(&authority, "brokers.example", BOTH)));
    let ca = files.write("ca.pem", &authority.pem());
    let tls = [("use_tls", "true"), ("tls_ca_file", ca.as_str())];
    let error = failure(&cluster.url(), &tls);
    assert!(error.message().contains("certificate not valid for name \"127.0.0.1\""), "{error}");
    let error = failure(&cluster.url(), &[&tls[..], &[("tls_server_name", "other.example")]].concat());
    assert!(error.message().contains("certificate not valid for name \"other.example\""), "{error}");
    assert!(cluster.all().is_empty());
    send(&producer(&cluster.url(), &[&tls[..], &[("tls_server_name", "brokers.example")]].concat())).unwrap();
}

/// Rows: RM-08.
#[test]
fn the_insecure_switch_takes_any_server_and_warns() {
    logs::capture();
    let cluster = Cluster::start(over_tls(server(&Authority::new("theirs"), "elsewhere.example", BOTH)));
    send(&producer(&cluster.url(), &[("use_tls", "true"), ("tls_insecure_skip_verify", "true")])).unwrap();
    assert!(logs::text().contains("`tls_insecure_skip_verify` is set"), "{}", logs::text());
}

#[test]
fn a_server_that_wants_a_client_certificate_gets_it() {
    let (files, ours, theirs) = (Files::new(), Authority::new("ours"), Authority::new("theirs"));
    let ca = files.write("ca.pem", &ours.pem());
    for versions in [&BOTH[..1], &BOTH[1..]] {
        let mut roots = RootCertStore::empty();
        roots.add(ours.certificate().der().clone()).unwrap();
        let (certificate, key) = ours.issue("127.0.0.1");
        let builder = ServerConfig::builder_with_protocol_versions(versions)
            .with_client_cert_verifier(WebPkiClientVerifier::builder(Arc::new(roots)).build().unwrap());
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let tls = Arc::new(builder.with_single_cert(vec![certificate.der().clone()], key).unwrap());
        let cluster = Cluster::start(over_tls(tls));
        let with = |authority: &Authority| {
            let (certificate, key) = authority.issue("client");
            (files.write("client.pem", &certificate.pem()), files.write("client.key", &key.serialize_pem()))
        };
        let tls = [("use_tls", "true"), ("tls_ca_file", ca.as_str())];
        let error = failure(&cluster.url(), &tls);
        assert!(error.message().contains("fatal alert"), "{error}");
        let (certificate, key) = with(&theirs);
        let client = [("tls_cert_file", certificate.as_str()), ("tls_key_file", key.as_str())];
        let error = failure(&cluster.url(), &[&tls[..], &client].concat());
        assert!(error.message().contains("fatal alert"), "{error}");
        assert!(cluster.all().is_empty());
        let (certificate, key) = with(&ours);
        let client = [("tls_cert_file", certificate.as_str()), ("tls_key_file", key.as_str())];
        send(&producer(&cluster.url(), &[&tls[..], &client].concat())).unwrap();
    }
}

#[test]
fn plain_and_tls_do_not_mix_and_the_error_says_which_server() {
    let (files, authority) = (Files::new(), Authority::new("ours"));
    let ca = files.write("ca.pem", &authority.pem());
    let secure = Cluster::start(over_tls(server(&authority, "127.0.0.1", BOTH)));
    let error = failure(&secure.url(), &[]);
    assert_eq!(error.kind(), ErrorKind::NoNameServer);
    let plain = Cluster::start(Plan::default());
    let error = failure(&plain.url(), &[("use_tls", "true"), ("tls_ca_file", &ca)]);
    assert!(error.message().contains("TLS: the server closed the connection during the handshake"), "{error}");
    // A broker is no less checked than a name server.
    let names =
        Server::start(Plan { route: route_to(plain.broker.port), ..over_tls(server(&authority, "127.0.0.1", BOTH)) });
    let error = failure(&names.url(), &[("use_tls", "true"), ("tls_ca_file", &ca)]);
    assert_eq!(error.kind(), ErrorKind::Connect, "{error}");
    assert!(error.message().contains(&format!("cannot connect to 127.0.0.1:{}: TLS", plain.broker.port)), "{error}");
    assert!(!error.maybe_persisted() && plain.all().is_empty());
}

/// Rows: RM-07.
#[test]
fn a_server_that_never_shakes_hands_costs_the_time_to_connect() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("rocketmq://{}", listener.local_addr().unwrap());
    let settings = [("use_tls", "true"), ("tls_insecure_skip_verify", "true"), ("connect_timeout", "200")];
    let started = Instant::now();
    let error = failure(&url, &settings);
    assert!(started.elapsed() < LONG);
    assert!(error.message().contains("no answer within 200 ms"), "{error}");
}

#[test]
fn bad_files_are_refused_at_once_with_key_and_file() {
    let (files, ours) = (Files::new(), Authority::new("ours"));
    let url = "rocketmq://127.0.0.1:9";
    let (certificate, key) = ours.issue("client");
    let (certificate, key) = (certificate.pem(), key.serialize_pem());
    let (good, good_key) = (files.write("good.pem", &certificate), files.write("good.key", &key));
    let garbage = files.write("garbage.pem", "-----BEGIN CERTIFICATE-----\n%%%%\n-----END CERTIFICATE-----\n");
    let no_der = files.write("no-der.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    let empty = files.write("empty.pem", "");
    let missing = files.0.join("missing.pem").to_str().unwrap().to_owned();
    for bad in [&garbage, &no_der, &empty, &missing, &good_key] {
        let error = refused(url, &[("use_tls", "true"), ("tls_ca_file", bad)]);
        assert_eq!(error.kind(), ErrorKind::InvalidConfig);
        assert!(error.message().starts_with(&format!("`tls_ca_file` = `{bad}`: ")), "{error}");
    }
    let client = |certificate: &str, key: &str| {
        refused(
            url,
            &[
                ("use_tls", "true"),
                ("tls_insecure_skip_verify", "true"),
                ("tls_cert_file", certificate),
                ("tls_key_file", key),
            ],
        )
    };
    assert!(client(&empty, &good_key).message().starts_with(&format!("`tls_cert_file` = `{empty}`: ")));
    assert!(client(&good, &empty).message().starts_with(&format!("`tls_key_file` = `{empty}`: ")));
    let other = files.write("other.key", &ours.issue("other").1.serialize_pem());
    let error = client(&good, &other);
    assert!(error.message().starts_with(&format!("`tls_key_file` = `{other}`: it does not fit")), "{error}");
    let error = refused(url, &[("use_tls", "true"), ("tls_server_name", "a b")]);
    assert!(error.message().contains("`tls_server_name` = `a b`"), "{error}");
    assert_eq!(refused("mock://", &[("use_tls", "true")]).kind(), ErrorKind::Unsupported);
    // The files of a producer without TLS are not looked at.
    Producer::new(&config(url, &[("tls_ca_file", &missing)])).unwrap();
}

/// Bodies far larger than the socket's buffer, from many threads, to a server that does not read for a while.
#[test]
fn a_full_socket_loses_and_mixes_no_byte() {
    let (files, authority) = (Files::new(), Authority::new("ours"));
    let ca = files.write("ca.pem", &authority.pem());
    let reading = Arc::new(AtomicBool::new(true));
    let gate = Arc::clone(&reading);
    let before_read = move || eventually("the gate", || gate.load(Ordering::SeqCst));
    let respond = |request: &crate::server::Request| {
        let (first, length) = (request.body[0], request.body.len());
        // Larger than a TLS record and than what the client reads at once.
        let remark = format!("{first} {length} {}", "r".repeat(100_000));
        let same = request.body.iter().all(|byte| *byte == first);
        (if same { 13 } else { 1 }, remark, vec![])
    };
    let tls = server(&authority, "127.0.0.1", BOTH);
    let broker = Server::start(Plan {
        respond: Box::new(respond),
        before_read: Box::new(before_read),
        ..over_tls(Arc::clone(&tls))
    });
    let names = Server::start(Plan { route: route_to(broker.port), ..over_tls(tls) });
    let producer = producer(
        &names.url(),
        &[
            ("use_tls", "true"),
            ("tls_ca_file", &ca),
            ("send_msg_timeout", "60000"),
            // The bodies are to fill the socket.
            ("compress_msg_body_over_howmuch", "16000000"),
        ],
    );
    send(&producer).unwrap_err();
    reading.store(false, Ordering::SeqCst);
    let (done, ended) = mpsc::channel();
    std::thread::scope(|scope| {
        for thread in 0..4_u8 {
            let (producer, done) = (&producer, done.clone());
            scope.spawn(move || {
                for i in 0..8_u8 {
                    let (byte, length) = (thread * 8 + i, 1_000_000 + usize::from(thread) * 1_000 + usize::from(i));
                    let body = vec![byte; length];
                    let done = done.clone();
                    let callback =
                        move |outcome: mqproducer::Result<_>| done.send((byte, length, outcome.map(drop))).unwrap();
                    producer.send_async(&Message::new("T", &body), &SendOptions::default(), callback).unwrap();
                }
            });
        }
    });
    assert!(ended.recv_timeout(Duration::from_millis(1)).is_err(), "the server does not read yet");
    reading.store(true, Ordering::SeqCst);
    for _ in 0..32 {
        let (byte, length, outcome) = ended.recv_timeout(LONG).unwrap();
        let error = outcome.unwrap_err();
        assert_eq!(error.broker_code(), Some(13), "{:.200}", error.message());
        let remark = error.remark().unwrap();
        assert!(remark.starts_with(&format!("{byte} {length} r")), "{remark:.40}");
        assert_eq!(remark.trim_start_matches(|c| c != 'r').len(), 100_000);
    }
}
