//! Child processes that end with the tests, whatever way those end.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::io::{self, BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock};
use std::time::{Duration, Instant};

const KEPT_LINES: usize = 1000;
const TAIL_LINES: usize = 40;
/// How long all threads of a process may take to stop.
const FREEZING: Duration = Duration::from_secs(20);

struct Job {
    command: Command,
    reply: Sender<io::Result<Child>>,
}

/// Starts `program`, which the kernel kills when this process dies (where `setpriv` of util-linux is installed).
pub fn spawn(program: &PathBuf, args: &[OsString], stdin: Stdio) -> io::Result<Child> {
    static SPAWNER: OnceLock<Mutex<Sender<Job>>> = OnceLock::new();
    // The kernel's signal comes at the death of the *thread* that started the child, and the threads of tests end
    // before their processes do: one thread that lives as long as the process starts all children.
    let spawner = SPAWNER.get_or_init(|| {
        let (jobs, queue) = channel::<Job>();
        std::thread::spawn(move || {
            for Job { mut command, reply } in queue {
                // The asker waits for the answer.
                let _ = reply.send(command.spawn());
            }
        });
        Mutex::new(jobs)
    });
    let mut command = if has_setpriv() {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]).arg(program);
        command
    } else {
        Command::new(program)
    };
    command.args(args).stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
    let (reply, answer) = channel();
    lock(spawner).send(Job { command, reply }).map_err(|_| io::Error::other("the spawning thread ended"))?;
    answer.recv().map_err(|_| io::Error::other("the spawning thread ended"))?
}

