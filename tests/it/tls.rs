//! `tls` against servers and scanners that users trust: nginx, Caddy and OpenSSL as targets;
//! sslscan and testssl.sh as second opinions.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use musterd_test_support::ca::{Authority, KeyKind, Leaf};
use serde_json::Value;

use crate::harness::{Folder, root};
use crate::peer::{self, Peer, free_port};

/// Suites by version; versions as musterd names them, suites by number.
pub(crate) type Sets = BTreeMap<String, BTreeSet<u16>>;

/// A folder with an authority and a certificate for localhost.
pub(crate) fn folder(key: KeyKind) -> Folder {
    let folder = Folder::new();
    let authority = Authority::new();
    let identity = authority.issue(&Leaf::localhost().key(key));
    folder.write("ca.pem", authority.pem());
    folder.write("cert.pem", identity.chain_pem());
    folder.write("key.pem", identity.key_pem());
    folder
}

/// A service for each port, looked at to the bottom.
fn configure(folder: &Folder, services: &[(&str, u16)]) {
    let mut text = "defaults: {timeout: 20s}\nservices:\n".to_owned();
    for (name, port) in services {
        write!(
            text,
            "  - name: {name}\n    url: https://localhost:{port}\n    ca: {{file: ca.pem}}\n    budget: {{connections: 1000/s}}\n    checks: [tls: {{depth: full}}]\n"
        )
        .unwrap();
    }
    folder.write("musterd.yaml", text);
}

fn openssl(folder: &Folder, port: u16, ciphers: &str) -> Peer {
    let mut command = Command::new("openssl");
    let accept = format!("127.0.0.1:{port}");
    command.args(["s_server", "-accept", &accept, "-cert", "cert.pem", "-key", "key.pem"]);
    command.args(["-quiet", "-www", "-serverpref", "-cipher", ciphers]);
    command.current_dir(folder.path()).stderr(Stdio::null());
    peer::start(&mut command, &[port])
}

fn nginx(folder: &Folder, servers: &[(u16, &str)]) -> Peer {
    let root = folder.path().display();
    let blocks: String = servers
        .iter()
        .map(|(port, lines)| {
            format!("  server {{ listen 127.0.0.1:{port} ssl http2; {lines} return 200 ok; }}\n")
        })
        .collect::<Vec<_>>()
        .concat();
    folder.write(
        "nginx.conf",
        format!(
            r"
daemon off; master_process off; pid {root}/nginx.pid; error_log {root}/error.log;
events {{ worker_connections 256; }}
http {{
  access_log off; ssl_certificate {root}/cert.pem; ssl_certificate_key {root}/key.pem;
  client_body_temp_path {root}/t1; proxy_temp_path {root}/t2; fastcgi_temp_path {root}/t3;
  uwsgi_temp_path {root}/t4; scgi_temp_path {root}/t5;
{blocks}}}
"
        ),
    );
    let folder = root.to_string();
    let mut command = Command::new("/usr/sbin/nginx");
    command.args(["-p", &folder, "-c", "nginx.conf"]).stderr(Stdio::null());
    let ports: Vec<u16> = servers.iter().map(|(port, _)| *port).collect();
    peer::start(&mut command, &ports)
}

fn caddy(folder: &Folder, port: u16) -> Peer {
    folder.write(
        "Caddyfile",
        format!(
            "{{\n  admin off\n  auto_https disable_redirects\n}}\nhttps://localhost:{port} {{\n  bind 127.0.0.1\n  tls cert.pem key.pem\n  respond ok\n}}\n"
        ),
    );
    let mut command = Command::new("caddy");
    command.args(["run", "--config", "Caddyfile", "--adapter", "caddyfile"]);
    command.current_dir(folder.path()).stderr(Stdio::null());
    command.env("XDG_DATA_HOME", folder.path()).env("XDG_CONFIG_HOME", folder.path());
    peer::start(&mut command, &[port])
}

/// Numbers of suites by their names in IANA's registry, and by OpenSSL's.
static SUITES: LazyLock<BTreeMap<String, u16>> = LazyLock::new(|| {
    let table = std::fs::read_to_string(root().join("probes/catalog/cipher-suites.tsv")).unwrap();
    let rows = table.lines().filter(|line| !line.starts_with('#'));
    let mut names: BTreeMap<String, u16> = rows
        .filter_map(|row| {
            let mut fields = row.split('\t');
            let number = fields.next()?.trim_start_matches("0x");
            Some((fields.next()?.to_owned(), u16::from_str_radix(number, 16).ok()?))
        })
        .collect();
    let mut command = Command::new("openssl");
    command.args(["ciphers", "-V", "ALL:COMPLEMENTOFALL:@SECLEVEL=0"]);
    let listed = command.output().unwrap();
    for line in String::from_utf8(listed.stdout).unwrap().lines() {
        let mut words = line.split_whitespace();
        let number = words.next().unwrap().replace("0x", "").replace(',', "");
        let name = words.nth(1).unwrap().to_owned();
        names.insert(name, u16::from_str_radix(&number, 16).unwrap());
    }
    names
});

