//! A real broker behind TLS: the right authority, another one, another name.

use crate::broker::{Broker, bodies, close, producer, queue, send};
use crate::support::certificates::Authority;
use crate::support::scratch::ScratchDir;
use mqproducer::ErrorKind;
use std::fs::write;
use std::path::Path;

/// A broker with a certificate for `name`.
fn broker(authority: &Authority, name: &str, files: &Path) -> Broker {
    let (certificate, key) = authority.issue(name);
    write(files.join("cert.pem"), certificate.pem()).unwrap();
    write(files.join("key.pem"), key.serialize_pem()).unwrap();
    Broker::start(&[("tls", files.to_str().unwrap())], false)
}

#[test]
fn a_broker_behind_tls_is_trusted_by_its_authority_and_its_name() {
    let files = ScratchDir::new("activemq-tls").unwrap();
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    for (name, authority) in [("ours.pem", &ours), ("theirs.pem", &theirs)] {
        write(files.path().join(name), authority.pem()).unwrap();
    }
    let path = |name: &str| files.path().join(name).to_str().unwrap().to_owned();
    let (ours_file, theirs_file) = (path("ours.pem"), path("theirs.pem"));
    let broker = broker(&ours, "brokers.example", files.path());
    let url = format!("activemq+ssl://127.0.0.1:{}", broker.tls_port);
    let named = ("tls_server_name", "brokers.example");
    let queue = queue("tls");
    for url in [url.clone(), format!("failover:({url})")] {
        let trusted = producer(&url, &[("tls_ca_file", ours_file.as_str()), named]);
        send(&trusted, &queue, "over TLS").unwrap();
        let transaction = trusted.begin_transaction().unwrap();
        let message = mqproducer::Message::new(&queue, b"in a transaction");
        transaction.send(&message, &mqproducer::SendOptions::default()).unwrap();
        transaction.commit().unwrap();
        close(&trusted);
    }
    let refusal = |settings: &[(&str, &str)]| {
        let refused = producer(&url, settings);
        let error = send(&refused, &queue, "not trusted").unwrap_err();
        close(&refused);
        error
    };
    for (settings, why) in [
        (&[("tls_ca_file", theirs_file.as_str()), named][..], "UnknownIssuer"),
        (&[named], "invalid peer certificate"),
        (&[("tls_ca_file", ours_file.as_str())], "certificate not valid for name \"127.0.0.1\""),
        (
            &[("tls_ca_file", ours_file.as_str()), ("tls_server_name", "other.example")],
            "certificate not valid for name \"other.example\"",
        ),
    ] {
        let error = refusal(settings);
        assert_eq!(error.kind(), ErrorKind::Connect, "{error}");
        assert!(error.message().contains(why), "{error}");
    }
    // Without TLS to that port: an end in time, not a hang.
    let bare = producer(&format!("activemq://127.0.0.1:{}", broker.tls_port), &[("connect_timeout", "1000")]);
    assert_eq!(send(&bare, &queue, "bare").unwrap_err().kind(), ErrorKind::Connect);
    close(&bare);
    assert_eq!(bodies(&broker.read(&queue, 4)), ["over TLS", "in a transaction", "over TLS", "in a transaction"]);
}
