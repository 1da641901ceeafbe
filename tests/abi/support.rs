//! Compiles C against the header and runs it against the shared library that cargo built beside the tests.

#![allow(dead_code)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

pub const ROOT: &str = env!("CARGO_MANIFEST_DIR");
pub const WARNINGS: [&str; 4] = ["-Wall", "-Wextra", "-Werror", "-pedantic"];

/// The folder with the test executables and the libraries.
pub fn libraries() -> PathBuf {
    std::env::current_exe().unwrap().parent().unwrap().to_owned()
}

pub fn shared_library() -> PathBuf {
    libraries().join("libmqproducer.so")
}

/// A file of the tests' own below the target folder.
pub fn scratch(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("abi");
    std::fs::create_dir_all(&folder).unwrap();
    folder.join(name)
}

pub fn source(name: &str) -> String {
    format!("{ROOT}/tests/abi/{name}")
}

/// Builds one C program of these tests with every warning an error.
pub fn build(source: &str, name: &str) -> PathBuf {
    let program = scratch(name);
    let flags = [&["-std=c99", "-pthread"], &WARNINGS[..]].concat();
    let output = compile(&flags, &[Path::new(ROOT).join("tests/abi")], Path::new(source), &program);
    assert!(output.status.success(), "{source}: {}", text(&output));
    program
}

/// Compiles a C program against the library.
pub fn compile(flags: &[&str], includes: &[PathBuf], source: &Path, program: &Path) -> Output {
    let libraries = libraries();
    let mut command = Command::new("cc");
    command.args(["-D_POSIX_C_SOURCE=200809L", "-g"]).args(flags).args(["-I", &format!("{ROOT}/include")]);
    for folder in includes {
        command.arg("-I").arg(folder);
    }
    command.arg(source).arg("-o").arg(program).arg("-L").arg(&libraries);
    command.args(["-lmqproducer", &format!("-Wl,-rpath,{}", libraries.display())]).output().unwrap()
}

/// Runs a program to its end; a hanging one is stopped.
pub fn run(program: &Path, arguments: &[&str]) -> Output {
    let mut child =
        Command::new(program).args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(120);
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > deadline {
            child.kill().unwrap();
            let output = child.wait_with_output().unwrap();
            panic!("{} {arguments:?} hangs: {}", program.display(), text(&output));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    child.wait_with_output().unwrap()
}

/// Builds and runs a program of `check.h`; every case must pass.
pub fn check(name: &str, arguments: &[&str]) {
    let output = run(&build(&source(&format!("{name}.c")), name), arguments);
    assert!(passed(&output), "{name} {arguments:?}: {}\n{}", output.status, text(&output));
}

pub fn passed(output: &Output) -> bool {
    let stdout = String::from_utf8_lossy(&output.stdout);
    output.status.success() && stdout.lines().last().is_some_and(|line| line.ends_with(" passed, 0 failed"))
}

pub fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}