fn number(name: &str) -> u16 {
    *SUITES.get(name).unwrap_or_else(|| panic!("no suite is called {name}"))
}

/// What musterd lists of each service.
pub(crate) fn listed(report: &Value) -> BTreeMap<String, Sets> {
    let services = report["services"].as_array().unwrap().iter();
    services
        .map(|service| {
            let listings = &service["checks"][0]["evidence"]["survey"]["done"]["listings"];
            let sets = listings.as_object().unwrap_or_else(|| panic!("{service:#}")).iter();
            let sets = sets.map(|(version, listing)| {
                assert_eq!(listing["cut"], Value::Null, "{version}");
                let suites = listing["suites"].as_array().unwrap().iter();
                (version.clone(), suites.map(|name| number(name.as_str().unwrap())).collect())
            });
            (service["name"].as_str().unwrap().to_owned(), sets.collect())
        })
        .collect()
}

/// What sslscan finds, which may first have to be told how to begin.
pub(crate) fn sslscan(port: u16, start: Option<&str>) -> Sets {
    let mut command = Command::new("sslscan");
    command.args(["--xml=-", "--no-heartbleed", "--no-groups", "--no-check-certificate"]);
    command.args(start).arg(format!("localhost:{port}"));
    let output = command.output().expect("sslscan is installed");
    let text = String::from_utf8(output.stdout).unwrap();
    let mut sets = Sets::new();
    for line in text.lines().filter(|line| line.trim_start().starts_with("<cipher ")) {
        let field = |name: &str| {
            let after = line.split(&format!(" {name}=\"")).nth(1).unwrap();
            after.split('"').next().unwrap()
        };
        let version = field("sslversion").replace("TLSv", "TLS ");
        let number = u16::from_str_radix(field("id").trim_start_matches("0x"), 16).unwrap();
        sets.entry(version).or_default().insert(number);
    }
    assert!(!sets.is_empty(), "{text}");
    sets
}

/// What testssl.sh finds: whether each version is spoken, and the server's order of its suites.
fn testssl(folder: &Folder, port: u16) -> (BTreeMap<String, bool>, Sets) {
    let mut command = Command::new("testssl");
    command.args(["--warnings", "off", "--color", "0", "--quiet", "-p", "-P"]);
    // By its address: a name may have two, and each would be looked at.
    let json = format!("testssl-{port}.json");
    command.args(["--jsonfile", &json, &format!("127.0.0.1:{port}")]);
    let output = command.current_dir(folder.path()).stdin(Stdio::null()).output();
    let output = output.expect("testssl.sh is installed");
    let written = std::fs::read_to_string(folder.path().join(&json));
    let written = written.unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stdout)));
    let findings: Vec<Value> = serde_json::from_str(&written).unwrap();
    let (mut versions, mut sets) = (BTreeMap::new(), Sets::new());
    for finding in findings {
        let (id, what) = (finding["id"].as_str().unwrap(), finding["finding"].as_str().unwrap());
        let named = |id: &str| match id {
            "SSLv2" | "SSLv3" => Some(id.to_owned()),
            "TLS1" => Some("TLS 1.0".to_owned()),
            "TLS1_1" | "TLS1_2" | "TLS1_3" => Some(id.replace("TLS", "TLS ").replace('_', ".")),
            _ => None,
        };
        if let Some(version) = named(id) {
            versions.insert(version, what.starts_with("offered"));
        }
        if let Some(version) = id.strip_prefix("cipherorder_TLSv") {
            let version = format!("TLS {}", version.replace('_', "."));
            let version = if version == "TLS 1" { "TLS 1.0".to_owned() } else { version };
            sets.insert(version, what.split_whitespace().map(number).collect());
        }
    }
    (versions, sets)
}

/// Some of everything that Debian's OpenSSL still does, in 20-odd suites.
const MOTLEY: &str = "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-CHACHA20-POLY1305:ECDHE-RSA-AES128-SHA256:ECDHE-RSA-AES128-SHA:DHE-RSA-AES256-GCM-SHA384:DHE-RSA-AES128-SHA:AES128-GCM-SHA256:AES256-SHA:CAMELLIA128-SHA:AES128-CCM8:ADH-AES128-SHA:AECDH-AES256-SHA:NULL-SHA256:ECDHE-RSA-NULL-SHA:@SECLEVEL=0";

/// What Mozilla's intermediate profile asks for.
const SOUND: &str = "ssl_prefer_server_ciphers on; ssl_protocols TLSv1.2 TLSv1.3; ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305;";

const OLD: &str = "ssl_protocols TLSv1 TLSv1.1 TLSv1.2; ssl_ciphers ALL:!ADH:@SECLEVEL=0;";

