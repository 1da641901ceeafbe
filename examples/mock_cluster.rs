//! The embedded cluster as a program: any RocketMQ client can send to it.
//!
//! `cargo run --example mock_cluster -- [--port 9876] [--brokers 1] [--queues 8]`
//!
//! Runs until standard input ends; the command `list` prints what is stored.

use std::io::{BufRead, Write};
use std::process::ExitCode;

use mqproducer::mock::{Builder, Cluster, StoredMessage};

const USAGE: &str = "usage: mock_cluster [--port 9876] [--brokers 1] [--queues 8]";
/// A name server's usual port.
const DEFAULT_PORT: u16 = 9876;
/// Longer bodies are cut in the list.
const BODY_CHARS: usize = 60;

fn number<T: std::str::FromStr>(option: &str, value: Option<String>) -> Result<T, String> {
    let value = value.ok_or_else(|| format!("{option} needs a number\n{USAGE}"))?;
    value.parse().map_err(|_| format!("{option} {value} is not a number in range\n{USAGE}"))
}

fn settings() -> Result<Builder, String> {
    let mut builder = Cluster::builder().name_server_port(DEFAULT_PORT);
    let mut arguments = std::env::args().skip(1);
    while let Some(option) = arguments.next() {
        builder = match option.as_str() {
            "--port" => builder.name_server_port(number(&option, arguments.next())?),
            "--brokers" => builder.brokers(number(&option, arguments.next())?),
            "--queues" => builder.queues(number(&option, arguments.next())?),
            _ => return Err(format!("unknown option {option}\n{USAGE}")),
        };
    }
    Ok(builder)
}

fn line(message: &StoredMessage) -> String {
    let text = String::from_utf8_lossy(&message.body);
    let cut: String = text.chars().take(BODY_CHARS).collect();
    let more = if cut.len() < text.len() { "..." } else { "" };
    format!(
        "{} {} queue {} offset {} {} tags={} keys={} {} bytes {:?}{more}",
        message.topic,
        message.broker_name,
        message.queue_id,
        message.queue_offset,
        message.message_id,
        message.tags.as_deref().unwrap_or("-"),
        message.keys.as_deref().unwrap_or("-"),
        message.body.len(),
        cut
    )
}

fn run() -> Result<(), String> {
    let cluster = settings()?.start().map_err(|error| error.to_string())?;
    let mut out = std::io::stdout().lock();
    let failed = |error: std::io::Error| error.to_string();
    writeln!(out, "{}", cluster.url()).map_err(failed)?;
    for command in std::io::stdin().lock().lines() {
        match command.map_err(failed)?.trim() {
            "" => {}
            "list" => {
                let messages = cluster.messages(None);
                for message in &messages {
                    writeln!(out, "{}", line(message)).map_err(failed)?;
                }
                writeln!(out, "{} messages", messages.len()).map_err(failed)?;
            }
            other => writeln!(out, "unknown command {other}; there is `list`").map_err(failed)?,
        }
    }
    Ok(())
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
