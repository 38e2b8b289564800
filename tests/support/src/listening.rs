//! The accept loop every TCP fake shares: it counts connections and dies with its owner.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

/// An accepting socket; dropping it closes the socket and ends every connection's task.
#[derive(Debug)]
pub(crate) struct Listening {
    addr: SocketAddr,
    accepted: watch::Sender<usize>,
    accepting: JoinHandle<()>,
}

impl Listening {
    /// Binds `at` (port 0 leaves the choice to the kernel) and runs `treat` for every connection.
    ///
    /// # Panics
    /// If the address cannot be bound.
    pub(crate) async fn start<T, F>(at: impl Into<SocketAddr>, treat: T) -> Self
    where
        T: Fn(TcpStream, SocketAddr) -> F + Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let at = at.into();
        let listener =
            TcpListener::bind(at).await.unwrap_or_else(|error| panic!("cannot bind {at}: {error}"));
        Self::over(listener, treat)
    }

    /// As [`Self::start`], on a socket that is bound already.
    pub(crate) fn over<T, F>(listener: TcpListener, treat: T) -> Self
    where
        T: Fn(TcpStream, SocketAddr) -> F + Send + Sync + 'static,
        F: Future<Output = ()> + Send + 'static,
    {
        let addr = listener.local_addr().expect("a bound socket has an address");
        let accepted = watch::Sender::new(0);
        let count = accepted.clone();
        let treat = Arc::new(treat);
        let accepting = tokio::spawn(async move {
            // The set lives inside the loop's own task, so aborting the loop aborts them all.
            let mut connections = JoinSet::new();
            loop {
                tokio::select! {
                    arrival = listener.accept() => {
                        let Ok((stream, peer)) = arrival else { continue };
                        count.send_modify(|count| *count += 1);
                        let treat = Arc::clone(&treat);
                        connections.spawn(async move { treat(stream, peer).await });
                    }
                    Some(_) = connections.join_next() => {}
                }
            }
        });
        Self { addr, accepted, accepting }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub(crate) fn connections(&self) -> usize {
        *self.accepted.borrow()
    }

    /// Returns once the socket is closed, which dropping alone leaves to a later moment.
    pub(crate) async fn stop(mut self) {
        self.accepting.abort();
        // It was just told to end, so that is all its outcome can say.
        drop((&mut self.accepting).await);
    }

    pub(crate) async fn wait_for_connections(&self, count: usize) {
        self.accepted
            .subscribe()
            .wait_for(|accepted| *accepted >= count)
            .await
            .map(drop)
            .expect("the sender lives in self");
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

    use tokio::io::AsyncReadExt;
    use tokio::net::TcpStream;

    use super::Listening;

    #[tokio::test]
    async fn dropping_it_closes_the_connections_it_held() {
        let listening = Listening::start((Ipv4Addr::LOCALHOST, 0), |stream, _| async move {
            let _held = stream;
            std::future::pending::<()>().await;
        })
        .await;
        let mut client = TcpStream::connect(listening.addr()).await.unwrap();
        listening.wait_for_connections(1).await;
        assert_eq!(listening.connections(), 1);
        drop(listening);
        assert_eq!(client.read(&mut [0; 1]).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn it_binds_the_address_it_is_given() {
        for ip in [IpAddr::from([127, 0, 0, 2]), Ipv6Addr::LOCALHOST.into()] {
            let listening = Listening::start((ip, 0), |_, _| async {}).await;
            let _client = TcpStream::connect(listening.addr()).await.unwrap();
            assert_eq!(listening.addr().ip(), ip);
        }
    }
}
