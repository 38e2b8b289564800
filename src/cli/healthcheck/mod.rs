//! `musterd healthcheck`: whether the daemon beside us is ready, for engines that want a command.

mod own;

use std::io::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use super::{FAILED, OK, select, terminal};
use crate::config::{self, Config};

/// Ask the daemon on this machine whether it is ready
///
/// Exit codes: 0 it is, 1 it is not. How the estate is plays no part. The daemon's address comes
/// from the configuration, and needs no token.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// A file, or a directory of *.yaml files [default: $MUSTERD_CONFIG, ./musterd.yaml,
    /// /etc/musterd/musterd.yaml]
    #[arg(long, short, value_name = "FILE|DIR")]
    config: Option<PathBuf>,

    /// Where the daemon listens, instead of where the configuration says
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,

    /// Ask whether it lives, and not whether it is ready
    #[arg(long)]
    live: bool,

    /// How long to wait for the answer
    #[arg(long, value_name = "DURATION", default_value = "3s", value_parser = humantime::parse_duration)]
    timeout: Duration,
}

/// Runs the command and gives the exit code.
pub(crate) async fn run(args: Args) -> io::Result<u8> {
    let (config, doubt) = read(args.config);
    let said = match url(&config, args.listen, args.live) {
        Ok(url) => own::ask(url.clone(), args.timeout)
            .await
            .map(|()| url.to_string())
            .map_err(|why| format!("{url} is not as it should be: {why}")),
        Err(why) => Err(why),
    };
    match said {
        Ok(url) => {
            let word = if args.live { "alive" } else { "ready" };
            writeln!(io::stdout().lock(), "{word}: {url}")?;
            Ok(OK)
        }
        Err(why) => {
            terminal::complain(&why);
            if let (Some(doubt), None) = (doubt, args.listen) {
                terminal::remark(&format!("where the daemon listens was guessed, because {doubt}"));
            }
            // Not 2, which Docker reserves.
            Ok(FAILED)
        }
    }
}

/// The configuration, or what holds without one and why. A daemon goes on with its old one while
/// the file is broken: that alone makes nobody ill.
fn read(path: Option<PathBuf>) -> (Config, Option<String>) {
    let loaded = path.map_or_else(select::default_config, Ok).and_then(|path| {
        config::load(&path)
            .map_err(|problems| format!("the configuration cannot be used\n{problems}"))
    });
    match loaded {
        Ok(loaded) => (loaded.config, None),
        Err(why) => (Config::default(), Some(why)),
    }
}

fn url(config: &Config, listen: Option<SocketAddr>, live: bool) -> Result<Url, String> {
    let mut address = listen.unwrap_or(config.listen);
    if address.port() == 0 {
        return Err("the daemon listens on a port that was free: name it with --listen".to_owned());
    }
    // Whoever listens everywhere listens on loopback too.
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    let scheme = if config.server.tls.is_some() { "https" } else { "http" };
    let path = if live { "livez" } else { "readyz" };
    format!("{scheme}://{address}/{path}").parse().map_err(|error| format!("{address}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Server, ServerTls};

    #[test]
    fn what_listens_everywhere_is_asked_on_loopback() {
        for (listen, live, expected) in [
            ("127.0.0.1:9797", false, Ok("http://127.0.0.1:9797/readyz")),
            ("0.0.0.0:80", true, Ok("http://127.0.0.1/livez")),
            ("[::]:9797", false, Ok("http://[::1]:9797/readyz")),
            ("192.0.2.7:1", false, Ok("http://192.0.2.7:1/readyz")),
            ("127.0.0.1:0", false, Err(())),
        ] {
            let config = Config { listen: listen.parse().unwrap(), ..Config::default() };
            let asked = url(&config, None, live);
            assert_eq!(asked.as_ref().map(Url::as_str).map_err(|_| ()), expected, "{listen}");
        }
        let tls = ServerTls { cert: "a".into(), key: "b".into() };
        let server = Server { tls: Some(tls), ..Server::default() };
        let config = Config { server, ..Config::default() };
        let other = Some(SocketAddr::from(([127, 0, 0, 1], 4)));
        assert_eq!(url(&config, other, false).unwrap().as_str(), "https://127.0.0.1:4/readyz");
    }
}
