//! What is a leak, what is none, and that no excerpt shows a credential.

use proptest::prelude::proptest;

use super::{LeakKind, MAX_EXCERPT, MAX_LEAKS, leaks};
use crate::severity::Severity;
use LeakKind::{
    AwsKey, ConnectionUri, DriverError, EnvironmentDump, FilePath, Jwt, PrivateAddress, PrivateKey,
    Secret, StackFrame,
};

#[test]
fn leaks_are_found_and_masked() {
    let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.c2lnbmF0dXJl";
    let bearer = format!("token {jwt} expired");
    // Body, kind, excerpt.
    let rows: &[(&str, LeakKind, &str)] = &[
        (
            r#"{"message":"cannot reach postgres://app:hunter2@db.internal:5432/app"}"#,
            ConnectionUri,
            "postgres://***@db.internal:5432",
        ),
        ("redis://:p@ss@10.1.2.3:6379", ConnectionUri, "redis://***@10.1.2.3:6379"),
        (
            "mongodb+srv://u:p%40x@c0.example.net/db",
            ConnectionUri,
            "mongodb+srv://***@c0.example.net",
        ),
        ("amqp://guest:guest@rabbit/", ConnectionUri, "amqp://***@rabbit"),
        (r#"{"password":"hunter2"}"#, Secret, "password=***"),
        (r#"{"db_password" : "a"}"#, Secret, "db_password=***"),
        (r#"{"config":{"apiKey":"sk_live_4eC39H"}}"#, Secret, "apiKey=***"),
        (r#"{"SECRET_KEY_BASE":"0a1b2c3d"}"#, Secret, "SECRET_KEY_BASE=***"),
        (r#"{"message":"{\"access_key\":\"abc123\"}"}"#, Secret, "access_key=***"),
        ("{'token': 'abc123'}", Secret, "token=***"),
        ("Server=db;User Id=sa;Password=Pa55;", Secret, "Password=***"),
        ("GET /x?api_key=abc123&y=1", Secret, "api_key=***"),
        ("db:\n  password: hunter2\n", Secret, "password=***"),
        ("STRIPE_SECRET=sk_test_1", Secret, "STRIPE_SECRET=***"),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nMIIEow",
            PrivateKey,
            "-----BEGIN RSA PRIVATE KEY----- ***",
        ),
        ("-----BEGIN PRIVATE KEY-----\\nMII", PrivateKey, "-----BEGIN PRIVATE KEY----- ***"),
        (&bearer, Jwt, "eyJ***"),
        ("key AKIAIOSFODNN7EXAMPLE denied", AwsKey, "AKIA***"),
        ("connect ECONNREFUSED 10.0.0.5:6379", PrivateAddress, "10.0.0.5:6379"),
        (r#"{"host":"192.168.1.10:5432"}"#, PrivateAddress, "192.168.1.10:5432"),
        ("dial tcp 172.31.0.9:80: i/o timeout", PrivateAddress, "172.31.0.9:80"),
        (
            r#"{"stack":"Error: x\n    at check (/app/dist/db.js:10:15)\n"}"#,
            StackFrame,
            "at check (/app/dist/db.js:10:15)",
        ),
        (r#""\nat /srv/x.js:1:2""#, StackFrame, "at /srv/x.js:1:2"),
        (
            r#""x\n\tat org.acme.Db.ping(Db.java:42)""#,
            StackFrame,
            "at org.acme.Db.ping(Db.java:42)",
        ),
        ("  File \"x.py\", line 12, in ping", StackFrame, "File \"x.py\", line 12"),
        (
            "   at Acme.Db.Ping(String a) in C:\\src\\Db.cs:line 12",
            StackFrame,
            "at Acme.Db.Ping(String a) in C:\\src\\Db.cs:line 12",
        ),
        ("#0 /x/index.php(12): f()", StackFrame, "#0 /x/index.php(12)"),
        ("thread 'main' panicked at src/db.rs:1:2", StackFrame, "thread 'main' panicked at "),
        ("goroutine 17 [running]:", StackFrame, "goroutine 17 [running]"),
        ("open /etc/app/config.yaml: denied", FilePath, "/etc/app/config.yaml"),
        (r#"{"path":"/home/deploy/app/data"}"#, FilePath, "/home/deploy/app/data"),
        ("cannot open /app/.env", FilePath, "/app/.env"),
        (r#"{"file":"C:\\Users\\app\\db.mdf"}"#, FilePath, r"C:\\Users\\app\\db.mdf"),
        (
            "PATH=/bin\nHOME=/\nLANG=C\nUSER=app\nPORT=80\n",
            EnvironmentDump,
            "PATH=*** HOME=*** LANG=*** USER=*** PORT=***",
        ),
    ];
    for (body, kind, excerpt) in rows {
        let found = leaks(body);
        let leak = found.iter().find(|leak| leak.kind == *kind);
        assert_eq!(leak.map(|leak| leak.excerpt.as_str()), Some(*excerpt), "{body} {found:?}");
    }
}

#[test]
fn no_excerpt_shows_a_credential() {
    let secrets = ["hunter2", "AKIAIOSFODNN7EXAMPLE", "sk_live_1", "MIIEow", "c2lnbmF0dXJl"];
    let body = "postgres://u:hunter2@10.0.0.5:5432/x password=hunter2 AKIAIOSFODNN7EXAMPLE \
        eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.c2lnbmF0dXJl\n\
        -----BEGIN PRIVATE KEY-----MIIEow\n\
        at f (/app/x.js?token=sk_live_1:1:2) /etc/app/AKIAIOSFODNN7EXAMPLE/x\n\
        A1=hunter2\nB1=hunter2\nC1=hunter2\nD1=hunter2\nE1=hunter2\n";
    let found = leaks(body);
    assert_eq!(found.len(), MAX_LEAKS);
    for leak in found {
        assert!(leak.excerpt.chars().count() <= MAX_EXCERPT);
        for secret in secrets {
            assert!(!leak.excerpt.contains(secret), "{leak:?}");
        }
    }
}

#[test]
fn ordinary_answers_leak_nothing() {
    for body in [
        // The conventions' own samples
        r#"{"status":"pass","version":"1","releaseId":"1.2.2","serviceId":"f03e522f-1f44-4062-9b55-9587f91c9c41","checks":{"cassandra:responseTime":[{"componentId":"dfd6cf2b-1b6e-4412-a0b8-f6f7797a60d2","observedValue":250,"observedUnit":"ms","status":"pass","affectedEndpoints":["/users/{userId}","/customers/{customerId}/status"],"time":"2018-01-17T03:36:48Z","links":{"self":"http://api.example.com/dbnode/dfd6cf2b/health"}}]}}"#,
        r#"{"status":"UP","components":{"diskSpace":{"status":"UP","details":{"total":499963174912,"path":"/app/.","exists":true}},"ping":{"status":"UP"}}}"#,
        r#"{"status":"DOWN","checks":[{"name":"db","status":"DOWN","data":{"host":"db"}}]}"#,
        r#"{"status":"ok","info":{"db":{"status":"up"}},"error":{},"details":{"db":{"status":"up"}}}"#,
        r#"{"status":"Healthy","totalDuration":"00:00:00.0123","entries":{"sql":{"data":{},"duration":"00:00:00.01","status":"Healthy","tags":[]}}}"#,
        "Healthy",
        "[+]ping ok\n[-]etcd failed: reason withheld\nreadyz check failed\n",
        r#"<!DOCTYPE html><html><body style="background-color: green"></body></html>"#,
        r#"{"status":"healthy","checks":{"database":"ok","redis":"ok","inngest":"ok"},"timestamp":"2025-10-20T12:00:00Z"}"#,
        r#"{"status":"ok","timestamp":"2025-10-20T12:00:00.000Z","uptime":123.45,"checks":{"database":{"status":"ok"},"s3":{"status":"ok"},"ai_service":{"status":"error","message":"503"}}}"#,
        r#"{"status":"healthy","timestamp":"2025-10-20T12:00:00Z"}"#,
        // Names that look like secrets
        r#"{"tokenizer":"ok","secrets_manager":"up","token_service":{"status":"up"}}"#,
        r#"{"token":"ok","secret":"UP","password":"not_configured","api_key":"valid"}"#,
        r#"{"token":{"status":"up"},"secrets":["a"],"tokens":4096,"max_token":"4096"}"#,
        r#"{"password":"","secret":null,"token":true,"api_key":"***","private_key":"[redacted]"}"#,
        r#"{"password":"********","secret":"xxxx","token":"<hidden>","api_key":"${API_KEY}"}"#,
        r#"{"token":"expired two days ago","token_type":"Bearer","nextPageToken":"CAUQAA"}"#,
        r#"{"token":"https://auth.example.com/token","secret":"/oauth/secret"}"#,
        "token: ok\npassword: set\n",
        // URLs and paths
        r#"{"path":"/api/health","self":"https://api.example.com:8443/users/@me","docs":"/docs/health"}"#,
        r#"{"path":"/app/health","endpoints":["/data/export","/src/status","/home","/users/1"]}"#,
        "https://example.com/var/www/x https://example.com/home/a/b",
        "postgres://db.internal:5432/app redis://user@cache",
        "postgres://app:***@db.internal/app postgres://app:<password>@db mysql://u:[REDACTED]@h",
        r#"<script type="module" src="/src/main.tsx"></script><link href="/app/x.js"><img src='/data/a/b.js'>"#,
        "<script>let a;e.token=t.token;n.secret = await f();var password=e,token=x(1)</script>",
        "https://example.com:8443?mail=a@example.com",
        r#"<input type="password" name="password" placeholder="Password"> <a href="/reset?x=1">"#,
        // Addresses
        "127.0.0.1:5432 localhost:6379 8.8.8.8:53 172.15.0.1:80 172.32.0.1:80 10.0.0.5 0.0.0.0:80",
        r#"{"version":"10.2.3.4","commit":"9f8e7d6c5b4a39281706","build":"1.10.0.0.5:12"}"#,
        // Prose
        "looking at it (see notes) at 10:15:30",
        "File a ticket, line 12 of the form",
        "A=1\nB1=2\nwe are fine",
        "",
    ] {
        assert_eq!(leaks(body), [], "{body}");
    }
}

#[test]
fn credentials_are_graver() {
    for kind in [ConnectionUri, Secret, PrivateKey, AwsKey, Jwt] {
        assert_eq!(kind.severity(), Severity::High);
    }
    for kind in [EnvironmentDump, PrivateAddress, StackFrame, FilePath, DriverError] {
        assert_eq!(kind.severity(), Severity::Medium);
    }
}

#[test]
fn the_message_of_a_driver_is_a_leak_where_nothing_graver_is() {
    for (body, excerpt) in [
        (r#"{"message":"getaddrinfo ENOTFOUND db.internal"}"#, "ENOTFOUND db.internal"),
        (
            r#"{"message":"password authentication failed for user \"app\""}"#,
            r#"password authentication failed for user \"app"#,
        ),
        (
            "Access denied for user 'app'@'web-1' (using password: YES)",
            "Access denied for user 'app'@'web-1' (using password: YES)",
        ),
        (
            r#"{"m":"Can't reach database server at `db.prod:5432`","x":1}"#,
            "Can't reach database server at `db.prod:5432`",
        ),
        (r#"relation \"users\" does not exist"#, r#"relation \"users\" does not exist"#),
        ("SQLSTATE[HY000] [2002] No such host", "SQLSTATE[HY000] [2002] No such host"),
    ] {
        let found = leaks(body);
        let seen: Vec<_> = found.iter().map(|leak| (leak.kind, leak.excerpt.as_str())).collect();
        assert_eq!(seen, [(DriverError, excerpt)], "{body}");
    }
    let addressed = leaks("connect ECONNREFUSED 10.0.0.5:6379");
    assert_eq!(addressed.len(), 1, "{addressed:?}");
    for body in ["connect ECONNREFUSED 127.0.0.1:6379", "ECONNREFUSED", "timeout of 500ms exceeded"]
    {
        assert_eq!(leaks(body), [], "{body}");
    }
}

proptest! {
    #[test]
    fn a_password_is_never_shown(password in "[a-zA-Z0-9+!-]{9,40}Q7", user in "[a-z]{0,8}") {
        for body in [
            format!("postgres://{user}:{password}@10.0.0.5:5432/app at f (/app/x.js:1:1)"),
            format!("{{\"password\":\"{password}\"}}"),
            format!("/etc/app/x PASSWORD={password}"),
        ] {
            for leak in leaks(&body) {
                assert!(!leak.excerpt.contains(&password), "{leak:?}");
            }
        }
    }

    #[test]
    fn any_text_is_searched(body in "(\\PC|[\n\\\\\"/:@=.]|at |://|password|10\\.){0,80}") {
        let found = leaks(&body);
        assert!(found.len() <= MAX_LEAKS);
        assert!(found.iter().all(|leak| leak.excerpt.chars().count() <= MAX_EXCERPT));
    }
}
