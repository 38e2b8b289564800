//! Servers of mail, files, data and messages that begin in plain text and are asked to protect it,
//! with what they do by default.

use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use musterd_test_support::ca::KeyKind;

use crate::harness::Folder;
use crate::peer::{self, Peer, free_port};
use crate::tls::{folder, listed, sslscan};

/// A folder of a server's own below that of a test, with what it shows to clients.
fn own(folder: &Folder, name: &str) -> PathBuf {
    let own = folder.path().join(name);
    std::fs::create_dir(&own).unwrap();
    for file in ["cert.pem", "key.pem"] {
        std::fs::copy(folder.path().join(file), own.join(file)).unwrap();
        allow(&own.join(file), 0o600);
    }
    own
}

fn allow(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// Gives a folder to a user, whom its server runs as. Servers of data do not run as root.
fn give(own: &Path, user: &str) -> (u32, u32) {
    let id = |flag: &str| {
        let output = Command::new("id").args([flag, user]).output().unwrap();
        assert!(output.status.success(), "there is no user {user}");
        String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
    };
    let (user, group) = (id("-u"), id("-g"));
    let files = std::fs::read_dir(own).unwrap().map(|entry| entry.unwrap().path());
    for path in files.chain([own.to_path_buf()]) {
        std::os::unix::fs::chown(path, Some(user), Some(group)).unwrap();
    }
    (user, group)
}

fn quiet(program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command.stderr(Stdio::null());
    command
}

fn dovecot(folder: &Folder, imap: u16, pop3: u16) -> Peer {
    let own = own(folder, "dovecot");
    let path = own.display();
    let service = |name: &str, port: u16| {
        format!(
            "service {name}-login {{\n inet_listener {name} {{\n port={port}\n }}\n inet_listener {name}s {{\n port=0\n }}\n}}\n"
        )
    };
    let config = own.join("dovecot.conf");
    let text = format!(
        "base_dir={path}/run\nlog_path={path}/log\nprotocols=imap pop3\nlisten=127.0.0.1\nssl=yes\n\
         ssl_cert=<{path}/cert.pem\nssl_key=<{path}/key.pem\n\
         passdb {{\n driver=static\n args=nopassword=y\n}}\n\
         userdb {{\n driver=static\n args=uid=nobody gid=nogroup home=/nowhere\n}}\n{}{}",
        service("imap", imap),
        service("pop3", pop3)
    );
    std::fs::write(&config, text).unwrap();
    peer::start(quiet("/usr/sbin/dovecot").arg("-F").arg("-c").arg(config), &[imap, pop3])
}

fn vsftpd(folder: &Folder, port: u16) -> Peer {
    let own = own(folder, "vsftpd");
    let path = own.display();
    let config = own.join("vsftpd.conf");
    std::fs::create_dir(own.join("empty")).unwrap();
    let text = format!(
        "listen=YES\nlisten_address=127.0.0.1\nlisten_port={port}\nbackground=NO\nssl_enable=YES\n\
         rsa_cert_file={path}/cert.pem\nrsa_private_key_file={path}/key.pem\nsecure_chroot_dir={path}/empty\n"
    );
    std::fs::write(&config, text).unwrap();
    peer::start(quiet("/usr/sbin/vsftpd").arg(config), &[port])
}

fn postgres(folder: &Folder, port: u16) -> Peer {
    let own = own(folder, "postgres");
    let (user, group) = give(&own, "postgres");
    let versions = std::fs::read_dir("/usr/lib/postgresql").expect("tests/run installs PostgreSQL");
    let bin = versions.map(|entry| entry.unwrap().path().join("bin")).max().unwrap();
    let data = own.join("data");
    let mut init = quiet(bin.join("initdb"));
    init.args(["--no-sync", "--auth=trust", "-D"]).arg(&data).uid(user).gid(group);
    assert!(init.stdout(Stdio::null()).status().unwrap().success());
    let mut server = quiet(bin.join("postgres"));
    server.arg("-D").arg(&data).args(["-p", &port.to_string(), "-k"]).arg(&own);
    let set = |name: &str, value: String| ["-c".to_owned(), format!("{name}={value}")];
    server.args(set("listen_addresses", "127.0.0.1".to_owned())).args(set("ssl", "on".to_owned()));
    server.args(set("ssl_cert_file", own.join("cert.pem").display().to_string()));
    server.args(set("ssl_key_file", own.join("key.pem").display().to_string()));
    peer::start(server.uid(user).gid(group), &[port])
}

fn mariadb(folder: &Folder, port: u16) -> Peer {
    let own = own(folder, "mariadb");
    let (user, group) = give(&own, "nobody");
    let at = |name: &str, path: &str| format!("--{name}={}", own.join(path).display());
    let mut server = quiet("/usr/sbin/mariadbd");
    // Its tables are none of our business, and shaking hands needs none.
    server.args(["--no-defaults", "--skip-grant-tables", "--bind-address=127.0.0.1"]);
    server.args([at("datadir", ""), at("socket", "socket"), format!("--port={port}")]);
    server.args([at("ssl-cert", "cert.pem"), at("ssl-key", "key.pem")]);
    peer::start(server.current_dir(&own).uid(user).gid(group), &[port])
}

fn openldap(folder: &Folder, port: u16) -> Peer {
    let own = own(folder, "ldap");
    let path = own.display();
    let config = own.join("slapd.conf");
    let text = format!(
        "pidfile {path}/pid\nTLSCertificateFile {path}/cert.pem\nTLSCertificateKeyFile {path}/key.pem\n"
    );
    std::fs::write(&config, text).unwrap();
    let mut server = quiet("/usr/sbin/slapd");
    server.args(["-d", "0", "-h", &format!("ldap://127.0.0.1:{port}"), "-f"]);
    peer::start(server.arg(config), &[port])
}

fn prosody(folder: &Folder, port: u16) -> Peer {
    let own = own(folder, "prosody");
    let path = own.display();
    let config = own.join("prosody.cfg.lua");
    let text = format!(
        "daemonize = false\nrun_as_root = true\npidfile = \"{path}/pid\"\ndata_path = \"{path}\"\n\
         interfaces = {{ \"127.0.0.1\" }}\nc2s_ports = {{ {port} }}\n\
         modules_enabled = {{ \"tls\", \"saslauth\" }}\nmodules_disabled = {{ \"s2s\" }}\n\
         ssl = {{ certificate = \"{path}/cert.pem\", key = \"{path}/key.pem\" }}\n\
         log = \"{path}/log\"\nVirtualHost \"localhost\"\n"
    );
    std::fs::write(&config, text).unwrap();
    peer::start(quiet("/usr/bin/prosody").arg("--config").arg(config), &[port])
}

#[test]
fn every_protocol_is_brought_to_tls_by_a_server_of_its_own() {
    let folder = folder(KeyKind::Rsa2048);
    allow(folder.path(), 0o755);
    let [imap, pop3, ftp, postgres_port, mysql, ldap, xmpp] = [(); 7].map(|()| free_port());
    let _peers = (
        dovecot(&folder, imap, pop3),
        vsftpd(&folder, ftp),
        postgres(&folder, postgres_port),
        mariadb(&folder, mysql),
        openldap(&folder, ldap),
        prosody(&folder, xmpp),
    );
    let services = [
        ("imap", imap),
        ("pop3", pop3),
        ("ftp", ftp),
        ("postgres", postgres_port),
        ("mysql", mysql),
        ("ldap", ldap),
        ("xmpp", xmpp),
    ];
    let service = |(name, port): &(&str, u16)| {
        format!(
            "  - name: {name}\n    url: https://localhost\n    ca: {{file: ca.pem}}\n    budget: {{connections: 1000/s}}\n    \
             checks: [tls: {{starttls: {name}, port: {port}, depth: full}}]\n"
        )
    };
    let text: String = services.iter().map(service).collect();
    folder.write("musterd.yaml", format!("defaults: {{timeout: 20s}}\nservices:\n{text}"));
    let ran = folder.run(&["check", "--format", "json", "--evidence"]);
    for (id, verdict, rules) in ran.checks() {
        assert_ne!(verdict, "unknown", "{id}");
        let wrong = ["unreachable", "not-tls", "starttls-missing", "undetermined", "untrusted"];
        let wrong = rules.iter().find(|rule| wrong.iter().any(|part| rule.contains(part)));
        assert_eq!(wrong, None, "{id}");
    }
    let listed = listed(&ran.json());
    for (name, _) in services {
        let versions = &listed[name];
        assert!(versions.contains_key("TLS 1.2") && versions.contains_key("TLS 1.3"), "{name}");
    }
    // OpenLDAP uses GnuTLS, which knows what was spoken long ago.
    assert!(listed["ldap"].contains_key("TLS 1.0"), "{:?}", listed["ldap"]);
    // Dovecot hangs up where a client offers DHE first, for want of parameters: sslscan does, and
    // sees no TLS 1.2.
    assert!(listed["imap"]["TLS 1.2"].len() > 5, "{:?}", listed["imap"]);
    assert_eq!(listed["imap"], listed["pop3"]);
    for (name, port, start) in [
        ("ftp", ftp, "--starttls-ftp"),
        ("postgres", postgres_port, "--starttls-psql"),
        ("mysql", mysql, "--starttls-mysql"),
        ("xmpp", xmpp, "--starttls-xmpp"),
    ] {
        assert_eq!(listed[name], sslscan(port, Some(start)), "{name} (sslscan)");
    }
}
