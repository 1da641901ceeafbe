//! The conformance cases in Rust; `tests/conformance/README.md` says what they are.
//!
//! `run [--url URL --id ID] FILE...` is the runner as every language has it; `mutants FILE` writes the cases of
//! `mutations.json`. Otherwise the files are checked against the schema, and all cases and mutations are run; arguments
//! name the cases.

mod body_text;
mod hooks;
mod jms;
mod observe;
mod run;
mod schema;
#[path = "../../support/scratch.rs"]
mod scratch;
mod sends;
mod value;

use run::Place;
use schema::Schema;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// What this language does not have, and why.
const EXCEPTIONS: [(&str, &str); 1] =
    [("send_queued", "Rust has closures, channels and futures; the completion queue is for C")];

type Wrong<T> = Result<T, String>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.first().map(String::as_str) {
        Some("run") => run_files(&arguments[1..]),
        Some("mutants") => write_mutants(&arguments[1..]),
        _ => test(&arguments.into_iter().filter(|argument| !argument.starts_with('-')).collect::<Vec<_>>()),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance")
}

fn read(file: &Path) -> Wrong<Value> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("{}: {error}", file.display()))
}

fn case_files() -> Wrong<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder().join("cases")).map_err(|error| error.to_string())?;
    let paths: Result<Vec<_>, _> = entries.map(|entry| entry.map(|entry| entry.path())).collect();
    let mut paths = paths.map_err(|error| error.to_string())?;
    paths.sort();
    Ok(paths)
}

fn list<'v>(value: &'v Value, field: &str) -> &'v [Value] {
    value[field].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn name(case: &Value) -> &str {
    case["name"].as_str().unwrap_or_default()
}

/// Why this language does not run a case.
fn exception(case: &Value) -> Option<&'static str> {
    let features: Vec<_> = list(case, "requires").iter().filter_map(Value::as_str).collect();
    EXCEPTIONS.iter().find(|(feature, _)| features.contains(feature)).map(|(_, why)| *why)
}

fn belongs(case: &Value, place: &Place) -> bool {
    matches!(
        (case["needs"].as_str().unwrap_or("embedded"), place),
        ("both", _) | ("embedded", Place::Embedded) | ("broker", Place::Broker { .. })
    )
}

fn run_files(arguments: &[String]) -> Wrong<bool> {
    let (place, files) = match arguments {
        [url, to, id, own, files @ ..] if url == "--url" && id == "--id" => {
            (Place::Broker { url: to.clone(), id: own.clone() }, files)
        }
        files => (Place::Embedded, files),
    };
    let mut good = true;
    for file in files {
        let file = read(Path::new(file))?;
        for case in list(&file, "cases").iter().filter(|case| belongs(case, &place)) {
            let (result, why) = match exception(case) {
                Some(reason) => ("not_run", vec![reason.to_owned()]),
                None => match run::case(case, &place) {
                    why if why.is_empty() => ("ok", why),
                    why => ("failed", why),
                },
            };
            good &= result != "failed";
            println!("{}", json!({"group": file["group"], "case": name(case), "result": result, "why": why}));
        }
    }
    Ok(good)
}

/// The cases of `mutations.json`, each with one expectation changed.
fn mutants(files: &[Value]) -> Wrong<Vec<Value>> {
    let mutations = read(&folder().join("mutations.json"))?;
    let mutations = mutations.as_array().ok_or("mutations.json is no list")?;
    let mutant = |(number, mutation): (usize, &Value)| {
        let of = mutation["case"].as_str().unwrap_or_default();
        let pointer = mutation["pointer"].as_str().unwrap_or_default();
        let wrong = |what: &str| format!("mutation {number}, {of} {pointer}: {what}");
        let case = files.iter().flat_map(|file| list(file, "cases")).find(|case| name(case) == of);
        let mut case = case.ok_or_else(|| wrong("there is no such case"))?.clone();
        let place = case.pointer_mut(pointer).ok_or_else(|| wrong("there is no such place"))?;
        if *place == mutation["value"] || !pointer.contains("/expect/") {
            return Err(wrong("it changes no expectation"));
        }
        *place = mutation["value"].clone();
        case["name"] = format!("{of} {pointer}").into();
        Ok(case)
    };
    mutations.iter().enumerate().map(mutant).collect()
}

