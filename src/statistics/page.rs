//! `docs/STATISTICS.md`, made from the table of statistics.

use super::table::METRICS;
use std::fmt::Write;

/// The whole page.
pub fn markdown() -> String {
    let mut page = String::from(
        "# Statistics\n\n\
         Made from the table in `src/statistics/table.rs` (`make docs` rewrites this page). A producer tells them when it\n\
         is asked, and to a callback every `statistics_interval`. Counters begin with zero when the producer is made and\n\
         never fall. Numbers are read one after the other while messages go on, so that they may be a few messages apart.\n\n\
         **Prometheus**: text exposition, version 0.0.4. Every name begins with `mqproducer_`, and every series has the\n\
         labels `producer_group` and `client_id` besides those below. A summary has the quantiles 0.5, 0.9, 0.99, 0.999\n\
         and 1, and `_sum` and `_count`; of nothing they are `NaN`.\n\n\
         **JSON**: one object with `producer_group`, `client_id` and the names below. A value without labels is a number.\n\
         One with labels is a list of objects with the labels, as texts, and `value`; in a summary's objects `count`,\n\
         `sum`, `p50`, `p90`, `p99`, `p999` and `max` stand in place of it, all 0 of nothing. Later versions add names,\n\
         labels never change.\n\n\
         ```json\n\
         {\"producer_group\":\"orders\",\"client_id\":\"10.0.0.7@4711#1\",\"accepted_messages_total\":3,\n \
         \"failed_messages_total\":[{\"cause\":\"BROKER\",\"code\":\"2\",\"value\":1}],\n \
         \"answer_seconds\":[{\"broker\":\"broker-a\",\"count\":3,\"sum\":0.004,\"p50\":0.001,\"p90\":0.002,\"p99\":0.002,\
         \"p999\":0.002,\"max\":0.002}]}\n\
         ```\n\n\
         | name | kind | unit | labels | what |\n|---|---|---|---|---|\n",
    );
    for metric in METRICS {
        let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        let labels = if labels.is_empty() { "–".to_owned() } else { labels.join(", ") };
        // Writing into a String cannot fail.
        let _ = writeln!(
            page,
            "| `{}` | {} | {} | {labels} | {} |",
            metric.name,
            metric.kind.name(),
            metric.unit,
            metric.help
        );
    }
    page
}

#[cfg(all(test, not(mqp_loom)))]
mod tests {
    #[test]
    fn the_page_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/STATISTICS.md");
        if std::env::var_os("MQP_WRITE_DOCS").is_some() {
            std::fs::write(path, super::markdown()).unwrap();
        }
        let page = std::fs::read_to_string(path).unwrap_or_default();
        assert!(page == super::markdown(), "docs/STATISTICS.md is out of date; `make docs` rewrites it");
    }
}
