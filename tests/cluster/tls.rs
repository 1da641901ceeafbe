//! Servers that refuse connections without TLS, and clients without a certificate.

use crate::names::start;
use crate::stress::check;
use crate::suites::{Bench, first_few, text};
use crate::support::broker_conf::{BrokerSpec, Role, TopologySpec};
use crate::support::certificates::Authority;
use crate::support::cluster::Topology;
use crate::support::java_tool::{Connection, JavaTool};
use crate::support::scratch::ScratchDir;
use crate::{rust_stress, side_by_side};
use mqproducer::{ErrorKind, Message, SendOptions};
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(60);
const NAME: &str = "rocketmq.example";

/// What is wrong, the settings, what the error says.
type Case<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str);

/// Rows: RM-08.
pub fn tls_enforced_by_every_server(bench: &Bench) -> Result<String, String> {
    let files = ScratchDir::new("tls")?;
    let write = |name: &str, content: &str| -> Result<String, String> {
        let path = files.path().join(name);
        std::fs::write(&path, content).map_err(text)?;
        Ok(path.display().to_string())
    };
    let ours = Authority::new("ours");
    let (certificate, key) = ours.issue(NAME);
    let ca = write("ca.pem", &ours.pem())?;
    let wrong_ca = write("wrong-ca.pem", &Authority::new("theirs").pem())?;
    let (own_certificate, own_key) = ours.issue("client.example");
    let (own_certificate, own_key) =
        (write("client.pem", &own_certificate.pem())?, write("client.key", &own_key.serialize_pem())?);
    let (stranger, strange_key) = Authority::new("nobody's").issue("client.example");
    let (stranger, strange_key) =
        (write("stranger.pem", &stranger.pem())?, write("stranger.key", &strange_key.serialize_pem())?);
    let properties = format!(
        "tls.server.keyPath={}\ntls.server.certPath={}\ntls.server.need.client.auth=require\n\
         tls.server.authClient=true\ntls.server.trustCertPath={ca}\n\
         tls.client.trustCertPath={ca}\ntls.client.authServer=true\n\
         tls.client.keyPath={own_key}\ntls.client.certPath={own_certificate}\n",
        write("server.key", &key.serialize_pem())?,
        write("server.pem", &certificate.pem())?,
    );
    let config = format!("-Dtls.config.file={}", write("tls.properties", &properties)?);
    let arguments = ["-Dtls.server.mode=enforcing", "-Dtls.test.mode.enable=false", "-Dtls.enable=true", &config];
    let mut broker = BrokerSpec::new("broker-a", 0, Role::AsyncMaster);
    broker.jvm_args = arguments.map(str::to_owned).into();
    let mut spec = TopologySpec::new(vec![broker]);
    spec.namesrv_jvm_args = arguments.map(str::to_owned).into();
    let topology = Topology::start(&spec)?;
    let tool = JavaTool::start_with(&arguments[1..]).map_err(text)?;
    let to = Connection { tls: true, ..topology.connection() };
    tool.create_topic(&to, &topology.master("broker-a").addr, "Secret", 4, 6, &[]).map_err(text)?;

    let url = format!("rocketmq://{}", topology.namesrv_addr());
    let own = [("tls_cert_file", own_certificate.as_str()), ("tls_key_file", own_key.as_str())];
    let good = [("use_tls", "true"), own[0], own[1], ("tls_ca_file", ca.as_str()), ("tls_server_name", NAME)];
    let reports = rust_stress::run(&url, "Secret", 1000, &good)?;
    let stored = tool.read(&to, "Secret", 1000, LIMIT).map_err(text)?;
    check("Secret", "rust", 1000, &reports, &stored, true).map_err(first_few)?;

    let strangers = [("tls_cert_file", stranger.as_str()), ("tls_key_file", strange_key.as_str())];
    let cases: [Case<'_>; 6] = [
        ("a wrong authority", &[good[0], own[0], own[1], ("tls_ca_file", &wrong_ca), good[4]], "UnknownIssuer"),
        ("a wrong name", &good[..4], "not valid for name \"127.0.0.1\""),
        ("the system's authorities", &[good[0], own[0], own[1], good[4]], "invalid peer certificate"),
        ("no client certificate", &[good[0], good[3], good[4]], "127.0.0.1"),
        ("a stranger's certificate", &[good[0], strangers[0], strangers[1], good[3], good[4]], "127.0.0.1"),
        ("a plain client", &[], "127.0.0.1"),
    ];
    for (name, settings, why) in cases {
        let producer = start(&url, &[settings, &[("send_msg_timeout", "1500")]].concat())?;
        let Err(error) = producer.send(&Message::new("Secret", b"x"), &SendOptions::default()) else {
            return Err(format!("{name}: not refused"));
        };
        if error.kind() != ErrorKind::NoNameServer || !error.message().contains(why) {
            return Err(format!("{name}: {error:?}"));
        }
    }
    let insecure = start(&url, &[good[0], own[0], own[1], ("tls_insecure_skip_verify", "true")])?;
    insecure.send(&Message::new("Secret", b"insecure"), &SendOptions::default()).map_err(text)?;
    let stored = tool.read(&to, "Secret", 1001, LIMIT).map_err(text)?;
    if stored.len() != 1001 {
        return Err(format!("{} messages are stored", stored.len()));
    }

    // The drop-in, by the property file of the old client.
    let own_files = format!("tls.client.certPath={own_certificate}\ntls.client.keyPath={own_key}\n");
    let checked = format!("{own_files}tls.client.trustCertPath={ca}\ntls.client.serverName={NAME}\n");
    let unchecked = format!("{own_files}tls.client.authServer=false\n");
    let wrong = format!("{own_files}tls.client.trustCertPath={wrong_ca}\ntls.client.serverName={NAME}\n");
    let mut drop_in = Vec::new();
    for (topic, file) in [("DropIn_checked", checked), ("DropIn_unchecked", unchecked)] {
        tool.create_topic(&to, &topology.master("broker-a").addr, topic, 4, 6, &[]).map_err(text)?;
        let file = write(&format!("{topic}.properties"), &file)?;
        drop_in.push(side_by_side::over_tls(bench, &tool, &to, topic, &file)?);
    }
    let wrong = write("wrong.properties", &wrong)?;
    match side_by_side::over_tls(bench, &tool, &to, "DropIn_checked", &wrong) {
        Err(why) if why.contains("UnknownIssuer") => {}
        other => return Err(format!("the drop-in trusts a wrong authority: {other:?}")),
    }
    Ok(format!("1000 messages with a client certificate, 6 refusals; {}", drop_in.join(", ")))
}
