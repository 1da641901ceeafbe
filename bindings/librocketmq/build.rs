//! How the shared library is linked.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        // The name that programs and bindings have recorded; and its threads run its code: a dlclose must not unmap it.
        println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,librocketmq.so");
        println!("cargo::rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }
}
