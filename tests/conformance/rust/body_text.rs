//! Bodies as cases write them.

/// Printable ASCII as it is, anything else as `hex:` and digits.
pub fn body_text(body: &[u8]) -> String {
    if body.iter().all(|byte| (0x20..0x7f).contains(byte)) {
        return String::from_utf8_lossy(body).into_owned();
    }
    body.iter().fold("hex:".to_owned(), |text, byte| text + &format!("{byte:02x}"))
}
