//! `musterd check` against a real nginx that behaves in some places and misbehaves in others.

use std::process::{Command, Stdio};

use musterd_test_support::ca::{Authority, Leaf};

use crate::harness::Folder;
use crate::peer::{Peer, free_port, start};

/// nginx in a folder of its own, on ports that were free.
fn nginx(folder: &Folder, plain: u16, tls: u16) -> Peer {
    let authority = Authority::new();
    let identity = authority.issue(&Leaf::localhost());
    folder.write("ca.pem", authority.pem());
    folder.write("cert.pem", identity.chain_pem());
    folder.write("key.pem", identity.key_pem());
    folder.write("index.html", "<!doctype html><html><body><h1>Shop</h1></body></html>");
    let root = folder.path().display();
    folder.write(
        "nginx.conf",
        format!(
            r#"
daemon off; master_process off; pid {root}/nginx.pid; error_log {root}/error.log;
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {root}/t1; proxy_temp_path {root}/t2; fastcgi_temp_path {root}/t3;
  uwsgi_temp_path {root}/t4; scgi_temp_path {root}/t5;
  gzip on; gzip_min_length 1; gzip_types application/json;
  server {{
    listen 127.0.0.1:{plain};
    listen 127.0.0.1:{tls} ssl http2;
    ssl_certificate {root}/cert.pem; ssl_certificate_key {root}/key.pem;
    root {root};
    location = /healthz {{ default_type text/plain; return 200 "ok\n"; }}
    location = /ready {{
      default_type application/json;
      return 200 '{{"status":"ok","checks":{{"database":"up"}}}}';
    }}
    location = /down {{
      default_type application/json;
      return 503 '{{"status":"error","checks":{{"database":"down"}}}}';
    }}
    location = /login {{ return 302 /healthz; }}
    location /spa/ {{ try_files /index.html =404; }}
    location = /secret {{ return 401; }}
    location / {{ try_files $uri =404; }}
  }}
}}
"#
        ),
    );
    let folder = folder.path().display().to_string();
    let mut command = Command::new("/usr/sbin/nginx");
    command.args(["-p", &folder, "-c", "nginx.conf"]).stderr(Stdio::null());
    start(&mut command, &[plain, tls])
}

#[test]
fn a_real_nginx_gets_the_verdicts_that_it_deserves_three_runs_in_a_row() {
    let folder = Folder::new();
    let (plain, tls) = (free_port(), free_port());
    let _nginx = nginx(&folder, plain, tls);
    folder.write(
        "musterd.yaml",
        format!(
            r#"
defaults: {{timeout: 5s}}
services:
  - name: plain
    url: http://127.0.0.1:{plain}
    checks:
      - tcp:
      - health: {{path: /healthz}}
      - {{name: ready, health: {{path: /ready, components: [database]}}}}
      - {{name: redis-missing, health: {{path: /ready, components: [database, redis]}}}}
      - {{name: down, health: {{path: /down}}}}
      - {{name: login, health: {{path: /login}}}}
      - {{name: absent, health: {{path: /absent}}}}
      - http: {{path: /index.html, expect: {{body: Shop, version: "1.1"}}}}
      - {{name: secret, http: {{path: /secret}}}}
  - name: tls
    url: https://127.0.0.1:{tls}
    ca: {{file: ca.pem}}
    checks:
      - tcp:
      - health: {{path: /ready}}
      - http: {{path: /index.html, expect: {{version: "2"}}}}
  - name: untrusted
    url: https://127.0.0.1:{tls}
    checks: [http: ]
  - name: not-tls
    url: https://127.0.0.1:{plain}
    checks: [tcp: ]
"#
        ),
    );
    let wanted = [
        ("plain/tcp", "pass", ""),
        ("plain/health", "pass", ""),
        ("plain/ready", "pass", ""),
        ("plain/redis-missing", "warn", "health.component-missing"),
        ("plain/down", "fail", "health.down health.component-down"),
        ("plain/login", "warn", "health.redirected"),
        ("plain/absent", "fail", "health.status-unexpected"),
        ("plain/http", "pass", ""),
        ("plain/secret", "fail", "http.status-unexpected"),
        ("tls/tcp", "pass", ""),
        ("tls/health", "pass", ""),
        ("tls/http", "pass", ""),
        ("untrusted/http", "fail", "http.unreachable"),
        ("not-tls/tcp", "fail", "tcp.not-tls"),
    ];
    for round in 1..=3 {
        let ran = folder.run(&["check", "--format", "json"]);
        assert_eq!(ran.code, 1, "{}", ran.stderr);
        let checks = ran.checks();
        let saw: Vec<(&str, &str, String)> = checks
            .iter()
            .map(|(id, verdict, rules)| (id.as_str(), verdict.as_str(), rules.join(" ")))
            .collect();
        let wanted: Vec<(&str, &str, String)> = wanted
            .iter()
            .map(|(id, verdict, rules)| (*id, *verdict, (*rules).to_owned()))
            .collect();
        assert_eq!(saw, wanted, "round {round}");
    }
}
