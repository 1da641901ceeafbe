//! The table of docs/RELIABILITY.md.

use super::Row;
use super::kinds::On;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

const HEAD: &str = "| fault | language | acknowledged | lost | duplicated | failed | longest time without an acknowledgement, s |\n\
                    |---|---|---|---|---|---|---|\n";

/// A row of the table.
pub(super) fn line(row: &Row) -> String {
    let Row { fault, language, acknowledged, lost, duplicated, failed, recovery, .. } = row;
    let language = if language == "java" { "Java (official)" } else { language };
    let seconds = recovery.as_secs_f64();
    format!("| {fault} | {language} | {acknowledged} | {lost} | {duplicated} | {failed} | {seconds:.1} |")
}

/// All of them.
pub(super) fn text(rows: &[Row]) -> String {
    rows.iter().fold(HEAD.to_owned(), |text, row| text + &line(row) + "\n")
}

/// Puts what became of a soak on the page. `faults`: each with the time of its beginning, one after the other.
pub(super) fn write_soak(rows: &[Row], length: Duration, faults: &[(&str, u64)]) -> Result<(), String> {
    let head = format!("{} seconds, {} faults.\n\n", length.as_secs(), faults.len());
    change_page("soak", &(head + &text(rows) + "\n" + &causes(rows, faults)))
}

/// Which fault the second copies are from: the last that began before their messages completed.
pub(super) fn causes(rows: &[Row], faults: &[(&str, u64)]) -> String {
    let mut kinds: BTreeMap<&str, (usize, Vec<usize>)> = BTreeMap::new();
    for (kind, _) in faults {
        kinds.entry(kind).or_insert_with(|| (0, vec![0; rows.len()])).0 += 1;
    }
    for (at, row) in rows.iter().enumerate() {
        for moment in &row.duplicated_at {
            let cause = faults.iter().rev().find(|(_, begin)| begin <= moment).or(faults.first());
            if let Some((_, copies)) = cause.and_then(|(kind, _)| kinds.get_mut(kind)) {
                copies[at] += 1;
            }
        }
    }
    let languages: Vec<&str> = rows.iter().map(|row| row.language.as_str()).collect();
    let head =
        format!("| fault | times | duplicated: {} |\n|---|---{}|\n", languages.join(" | "), "|---".repeat(rows.len()));
    kinds.iter().fold(head, |text, (kind, (times, copies))| {
        let copies: Vec<String> = copies.iter().map(usize::to_string).collect();
        text + &format!("| {kind} | {times} | {} |\n", copies.join(" | "))
    })
}

/// Puts the table between its marks on the page.
pub(super) fn write(on: On, rows: &[Row]) -> Result<(), String> {
    let mark = match on {
        On::TwoMasters => "two-masters",
        On::SyncPair => "synchronous-pair",
    };
    change_page(mark, &text(rows))
}

fn change_page(mark: &str, text: &str) -> Result<(), String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/RELIABILITY.md");
    let page = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    fs::write(&path, replaced(&page, mark, text)?).map_err(|error| error.to_string())
}

fn replaced(page: &str, mark: &str, text: &str) -> Result<String, String> {
    let (begin, end) = (format!("<!-- faults: {mark} -->\n"), "<!-- faults: end -->");
    let missing = || format!("docs/RELIABILITY.md has no place for {mark}");
    let (before, rest) = page.split_once(&begin).ok_or_else(missing)?;
    let (_, after) = rest.split_once(end).ok_or_else(missing)?;
    Ok(format!("{before}{begin}{text}{end}{after}"))
}
