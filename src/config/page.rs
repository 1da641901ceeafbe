//! `docs/CONFIGURATION.md`, made from the table of keys.

use super::options::{OPTIONS, OptionKind, OptionSpec};
use std::fmt::Write;

/// The legal values of a key, for a person.
pub(crate) fn range(option: &OptionSpec) -> String {
    match option.kind {
        OptionKind::Text => "text".to_owned(),
        OptionKind::Integer { min, max } => format!("{min} to {max}"),
        OptionKind::Milliseconds { min, max } => format!("{min} to {max} ms"),
        OptionKind::Flag => "true, false".to_owned(),
        OptionKind::Choice(words) => words.join(", "),
        OptionKind::Codes => "numbers separated by commas".to_owned(),
        OptionKind::List => "texts separated by commas".to_owned(),
    }
}

/// The whole page.
pub fn markdown() -> String {
    let mut page = String::from(
        "# Configuration\n\n\
         Made from the tables in `src/config/options` (`make docs` rewrites this page). Every value is text and is\n\
         checked when it is set: an unknown key is refused with the nearest known one, an illegal value with its range.\n\
         The same keys serve `mqp_config_set` in C, the constructor's arguments in Python, the options in Go and\n\
         `Config::set` in C++ and Rust. The last column tells where a default departs from the Java client 5.5.0.\n\n\
         | key | values | default | what it does | Java 5.5.0 |\n|---|---|---|---|---|\n",
    );
    for option in OPTIONS {
        let default = if option.default.is_empty() { "–".to_owned() } else { format!("`{}`", option.default) };
        let java = option.java.unwrap_or("same");
        // Writing into a String cannot fail.
        let _ = writeln!(page, "| `{}` | {} | {default} | {} | {java} |", option.key, range(option), option.doc);
    }
    page
}

#[cfg(all(test, not(mqp_loom)))]
mod tests {
    #[test]
    fn the_page_is_up_to_date() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/CONFIGURATION.md");
        if std::env::var_os("MQP_WRITE_DOCS").is_some() {
            std::fs::write(path, super::markdown()).unwrap();
        }
        let page = std::fs::read_to_string(path).unwrap_or_default();
        assert!(page == super::markdown(), "docs/CONFIGURATION.md is out of date; `make docs` rewrites it");
    }
}
