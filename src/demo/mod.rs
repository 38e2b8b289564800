//! Two specimen services on loopback, one hardened and one flawed, and a configuration over them.

mod certificate;
mod flawed;
mod hardened;

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinSet;

pub(crate) use flawed::Flaw;

use crate::config::{self, Config};

/// What the flawed specimen's mail port says.
const WRONG_GREETING: &[u8] = b"421 try again later\r\n";
/// What it should say.
const GREETING: &[u8] = b"220 specimen ready\r\n";

/// The specimens while they run, with the configuration that watches them. They end with it.
pub(crate) struct Demo {
    pub(crate) config: Config,
    pub(crate) hardened: String,
    pub(crate) flawed: String,
    /// Holds the authority's certificate, which the configuration names.
    _directory: tempfile::TempDir,
    _servers: JoinSet<()>,
}

impl Demo {
    /// Starts both specimens on free ports. The flawed one has these flaws.
    pub(crate) async fn start(flaws: &[Flaw]) -> io::Result<Self> {
        let mut servers = JoinSet::new();
        let directory = tempfile::tempdir()?;
        let made = certificate::make().map_err(io::Error::other)?;
        let authority = directory.path().join("authority.pem");
        tokio::fs::write(&authority, &made.authority).await?;

        let hardened = std::net::TcpListener::bind(("127.0.0.1", 0))?;
        hardened.set_nonblocking(true)?;
        let hardened_at = hardened.local_addr()?;
        let tls = axum_server::tls_rustls::RustlsConfig::from_config(made.server);
        let server = axum_server::from_tcp_rustls(hardened, tls)?
            .serve(hardened::router().into_make_service());
        servers.spawn(ended("hardened", server));

        let flawed = TcpListener::bind(("127.0.0.1", 0)).await?;
        let flawed_at = flawed.local_addr()?;
        let app = flawed::router(flaws);
        servers.spawn(ended("flawed", async move { axum::serve(flawed, app).await }));

        let mail = TcpListener::bind(("127.0.0.1", 0)).await?;
        let mail_at = mail.local_addr()?;
        let wrong = flaws.contains(&Flaw::WrongGreeting);
        let greeting = if wrong { WRONG_GREETING } else { GREETING };
        servers.spawn(ended("mail", greet(mail, greeting)));

        let text = configuration(hardened_at, flawed_at, mail_at, &authority.to_string_lossy());
        let loaded = config::load_text("demo.yaml", &text)
            .map_err(|problems| io::Error::other(problems.to_string()))?;
        Ok(Self {
            config: loaded.config,
            hardened: format!("https://{hardened_at}"),
            flawed: format!("http://{flawed_at}"),
            _directory: directory,
            _servers: servers,
        })
    }
}

async fn ended(name: &'static str, server: impl Future<Output = io::Result<()>>) {
    if let Err(error) = server.await {
        tracing::error!(specimen = name, %error, "a specimen stopped");
    }
}

/// Greets whoever connects, and hangs up.
async fn greet(listener: TcpListener, greeting: &'static [u8]) -> io::Result<()> {
    use tokio::io::AsyncWriteExt as _;
    let mut guests = JoinSet::new();
    loop {
        let (mut guest, _) = listener.accept().await?;
        guests.spawn(async move {
            let farewell = async {
                guest.write_all(greeting).await?;
                guest.shutdown().await
            };
            // A guest that left already misses nothing.
            let _left = tokio::time::timeout(Duration::from_secs(5), farewell).await;
        });
        while guests.try_join_next().is_some() {}
    }
}

fn configuration(
    hardened: SocketAddr,
    flawed: SocketAddr,
    mail: SocketAddr,
    authority: &str,
) -> String {
    include_str!("demo.yaml")
        .replace("HARDENED", &hardened.to_string())
        .replace("FLAWED", &flawed.to_string())
        .replace("MAIL_PORT", &mail.port().to_string())
        // YAML in double quotes reads escapes as JSON does.
        .replace("\"AUTHORITY\"", &serde_json::Value::from(authority).to_string())
}

#[cfg(test)]
mod tests;