fn write_mutants(arguments: &[String]) -> Wrong<bool> {
    let [out] = arguments else { return Err("mutants FILE".to_owned()) };
    let files = case_files()?.iter().map(|file| read(file)).collect::<Wrong<Vec<_>>>()?;
    let cases = mutants(&files)?;
    let text = json!({"group": "mutants", "cases": cases}).to_string();
    std::fs::write(out, text).map_err(|error| format!("{out}: {error}"))?;
    Ok(true)
}

/// The step that a mutant was changed in, as differences name it.
fn changed_step(case: &Value) -> String {
    let number = name(case).split("/steps/").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or("?");
    format!("steps[{number}] ")
}

/// What the schema lets pass although it should not.
fn schema_misses(schema: &Schema) -> Vec<String> {
    let good = json!({"group": "g", "cases": [{"name": "n", "steps": [{"do": "send", "message": {"body": "x"}}]}]});
    let faults = [
        ("/cases", json!([])),
        ("/cases/0/name", json!(1)),
        ("/cases/0/steps", json!([])),
        ("/cases/0/steps/0", json!({"do": "sent"})),
        ("/cases/0/steps/0", json!({"do": "send", "mesage": {}})),
        ("/cases/0/steps/0", json!({"do": "await"})),
        ("/cases/0/steps/0/message", json!({"body": 1})),
        ("/cases/0/steps/0/message", json!({"body": {"$repat": ["x", 1]}})),
        ("/cases/0/steps/0/message", json!({"flag": "1"})),
        ("/cases/0/steps/0/message", json!({"jms": {"kind": "k"}})),
        ("/cases/0/steps/0/message", json!({"jms": {"properties": {"p": {"int": 1.5}}}})),
        ("/cases/0/steps/0/message", json!({"jms": {"properties": {"p": {"int": 1, "long": 1}}}})),
    ];
    let mut missed = schema.check(&good);
    for (place, fault) in faults {
        let mut bad = good.clone();
        match bad.pointer_mut(place) {
            Some(value) => *value = fault.clone(),
            None => missed.push(format!("there is no {place}")),
        }
        if schema.check(&bad).is_empty() {
            missed.push(format!("the schema takes {fault} at {place}"));
        }
    }
    missed
}

fn test(wanted: &[String]) -> Wrong<bool> {
    let schema = Schema(read(&folder().join("schema.json"))?);
    let mut wrong = schema_misses(&schema);
    let mut files = Vec::new();
    let mut names = BTreeSet::new();
    for path in case_files()? {
        let file = read(&path)?;
        wrong.extend(schema.check(&file).into_iter().map(|what| format!("{}: {what}", path.display())));
        for case in list(&file, "cases").iter().filter(|case| !names.insert(name(case).to_owned())) {
            wrong.push(format!("{}: another case is called {}", path.display(), name(case)));
        }
        files.push(file);
    }
    let mut passed = 0;
    let here = |case: &&Value| belongs(case, &Place::Embedded) && exception(case).is_none();
    let is_wanted = |case: &&Value| wanted.is_empty() || wanted.iter().any(|part| name(case).contains(part.as_str()));
    for case in files.iter().flat_map(|file| list(file, "cases")).filter(here).filter(is_wanted) {
        let why = run::case(case, &Place::Embedded);
        passed += usize::from(why.is_empty());
        wrong.extend(why.into_iter().map(|why| format!("{}: {why}", name(case))));
    }
    for case in mutants(&files)?.iter().filter(here).filter(is_wanted) {
        let why = run::case(case, &Place::Embedded);
        let found = !why.is_empty() && why.iter().all(|why| why.starts_with(&changed_step(case)));
        passed += usize::from(found);
        if !found {
            wrong.push(format!("the changed expectation was not found: {}: {why:?}", name(case)));
        }
    }
    for what in &wrong {
        println!("{what}");
    }
    let verdict = if wrong.is_empty() { "ok" } else { "FAILED" };
    let failed = wrong.len();
    println!("test result: {verdict}. {passed} passed; {failed} failed; 0 ignored; 0 measured; 0 filtered out");
    Ok(wrong.is_empty())
}
