//! Who may ask what.

use base64::Engine as _;

use super::*;

const TOKEN: &str = "a long token";
const REPORT_TOKEN: &str = "another token";

fn ask(method: &str, path: &str, headers: &[(&str, &str)]) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::empty()).unwrap()
}

fn from(mut request: Request<Body>, peer: &str) -> Request<Body> {
    let peer: SocketAddr = peer.parse().unwrap();
    request.extensions_mut().insert(ConnectInfo(peer));
    request
}

/// Every path that needs a token, with its method.
fn guarded() -> impl Iterator<Item = (&'static str, String)> {
    crate::api::routes::WAYS.iter().filter(|way| !way.route.open).map(|way| {
        let path = way.route.path.replace("{service}", "shop").replace("{check}", "home");
        (way.route.method, path)
    })
}

#[tokio::test]
async fn with_a_token_every_path_but_the_daemons_health_needs_it() {
    let rig = Rig::filled().await;
    rig.set(|settings| settings.token = Some(TOKEN.to_owned().into()));
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("anybody:{TOKEN}"));
    let wrong = base64::engine::general_purpose::STANDARD.encode(format!("{TOKEN}:"));
    for (method, path) in guarded() {
        let method = method.to_uppercase();
        for credential in ["", "Bearer", "Bearer wrong", &format!("Basic {wrong}"), TOKEN] {
            let headers = [("authorization", credential)];
            let headers = if credential.is_empty() { &[][..] } else { &headers[..] };
            let answer = rig.ask(ask(&method, &path, headers)).await;
            is_problem(&answer, 401);
            let schemes: Vec<_> = answer.headers.get_all("www-authenticate").iter().collect();
            assert_eq!(schemes.len(), 2, "{path}");
        }
    }
    for credential in [format!("Bearer {TOKEN}"), format!("basic {basic}")] {
        let headers = [("authorization", credential.as_str()), ("host", "musterd.example")];
        let request = from(ask("GET", "/api/v1/status", &headers), "192.0.2.1:5");
        assert_eq!(rig.ask(request).await.status, 200, "{credential}");
    }
    is_problem(&rig.get("/nothing").await, 401);
}

#[tokio::test]
async fn the_token_of_reports_is_good_for_reports_alone() {
    let rig = Rig::filled().await;
    rig.set(|settings| settings.report_token = Some(REPORT_TOKEN.to_owned().into()));
    let bearer = format!("Bearer {REPORT_TOKEN}");
    let headers = [("authorization", bearer.as_str())];
    let far = |request| from(request, "192.0.2.1:5");
    is_problem(&rig.post("/api/v1/reports").await, 401);
    is_problem(&rig.ask(far(ask("POST", "/api/v1/reports", &headers))).await, 415);
    is_problem(&rig.ask(far(ask("POST", "/-/reload", &headers))).await, 403);
    rig.set(|settings| settings.token = Some(TOKEN.to_owned().into()));
    is_problem(&rig.ask(far(ask("GET", "/api/v1/status", &headers))).await, 401);
    is_problem(&rig.ask(far(ask("POST", "/api/v1/reports", &headers))).await, 415);
}

