//! A compressed body of somebody else: it never grows beyond the limit. The first byte chooses the type.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mqproducer::protocol::remoting::compress::inflate;
use mqproducer::protocol::remoting::sys_flag::Compression;

const LIMIT: usize = 100_000;

fuzz_target!(|bytes: &[u8]| {
    let Some((form, body)) = bytes.split_first() else { return };
    let compression = [Compression::Zlib, Compression::Lz4, Compression::Zstd][usize::from(form % 3)];
    if let Ok(inflated) = inflate(compression, body, LIMIT) {
        assert!(inflated.len() <= LIMIT);
    }
});