#[test]
fn versions_and_suites_are_those_that_sslscan_and_testssl_find() {
    let folder = folder(KeyKind::Rsa2048);
    let [motley, sound, old, third] = [(); 4].map(|()| free_port());
    let _peers = (
        openssl(&folder, motley, MOTLEY),
        nginx(&folder, &[(sound, SOUND), (old, OLD)]),
        caddy(&folder, third),
    );
    let services = [("openssl", motley), ("nginx", sound), ("old", old), ("caddy", third)];
    configure(&folder, &services);
    let ran = folder.run(&["check", "--format", "json", "--evidence"]);
    let listed = listed(&ran.json());
    for (name, port) in services {
        assert_eq!(listed[name], sslscan(port, None), "{name} (sslscan)");
    }
    assert!(listed["openssl"]["TLS 1.2"].len() >= 14, "{:?}", listed["openssl"]);
    // testssl.sh takes half a minute for a server, so it sees the one with the most to tell.
    let (versions, suites) = testssl(&folder, motley);
    assert_eq!(versions.len(), 6, "{versions:?}");
    for (version, spoken) in versions {
        assert_eq!(listed["openssl"].contains_key(&version), spoken, "{version} (testssl)");
    }
    assert_eq!(listed["openssl"], suites, "(testssl)");
}

/// The findings of each service that are worse than for information.
fn findings(report: &Value) -> Vec<(String, Vec<String>)> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let services = report["services"].as_array().unwrap().iter();
    services
        .map(|service| {
            let findings = service["checks"][0]["findings"].as_array().unwrap().iter();
            let lines = findings.filter(|finding| finding["severity"] != "info").map(|finding| {
                let rule = text(&finding["rule"]).replace("tls.", "");
                let line =
                    format!("{rule} {} {}", text(&finding["severity"]), text(&finding["subject"]));
                line.trim_end().to_owned()
            });
            (text(&service["name"]), lines.collect())
        })
        .collect()
}

#[test]
fn servers_get_the_verdicts_that_they_deserve() {
    let folder = folder(KeyKind::Rsa2048);
    let [motley, sound, old, third, plain] = [(); 5].map(|()| free_port());
    let not_tls = format!("server {{ listen 127.0.0.1:{plain}; return 200 ok; }}");
    let sound_and_plain =
        format!("{SOUND} return 200 ok; }} {not_tls} server {{ listen 127.0.0.1:{}", free_port());
    let _peers = (
        openssl(&folder, motley, MOTLEY),
        nginx(&folder, &[(sound, &format!("{sound_and_plain};")), (old, OLD)]),
        caddy(&folder, third),
    );
    configure(
        &folder,
        &[("openssl", motley), ("nginx", sound), ("old", old), ("caddy", third), ("plain", plain)],
    );
    let saw = findings(&folder.run(&["check", "--format", "json"]).json());
    let wanted: [(&str, &[&str]); 5] = [
        (
            "openssl",
            &[
                "protocol-obsolete high TLS 1.1",
                "protocol-obsolete high TLS 1.0",
                "cipher-weak high NULL or anonymous",
                "cipher-weak low RSA key exchange",
            ],
        ),
        ("nginx", &[]),
        (
            "old",
            &[
                "protocol-obsolete low TLS 1.3",
                "protocol-obsolete high TLS 1.1",
                "protocol-obsolete high TLS 1.0",
                "cipher-weak high NULL or anonymous",
                "cipher-weak low RSA key exchange",
            ],
        ),
        ("caddy", &[]),
        ("plain", &["not-tls high"]),
    ];
    let wanted: Vec<(String, Vec<String>)> = wanted
        .iter()
        .map(|(name, lines)| {
            ((*name).to_owned(), lines.iter().map(|line| (*line).to_owned()).collect())
        })
        .collect();
    assert_eq!(saw, wanted);
}

#[test]
fn a_mail_server_is_brought_to_tls_and_one_that_declines_is_told_so() {
    let folder = folder(KeyKind::Rsa2048);
    let (port, plain) = (free_port(), free_port());
    let mut command = Command::new("node");
    command.current_dir(root().join("tests/targets/tls")).arg("server.mjs");
    command.env("PORT", port.to_string()).env("PLAIN_PORT", plain.to_string());
    command.env("CERT", folder.path().join("cert.pem")).env("KEY", folder.path().join("key.pem"));
    let _node = peer::start(&mut command, &[port, plain]);
    let service = |name: &str, port: u16| {
        format!(
            "  - name: {name}\n    url: https://localhost\n    ca: {{file: ca.pem}}\n    checks: [tls: {{port: {port}, starttls: smtp}}]\n"
        )
    };
    let services = [service("mail", port), service("declines", plain)].concat();
    folder.write("musterd.yaml", format!("defaults: {{timeout: 20s}}\nservices:\n{services}"));
    let saw = findings(&folder.run(&["check", "--format", "json"]).json());
    let wanted = [
        // What Node agrees to by itself.
        ("mail".to_owned(), vec!["cipher-weak low RSA key exchange".to_owned()]),
        ("declines".to_owned(), vec!["starttls-missing high".to_owned()]),
    ];
    assert_eq!(saw, wanted);
}
