//! The one table of routes: the router and its description are made of it.

use std::sync::Arc;

use axum::Router;
use axum::routing::{MethodRouter, get, post};

use super::openapi::{Route, parameter};
use super::{Api, checks, daemon, events, findings, guard, openapi, readiness, reports, services};

/// A way to ask, with what answers it.
pub(super) struct Way {
    pub(super) route: Route,
    answerer: fn() -> MethodRouter<Arc<Api>>,
}

/// A plain GET that gives JSON of a schema.
const GET: Route = Route {
    method: "get",
    path: "",
    id: "",
    summary: "",
    parameters: &[],
    takes: None,
    gives: &[],
    problems: &[401, 403, 500],
    open: false,
};

const POST: Route = Route { method: "post", problems: &[401, 403, 413, 500], ..GET };

const ONE_SERVICE: &[openapi::Parameter] = &[parameter::SERVICE, parameter::LOCATION];
const ONE_CHECK: &[openapi::Parameter] =
    &[parameter::SERVICE, parameter::CHECK, parameter::LOCATION];

/// Every way to ask.
#[rustfmt::skip]
pub(super) static WAYS: &[Way] = &[
    Way { answerer: || get(daemon::metrics), route: Route {
        path: "/metrics", id: "metrics",
        summary: "Everything that Prometheus reads",
        gives: &[(200, "Metrics"), (304, "")], ..GET } },
    Way { answerer: || get(daemon::status), route: Route {
        path: "/api/v1/status", id: "status",
        summary: "Everything now",
        gives: &[(200, "Status"), (304, "")], ..GET } },
    Way { answerer: || get(readiness::readiness), route: Route {
        path: "/api/v1/readiness", id: "readiness",
        summary: "Whether the selected checks stand well enough to go on: 503 when one blocks",
        parameters: &[parameter::NEEDED_SERVICES, parameter::LABELS, parameter::FAIL_ON],
        gives: &[(200, "Readiness"), (304, ""), (503, "Readiness")],
        problems: &[400, 401, 403, 404, 500], ..GET } },
    Way { answerer: || get(services::list), route: Route {
        path: "/api/v1/services", id: "services",
        summary: "Services, without their checks",
        parameters: &[parameter::LIMIT, parameter::NEXT],
        gives: &[(200, "Services"), (304, "")], problems: &[400, 401, 403, 500], ..GET } },
    Way { answerer: || get(services::one), route: Route {
        path: "/api/v1/services/{service}", id: "service",
        summary: "One service with all of its checks",
        parameters: ONE_SERVICE,
        gives: &[(200, "Service"), (304, "")], problems: &[400, 401, 403, 404, 500], ..GET } },
    Way { answerer: || get(checks::list), route: Route {
        path: "/api/v1/checks", id: "checks",
        summary: "Checks, flat and without their findings",
        parameters: &[parameter::SERVICES, parameter::LABELS, parameter::STATUSES, parameter::LIMIT, parameter::NEXT],
        gives: &[(200, "Checks"), (304, "")], problems: &[400, 401, 403, 500], ..GET } },
    Way { answerer: || get(checks::one), route: Route {
        path: "/api/v1/checks/{service}/{check}", id: "check",
        summary: "One check",
        parameters: ONE_CHECK,
        gives: &[(200, "Check"), (304, "")], problems: &[400, 401, 403, 404, 500], ..GET } },
    Way { answerer: || get(checks::runs), route: Route {
        path: "/api/v1/checks/{service}/{check}/runs", id: "runs",
        summary: "The last runs of a check since the daemon started, the latest first; failures are kept for longer",
        parameters: &[parameter::SERVICE, parameter::CHECK, parameter::SINCE, parameter::UNTIL, parameter::LIMIT, parameter::NEXT],
        gives: &[(200, "Runs"), (304, "")], problems: &[400, 401, 403, 404, 500], ..GET } },
    Way { answerer: || get(checks::evidence), route: Route {
        path: "/api/v1/checks/{service}/{check}/evidence", id: "evidence",
        summary: "What the last run of a check saw, as `musterd replay` reads it",
        parameters: &[parameter::SERVICE, parameter::CHECK],
        gives: &[(200, "Evidence"), (304, "")], problems: &[400, 401, 403, 404, 500], ..GET } },
    Way { answerer: || post(checks::run), route: Route {
        path: "/api/v1/checks/{service}/{check}/run", id: "run",
        summary: "Runs a check now, out of turn; 409 when it runs already or does active work",
        parameters: &[parameter::SERVICE, parameter::CHECK],
        gives: &[(202, "Accepted")], problems: &[400, 401, 403, 404, 409, 413, 500, 503], ..POST } },
    Way { answerer: || get(findings::rules), route: Route {
        path: "/api/v1/rules", id: "rules",
        summary: "Every rule that there is",
        gives: &[(200, "Rules"), (304, "")], ..GET } },
    Way { answerer: || get(findings::list), route: Route {
        path: "/api/v1/findings", id: "findings",
        summary: "Open findings, flat, the waived ones too",
        parameters: &[parameter::SEVERITIES, parameter::SERVICES, parameter::RULES, parameter::LIMIT, parameter::NEXT],
        gives: &[(200, "Findings"), (304, "")], problems: &[400, 401, 403, 500], ..GET } },
    Way { answerer: || get(events::events), route: Route {
        path: "/api/v1/events", id: "events",
        summary: "Server-sent events: `run`, `status`, and `resync` when a client has to read anew what it knows",
        gives: &[(200, "Events")], problems: &[401, 403, 500, 503], ..GET } },
    Way { answerer: || post(reports::post), route: Route {
        path: guard::REPORTS, id: "report",
        summary: "Takes a report of `musterd check`; its checks appear beside the others for 48 hours after they ran; a check that runs here needs another `location`, or 409 is answered",
        takes: Some("Report"),
        gives: &[(200, "Taken")], problems: &[400, 401, 403, 408, 409, 413, 415, 422, 500, 503], ..POST } },
    Way { answerer: || post(daemon::reload), route: Route {
        path: "/-/reload", id: "reload",
        summary: "Reads the configuration again; 422 with every problem in it, and the old one stays",
        gives: &[(200, "Reloaded")], problems: &[401, 403, 413, 422, 500, 503], ..POST } },
    Way { answerer: || get(openapi::answer), route: Route {
        path: "/api/openapi.json", id: "openapi",
        summary: "This description",
        gives: &[(200, "OpenApi"), (304, "")], ..GET } },
    Way { answerer: || get(daemon::livez), route: Route {
        path: "/livez", id: "livez",
        summary: "Whether the daemon lives: 503 when its scheduler hangs; never how the estate is",
        gives: &[(200, "Live"), (304, "")], problems: &[500, 503], open: true, ..GET } },
    Way { answerer: || get(daemon::readyz), route: Route {
        path: "/readyz", id: "readyz",
        summary: "Whether the daemon is ready to be asked; never how the estate is",
        gives: &[(200, "Ready"), (304, "")], problems: &[500, 503], open: true, ..GET } },
];

/// The router of the table.
pub(super) fn router(api: Arc<Api>) -> Router {
    let add = |router: Router<Arc<Api>>, way: &Way| router.route(way.route.path, (way.answerer)());
    WAYS.iter().fold(Router::new(), add).with_state(api)
}
