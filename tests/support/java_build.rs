//! Builds the Java programs of the tests with Maven, once for each state of their sources.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

const STAMP: &str = "sources.stamp";
const OUTPUT_TAIL: usize = 40;

/// Where Java and the built files are.
#[derive(Debug, Clone)]
pub struct JavaFiles {
    /// The `java` program.
    pub java: PathBuf,
    /// Our jar first: its logging configuration must be found before the ones in RocketMQ's jars.
    pub class_path: String,
}

/// Finds Java and builds what is missing or out of date.
///
/// The files go to `target/cluster` of this package, or to `MQP_CLUSTER_DIR`.
pub fn java_files() -> Result<JavaFiles, String> {
    static FILES: OnceLock<Result<JavaFiles, String>> = OnceLock::new();
    FILES.get_or_init(|| programs("cluster", "MQP_CLUSTER_DIR")).clone()
}

/// The same for `tests/activemq/java`; the files go to `target/activemq`, or to `MQP_ACTIVEMQ_DIR`.
pub fn activemq_files() -> Result<JavaFiles, String> {
    static FILES: OnceLock<Result<JavaFiles, String>> = OnceLock::new();
    FILES.get_or_init(|| programs("activemq", "MQP_ACTIVEMQ_DIR")).clone()
}

/// The `java` program, and the folder of ActiveMQ as it is given away; it is unpacked to `target/activemq-distribution`, or
/// to `MQP_ACTIVEMQ_DISTRIBUTION_DIR`.
pub fn activemq_distribution() -> Result<(PathBuf, PathBuf), String> {
    let dir = prepare("activemq/distribution", "activemq-distribution", "MQP_ACTIVEMQ_DISTRIBUTION_DIR")?;
    let unpacked = fs::read_dir(&dir).ok().into_iter().flatten().flatten().map(|entry| entry.path());
    let home = unpacked.into_iter().find(|path| path.join("bin/activemq.jar").is_file());
    let home = home.ok_or_else(|| format!("{} has no bin/activemq.jar", dir.display()))?;
    Ok((java_program()?, home))
}

fn programs(name: &str, variable: &str) -> Result<JavaFiles, String> {
    let dir = prepare(&format!("{name}/java"), name, variable)?;
    let class_path = format!("{}:{}", dir.join(format!("{name}-tool.jar")).display(), dir.join("lib/*").display());
    Ok(JavaFiles { java: java_program()?, class_path })
}

/// What Maven makes of a project below `tests`, in a folder of `target` or that of the variable.
fn prepare(project: &str, name: &str, variable: &str) -> Result<PathBuf, String> {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(project);
    let dir = match std::env::var_os(variable) {
        Some(dir) => PathBuf::from(dir),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("target").join(name),
    };
    let wanted = sources(&project)?;
    if fs::read_to_string(dir.join(STAMP)).ok().as_ref() != Some(&wanted) {
        build(&project, &dir, &wanted)?;
    }
    Ok(dir)
}

fn java_program() -> Result<PathBuf, String> {
    if let Some(home) = std::env::var_os("JAVA_HOME").filter(|home| !home.is_empty()) {
        let java = PathBuf::from(&home).join("bin/java");
        return if java.is_file() {
            Ok(java)
        } else {
            Err(format!("JAVA_HOME is {}, which has no bin/java: set it to a JDK 11 or later", home.display()))
        };
    }
    on_path("java").ok_or_else(|| {
        "no `java` on PATH and no JAVA_HOME: install a JDK 11 or later (Debian: openjdk-17-jdk-headless)".to_owned()
    })
}

fn on_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(program)).find(|file| file.is_file())
}

/// The contents of the pom and all files under `src`: equal contents need no other build.
fn sources(project: &Path) -> Result<String, String> {
    let mut files = vec![project.join("pom.xml")];
    let mut dirs = Vec::from_iter(Some(project.join("src")).filter(|src| src.is_dir()));
    let unreadable = |path: &Path, error: std::io::Error| format!("cannot read {}: {error}", path.display());
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(&dir).map_err(|error| unreadable(&dir, error))? {
            let path = entry.map_err(|error| unreadable(&dir, error))?.path();
            if path.is_dir() {
                dirs.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files.sort();
    let mut all = String::new();
    for file in files {
        let text = fs::read_to_string(&file).map_err(|error| unreadable(&file, error))?;
        let name = file.strip_prefix(project).unwrap_or(&file).display();
        all += &format!("== {name}\n{text}");
    }
    Ok(all)
}

/// Builds beside `dir` and then renames, so that no other process ever sees half of a build.
fn build(project: &Path, dir: &Path, stamp: &str) -> Result<(), String> {
    let occupied = fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_some());
    if occupied && !dir.join(STAMP).is_file() {
        return Err(format!("{} holds other files and no {STAMP}: not replaced", dir.display()));
    }
    let mvn = on_path("mvn").ok_or("no `mvn` on PATH: install Maven 3.8 or later (Debian: maven)")?;
    let failed = |what: &str, error: std::io::Error| format!("cannot {what} {}: {error}", dir.display());
    let new = dir.with_extension(format!("new.{}", std::process::id()));
    let old = dir.with_extension(format!("old.{}", std::process::id()));
    fs::create_dir_all(&new).map_err(|error| failed("create a directory beside", error))?;

    let output = Command::new(mvn)
        .args(["-B", "-q", "package", "-f"])
        .arg(project.join("pom.xml"))
        .arg(format!("-Dcluster.dir={}", new.display()))
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("cannot run mvn: {error}"))?;
    if !output.status.success() {
        // What is left of a failed build is of no use, and its removal not worth an error.
        let _ = fs::remove_dir_all(&new);
        let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        let lines: Vec<&str> = text.lines().collect();
        let tail = lines[lines.len().saturating_sub(OUTPUT_TAIL)..].join("\n  | ");
        return Err(format!(
            "mvn could not build {} (it needs a JDK with javac, and a Maven repository):\n  | {tail}",
            project.display()
        ));
    }
    fs::write(new.join(STAMP), stamp).map_err(|error| failed("stamp", error))?;

    if dir.exists() {
        fs::rename(dir, &old).map_err(|error| failed("replace", error))?;
    }
    let renamed = fs::rename(&new, dir);
    // Best effort: leftovers cost space only.
    let _ = fs::remove_dir_all(&old);
    let _ = fs::remove_dir_all(&new);
    match renamed {
        Err(_) if fs::read_to_string(dir.join(STAMP)).is_ok_and(|present| present == stamp) => Ok(()),
        other => other.map_err(|error| failed("create", error)),
    }
}
