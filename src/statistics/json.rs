//! The statistics as one JSON object.

use super::Statistics;
use super::table::{METRICS, Sample, Value};
use std::fmt::{self, Display, Write};

pub(super) fn render(statistics: &Statistics) -> String {
    let mut out = String::new();
    // Writing into a String cannot fail.
    let _ = object(&mut out, statistics);
    out
}

fn object(out: &mut String, statistics: &Statistics) -> fmt::Result {
    let (group, client) = (Quoted(&statistics.producer_group), Quoted(&statistics.client_id));
    write!(out, r#"{{"producer_group":{group},"client_id":{client}"#)?;
    for metric in METRICS {
        write!(out, ",\"{}\":", metric.name)?;
        let samples = (metric.read)(statistics);
        match (metric.labels, &samples[..]) {
            ([], [Sample { value: Value::Number(number), .. }]) => write!(out, "{number}")?,
            ([], [Sample { value: Value::Seconds(seconds), .. }]) => write!(out, "{}", seconds.as_secs_f64())?,
            (labels, samples) => list(out, labels, samples)?,
        }
    }
    out.write_char('}')
}

fn list(out: &mut String, labels: &[&str], samples: &[Sample]) -> fmt::Result {
    out.write_char('[')?;
    for (index, sample) in samples.iter().enumerate() {
        out.write_str(if index == 0 { "{" } else { ",{" })?;
        for (label, value) in labels.iter().zip(&sample.labels) {
            write!(out, "\"{label}\":{},", Quoted(value))?;
        }
        match sample.value {
            Value::Number(number) => write!(out, "\"value\":{number}")?,
            Value::Seconds(seconds) => write!(out, "\"value\":{}", seconds.as_secs_f64())?,
            Value::Summary(told) => {
                write!(out, "\"count\":{},\"sum\":{}", told.count, told.sum.as_secs_f64())?;
                for (name, took) in
                    [("p50", told.p50), ("p90", told.p90), ("p99", told.p99), ("p999", told.p999), ("max", told.max)]
                {
                    write!(out, ",\"{name}\":{}", took.as_secs_f64())?;
                }
            }
        }
        out.write_char('}')?;
    }
    out.write_char(']')
}

/// A JSON string.
struct Quoted<'a>(&'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        for char in self.0.chars() {
            match char {
                '"' | '\\' => write!(f, "\\{char}")?,
                control if control < ' ' => write!(f, "\\u{:04x}", u32::from(control))?,
                char => f.write_char(char)?,
            }
        }
        f.write_char('"')
    }
}
