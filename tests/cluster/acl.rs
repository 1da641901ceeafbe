//! A broker that wants signatures: who signs right and may, gets through; every refusal keeps code and remark.

use crate::stress::check;
use crate::suites::{Bench, first_few, text};
use crate::support::broker_conf::{BrokerSpec, Role, TopologySpec};
use crate::support::cluster::Topology;
use crate::{names::start, rust_stress, side_by_side};
use mqproducer::{ErrorKind, Message, SendOptions};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(60);
const ADMIN: (&str, &str) = ("rocketmq", "12345678");
const PROVIDERS: &str = "org.apache.rocketmq.auth";

fn broker() -> BrokerSpec {
    let (user, password) = ADMIN;
    BrokerSpec::new("broker-a", 0, Role::AsyncMaster)
        .property("authenticationEnabled", "true")
        .property("authorizationEnabled", "true")
        .property(
            "authenticationProvider",
            &format!("{PROVIDERS}.authentication.provider.DefaultAuthenticationProvider"),
        )
        .property(
            "authenticationMetadataProvider",
            &format!("{PROVIDERS}.authentication.provider.LocalAuthenticationMetadataProvider"),
        )
        .property("authorizationProvider", &format!("{PROVIDERS}.authorization.provider.DefaultAuthorizationProvider"))
        .property(
            "authorizationMetadataProvider",
            &format!("{PROVIDERS}.authorization.provider.LocalAuthorizationMetadataProvider"),
        )
        .property("initAuthenticationUser", &format!(r#"{{"username":"{user}","password":"{password}"}}"#))
        .property(
            "innerClientAuthenticationCredentials",
            &format!(r#"{{"accessKey":"{user}","secretKey":"{password}"}}"#),
        )
}

/// What is wrong, the settings, what the error says.
type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str);

/// Rows: HK-08.
pub fn signed_requests_and_refusals(bench: &Bench) -> Result<String, String> {
    let (_, tool) = bench.parts();
    let topology = Topology::start(&TopologySpec::new(vec![broker()]))?;
    let to = topology.connection().credentials(ADMIN.0, ADMIN.1);
    let address = &topology.master("broker-a").addr;
    let url = format!("rocketmq://{}", topology.namesrv_addr());
    for topic in ["Allowed_JSON", "Allowed_ROCKETMQ", "Forbidden"] {
        tool.create_topic(&to, address, topic, 4, 6, &[]).map_err(text)?;
    }
    tool.create_user(&to, address, "bob", "bobpass12").map_err(text)?;
    let allowed = ["Topic:Allowed_JSON", "Topic:Allowed_ROCKETMQ"];
    tool.create_acl(&to, address, "User:bob", &allowed, &["Pub"]).map_err(text)?;

    let bob = [("access_key", "bob"), ("secret_key", "bobpass12")];
    for serializer in ["JSON", "ROCKETMQ"] {
        let topic = format!("Allowed_{serializer}");
        let settings = [&bob[..], &[("serialize_type", serializer)]].concat();
        let reports = rust_stress::run(&url, &topic, 200, &settings)?;
        let stored = tool.read(&to, &topic, 200, LIMIT).map_err(text)?;
        check(&topic, "rust", 200, &reports, &stored, true).map_err(first_few)?;
    }

    let no_policy = "User:bob has no permission to access Topic:Forbidden from 127.0.0.1, no matched policies.";
    let cases: [Case<'_>; 4] = [
        ("a wrong secret", &[("access_key", "rocketmq"), ("secret_key", "wrong")], "check signature failed."),
        ("an unknown user", &[("access_key", "nobody"), ("secret_key", "x")], "User:nobody is not found."),
        ("no key", &[], "username cannot be null."),
        ("no policy", &bob, no_policy),
    ];
    for (name, settings, remark) in cases {
        let producer = start(&url, settings)?;
        let message = Message::new("Forbidden", b"x");
        let Err(error) = producer.send(&message, &SendOptions::default()) else {
            return Err(format!("{name}: not refused"));
        };
        let told = (error.kind(), error.broker_code(), error.remark());
        if told != (ErrorKind::Broker, Some(16), Some(remark)) {
            return Err(format!("{name}: {error:?}"));
        }
        if error.retriable() || error.maybe_persisted() || !error.message().contains(": 1 try in") {
            return Err(format!("{name}: tried again: {error:?}"));
        }
        producer.send_oneway(&message, &SendOptions::default()).map_err(text)?;
        producer.close(LIMIT).map_err(|error| format!("{name}: {error}"))?;
    }
    let drop_in = side_by_side::refused_by_a_broker(bench, topology.namesrv_addr(), "Forbidden", (bob[0].1, bob[1].1))?;
    // The administrator may; nothing of the refused is stored before it.
    let admin = start(&url, &[("access_key", ADMIN.0), ("secret_key", ADMIN.1)])?;
    let message = Message::new("Forbidden", b"last").with_keys("last");
    admin.send(&message, &SendOptions::default()).map_err(text)?;
    let stored = tool.read(&to, "Forbidden", 1, LIMIT).map_err(text)?;
    match stored.as_slice() {
        [only] if only.body == b"last" => Ok(format!("4 refusals, none tried again; {drop_in}")),
        others => Err(format!("{} messages are stored", others.len())),
    }
}