fn has_setpriv() -> bool {
    static FOUND: OnceLock<bool> = OnceLock::new();
    *FOUND.get_or_init(|| {
        Command::new("setpriv")
            .args(["--pdeathsig", "KILL", "true"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    })
}

/// Locks although another test's panic may have poisoned the mutex: the data stay whole.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// The collected output of a child.
#[derive(Debug, Default)]
pub struct Output {
    state: Mutex<Lines>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Lines {
    last: VecDeque<String>,
    open: usize,
}

impl Output {
    /// Collects `stream` on a thread of its own until its end.
    pub fn collect(self: &Arc<Self>, stream: impl Read + Send + 'static) {
        lock(&self.state).open += 1;
        let output = Arc::clone(self);
        std::thread::spawn(move || {
            for line in BufReader::new(stream).split(b'\n') {
                let Ok(line) = line else { break };
                let mut state = lock(&output.state);
                if state.last.len() == KEPT_LINES {
                    state.last.pop_front();
                }
                state.last.push_back(String::from_utf8_lossy(&line).into_owned());
                output.changed.notify_all();
            }
            lock(&output.state).open -= 1;
            output.changed.notify_all();
        });
    }

    /// Waits for a line that contains `text`; an error when all streams end first, or the time is over.
    pub fn wait_for(&self, text: &str, limit: Duration) -> Result<(), String> {
        let deadline = Instant::now() + limit;
        let mut state = lock(&self.state);
        loop {
            if state.last.iter().any(|line| line.contains(text)) {
                return Ok(());
            }
            if state.open == 0 {
                return Err(format!("ended before it printed `{text}`"));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(format!("did not print `{text}` within {limit:?}"));
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(std::sync::PoisonError::into_inner).0;
        }
    }

    /// The last lines, for error messages.
    pub fn tail(&self) -> String {
        let state = lock(&self.state);
        let skipped = state.last.len().saturating_sub(TAIL_LINES);
        state.last.iter().skip(skipped).fold(String::new(), |text, line| text + "\n  | " + line)
    }
}

/// How to start a server process, and what it prints when it serves.
#[derive(Debug, Clone)]
pub struct Recipe {
    /// Names the process in messages.
    pub name: String,
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Part of the line that it prints once it is ready.
    pub ready: String,
}

/// A server process that faults can be done to: stopped, continued, killed and started again.
#[derive(Debug)]
pub struct Process {
    recipe: Recipe,
    running: Mutex<Running>,
}

#[derive(Debug)]
struct Running {
    child: Child,
    output: Arc<Output>,
    since: Instant,
}

impl Process {
    /// Starts the process without waiting for it to become ready.
    pub fn start(recipe: Recipe) -> Result<Self, String> {
        let running = Mutex::new(launch(&recipe)?);
        Ok(Self { recipe, running })
    }

    /// Waits until it is ready and returns the time since its start.
    pub fn wait_ready(&self, limit: Duration) -> Result<Duration, String> {
        let (output, since) = {
            let running = lock(&self.running);
            (Arc::clone(&running.output), running.since)
        };
        let ready = output.wait_for(&self.recipe.ready, limit);
        ready.map_err(|error| format!("{} {error}; its output ended:{}", self.recipe.name, output.tail()))?;
        Ok(since.elapsed())
    }

    /// Freezes it (SIGSTOP), and waits until each of its threads has stopped: its sockets stay open and nothing answers.
    pub fn stop(&self) -> Result<(), String> {
        self.signal("STOP")?;
        let limit = Instant::now() + FREEZING;
        while !self.is_stopped()? {
            if Instant::now() > limit {
                return Err(format!("{} does not stop within {FREEZING:?}", self.recipe.name));
            }
            std::thread::yield_now();
        }
        Ok(())
    }

    /// Whether all of its threads are stopped, as the kernel tells (proc(5)); one that has just ended counts as stopped.
    fn is_stopped(&self) -> Result<bool, String> {
        let folder = format!("/proc/{}/task", self.pid());
        let threads = std::fs::read_dir(&folder).map_err(|error| format!("{folder}: {error}"))?;
        Ok(threads.flatten().all(|thread| {
            let status = std::fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
            status.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with(['T', 't', 'Z', 'X']))
        }))
    }

    /// Lets a frozen process go on (SIGCONT).
    pub fn cont(&self) -> Result<(), String> {
        self.signal("CONT")
    }

    /// Kills it (SIGKILL) and waits until it is gone; nothing happens if it is gone already.
    pub fn kill(&self) -> Result<(), String> {
        let mut running = lock(&self.running);
        running.child.kill().map_err(|error| format!("cannot kill {}: {error}", self.recipe.name))?;
        running.child.wait().map_err(|error| format!("cannot wait for {}: {error}", self.recipe.name))?;
        Ok(())
    }

    /// Kills it if it lives, starts it again, and waits until it is ready.
    pub fn restart(&self, limit: Duration) -> Result<Duration, String> {
        self.kill()?;
        *lock(&self.running) = launch(&self.recipe)?;
        self.wait_ready(limit)
    }

    /// The process id of the present incarnation.
    pub fn pid(&self) -> u32 {
        lock(&self.running).child.id()
    }

    /// The last lines of its output.
    pub fn output_tail(&self) -> String {
        lock(&self.running).output.tail()
    }

    fn signal(&self, signal: &str) -> Result<(), String> {
        let mut running = lock(&self.running);
        if let Ok(Some(status)) = running.child.try_wait() {
            return Err(format!("cannot send SIG{signal} to {}: it ended ({status})", self.recipe.name));
        }
        let status = Command::new("kill").arg(format!("-{signal}")).arg(running.child.id().to_string()).status();
        match status {
            Ok(status) if status.success() => Ok(()),
            other => Err(format!("cannot send SIG{signal} to {}: {other:?}", self.recipe.name)),
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.kill();
    }
}

fn launch(recipe: &Recipe) -> Result<Running, String> {
    let since = Instant::now();
    let mut child = spawn(&recipe.program, &recipe.args, Stdio::null())
        .map_err(|error| format!("cannot start {}: {error}", recipe.name))?;
    let output = Arc::new(Output::default());
    if let Some(stream) = child.stdout.take() {
        output.collect(stream);
    }
    if let Some(stream) = child.stderr.take() {
        output.collect(stream);
    }
    Ok(Running { child, output, since })
}
