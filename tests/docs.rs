//! The pages: each piece of C is compiled and run, each link leads somewhere, each piece of code tells its language.
//!
//! Rust's pieces are documentation tests of the crate; those of the other languages belong to their wrappers' tests.
//! `<!-- c: HARNESS -->` above a piece of C names the program in tests/docs/c that includes it; `whole` is a program.

#[path = "abi/support.rs"]
mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use support::{ROOT, WARNINGS, compile, run, text};

const LANGUAGES: [&str; 12] =
    ["c", "cmake", "console", "cpp", "go", "json", "prometheus", "python", "rust", "sh", "text", "toml"];

struct Piece {
    /// Where it stands, for a person.
    place: String,
    language: String,
    /// The line above it.
    mark: String,
    code: String,
}

/// All pages that are written by hand or made for readers.
fn pages() -> Vec<PathBuf> {
    let mut pages = Vec::new();
    let mut folders = vec![PathBuf::from(ROOT), Path::new(ROOT).join("docs"), Path::new(ROOT).join("docs/guides")];
    for wrapper in ["cpp", "python", "go"] {
        folders.push(Path::new(ROOT).join("bindings").join(wrapper));
    }
    for folder in folders {
        let entries = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        pages.extend(entries.filter(|path| path.extension().is_some_and(|extension| extension == "md")));
    }
    pages.sort();
    assert!(pages.len() > 10, "{pages:?}");
    pages
}

fn pieces(page: &str, content: &str) -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    let (mut inside, mut mark) = (false, "");
    for (index, line) in content.lines().enumerate() {
        match (line.strip_prefix("```"), inside) {
            (Some(_), true) => inside = false,
            (Some(language), false) => {
                inside = true;
                let place = format!("{page}:{}", index + 1);
                let (language, mark) = (language.to_owned(), mark.to_owned());
                pieces.push(Piece { place, language, mark, code: String::new() });
            }
            (None, true) => {
                let piece = pieces.last_mut().unwrap();
                piece.code.push_str(line);
                piece.code.push('\n');
            }
            (None, false) => {}
        }
        mark = line;
    }
    pieces
}

fn all_pieces() -> Vec<Piece> {
    let read = |page: PathBuf| pieces(&page.strip_prefix(ROOT).unwrap().display().to_string(), &content(&page));
    pages().into_iter().flat_map(read).collect()
}

fn content(page: &Path) -> String {
    fs::read_to_string(page).unwrap()
}

/// Compiles and runs a piece of C in its harness.
fn try_piece(piece: &Piece, number: usize) -> Result<(), String> {
    let harness = (piece.mark.strip_prefix("<!-- c: ").and_then(|mark| mark.strip_suffix(" -->")))
        .ok_or_else(|| format!("`{}` is no `<!-- c: HARNESS -->`", piece.mark))?;
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("docs").join(number.to_string());
    fs::create_dir_all(&folder).unwrap();
    let (block, program) = (folder.join("block.h"), folder.join("program"));
    fs::write(&block, &piece.code).unwrap();
    let source = match harness {
        "whole" => folder.join("whole.c"),
        harness => Path::new(ROOT).join("tests/docs/c").join(harness),
    };
    if harness == "whole" {
        fs::write(&source, &piece.code).unwrap();
    }
    let flags = [&["-std=c11", "-Wno-unused-function"], &WARNINGS[..3]].concat();
    let compiled = compile(&flags, &[Path::new(ROOT).join("examples/c"), folder], &source, &program);
    succeeded(&compiled)?;
    succeeded(&run(&program, &[]))
}

fn succeeded(output: &Output) -> Result<(), String> {
    if output.status.success() { Ok(()) } else { Err(format!("{}\n{}", output.status, text(output))) }
}

#[test]
fn each_piece_of_c_runs() {
    let pieces: Vec<_> = all_pieces().into_iter().filter(|piece| piece.language == "c").collect();
    assert!(pieces.len() >= 10, "only {} pieces of C", pieces.len());
    let failed: Vec<_> = (pieces.iter().enumerate())
        .filter_map(|(number, piece)| try_piece(piece, number).err().map(|reason| format!("{}: {reason}", piece.place)))
        .collect();
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// The test above can fail: on code that does not compile, that fails, and that has no harness.
#[test]
fn broken_pieces_are_found() {
    let page = content(&Path::new(ROOT).join("docs/guides/c.md"));
    let good = pieces("page", &page).into_iter().find(|piece| piece.mark == "<!-- c: send.c -->").unwrap();
    let changed = |mark: &str, code: String| Piece {
        place: String::new(),
        language: "c".to_owned(),
        mark: mark.to_owned(),
        code,
    };
    let cases = [
        (changed(&good.mark, good.code.replace("MQP_SELECT_HASH", "MQP_SELECT_HUSH")), "MQP_SELECT_HUSH"),
        (changed(&good.mark, good.code.replace("mqp_producer_send(", "(void)(")), "error"),
        (changed(&good.mark, "(void)message;\nexit(3);\n".to_owned()), "3"),
        (changed("", good.code.clone()), "HARNESS"),
    ];
    for (number, (piece, part)) in cases.iter().enumerate() {
        let reason = try_piece(piece, 1000 + number).unwrap_err();
        assert!(reason.contains(part), "{reason}");
    }
}

#[test]
fn each_piece_tells_its_language() {
    for piece in all_pieces() {
        assert!(LANGUAGES.contains(&piece.language.as_str()), "{}: `{}`", piece.place, piece.language);
    }
}

#[test]
fn each_link_leads_to_a_file() {
    let mut links = 0;
    for page in pages() {
        for rest in content(&page).split("](").skip(1) {
            let link = rest.split([')', '#']).next().unwrap();
            if link.is_empty() || link.contains("://") || link.contains(char::is_whitespace) {
                continue;
            }
            links += 1;
            assert!(page.parent().unwrap().join(link).exists(), "{}: {link}", page.display());
        }
    }
    assert!(links > 20, "only {links} links");
}
