//! Opening one TCP connection: names are resolved anew each time, every address of a name is tried.

use crate::error::{Error, ErrorKind};
use socket2::{SockRef, TcpKeepalive};
use std::time::Duration;
use tokio::net::{TcpStream, lookup_host};

const KEEPALIVE: Duration = Duration::from_secs(60);

/// Connects to `host:port` within `timeout`.
pub(crate) async fn dial(address: &str, timeout: Duration) -> Result<TcpStream, Error> {
    within(address, timeout, timeout, connect(address)).await
}

/// One step of opening a connection that may take `timeout` in all, of which `left` is left.
pub(crate) async fn within<T>(
    address: &str,
    timeout: Duration,
    left: Duration,
    step: impl Future<Output = Result<T, String>>,
) -> Result<T, Error> {
    let refused = |cause: String| Error::new(ErrorKind::Connect, format!("cannot connect to {address}: {cause}"));
    match tokio::time::timeout(left, step).await {
        Ok(Ok(opened)) => Ok(opened),
        Ok(Err(cause)) => Err(refused(cause)),
        Err(_) => Err(refused(format!("no answer within {} ms", timeout.as_millis()))),
    }
}

async fn connect(address: &str) -> Result<TcpStream, String> {
    let addresses = lookup_host(address).await.map_err(|error| format!("its name does not resolve: {error}"))?;
    let mut last = "its name resolves to no address".to_owned();
    for candidate in addresses {
        match TcpStream::connect(candidate).await {
            Ok(stream) => {
                // Both are refinements: a socket that refuses them still carries messages.
                let _ = stream.set_nodelay(true);
                let _ = SockRef::from(&stream).set_tcp_keepalive(&TcpKeepalive::new().with_time(KEEPALIVE));
                return Ok(stream);
            }
            Err(error) => last = error.to_string(),
        }
    }
    Err(last)
}
