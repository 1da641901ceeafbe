//! The programs of the other languages: built once, run with a time limit.

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Where the programs and the library are.
pub struct Programs {
    root: PathBuf,
    built: PathBuf,
    library: PathBuf,
}

/// Has a command that builds find none of what cargo sets for its tests, for which build scripts would run again.
pub fn outside_of_cargo(command: &mut Command) {
    let of_users = ["CARGO_HOME", "CARGO_TARGET_DIR"];
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CARGO_") && !of_users.contains(&&**name)) {
        command.env_remove(name);
    }
}

impl Programs {
    /// Builds the programs of C, C++ and Go against the library beside this test's executable.
    pub fn build() -> Result<Programs, String> {
        let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
        let executable = std::env::current_exe().map_err(|error| error.to_string())?;
        let profile = executable.parent().and_then(Path::parent).ok_or("the test has no target directory")?;
        let built = profile.join("programs");
        let programs = Programs { library: profile.join("libmqproducer.so"), built, root };
        let mut command = Command::new("sh");
        command.arg(programs.root.join("tests/cluster/build_programs.sh"));
        command.arg(profile).arg(&programs.built);
        programs.run(command, Duration::from_secs(600))?;
        Ok(programs)
    }

    /// The command of a language's `stress` program or of one of its examples.
    pub fn command(&self, lang: &str, program: &str) -> Command {
        let mut command = match (lang, program) {
            ("python", "stress") => self.python("tests/cluster/stress/python/stress.py"),
            ("python", example) => self.python(&format!("examples/python/{example}.py")),
            _ => Command::new(self.built.join(format!("{lang}-{program}"))),
        };
        command.env("MQPRODUCER_LIBRARY", &self.library);
        command.env("PYTHONPATH", self.root.join("bindings/python"));
        command
    }

    fn python(&self, script: &str) -> Command {
        let mut command = Command::new("python3");
        command.arg(self.root.join(script));
        command
    }

    /// Runs a command to its end; its output, or why it failed.
    pub fn run(&self, command: Command, limit: Duration) -> Result<String, String> {
        self.run_to(command, limit, |status| status.success())
    }

    /// Runs a command that is to end by SIGKILL; its output, or how else it ended.
    pub fn run_until_killed(&self, command: Command, limit: Duration) -> Result<String, String> {
        self.run_to(command, limit, |status| status.signal() == Some(9))
    }

    fn run_to(
        &self,
        mut command: Command,
        limit: Duration,
        as_expected: impl FnOnce(ExitStatus) -> bool,
    ) -> Result<String, String> {
        let what = format!("{command:?}");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().map_err(|error| format!("{what}: {error}"))?;
        let pid = child.id();
        let output = std::thread::spawn(move || child.wait_with_output());
        let until = Instant::now() + limit;
        while !output.is_finished() {
            if Instant::now() >= until {
                let _ = Command::new("kill").args(["-KILL", &pid.to_string()]).status();
                return Err(format!("{what}: not at its end after {limit:?}"));
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let output = output.join().map_err(|_| "the waiting thread panicked")?.map_err(|error| error.to_string())?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        if as_expected(output.status) {
            return Ok(text);
        }
        Err(format!("{what}: {}\n{text}{}", output.status, String::from_utf8_lossy(&output.stderr)))
    }
}
