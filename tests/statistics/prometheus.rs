//! A small reader of Prometheus' text exposition, which refuses what is not one.

use std::collections::BTreeMap;

/// A series: its name with the labels in their order, values unescaped.
pub type Series = (String, Vec<(String, String)>);

/// Every series of a text with its value, or the line that is wrong and why.
pub fn read(text: &str) -> Result<BTreeMap<Series, f64>, String> {
    if !text.ends_with('\n') {
        return Err("the last line has no end".to_owned());
    }
    let (mut kinds, mut found): (BTreeMap<&str, &str>, BTreeMap<Series, f64>) = Default::default();
    let mut helped = Vec::new();
    let mut family = "";
    for line in text.lines() {
        let wrong = |why: &str| Err(format!("{why}: {line}"));
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').unwrap_or((rest, ""));
            if helped.contains(&name) || help.is_empty() {
                return wrong("help is missing or there twice");
            }
            helped.push(name);
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let Some((name, kind)) = rest.split_once(' ') else { return wrong("no type") };
            if helped.last() != Some(&name) || kinds.insert(name, kind).is_some() {
                return wrong("the type does not follow its help, once");
            }
            if !["counter", "gauge", "summary"].contains(&kind) {
                return wrong("an unknown type");
            }
            family = name;
        } else {
            let ((name, labels), value) = series(line).ok_or(format!("no series: {line}"))?;
            let suffix = name.strip_prefix(family).unwrap_or("?");
            let summary = kinds.get(family) == Some(&"summary");
            let quantile = labels.iter().any(|(label, _)| label == "quantile");
            match (suffix, summary, quantile) {
                ("", false, false) | ("", true, true) | ("_sum" | "_count", true, false) => {}
                _ => return wrong("a series apart from its family"),
            }
            if kinds.get(family) == Some(&"counter") && !(name.ends_with("_total") && value >= 0.0) {
                return wrong("a counter that is none");
            }
            if found.insert((name, labels), value).is_some() {
                return wrong("a series that is there twice");
            }
        }
    }
    Ok(found)
}

fn is_name(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn series(line: &str) -> Option<(Series, f64)> {
    let (name, mut rest) = line.split_once('{')?;
    let mut labels = Vec::new();
    loop {
        let (label, value) = rest.split_once("=\"")?;
        let (mut text, mut chars) = (String::new(), value.char_indices());
        let end = loop {
            match chars.next()? {
                (at, '"') => break at + 1,
                (_, '\\') => text.push(match chars.next()?.1 {
                    'n' => '\n',
                    escaped @ ('"' | '\\') => escaped,
                    _ => return None,
                }),
                (_, char) => text.push(char),
            }
        };
        if !is_name(label) || labels.iter().any(|(other, _)| other == label) {
            return None;
        }
        labels.push((label.to_owned(), text));
        rest = &value[end..];
        match rest.strip_prefix(',') {
            Some(more) => rest = more,
            None => break,
        }
    }
    let value = rest.strip_prefix("} ")?.parse().ok()?;
    is_name(name).then(|| ((name.to_owned(), labels), value))
}

#[test]
fn the_reader_of_expositions_sees_what_is_wrong() {
    let good = "# HELP a_total All.\n# TYPE a_total counter\na_total{x=\"1\"} 1\na_total{x=\"\\\"\\\\\\n\"} 2.5\n\
                # HELP s Took.\n# TYPE s summary\ns{b=\"c\",quantile=\"1\"} NaN\ns_sum{b=\"c\"} 0\ns_count{b=\"c\"} 0\n";
    let series = read(good).unwrap();
    assert_eq!(series[&("a_total".to_owned(), vec![("x".to_owned(), "\"\\\n".to_owned())])], 2.5);
    assert_eq!(series.len(), 5);
    for (from, to) in [
        ("# HELP a_total All.\n", ""),
        ("# TYPE a_total counter\n", ""),
        ("counter", "meter"),
        ("x=\"1\"} 1", "x=\"\\\"\\\\\\n\"} 1"),
        ("\\\"", "\""),
        ("\\n", "\\m"),
        ("a_total{x=\"1\"} 1", "a_total{x=\"1\"}"),
        ("a_total{x=\"1\"} 1", "a_total{x=\"1\"} -1"),
        ("a_total{x=\"1\"} 1", "a_total{x=\"1\",x=\"2\"} 1"),
        ("a_total{x=\"1\"} 1", "b_total{x=\"1\"} 1"),
        ("s_sum{b", "s_max{b"),
        (",quantile=\"1\"", ""),
        ("s_count{b=\"c\"} 0\n", "s_count{b=\"c\"} 0"),
        ("# HELP s Took.", "# HELP a_total Took."),
    ] {
        assert!(good.contains(from), "{from}");
        assert!(read(&good.replacen(from, to, 1)).is_err(), "{from} → {to}");
    }
}
