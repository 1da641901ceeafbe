//! The header compiles as C and C++, keeps its layout, and names exactly what the library exports. Each check is held
//! against an input that it must refuse.

#![cfg(all(feature = "capi", target_os = "linux"))]

#[path = "abi/support.rs"]
mod support;

use std::collections::BTreeSet;
use std::fs;
use std::process::Command;
use support::{ROOT, WARNINGS, scratch, shared_library, source};

fn header() -> String {
    fs::read_to_string(format!("{ROOT}/include/mqproducer.h")).unwrap()
}

/// Compiles a file of tests/abi against a header's text; the compiler's complaint when it refuses.
fn compile(header: &str, case: &str, compiler: &str, arguments: &[&str], file: &str) -> Result<(), String> {
    let folder = scratch(case);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("mqproducer.h"), header).unwrap();
    let mut command = Command::new(compiler);
    command.args(arguments).args(WARNINGS).arg("-fsyntax-only").arg("-I").arg(&folder).arg(source(file));
    let output = command.output().unwrap();
    if output.status.success() { Ok(()) } else { Err(support::text(&output)) }
}

fn changed(header: &str, from: &str, to: &str) -> String {
    assert!(header.contains(from), "the header has no `{from}` to change");
    header.replace(from, to)
}

#[test]
fn compiles_as_c99_and_as_cxx17() {
    let languages: [(&str, &str, &[&str]); 2] =
        [("c99", "cc", &["-std=c99"]), ("cxx17", "c++", &["-x", "c++", "-std=c++17"])];
    for (name, compiler, arguments) in languages {
        compile(&header(), name, compiler, arguments, "use.c").unwrap();
        let broken = changed(&header(), "uint32_t timeout_ms;", "uint33_t timeout_ms;");
        let complaint = compile(&broken, &format!("{name}-type"), compiler, arguments, "use.c").unwrap_err();
        assert!(complaint.contains("uint33_t"), "{complaint}");
        let unguarded = changed(&header(), "#ifndef MQPRODUCER_H", "#ifndef ANOTHER");
        compile(&unguarded, &format!("{name}-guard"), compiler, arguments, "use.c").unwrap_err();
    }
}

#[test]
#[cfg(target_pointer_width = "64")]
fn structs_and_constants_keep_their_numbers() {
    let check = |header: &str, case: &str| compile(header, case, "cc", &["-std=c11"], "layout.c");
    check(&header(), "layout").unwrap();
    let changes = [
        ("size", "uint32_t timeout_ms;", "uint64_t timeout_ms;", "mqp_send_options"),
        ("offset", "uint32_t send_status;", "uint64_t send_status;", "mqp_receipt_view.send_status"),
        ("value", "#define MQP_ERR_TIMEOUT 13", "#define MQP_ERR_TIMEOUT 14", "MQP_ERR_TIMEOUT"),
    ];
    for (case, from, to, blamed) in changes {
        let complaint = check(&changed(&header(), from, to), &format!("layout-{case}")).unwrap_err();
        assert!(complaint.contains(blamed), "{complaint}");
    }
}

/// The public structs and constants that layout.c says nothing of.
fn unasserted(header: &str, layout: &str) -> Vec<String> {
    let structs = header.lines().filter_map(|line| line.strip_prefix("typedef struct ")?.strip_suffix(" {"));
    let structs = structs.map(|name| format!("SIZE({name}, "));
    let constants = header.lines().filter_map(|line| line.strip_prefix("#define ")?.split_once(' '));
    let constants = constants
        .filter(|(name, value)| !name.starts_with("MQP_VERSION") && value.parse::<u32>().is_ok())
        .map(|(name, _)| format!("VALUE({name}, "));
    structs.chain(constants).filter(|assertion| !layout.contains(assertion.as_str())).collect()
}

#[test]
fn every_struct_and_constant_is_asserted() {
    let layout = fs::read_to_string(source("layout.c")).unwrap();
    assert_eq!(unasserted(&header(), &layout), Vec::<String>::new());
    let without = changed(&changed(&layout, "SIZE(mqp_str, 16);", ""), "VALUE(MQP_OK, 0);", "");
    assert_eq!(unasserted(&header(), &without), ["SIZE(mqp_str, ", "VALUE(MQP_OK, "]);
}

type Names = BTreeSet<String>;

/// Function names behind MQP_API, which stands on the line of the declaration or on one of its own.
fn declared(header: &str) -> Names {
    let declarations = header.split("MQP_API").skip(1).filter_map(|rest| rest.split_once('(').map(|(head, _)| head));
    let names = declarations.filter_map(|head| head.split([' ', '\n', '*']).next_back());
    names.filter(|name| name.starts_with("mqp_")).map(str::to_owned).collect()
}

/// `name version` on each line.
fn listed(text: &str) -> Names {
    let rows = text.lines().map(|line| line.split_once(' ').unwrap_or_else(|| panic!("`{line}` has no version")));
    rows.map(|(name, since)| {
        let parts: Vec<_> = since.split('.').map(|part| part.parse::<u32>()).collect();
        assert!(parts.len() == 3 && parts.iter().all(Result::is_ok), "`{since}` of {name} is no version");
        name.to_owned()
    })
    .collect()
}

/// The third column of `nm -D --defined-only`.
fn exported(nm: &str) -> Names {
    nm.lines().filter_map(|line| line.split_whitespace().nth(2)).map(str::to_owned).collect()
}

fn nm() -> String {
    let output = Command::new("nm").args(["-D", "--defined-only"]).arg(shared_library()).output().unwrap();
    assert!(output.status.success(), "{}", support::text(&output));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn list_header_and_library_name_the_same_functions() {
    let list = fs::read_to_string(source("symbols.txt")).unwrap();
    let (header, nm) = (header(), nm());
    assert!(listed(&list).contains("mqp_producer_send_async"));
    assert_eq!(listed(&list), declared(&header), "tests/abi/symbols.txt and the header");
    assert_eq!(listed(&list), exported(&nm), "tests/abi/symbols.txt and the library");
    assert!(list.lines().is_sorted(), "tests/abi/symbols.txt is not sorted");

    let fewer = changed(&header, "mqp_producer_flush(", "mqp_producer_rinse(");
    assert_ne!(listed(&list), declared(&fewer));
    let leak = format!("{nm}0000000000001000 T leaked_symbol\n");
    assert_ne!(listed(&list), exported(&leak));
    assert_ne!(listed(&format!("{list}mqp_unknown 0.1.0\n")), declared(&header));
}

#[test]
fn the_library_stays_mapped() {
    let output = Command::new("readelf").args(["-d"]).arg(shared_library()).output().unwrap();
    assert!(support::text(&output).contains("NODELETE"), "dlclose would unmap code that the threads run");
}
