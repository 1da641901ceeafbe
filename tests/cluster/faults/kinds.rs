//! The faults.

use super::field::Field;
use super::limits;
use crate::relay::Condition;
use crate::suites::{Bench, text};
use std::time::{Duration, Instant};

/// The cluster of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum On {
    /// Two masters, of which one is harmed.
    TwoMasters,
    /// A master that flushes and copies before it answers, and its slave.
    SyncPair,
}

type Action = fn(&Bench, &Field<'_>) -> Result<(), String>;

/// Something that goes wrong, for a while.
pub(super) struct Fault {
    pub(super) name: &'static str,
    /// As the page says it.
    pub(super) what: &'static str,
    pub(super) on: On,
    /// Whether it is part of each run of the tests.
    pub(super) short: bool,
    pub(super) harm: Action,
    /// How long it lasts from then on.
    pub(super) lasts: Duration,
    pub(super) mend: Action,
}

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn nothing(_: &Bench, _: &Field<'_>) -> Result<(), String> {
    Ok(())
}

fn well(_: &Bench, field: &Field<'_>) -> Result<(), String> {
    field.set_victim(Condition::Well);
    Ok(())
}

/// Changes a setting of the harmed master while it runs.
fn set(bench: &Bench, field: &Field<'_>, name: &str, value: &str) -> Result<(), String> {
    let connection = field.topology.connection();
    bench.tool.set_config(&connection, &field.victim().addr, &[(name, value)]).map_err(text)
}

fn cut_again_and_again(_: &Bench, field: &Field<'_>) -> Result<(), String> {
    let end = Instant::now() + seconds(4);
    while Instant::now() < end {
        field.with_victims_relay(crate::relay::Relay::cut);
        std::thread::sleep(Duration::from_millis(300));
    }
    Ok(())
}

fn slave<'a>(field: &'a Field<'_>) -> &'a crate::support::cluster::Node {
    field.topology.node(&field.victim().name, 1)
}

/// A fault of two masters that is done to the connections with one of them.
const fn relayed(name: &'static str, what: &'static str, short: bool, harm: Action, lasts: u64) -> Fault {
    Fault { name, what, on: On::TwoMasters, short, harm, lasts: seconds(lasts), mend: well }
}

pub(super) const KINDS: &[Fault] = &[
    Fault {
        name: "killed",
        what: "one of two masters killed and started again",
        on: On::TwoMasters,
        // Those of two_masters.rs and suites.rs kill one in each run.
        short: false,
        harm: |_, field| field.victim().kill(),
        lasts: seconds(3),
        mend: |_, field| field.victim().restart().map(drop),
    },
    Fault {
        name: "frozen",
        what: "one of two masters frozen (SIGSTOP)",
        on: On::TwoMasters,
        short: true,
        harm: |_, field| field.victim().stop(),
        lasts: seconds(8),
        mend: |_, field| field.victim().cont(),
    },
    Fault {
        name: "name_server_killed",
        what: "the name server killed and started again",
        on: On::TwoMasters,
        short: false,
        harm: |_, field| field.topology.namesrv.kill(),
        lasts: seconds(5),
        mend: |_, field| field.topology.namesrv.restart().map(drop),
    },
    relayed("cut", "connections of one of two masters cut again and again", false, cut_again_and_again, 1),
    relayed(
        "half_open",
        "connections of one of two masters dead without a word (half-open)",
        true,
        |_, field| {
            field.set_victim(Condition::Silent);
            Ok(())
        },
        8,
    ),
    relayed(
        "refused",
        "one of two masters refuses connections",
        false,
        |_, field| {
            field.set_victim(Condition::Refusing);
            Ok(())
        },
        8,
    ),
    relayed(
        "late",
        "one of two masters answers 300 ms later",
        false,
        |_, field| {
            field.set_victim(Condition::Late(Duration::from_millis(300)));
            Ok(())
        },
        6,
    ),
    relayed(
        "slow",
        "one of two masters behind a connection of 2 KB/s",
        false,
        |_, field| {
            field.set_victim(Condition::Slow(2048));
            Ok(())
        },
        8,
    ),
    relayed(
        "corrupted",
        "answers of one of two masters corrupted, one of twenty",
        true,
        |_, field| {
            field.set_victim(Condition::Corrupting);
            Ok(())
        },
        6,
    ),
    Fault {
        name: "flow_control",
        what: "one of two masters refuses for flow control",
        on: On::TwoMasters,
        short: false,
        harm: |bench, field| set(bench, field, "osPageCacheBusyTimeOutMills", "-1"),
        lasts: seconds(6),
        mend: |bench, field| set(bench, field, "osPageCacheBusyTimeOutMills", "1000"),
    },
    Fault {
        name: "descriptors",
        what: "connections of one of two masters cut, and our programs may open no descriptor (RLIMIT_NOFILE)",
        on: On::TwoMasters,
        short: false,
        harm: |bench, field| {
            limits::no_more_descriptors(bench)?;
            field.with_victims_relay(crate::relay::Relay::cut);
            Ok(())
        },
        lasts: seconds(6),
        mend: |bench, _| limits::lift(bench),
    },
    Fault {
        name: "memory",
        what: "one of two masters frozen, and our programs may take 32 MiB more memory (RLIMIT_DATA)",
        on: On::TwoMasters,
        short: false,
        harm: |bench, field| {
            limits::little_more_memory(bench)?;
            field.victim().stop()
        },
        lasts: seconds(8),
        mend: |bench, field| {
            field.victim().cont()?;
            limits::lift(bench)
        },
    },
    // The last of them: the addresses stay moved.
    Fault {
        name: "moved",
        what: "one of two masters and the name server at new addresses",
        on: On::TwoMasters,
        short: false,
        harm: |_, field| {
            field.move_victim()?;
            field.moved_name_server.set(Condition::Well);
            field.name_server.set(Condition::Refusing);
            Ok(())
        },
        lasts: seconds(10),
        mend: nothing,
    },
    Fault {
        name: "disk_slow",
        what: "synchronous master: flushes time out (syncFlushTimeout=1)",
        on: On::SyncPair,
        short: true,
        harm: |bench, field| set(bench, field, "syncFlushTimeout", "1"),
        lasts: seconds(5),
        mend: |bench, field| set(bench, field, "syncFlushTimeout", "5000"),
    },
    Fault {
        name: "slave_frozen",
        what: "synchronous master: its slave frozen (SIGSTOP)",
        on: On::SyncPair,
        short: false,
        harm: |_, field| slave(field).stop(),
        lasts: seconds(6),
        mend: |_, field| slave(field).cont(),
    },
    Fault {
        name: "pair_flow_control",
        what: "synchronous master: refuses for flow control",
        on: On::SyncPair,
        short: false,
        harm: |bench, field| set(bench, field, "osPageCacheBusyTimeOutMills", "-1"),
        lasts: seconds(5),
        mend: |bench, field| set(bench, field, "osPageCacheBusyTimeOutMills", "1000"),
    },
    Fault {
        name: "slave_gone",
        what: "synchronous master: its slave killed and started again",
        on: On::SyncPair,
        short: false,
        harm: |_, field| slave(field).kill(),
        lasts: seconds(5),
        mend: |_, field| slave(field).restart().map(drop),
    },
    Fault {
        name: "master_frozen",
        what: "synchronous master frozen (SIGSTOP)",
        on: On::SyncPair,
        short: false,
        harm: |_, field| field.victim().stop(),
        lasts: seconds(6),
        mend: |_, field| field.victim().cont(),
    },
    Fault {
        name: "master_killed",
        what: "synchronous master killed and started again",
        on: On::SyncPair,
        short: false,
        harm: |_, field| field.victim().kill(),
        lasts: seconds(3),
        mend: |_, field| field.victim().restart().map(drop),
    },
];
