//! `docs/ACCEPTANCE.md`: what a producer has to do, row by row, and the tests that show it.
//!
//! The rows stand in `tests/acceptance/rows.txt`. A test names those that it proves in its documentation:
//! `Rows: A B.` on a line of its own.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};

const GROUPS: &[(&str, &str)] = &[
    ("LC", "Lifecycle"),
    ("CF", "Configuration"),
    ("VA", "Validation"),
    ("RT", "Routing"),
    ("QS", "Queue selection"),
    ("FT", "Fault tolerance"),
    ("SK", "The path of a send"),
    ("CO", "Compression"),
    ("BA", "Batches"),
    ("AS", "Asynchronous sends and backpressure"),
    ("RE", "Retries, time limits and errors"),
    ("SO", "Reliable sending"),
    ("HK", "Hooks"),
    ("TR", "Trace"),
    ("TX", "Transactions"),
    ("RR", "Request and reply"),
    ("DL", "Delayed messages"),
    ("NS", "Namespaces, units, VIP channel and static topics"),
    ("ST", "Scheduled tasks"),
    ("RM", "Remoting"),
    ("AM", "ActiveMQ"),
];

/// How a row stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Proven,
    NotApplicable,
    Later,
    Open,
}

#[derive(Debug)]
struct Row {
    id: String,
    state: State,
    text: String,
    tests: Vec<String>,
}

/// The rows of the list, with the tests of `sources` that prove them, or everything that is wrong with them.
fn table(list: &str, sources: &BTreeMap<String, String>) -> Result<Vec<Row>, Vec<String>> {
    let mut wrong = Vec::new();
    let mut rows: Vec<Row> = Vec::new();
    for line in list.lines() {
        let Some((id, text)) = line.split_once(" | ") else {
            wrong.push(format!("a line is no row: {line}"));
            continue;
        };
        let states = [("not applicable: ", State::NotApplicable), ("later: ", State::Later), ("open: ", State::Open)];
        let found = states.iter().find_map(|(word, state)| Some((text.strip_prefix(word)?, *state)));
        let (text, state) = found.unwrap_or((text, State::Proven));
        let group = id.split_once('-').map_or("", |(group, _)| group);
        if text.is_empty() || !GROUPS.iter().any(|(known, _)| *known == group) {
            wrong.push(format!("a row without a text or of no group: {line}"));
        }
        if rows.iter().any(|row| row.id == id) {
            wrong.push(format!("{id} is listed twice"));
        }
        rows.push(Row { id: id.to_owned(), state, text: text.to_owned(), tests: Vec::new() });
    }
    let suites = sources.get("tests/cluster/main.rs").map_or("", String::as_str);
    for (file, source) in sources {
        for (place, ids, test) in marks(source, |name| is_suite(suites, file, name)) {
            let (ids, test) = match (ids, test) {
                (Some(ids), Some(test)) => (ids, format!("{file}::{test}")),
                (None, _) => {
                    wrong.push(format!("{file}:{place}: a mark is `Rows: A B.`, with ids and a full stop"));
                    continue;
                }
                (_, None) => {
                    wrong.push(format!("{file}:{place}: a mark stands above no test"));
                    continue;
                }
            };
            for id in ids {
                match rows.iter_mut().find(|row| row.id == id) {
                    Some(row) if row.tests.contains(&test) => wrong.push(format!("{file}:{place}: {id} twice")),
                    Some(row) => row.tests.push(test.clone()),
                    None => wrong.push(format!("{file}:{place}: a mark names {id}, which is no row")),
                }
            }
        }
    }
    for row in &rows {
        match row.state {
            State::Proven if row.tests.is_empty() => wrong.push(format!("{} has no test", row.id)),
            state if state != State::Proven && !row.tests.is_empty() => {
                wrong.push(format!("{} is listed as {state:?}, but {} proves it", row.id, row.tests[0]))
            }
            _ => {}
        }
    }
    if wrong.is_empty() { Ok(rows) } else { Err(wrong) }
}

/// Whether the table of suites names this function of a module in `tests/cluster`.
fn is_suite(table: &str, file: &str, name: &str) -> bool {
    let module = file.strip_prefix("tests/cluster/").and_then(|file| file.strip_suffix(".rs"));
    let module = module.map(|module| module.strip_suffix("/mod").unwrap_or(module));
    module.is_some_and(|module| table.contains(&format!(", {module}::{name}),")))
}

/// A mark: its line, its ids when it is well formed, and the test that it stands above.
type Mark<'a> = (usize, Option<Vec<&'a str>>, Option<&'a str>);

