//! Opening one TCP connection: names are resolved anew each time, every address of a name is tried.

use crate::error::{Error, ErrorKind};
use socket2::{SockRef, TcpKeepalive};
use std::time::Duration;
use tokio::net::TcpStream;

#[cfg(test)]
use tests::lookup_host;
#[cfg(not(test))]
use tokio::net::lookup_host;

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::pool::Pool;
    use crate::net::transport::Access;
    use crate::runtime::Runtime;
    use std::net::{SocketAddr, TcpListener};
    use std::sync::Arc;
    use std::time::Instant;

    /// Names of the tests, which resolve to what stands here.
    static NAMES: std::sync::Mutex<Vec<(&str, Vec<SocketAddr>)>> = std::sync::Mutex::new(Vec::new());

    pub(super) async fn lookup_host(address: &str) -> std::io::Result<std::vec::IntoIter<SocketAddr>> {
        let known = NAMES.lock().unwrap().iter().rev().find(|(name, _)| *name == address).map(|(_, to)| to.clone());
        match known {
            Some(to) => Ok(to.into_iter()),
            None => Ok(tokio::net::lookup_host(address).await?.collect::<Vec<_>>().into_iter()),
        }
    }

    fn listener() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        (listener, address)
    }

    #[cfg(not(mqp_loom))]
    struct NobodyAsks;

    #[cfg(not(mqp_loom))]
    impl crate::net::connection::ServerRequests for NobodyAsks {
        fn serve(
            &self,
            _: &Arc<crate::net::connection::Connection>,
            _: &crate::protocol::remoting::Header,
            _: &[u8],
        ) -> crate::net::connection::Served {
            crate::net::connection::Served::NotServed
        }

        fn ended(&self, _: &crate::net::connection::Connection) {}
    }

    /// Rows: RM-07.
    #[cfg(not(mqp_loom))]
    #[test]
    fn a_name_is_resolved_anew_for_each_connection_and_every_address_of_it_is_tried() {
        const NAME: &str = "moving.test:1";
        let soon = || Instant::now() + Duration::from_secs(20);
        let ((first, at_first), (second, at_second)) = (listener(), listener());
        let nobody = listener().1;
        NAMES.lock().unwrap().push((NAME, vec![nobody, at_first]));
        let runtime = Runtime::shared().unwrap();
        let common = crate::net::connection::Common {
            envelope: Arc::default(),
            access: Access { tls: None, proxy: None },
            requests: Arc::new(NobodyAsks),
            counters: Arc::default(),
        };
        let pool = Pool::new(runtime, Duration::from_secs(20), Duration::ZERO, Box::new(|_| ()), common);
        let name: Arc<str> = NAME.into();
        let before = pool.name_server(&name);
        before.wait_open(soon()).unwrap();
        NAMES.lock().unwrap().push((NAME, vec![at_second]));
        let limit = soon();
        drop(first.accept().unwrap());
        while before.death().is_none() {
            assert!(Instant::now() < limit);
            std::thread::yield_now();
        }
        pool.name_server(&name).wait_open(soon()).unwrap();
        second.accept().unwrap();
    }
}
