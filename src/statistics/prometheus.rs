//! Prometheus text exposition.

use super::Statistics;
use super::table::{METRICS, Metric, Value};
use std::fmt::{self, Display, Write};

/// Before every name.
const PREFIX: &str = "mqproducer_";

pub(super) fn render(statistics: &Statistics) -> String {
    let mut out = String::new();
    for metric in METRICS {
        // Writing into a String cannot fail.
        let _ = family(&mut out, metric, statistics);
    }
    out
}

fn family(out: &mut String, metric: &Metric, statistics: &Statistics) -> fmt::Result {
    let samples = (metric.read)(statistics);
    if samples.is_empty() {
        return Ok(());
    }
    let Metric { name, kind, labels, .. } = metric;
    writeln!(out, "# HELP {PREFIX}{name} {}", Escaped(metric.help, false))?;
    writeln!(out, "# TYPE {PREFIX}{name} {}", kind.name())?;
    for sample in samples {
        let mut series = vec![("producer_group", &*statistics.producer_group), ("client_id", &*statistics.client_id)];
        series.extend(labels.iter().copied().zip(sample.labels.iter().map(String::as_str)));
        match sample.value {
            Value::Number(number) => line(out, name, "", &series, number)?,
            Value::Seconds(seconds) => line(out, name, "", &series, seconds.as_secs_f64())?,
            Value::Summary(told) => {
                for (quantile, took) in
                    [("0.5", told.p50), ("0.9", told.p90), ("0.99", told.p99), ("0.999", told.p999), ("1", told.max)]
                {
                    series.push(("quantile", quantile));
                    // Prometheus' word for a quantile of nothing.
                    let took = if told.count == 0 { f64::NAN } else { took.as_secs_f64() };
                    line(out, name, "", &series, took)?;
                    series.pop();
                }
                line(out, name, "_sum", &series, told.sum.as_secs_f64())?;
                line(out, name, "_count", &series, told.count)?;
            }
        }
    }
    Ok(())
}

fn line(out: &mut String, name: &str, suffix: &str, labels: &[(&str, &str)], value: impl Display) -> fmt::Result {
    write!(out, "{PREFIX}{name}{suffix}")?;
    for (index, (label, value)) in labels.iter().enumerate() {
        write!(out, "{}{label}=\"{}\"", if index == 0 { '{' } else { ',' }, Escaped(value, true))?;
    }
    writeln!(out, "}} {value}")
}

/// A text with `\`, line feeds and, in a label's value, `"` escaped.
struct Escaped<'a>(&'a str, bool);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for char in self.0.chars() {
            match char {
                '\\' => f.write_str("\\\\")?,
                '\n' => f.write_str("\\n")?,
                '"' if self.1 => f.write_str("\\\"")?,
                char => f.write_char(char)?,
            }
        }
        Ok(())
    }
}
