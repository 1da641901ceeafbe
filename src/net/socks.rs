//! Connections through a SOCKS 5 proxy (RFC 1928, passwords by RFC 1929).

use crate::config::host_and_port;
use std::net::IpAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const VERSION: u8 = 5;
const CONNECT: u8 = 1;
const NO_LOGIN: u8 = 0;
const PASSWORD: u8 = 2;
const PASSWORD_VERSION: u8 = 1;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

/// Where the proxy is, and who asks it. Its debug output does not show the password.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Proxy {
    address: String,
    login: Option<(String, String)>,
}

impl std::fmt::Debug for Proxy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Proxy").field(&self.address).finish()
    }
}

fn refusal(code: u8) -> &'static str {
    match code {
        1 => "general failure",
        2 => "its rules forbid the connection",
        3 => "network unreachable",
        4 => "host unreachable",
        5 => "connection refused",
        6 => "time to live expired",
        7 => "command not supported",
        8 => "address type not supported",
        _ => "unknown reason",
    }
}

fn short(text: &str) -> Result<u8, String> {
    u8::try_from(text.len()).map_err(|_| "a name, user or password is longer than 255 bytes".to_owned())
}

impl Proxy {
    /// Reads `socks5://[user:password@]host:port`.
    pub(crate) fn parse(url: &str) -> Result<Proxy, String> {
        const FORM: &str = "expected `socks5://[user:password@]host:port`";
        let rest = url.strip_prefix("socks5://").ok_or(FORM)?;
        let (login, address) = match rest.rsplit_once('@') {
            None => (None, rest),
            Some((login, address)) => {
                let (user, password) = login.split_once(':').ok_or("expected `user:password` before the `@`")?;
                if user.is_empty() || password.is_empty() {
                    return Err("user or password is empty".to_owned());
                }
                short(user).and(short(password))?;
                (Some((user.to_owned(), password.to_owned())), address)
            }
        };
        // Its own text would show what may be a misplaced password.
        host_and_port(address).map_err(|_| FORM)?;
        Ok(Proxy { address: address.to_owned(), login })
    }

    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Has the proxy at the other end of `socket` connect to `target`.
    pub(crate) async fn shake_hands(&self, target: &str, socket: &mut TcpStream) -> Result<(), String> {
        let failed = |why: String| format!("SOCKS proxy {}: {why}", self.address);
        self.negotiate(target, socket).await.map_err(failed)
    }

    async fn negotiate(&self, target: &str, socket: &mut TcpStream) -> Result<(), String> {
        let method = if self.login.is_some() { PASSWORD } else { NO_LOGIN };
        let answer: [u8; 2] = ask(socket, &[VERSION, 1, method]).await?;
        if answer != [VERSION, method] {
            return Err(match (answer, &self.login) {
                ([VERSION, _], None) => "it wants a user and a password".to_owned(),
                ([VERSION, _], Some(_)) => "it does not take a user and a password".to_owned(),
                _ => "it does not speak SOCKS 5".to_owned(),
            });
        }
        if let Some((user, password)) = &self.login {
            let mut login = vec![PASSWORD_VERSION, short(user)?];
            login.extend_from_slice(user.as_bytes());
            login.push(short(password)?);
            login.extend_from_slice(password.as_bytes());
            let answer: [u8; 2] = ask(socket, &login).await?;
            if answer[1] != 0 {
                return Err("it refused user and password".to_owned());
            }
        }
        let answer: [u8; 4] = ask(socket, &request(target)?).await?;
        if answer[1] != 0 {
            return Err(refusal(answer[1]).to_owned());
        }
        // The address that it connects from, and the port: of no interest, but in the way.
        let length = match answer[3] {
            IPV4 => 4,
            IPV6 => 16,
            NAME => usize::from(socket.read_u8().await.map_err(|error| error.to_string())?),
            _ => return Err("it does not speak SOCKS 5".to_owned()),
        };
        let mut rest = vec![0; length + 2];
        socket.read_exact(&mut rest).await.map(drop).map_err(|error| error.to_string())
    }
}

async fn ask<const N: usize>(socket: &mut TcpStream, request: &[u8]) -> Result<[u8; N], String> {
    let mut answer = [0; N];
    let asked = async {
        socket.write_all(request).await?;
        socket.read_exact(&mut answer).await
    };
    asked.await.map_err(|error| error.to_string())?;
    Ok(answer)
}

fn request(target: &str) -> Result<Vec<u8>, String> {
    let (host, port) = target.rsplit_once(':').ok_or_else(|| format!("`{target}` has no port"))?;
    let port: u16 = port.parse().map_err(|_| format!("`{target}` has no port"))?;
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let mut request = vec![VERSION, CONNECT, 0];
    match host.parse() {
        Ok(IpAddr::V4(ip)) => {
            request.push(IPV4);
            request.extend_from_slice(&ip.octets());
        }
        Ok(IpAddr::V6(ip)) => {
            request.push(IPV6);
            request.extend_from_slice(&ip.octets());
        }
        Err(_) => {
            request.extend_from_slice(&[NAME, short(host)?]);
            request.extend_from_slice(host.as_bytes());
        }
    }
    request.extend_from_slice(&port.to_be_bytes());
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_read_and_passwords_not_shown() {
        let proxy = Proxy::parse("socks5://me:p@ss:w@[::1]:1080").unwrap();
        assert_eq!(proxy.address, "[::1]:1080");
        assert_eq!(proxy.login, Some(("me".to_owned(), "p@ss:w".to_owned())));
        assert_eq!(format!("{proxy:?}"), r#"Proxy("[::1]:1080")"#);
        for bad in ["h:1", "http://h:1", "socks5://h", "socks5://me@h:1", "socks5://:x@h:1", "socks5://me:x@h:0x"] {
            assert!(Proxy::parse(bad).unwrap_err().starts_with("expected") || bad.contains("//:"), "{bad}");
        }
        assert!(Proxy::parse(&format!("socks5://{}:x@h:1", "u".repeat(256))).unwrap_err().contains("255"));
    }

    #[test]
    fn targets_are_addresses_or_names() {
        assert_eq!(request("1.2.3.4:258").unwrap(), [5, 1, 0, 1, 1, 2, 3, 4, 1, 2]);
        assert_eq!(request("[::1]:1").unwrap()[3..], [4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1]);
        assert_eq!(request("a.b:1").unwrap(), [5, 1, 0, 3, 3, b'a', b'.', b'b', 0, 1]);
    }
}
