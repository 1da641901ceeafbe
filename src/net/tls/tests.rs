use super::*;

#[test]
fn the_host_of_an_address() {
    for (address, expected) in [("a.b:1", "a.b"), ("127.0.0.1:9876", "127.0.0.1"), ("[::1]:9876", "::1")] {
        assert_eq!(host(address), expected);
        assert!(ServerName::try_from(host(address)).is_ok());
    }
}
