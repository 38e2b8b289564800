//! `tower_governor` as it is, and with its headers, each on a port of its own: 12 requests at once,
//! and one more every third of a second. `PORTS` names them in the order of `LIMITERS`; the last
//! port tells how many requests each was asked.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};

use axum::Router;
use axum::extract::Request;
use axum::middleware::map_request;
use axum::routing::get;
use tokio::net::TcpListener;
use tower_governor::GovernorLayer;
use tower_governor::governor::GovernorConfigBuilder;

const LIMITERS: [&str; 2] = ["plain", "headers"];
static ASKED: [AtomicU32; 2] = [AtomicU32::new(0), AtomicU32::new(0)];

fn app(index: usize) -> Router {
    let mut builder = GovernorConfigBuilder::default();
    builder.per_millisecond(333).burst_size(12);
    let app = Router::new().route("/api", get(async || "ok"));
    let limited = if LIMITERS[index] == "headers" {
        app.layer(GovernorLayer::new(builder.use_headers().finish().unwrap()))
    } else {
        app.layer(GovernorLayer::new(builder.finish().unwrap()))
    };
    limited.layer(map_request(move |request: Request| async move {
        ASKED[index].fetch_add(1, Ordering::Relaxed);
        request
    }))
}

fn told() -> String {
    let each = LIMITERS.iter().zip(&ASKED);
    let each = each.map(|(name, asked)| format!("\"{name}\": {}", asked.load(Ordering::Relaxed)));
    format!("{{{}}}", each.collect::<Vec<_>>().join(", "))
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let ports = std::env::var("PORTS").unwrap();
    let mut ports = ports.split(',').map(|port| port.parse::<u16>().unwrap());
    for index in 0..LIMITERS.len() {
        let listener = TcpListener::bind(("0.0.0.0", ports.next().unwrap())).await.unwrap();
        let service = app(index).into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(axum::serve(listener, service).into_future());
    }
    let telling = TcpListener::bind(("127.0.0.1", ports.next().unwrap())).await.unwrap();
    axum::serve(telling, Router::new().route("/", get(async || told()))).await.unwrap();
}
