//! Generates the C header and holds it against the committed one, and sets how the shared library is linked.

#[cfg(feature = "capi")]
use std::path::{Path, PathBuf};
#[cfg(feature = "capi")]
use std::{env, fs, process};

/// In the order in which the header shows them.
#[cfg(feature = "capi")]
const SOURCES: &[&str] = &[
    "types.rs",
    "status.rs",
    "error.rs",
    "version.rs",
    "config.rs",
    "selector.rs",
    "jms.rs",
    "message.rs",
    "receipt.rs",
    "attempt.rs",
    "received.rs",
    "callback.rs",
    "producer.rs",
    "completion_queue.rs",
    "receipts.rs",
    "send_queued.rs",
    "find_route.rs",
    "request.rs",
    "batch.rs",
    "broker.rs",
    "transaction.rs",
    "end_transaction.rs",
    "hook.rs",
    "trace.rs",
    "transform.rs",
    "statistics.rs",
    "event.rs",
    "log.rs",
    "mock.rs",
    "mock_fault.rs",
    "mock_requests.rs",
];
#[cfg(feature = "capi")]
const HEADER: &str = "include/mqproducer.h";
#[cfg(feature = "capi")]
const REWRITE: &str = "MQP_WRITE_HEADER";

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var_os("CARGO_CFG_UNIX").is_none() {
        // In place of many errors in the code.
        println!("cargo::error=mqproducer needs a Unix system: it has no code for other ones, such as Windows, yet");
        std::process::exit(1);
    }
    // Without the C surface nothing that makes its header is built either.
    #[cfg(feature = "capi")]
    c_surface();
}

#[cfg(feature = "capi")]
fn c_surface() {
    if env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        // Its threads run its code: a dlclose must not unmap it.
        println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
    println!("cargo::rerun-if-changed=cbindgen.toml");
    println!("cargo::rerun-if-changed={HEADER}");
    println!("cargo::rerun-if-env-changed={REWRITE}");
    let root = PathBuf::from(variable("CARGO_MANIFEST_DIR"));
    let header = generate(&root);
    let out = Path::new(&variable("OUT_DIR")).join("mqproducer.h");
    fs::write(&out, &header).unwrap_or_else(|error| fail(&format!("{}: {error}", out.display())));

    let committed = root.join(HEADER);
    if fs::read_to_string(&committed).is_ok_and(|text| text == header) {
        return;
    }
    if env::var_os(REWRITE).is_some_and(|value| value == "1") {
        fs::write(&committed, &header).unwrap_or_else(|error| fail(&format!("{HEADER}: {error}")));
        return;
    }
    fail(&format!(
        "{HEADER} differs from what src/ffi and cbindgen.toml give ({}); run `{REWRITE}=1 cargo build` and review the change",
        out.display()
    ));
}

#[cfg(feature = "capi")]
fn generate(root: &Path) -> String {
    let config_file = root.join("cbindgen.toml");
    let mut config = cbindgen::Config::from_file(&config_file).unwrap_or_else(|error| fail(&error));
    let version = version_macros();
    config.after_includes = Some(format!("{version}{}", config.after_includes.unwrap_or_default()));
    let mut builder = cbindgen::Builder::new().with_config(config);
    for source in SOURCES {
        let path = root.join("src/ffi").join(source);
        println!("cargo::rerun-if-changed=src/ffi/{source}");
        builder = builder.with_src(path);
    }
    let bindings = builder.generate().unwrap_or_else(|error| fail(&error.to_string()));
    let mut header = Vec::new();
    bindings.write(&mut header);
    String::from_utf8(header).unwrap_or_else(|error| fail(&error.to_string()))
}

#[cfg(feature = "capi")]
fn version_macros() -> String {
    let part = |name: &str| -> u32 {
        let value = variable(&format!("CARGO_PKG_VERSION_{name}"));
        value.parse().unwrap_or_else(|_| fail(&format!("the version's part {name} is {value}, no number")))
    };
    let (major, minor, patch) = (part("MAJOR"), part("MINOR"), part("PATCH"));
    format!(
        "\n/** @{{ The header's version; for mqp_version_check. */\n\
         #define MQP_VERSION_MAJOR {major}\n\
         #define MQP_VERSION_MINOR {minor}\n\
         #define MQP_VERSION_PATCH {patch}\n\
         #define MQP_VERSION_NUMBER {}\n\
         #define MQP_VERSION_STRING \"{}\"\n\
         /** @}} */\n",
        major * 1_000_000 + minor * 1_000 + patch,
        variable("CARGO_PKG_VERSION")
    )
}

#[cfg(feature = "capi")]
fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|error| fail(&format!("{name}: {error}")))
}

#[cfg(feature = "capi")]
fn fail(message: &str) -> ! {
    println!("cargo::error={message}");
    process::exit(1);
}