/// The marks of one source. A mark belongs to the function after it, from which only documentation and attributes may
/// part it; that has `#[test]` or is a suite.
fn marks<'a>(source: &'a str, suite: impl Fn(&str) -> bool) -> Vec<Mark<'a>> {
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some(text) = line.strip_prefix("/// Rows:") else { continue };
        let ids = text.split_once('.').map(|(ids, _)| ids.split_whitespace().collect::<Vec<_>>());
        let well_formed = |ids: &Vec<&str>| !ids.is_empty() && ids.iter().all(|id| is_id(id));
        let between = |line: &&&str| line.starts_with("///") || line.starts_with("#[");
        let between = lines[at..].iter().take_while(between).count();
        let tested = lines[at..at + between].contains(&"#[test]");
        let name = lines.get(at + between).and_then(|line| {
            let rest = line.strip_prefix("pub ").unwrap_or(line).strip_prefix("fn ")?;
            rest.split(|c: char| !c.is_alphanumeric() && c != '_').next()
        });
        found.push((at + 1, ids.filter(well_formed), name.filter(|name| tested || suite(name))));
    }
    found
}

fn is_id(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() == 5
        && bytes[..2].iter().all(u8::is_ascii_uppercase)
        && bytes[2] == b'-'
        && bytes[3..].iter().all(u8::is_ascii_digit)
}

fn count(rows: &[Row], state: State) -> usize {
    rows.iter().filter(|row| row.state == state).count()
}

/// The rows that nothing proves yet, as lines.
fn open(rows: &[Row]) -> Vec<String> {
    let open = rows.iter().filter(|row| row.state == State::Open);
    open.map(|row| format!("{}: {}", row.id, row.text)).collect()
}

fn page(rows: &[Row]) -> String {
    let mut page = String::from(
        "# Acceptance\n\n\
         What a producer has to do, row by row, and the tests that show it. Made from `tests/acceptance/rows.txt` and\n\
         the marks above the tests (`make docs` rewrites this page).\n\n",
    );
    // Writing into a String cannot fail.
    let _ = writeln!(
        page,
        "{} rows: {} proven, {} not applicable, {} later, {} open.",
        rows.len(),
        count(rows, State::Proven),
        count(rows, State::NotApplicable),
        count(rows, State::Later),
        count(rows, State::Open)
    );
    for (group, title) in GROUPS {
        let of_group: Vec<&Row> = rows.iter().filter(|row| row.id.starts_with(group)).collect();
        if of_group.is_empty() {
            continue;
        }
        let _ = writeln!(page, "\n## {title}\n\n| row | what we do | shown by |\n|---|---|---|");
        for row in of_group {
            let shown = match row.state {
                State::Proven => row.tests.iter().map(|test| format!("`{test}`")).collect::<Vec<_>>().join("<br>"),
                State::NotApplicable => "not applicable".to_owned(),
                State::Later => "later".to_owned(),
                State::Open => "open".to_owned(),
            };
            let _ = writeln!(page, "| {} | {} | {shown} |", row.id, row.text.replace('|', "\\|"));
        }
    }
    page.push_str("\n## Open\n\n");
    match open(rows) {
        none if none.is_empty() => page.push_str("None.\n"),
        some => some.iter().for_each(|line| _ = writeln!(page, "- {line}")),
    }
    page
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn list() -> String {
    std::fs::read_to_string(root().join("tests/acceptance/rows.txt")).unwrap()
}

/// Every Rust source by its path from the root.
fn sources() -> BTreeMap<String, String> {
    let mut folders: Vec<PathBuf> = vec![root().join("src"), root().join("tests")];
    let mut found = BTreeMap::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                let name = path.strip_prefix(root()).unwrap().to_str().unwrap().replace('\\', "/");
                found.insert(name, std::fs::read_to_string(path).unwrap());
            }
        }
    }
    found
}

