//! A real Apache RocketMQ and the official Java client as child processes, for integration tests.
//!
//! Needs `java` (11 or later, with `javac`) and `mvn`; the first use builds `tests/cluster/java` with Maven.

// Each test binary compiles the whole module and uses a part of it.
#![allow(dead_code)]

pub mod broker_conf;
pub mod certificates;
pub mod cluster;
pub mod java_build;
pub mod java_tool;
pub mod messages;
pub mod ports;
pub mod process;
pub mod samples;
pub mod scratch;
