//! Every fault that a server can have, and the verdict that `musterd check` gives on it.

use std::fmt::Write as _;

use musterd_test_support::ca::{Authority, Leaf};
use musterd_test_support::fault::{Fault, FaultServer, Stage};

use crate::harness::Folder;

/// The verdict on a fault and the rule that says why, with a bound of 100 kB on the body.
fn expected(fault: &Fault) -> (&'static str, &'static str) {
    match fault {
        Fault::SilentAfterAccept
        | Fault::SilentInHandshake
        | Fault::SilentAfterRequest
        | Fault::DripHead { .. }
        | Fault::DripBody { .. }
        | Fault::SilentAfterHead => ("fail", "http.timeout"),
        Fault::ResetAfterAccept
        | Fault::CloseAfterAccept
        | Fault::ResetInHandshake
        | Fault::CloseInHandshake
        | Fault::AlertInHandshake(_)
        | Fault::PlainHttpInHandshake
        | Fault::GarbageInHandshake
        | Fault::ResetAfterRequest
        | Fault::CloseAfterRequest
        | Fault::GarbageAnswer
        | Fault::EndlessEarlyHints
        | Fault::EndlessContinue
        | Fault::EndlessHeaders
        | Fault::LongHeader { .. }
        | Fault::ManyHeaders { .. } => ("fail", "http.unreachable"),
        Fault::BodyCutShort { .. }
        | Fault::ChunkedCutShort
        | Fault::ResetInBody
        | Fault::InvalidGzip
        | Fault::TruncatedGzip => ("fail", "http.body-unexpected"),
        Fault::EndlessBody | Fault::EndlessChunks | Fault::GzipBomb { .. } => {
            ("warn", "http.too-large")
        }
        Fault::RedirectLoop => ("fail", "http.status-unexpected"),
        Fault::Gzip(_) | Fault::DeflateZlib(_) | Fault::DeflateRaw(_) | Fault::Respond(_) => {
            ("pass", "")
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_has_its_verdict_three_runs_in_a_row() {
    let folder = Folder::new();
    let authority = Authority::new();
    folder.write("ca.pem", authority.pem());
    let identity = authority.issue(&Leaf::localhost());
    let mut servers = Vec::new();
    let mut wanted = Vec::new();
    let mut config = String::from("defaults: {timeout: 3s}\nservices:\n");
    for (name, fault) in Fault::all() {
        let (verdict, rule) = expected(&fault);
        let plain = FaultServer::start(fault.clone()).await;
        // Before a request is read, only a server under TLS shakes hands.
        let scheme = if fault.stage() == Stage::Handshake { "https" } else { "http" };
        let mut places = vec![(name.to_owned(), scheme, plain)];
        if fault.stage() == Stage::Answer {
            let server = FaultServer::start_tls(fault, identity.server_config(&["http/1.1"])).await;
            places.push((format!("{name}-tls"), "https", server));
        }
        for (name, scheme, server) in places {
            writeln!(
                config,
                "  - name: {name}\n    url: {scheme}://{}\n    ca: {{file: ca.pem}}\n    checks:\n      - http: {{expect: {{max_bytes: 100000}}}}",
                server.addr()
            )
            .expect("a string takes text");
            wanted.push((format!("{name}/http"), verdict.to_owned(), vec![rule.to_owned()]));
            servers.push(server);
        }
    }
    folder.write("musterd.yaml", &config);
    for round in 1..=3 {
        let ran = tokio::task::block_in_place(|| folder.run(&["check", "--format", "json"]));
        assert_eq!(ran.code, 1, "{}", ran.stderr);
        for (saw, wanted) in ran.checks().iter().zip(&wanted) {
            assert_eq!(saw, wanted, "round {round}\n{}", ran.stderr);
        }
        assert_eq!(ran.checks().len(), wanted.len());
    }
    assert!(servers.iter().all(|server| server.connections() > 0));
}
