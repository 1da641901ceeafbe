//! Broker addresses as this client can reach them, where they differ from those that the brokers announce.

use crate::config::host_and_port;

/// Rewrites addresses; see the key `broker_address_map`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct AddressMap(Vec<(String, String)>);

impl AddressMap {
    /// Reads `from=to` pairs: two `host:port`, or two hosts, which keep the port.
    pub(crate) fn parse<'a>(pairs: impl IntoIterator<Item = &'a str>) -> Result<AddressMap, String> {
        let mut map = Vec::new();
        for pair in pairs {
            let Some((from, to)) = pair.split_once('=') else {
                return Err(format!("`{pair}` has no `=`"));
            };
            let (from, to) = (from.trim(), to.trim());
            match (host_and_port(from), host_and_port(to)) {
                (Ok(()), Ok(())) => {}
                // Hosts alone are legal hosts once they have a port.
                (Err(_), Err(_)) => {
                    host_and_port(&format!("{from}:1"))?;
                    host_and_port(&format!("{to}:1"))?;
                }
                (Ok(()), Err(why)) | (Err(why), Ok(())) => {
                    return Err(format!("`{pair}` has a port on one side only: {why}"));
                }
            }
            map.push((from.to_owned(), to.to_owned()));
        }
        Ok(AddressMap(map))
    }

    /// The address to use in place of `address`; `None`: itself.
    pub(crate) fn rewrite(&self, address: &str) -> Option<String> {
        let exact = self.0.iter().find(|(from, _)| from == address).map(|(_, to)| to.clone());
        exact.or_else(|| {
            let (host, port) = address.rsplit_once(':')?;
            self.0.iter().find(|(from, _)| from == host).map(|(_, to)| format!("{to}:{port}"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_addresses_go_before_hosts() {
        let map = AddressMap::parse(["broker=10.0.0.1", "broker:1=[::1]:2", " 172.17.0.2 = host "]).unwrap();
        assert_eq!(map.rewrite("broker:1").unwrap(), "[::1]:2");
        assert_eq!(map.rewrite("broker:9").unwrap(), "10.0.0.1:9");
        assert_eq!(map.rewrite("172.17.0.2:10911").unwrap(), "host:10911");
        assert_eq!(map.rewrite("other:1"), None);
    }

    #[test]
    fn malformed_pairs_are_named() {
        for (pair, why) in [
            ("a:1", "has no `=`"),
            ("a:1=b", "one side only"),
            ("a=b:1", "one side only"),
            ("a:1=b:0", "one side only"),
            ("a b=c", "illegal character"),
            ("a=", "no host"),
        ] {
            let error = AddressMap::parse([pair]).unwrap_err();
            assert!(error.contains(why), "{pair}: {error}");
        }
    }
}
