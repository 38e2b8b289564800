//! Odd answers that are sound, and odd settings.

use musterd_test_support::http::{HttpServer, Reply};
use serde_json::json;

use super::{Http, fires, target};
use crate::contract::Kind as _;

#[tokio::test]
async fn a_head_that_names_an_encoding_has_no_body_to_decode() {
    let server = HttpServer::start(|_| Reply::new(200).header("content-encoding", "br")).await;
    assert_eq!(fires(&json!({"method": "HEAD"}), target(&server.url())).await, [""; 0]);
}

#[tokio::test]
async fn a_mark_of_byte_order_before_json_is_none_of_it() {
    let server = HttpServer::start(|_| Reply::new(200).body("\u{feff}{\"a\": 1}")).await;
    let settings = json!({"expect": {"json": {"/a": 1}}});
    assert_eq!(fires(&settings, target(&server.url())).await, [""; 0]);
}

#[tokio::test]
async fn who_accepts_nothing_but_redirects_means_the_redirect_itself() {
    let server = HttpServer::start(|request| match request.path() {
        "/old" => Reply::new(301).header("location", "/new"),
        _ => Reply::new(200),
    })
    .await;
    let at = |path: &str| target(&format!("{}{path}", server.url()));
    for (status, path, wanted) in [
        (json!(301), "/old", ""),
        (json!("3xx"), "/old", ""),
        (json!(["301", "308"]), "/new", "status-unexpected"),
        (json!([200, 301]), "/old", ""),
        (json!(200), "/old", ""),
    ] {
        let settings = json!({"expect": {"status": status}});
        assert_eq!(fires(&settings, at(path)).await.join(" "), wanted, "{status} {path}");
    }
}

#[test]
fn a_url_is_no_path() {
    for path in ["https://b.example/x", "HTTP://b.example"] {
        let settings = serde_json::from_value(json!({"path": path})).expect("the right shape");
        let error = Http::new(settings).err().expect(path);
        assert_eq!(error.key, Some("path"), "{path}");
    }
    for path in ["", "/x?to=https://b.example/", "x/https://b.example/"] {
        let settings = serde_json::from_value(json!({"path": path})).expect("the right shape");
        assert!(Http::new(settings).is_ok(), "{path}");
    }
}