#[test]
fn every_row_has_its_tests_and_the_page_is_up_to_date() {
    let rows = table(&list(), &sources()).unwrap_or_else(|wrong| panic!("{}", wrong.join("\n")));
    let open = open(&rows);
    println!("{} rows open\n{}", open.len(), open.join("\n"));
    let path = root().join("docs/ACCEPTANCE.md");
    if std::env::var_os("MQP_WRITE_DOCS").is_some() {
        std::fs::write(&path, page(&rows)).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(written == page(&rows), "docs/ACCEPTANCE.md is out of date; `make docs` rewrites it");
}

/// What `table` says of one test file and the list.
fn said(list: &str, source: &str) -> Vec<String> {
    let sources = BTreeMap::from([("tests/x.rs".to_owned(), source.to_owned())]);
    table(list, &sources).err().unwrap_or_default()
}

#[test]
fn a_mutated_list_or_mark_is_told() {
    let list = "LC-01 | One.\nLC-02 | Two.\nLC-03 | later: trace\n";
    let good = "/// Why.\n///\n/// Rows: LC-01 LC-02. More.\n/// Still more.\n#[cfg(unix)]\n#[test]\nfn a() {}\n";
    assert_eq!(said(list, good), [""; 0]);
    let cases = [
        (list.to_owned(), good.replace(" LC-02", ""), "LC-02 has no test"),
        (list.to_owned(), good.replace("LC-02", "LC-09"), "tests/x.rs:3: a mark names LC-09, which is no row"),
        (list.to_owned(), good.replace("LC-02.", "LC-02"), "LC-01 has no test"),
        (list.to_owned(), good.replace("LC-02.", "LC-02"), "a mark is `Rows: A B.`, with ids and a full stop"),
        (list.to_owned(), good.replace("LC-02", "LC-2"), "a mark is `Rows: A B.`, with ids and a full stop"),
        (list.to_owned(), good.replace("LC-02", "LC-01"), "tests/x.rs:3: LC-01 twice"),
        (list.to_owned(), good.replace("#[test]\n", ""), "tests/x.rs:3: a mark stands above no test"),
        (list.to_owned(), good.replace("#[test]", "\n#[test]"), "tests/x.rs:3: a mark stands above no test"),
        (
            list.to_owned(),
            good.replace("LC-02", "LC-02 LC-03"),
            "LC-03 is listed as Later, but tests/x.rs::a proves it",
        ),
        (format!("{list}LC-01 | Again.\n"), good.to_owned(), "LC-01 is listed twice"),
        (format!("{list}LC-04\n"), good.to_owned(), "a line is no row: LC-04"),
        (format!("{list}XX-01 | What.\n"), good.to_owned(), "of no group: XX-01"),
    ];
    for (list, source, expected) in cases {
        let said = said(&list, &source);
        assert!(said.iter().any(|line| line.contains(expected)), "{expected}: {said:?}");
    }
}

/// The real marks, too: with any one line of them gone or changed, the rows or the page do not come out the same.
#[test]
fn every_mark_of_the_tree_counts() {
    let (list, sources) = (list(), sources());
    let whole = page(&table(&list, &sources).unwrap());
    let mut tried = 0;
    for (file, source) in &sources {
        for (place, ..) in marks(source, |_| true) {
            let without = |change: fn(&str) -> String| {
                let lines = source.lines().enumerate();
                let changed = lines.map(|(at, line)| if at + 1 == place { change(line) } else { line.to_owned() });
                let mut sources = sources.clone();
                sources.insert(file.clone(), changed.collect::<Vec<_>>().join("\n"));
                table(&list, &sources)
            };
            let removed = without(|line| line.replace("Rows:", "Lines:"));
            assert!(removed.map_or(true, |rows| page(&rows) != whole), "{file}:{place}");
            let unknown = without(|line| line.replace("Rows:", "Rows: LC-99"));
            assert!(unknown.is_err_and(|wrong| wrong[0].contains("LC-99")), "{file}:{place}");
            tried += 1;
        }
    }
    assert!(tried > 100, "only {tried} marks found");
}

#[test]
fn only_the_suites_of_the_table_are_tests_of_the_cluster() {
    let table = "    (\"one\", names::one),\n";
    assert!(is_suite(table, "tests/cluster/names.rs", "one") && is_suite(table, "tests/cluster/names/mod.rs", "one"));
    assert!(!is_suite(table, "tests/cluster/names.rs", "two") && !is_suite(table, "tests/cluster/acl.rs", "one"));
    assert!(!is_suite(table, "tests/names.rs", "one"));
}

#[test]
fn open_rows_are_listed_at_the_end() {
    let rows = table("LC-01 | open: a broker to try it on\nLC-02 | not applicable: no consumers\n", &BTreeMap::new());
    let page = page(&rows.unwrap());
    assert!(page.contains("2 rows: 0 proven, 1 not applicable, 0 later, 1 open."), "{page}");
    assert!(page.contains("| LC-01 | a broker to try it on | open |"), "{page}");
    assert!(page.ends_with("## Open\n\n- LC-01: a broker to try it on\n"), "{page}");
}