#[tokio::test]
async fn without_a_token_only_this_machine_may_change_anything() {
    let rig = Rig::filled().await;
    for (peer, headers, fine) in [
        ("127.0.0.1:5", vec![], true),
        ("[::1]:5", vec![("host", "[::1]:9797")], true),
        ("[::ffff:127.0.0.1]:5", vec![("host", "127.0.0.1")], true),
        ("127.0.0.1:5", vec![("sec-fetch-site", "same-origin")], true),
        ("127.0.0.1:5", vec![("sec-fetch-site", "none")], true),
        ("127.0.0.1:5", vec![("host", "localhost:1"), ("origin", "http://localhost:1")], true),
        ("192.0.2.1:5", vec![], false),
        ("[2001:db8::1]:5", vec![], false),
        ("127.0.0.1:5", vec![("sec-fetch-site", "cross-site")], false),
        ("127.0.0.1:5", vec![("sec-fetch-site", "same-site")], false),
        ("127.0.0.1:5", vec![("sec-fetch-site", "nonsense")], false),
        ("127.0.0.1:5", vec![("origin", "http://evil.example")], false),
        ("127.0.0.1:5", vec![("origin", "null")], false),
        ("127.0.0.1:5", vec![("host", "localhost:1"), ("origin", "http://localhost:2")], false),
        ("127.0.0.1:5", vec![("host", "evil.example")], false),
        ("127.0.0.1:5", vec![("host", "localhost"), ("host", "evil.example")], false),
        ("127.0.0.1:5", vec![("x-forwarded-for", "192.0.2.1")], false),
        ("127.0.0.1:5", vec![("forwarded", "for=192.0.2.1")], false),
    ] {
        let path = "/api/v1/reports";
        let answer = rig.ask(from(ask("POST", path, &headers), peer)).await;
        is_problem(&answer, if fine { 415 } else { 403 });
        // Reading is left alone, whoever asks, but for a page whose name points here.
        let rebound = headers == [("host", "evil.example")];
        let read = rig.ask(from(ask("GET", "/api/v1/status", &headers), peer)).await;
        assert_eq!(read.status, if rebound { 403 } else { 200 }, "{peer} {headers:?}");
    }
}

#[tokio::test]
async fn a_name_that_points_here_reads_nothing_where_only_this_machine_is_listened_to() {
    let evil = [("host", "evil.example:9797"), ("sec-fetch-site", "same-origin")];
    let rig = Rig::filled().await;
    for way in crate::api::routes::WAYS.iter().filter(|way| way.route.method == "get") {
        let path = way.route.path.replace("{service}", "shop").replace("{check}", "home");
        let answer = rig.ask(ask("GET", &path, &evil)).await;
        if way.route.open {
            assert_eq!(answer.status, 200, "{path}");
        } else {
            is_problem(&answer, 403);
        }
    }
    let read = async |rig: &Rig, host| {
        rig.ask(ask("GET", "/api/v1/status", &[("host", host)])).await.status.as_u16()
    };
    assert_eq!(read(&rig, "ops.example").await, 403);
    rig.set(|settings| settings.name = Some("ops.example".to_owned()));
    assert_eq!(read(&rig, "OPS.example:443").await, 200);
    assert_eq!(read(&rig, "evil.example").await, 403);

    let open = Rig::listening(&[service("shop", &["home"], Vec::new())], false);
    assert_eq!(read(&open, "musterd.monitoring.svc:9797").await, 200);
}

#[tokio::test]
async fn a_peer_that_nobody_knows_is_far_away() {
    let rig = Rig::filled().await;
    let request = ask("POST", "/-/reload", &[("host", "localhost")]);
    let answer = Answered::read(rig.router.clone().oneshot(request).await.unwrap()).await;
    is_problem(&answer, 403);
}

#[tokio::test]
async fn a_foreign_page_may_not_use_the_token_that_a_browser_remembers() {
    let rig = Rig::filled().await;
    rig.set(|settings| settings.token = Some(TOKEN.to_owned().into()));
    let bearer = format!("Bearer {TOKEN}");
    for (name, value) in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")] {
        let headers = [("authorization", bearer.as_str()), (name, value)];
        is_problem(&rig.ask(ask("POST", "/-/reload", &headers)).await, 403);
    }
}

#[tokio::test]
async fn a_body_that_says_it_is_too_long_is_not_read() {
    let rig = Rig::filled().await;
    for (path, length, fine) in [
        ("/-/reload", 1024 * 1024 + 1, false),
        ("/api/v1/checks/shop/home/run", u64::MAX, false),
        ("/api/v1/reports", 8 * 1024 * 1024 + 1, false),
        ("/api/v1/reports", 8 * 1024 * 1024, true),
    ] {
        let answer = rig.ask(ask("POST", path, &[("content-length", &length.to_string())])).await;
        is_problem(&answer, if fine { 415 } else { 413 });
    }
}
