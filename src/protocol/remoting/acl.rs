//! Request signatures of RocketMQ's access control.

use super::payload::Payload;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

/// Field: who signs.
pub const ACCESS_KEY: &str = "AccessKey";
/// Field: a temporary credential's token.
pub const SECURITY_TOKEN: &str = "SecurityToken";
/// Field: the signature.
pub const SIGNATURE: &str = "Signature";

/// The signature over a request's fields and body: base64 of HMAC-SHA1 over the values in the order of their names,
/// and the body. Of fields with one name the last counts; a signature among them is passed over.
///
/// `fields` must hold everything that goes into the frame, [`ACCESS_KEY`] and [`SECURITY_TOKEN`] too.
pub fn signature(secret_key: &str, fields: &[(&str, &str)], body: &[u8]) -> String {
    signature_of(secret_key, fields, Payload::Plain(body))
}

/// [`signature`] of any payload.
pub(super) fn signature_of(secret_key: &str, fields: &[(&str, &str)], body: Payload<'_>) -> String {
    let mut sorted: Vec<&(&str, &str)> = fields.iter().filter(|(name, _)| *name != SIGNATURE).collect();
    // Stable, so that of equal names the last stays last.
    sorted.sort_by_key(|(name, _)| *name);
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(secret_key.as_bytes()) else {
        // HMAC takes keys of any length.
        return String::new();
    };
    for (at, (name, value)) in sorted.iter().enumerate() {
        if sorted.get(at + 1).is_none_or(|(next, _)| next != name) {
            mac.update(value.as_bytes());
        }
    }
    body.each_piece(|piece| mac.update(piece));
    STANDARD.encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_and_duplicates_do_not_matter_but_values_do() {
        let signed = signature("secret", &[("b", "2"), ("A", "1")], b"body");
        assert_eq!(signed, signature("secret", &[("b", "old"), ("A", "1"), (SIGNATURE, "x"), ("b", "2")], b"body"));
        assert_ne!(signed, signature("secret", &[("b", "2"), ("A", "1")], b"bodY"));
        assert_ne!(signed, signature("Secret", &[("b", "2"), ("A", "1")], b"body"));
    }
}
