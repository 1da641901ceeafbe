//! One small HTTP GET over plain TCP, bounded in time and size.

use super::dial::dial;
use crate::error::Error;
use std::fmt;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout_at;

/// Longest answer, head included.
const MAX_ANSWER: usize = 64 * 1024;

/// A parsed `http://host[:port][/path]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HttpUrl {
    /// `host:port`, to connect to.
    address: String,
    /// As it stood in the URL, for the `Host` header.
    host: String,
    path: String,
}

impl fmt::Display for HttpUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}{}", self.host, self.path)
    }
}

impl HttpUrl {
    pub(crate) fn parse(url: &str) -> Result<HttpUrl, String> {
        let rest = url.strip_prefix("http://").ok_or_else(|| "it does not begin with `http://`".to_owned())?;
        let (host, path) = rest.find(['/', '?']).map_or((rest, "/"), |at| rest.split_at(at));
        if !path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') {
            return Err("the path holds a blank, a `#` or another byte that must be escaped".to_owned());
        }
        let after_v6 = host.rfind(']').map_or(0, |at| at + 1);
        let address = if host[after_v6..].contains(':') { host.to_owned() } else { format!("{host}:80") };
        crate::config::host_and_port(&address)?;
        let path = if path.starts_with('?') { format!("/{path}") } else { path.to_owned() };
        Ok(HttpUrl { address, host: host.to_owned(), path })
    }

    /// The body of the answer, when that is a success.
    pub(crate) async fn get(&self, timeout: Duration) -> Result<Vec<u8>, String> {
        let deadline = tokio::time::Instant::now() + timeout;
        let mut stream = dial(&self.address, timeout).await.map_err(|error: Error| error.message().to_owned())?;
        let exchange = async {
            let request = format!(
                "GET {} HTTP/1.1\r\nHost: {}\r\nAccept: text/plain, */*\r\nConnection: close\r\n\r\n",
                self.path, self.host
            );
            stream.write_all(request.as_bytes()).await.map_err(|error| error.to_string())?;
            let mut answer = Vec::new();
            loop {
                let ended = stream.read_buf(&mut answer).await.map_err(|error| error.to_string())? == 0;
                if let Some(body) = body_of(&answer, ended)? {
                    return Ok(body);
                }
                if ended {
                    return Err("the answer breaks off".to_owned());
                }
                if answer.len() > MAX_ANSWER {
                    return Err(format!("the answer is longer than {MAX_ANSWER} bytes"));
                }
            }
        };
        timeout_at(deadline, exchange)
            .await
            .unwrap_or_else(|_| Err(format!("no whole answer within {} ms", timeout.as_millis())))
    }
}

/// The body, once all of it is there: as long as told, in chunks, or up to the end of the connection.
fn body_of(answer: &[u8], ended: bool) -> Result<Option<Vec<u8>>, String> {
    let Some(head_end) = memchr::memmem::find(answer, b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = std::str::from_utf8(&answer[..head_end]).map_err(|_| "the head is not text".to_owned())?;
    let body = &answer[head_end + 4..];
    let mut lines = head.split("\r\n");
    let status_line = lines.next().unwrap_or_default();
    let status = match status_line.split(' ').collect::<Vec<_>>()[..] {
        [version, status, ..] if version.starts_with("HTTP/1.") => status,
        _ => return Err(format!("`{status_line:.40}` is not HTTP")),
    };
    if status != "200" {
        return Err(format!("it answered status {status:.10}"));
    }
    let header = |name: &str| {
        lines.clone().filter_map(|line| line.split_once(':')).find(|(key, _)| key.eq_ignore_ascii_case(name))
    };
    if header("transfer-encoding").is_some_and(|(_, value)| value.trim().eq_ignore_ascii_case("chunked")) {
        return chunks(body);
    }
    match header("content-length") {
        Some((_, length)) => {
            let wanted: usize = length.trim().parse().map_err(|_| format!("its length is `{length:.20}`"))?;
            Ok(body.get(..wanted).map(<[u8]>::to_vec))
        }
        None => Ok(ended.then(|| body.to_vec())),
    }
}

fn chunks(mut rest: &[u8]) -> Result<Option<Vec<u8>>, String> {
    let mut body = Vec::new();
    loop {
        let Some(line_end) = memchr::memmem::find(rest, b"\r\n") else {
            return Ok(None);
        };
        let line = String::from_utf8_lossy(&rest[..line_end]);
        let size = line.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(size, 16).map_err(|_| format!("a chunk has the size `{size:.20}`"))?;
        if size == 0 {
            return Ok(Some(body));
        }
        let start = line_end + 2;
        let Some(chunk) = size.checked_add(start).and_then(|end| rest.get(start..end)) else {
            return Ok(None);
        };
        body.extend_from_slice(chunk);
        rest = rest.get(start + size + 2..).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        let parts = |url| HttpUrl::parse(url).map(|url| [url.address, url.host, url.path].join(" "));
        assert_eq!(parts("http://jmenv/rocketmq/nsaddr").unwrap(), "jmenv:80 jmenv /rocketmq/nsaddr");
        assert_eq!(parts("http://h:8080?unit=a").unwrap(), "h:8080 h:8080 /?unit=a");
        assert_eq!(parts("http://[::1]").unwrap(), "[::1]:80 [::1] /");
        assert_eq!(parts("http://[::1]:81/x").unwrap(), "[::1]:81 [::1]:81 /x");
        for wrong in ["", "https://h/", "h/x", "http://", "http://h/a b", "http://h:x/", "http://h/\r\nX: y"] {
            assert!(parts(wrong).is_err(), "{wrong:?}");
        }
    }

    /// Every way in which a body can come, cut at each byte: it is never taken early.
    #[test]
    fn bodies_are_whole_or_not_there() {
        let head = "HTTP/1.1 200 OK\r\nServer: x\r\n";
        for (answer, until_end) in [
            (format!("{head}content-length: 6\r\n\r\na:1;b:"), false),
            (format!("{head}Transfer-Encoding: chunked\r\n\r\n4;x=y\r\na:1;\r\n2\r\nb:\r\n0\r\n\r\n"), false),
            (format!("{head}\r\na:1;b:"), true),
        ] {
            let bytes = answer.as_bytes();
            assert_eq!(body_of(bytes, true).unwrap().unwrap(), b"a:1;b:", "{answer}");
            assert_eq!(body_of(bytes, false).unwrap().is_none(), until_end, "{answer}");
            for end in 0..bytes.len() - 4 {
                assert_eq!(body_of(&bytes[..end], false).unwrap(), None, "{answer} to {end}");
            }
        }
    }

    #[test]
    fn answers_that_are_none_are_refused() {
        for (answer, why) in [
            ("HTTP/1.1 404 Not Found\r\n\r\n", "status 404"),
            ("SSH-2.0\r\n\r\n", "not HTTP"),
            ("HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n", "its length is"),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "a chunk has the size `zz`"),
        ] {
            let error = body_of(answer.as_bytes(), true).unwrap_err();
            assert!(error.contains(why), "{answer}: {error}");
        }
        let huge = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\nx";
        assert_eq!(body_of(huge.as_bytes(), true), Ok(None));
    }
}
