//! Two specimen services on loopback, one hardened and one flawed, and a configuration over them.

mod certificate;
mod flawed;
mod hardened;
mod hooks;
mod limits;
mod sharing;

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
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
    /// Holds the files that the configuration names.
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

        let secret = directory.path().join("hook-secret");
        tokio::fs::write(&secret, hooks::SECRET).await?;

        let hardened = std::net::TcpListener::bind(("127.0.0.1", 0))?;
        let hardened_at = hardened.local_addr()?;
        let server = secure(hardened, &made.server, hardened::router())?;
        servers.spawn(ended("hardened", server));

        let flawed = TcpListener::bind(("127.0.0.1", 0)).await?;
        let flawed_at = flawed.local_addr()?;
        let app = flawed::router(flaws);
        servers.spawn(ended("flawed", async move { axum::serve(flawed, app).await }));

        let renewed = !flaws.contains(&Flaw::CertificateNotRenewed);
        let certificate = if renewed { &made.server } else { &made.expiring };
        let admin = std::net::TcpListener::bind(("127.0.0.1", 0))?;
        let admin_at = admin.local_addr()?;
        servers.spawn(ended("admin", secure(admin, certificate, hardened::router())?));

        let mail = TcpListener::bind(("127.0.0.1", 0)).await?;
        let mail_at = mail.local_addr()?;
        let wrong = flaws.contains(&Flaw::WrongGreeting);
        let greeting = if wrong { WRONG_GREETING } else { GREETING };
        servers.spawn(ended("mail", greet(mail, greeting)));

        let ports = [("MAIL_PORT", mail_at), ("ADMIN_PORT", admin_at)];
        let text = configuration(
            hardened_at,
            flawed_at,
            &ports,
            &[("\"AUTHORITY\"", &authority), ("\"HOOK_SECRET\"", &secret)],
        );
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

/// Serves over TLS.
fn secure(
    listener: std::net::TcpListener,
    tls: &Arc<rustls::ServerConfig>,
    app: axum::Router,
) -> io::Result<impl Future<Output = io::Result<()>> + use<>> {
    listener.set_nonblocking(true)?;
    let tls = axum_server::tls_rustls::RustlsConfig::from_config(Arc::clone(tls));
    Ok(axum_server::from_tcp_rustls(listener, tls)?.serve(app.into_make_service()))
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
    ports: &[(&str, SocketAddr)],
    files: &[(&str, &Path)],
) -> String {
    let text = include_str!("demo.yaml")
        .replace("HARDENED", &hardened.to_string())
        .replace("FLAWED", &flawed.to_string());
    // YAML in double quotes reads escapes as JSON does.
    let quoted = |path: &Path| serde_json::Value::from(&*path.to_string_lossy()).to_string();
    let text = files.iter().fold(text, |text, (name, path)| text.replace(name, &quoted(path)));
    ports.iter().fold(text, |text, (name, at)| text.replace(name, &at.port().to_string()))
}

#[cfg(test)]
mod tests;
