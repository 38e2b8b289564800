//! Origins that resemble an allowed one, and get in with it.

use jiff::Timestamp;

use super::{FETCH, Now, can_read, opened};
use crate::cors::Cors;
use crate::cors::evidence::{Role, Shot};
use crate::cors::fetch::Power;
use crate::cors::mutation::{Class, Mutation, Reach};
use crate::cors::proof::{ground, missing};
use crate::rule::{About, Looked, Rule, Saw, Tested};
use crate::severity::Severity;
use crate::text::excerpt;

/// Looks at every origin of a class that was tried.
fn of(class: Class, cors: &Cors, seen: &Now<'_>) -> Looked {
    let tried: Vec<(&Mutation, &Shot)> = seen
        .now
        .shots
        .iter()
        .filter_map(|shot| match &shot.role {
            Role::Mutated(mutation) if mutation.class == class => Some((mutation, shot)),
            _ => None,
        })
        .collect();
    let saw: Vec<Saw> =
        tried.iter().filter_map(|(mutation, shot)| opening(cors, seen, mutation, shot)).collect();
    let grounded = ground(cors, seen.now);
    let settled = tried
        .iter()
        .filter(|(_, shot)| shot.power() > Power::None || (shot.is_settled() && grounded.is_ok()));
    let subjects: Vec<String> = settled.map(|(mutation, _)| mutation.origin.clone()).collect();
    let tested = match (subjects.is_empty(), grounded) {
        (false, _) => Tested::Only(subjects),
        (true, Err(why)) => Tested::No(why),
        (true, Ok(())) => Tested::No(missing(seen.now)),
    };
    Looked { saw, tested }
}

fn opening(cors: &Cors, seen: &Now<'_>, mutation: &Mutation, shot: &Shot) -> Option<Saw> {
    let (with, without) = match mutation.reach {
        Reach::Open => (Severity::High, Severity::Medium),
        // Over plain HTTP the network reads everything anyhow.
        Reach::Wire if seen.now.own.starts_with("https:") => (Severity::High, Severity::Info),
        Reach::Wire => (Severity::Info, Severity::Info),
        Reach::Narrow => (Severity::Medium, Severity::Info),
    };
    let severity = opened(cors, seen, shot, with, without)?;
    let page = format!("a page at {}", excerpt(&mutation.origin, 160));
    let wanted = format!("no Access-Control-Allow-Origin for {}", excerpt(&mutation.origin, 160));
    Some(Saw::new(can_read(&page, shot), wanted).on(mutation.origin.clone()).graded(severity))
}

/// A rule on one class of origins.
macro_rules! rule {
    ($name:ident, $check:ident, $class:ident, $id:literal, $severity:ident, $title:literal, $why:literal, $fix:literal) => {
        pub(super) const $name: Rule<Cors> = Rule {
            about: About {
                id: $id,
                severity: Severity::$severity,
                title: $title,
                why: $why,
                fix: $fix,
                references: &[FETCH],
            },
            check: $check,
        };

        fn $check(cors: &Cors, seen: &Now<'_>, _: Timestamp) -> Looked {
            of(Class::$class, cors, seen)
        }
    };
}

rule!(
    PREFIX_ALLOWED,
    prefix_allowed,
    Prefix,
    "cors.prefix-allowed",
    High,
    "an origin that only begins like an allowed one can read the answers",
    "Anybody can register a name that goes on behind the allowed one, such as app.example.com.evil.example, and reads from there what the user may read.",
    "Compare whole origins; where it must be a pattern, end it with `$`. Python's `re.match` anchors the beginning alone: use `re.fullmatch`."
);
rule!(
    SUFFIX_ALLOWED,
    suffix_allowed,
    Suffix,
    "cors.suffix-allowed",
    High,
    "an origin that only ends like an allowed one can read the answers",
    "Anybody can register evilexample.com, which ends with example.com, and reads from there what the user may read.",
    "Compare whole origins; where it must be a pattern, begin it with `^https://` and put a dot before the domain: `endsWith('.example.com')`."
);
rule!(
    SUBDOMAIN_ALLOWED,
    subdomain_allowed,
    Subdomain,
    "cors.subdomain-allowed",
    Medium,
    "pages of any subdomain can read the answers",
    "The weakest of all hosts below the domain decides: a forgotten name that somebody else takes over, or one page with a hole for scripts, reads everything that the user may read.",
    "List the origins that need it. Where all subdomains are meant, declare `https://*.example.com` in `allowed_origins`."
);
rule!(
    PATTERN_LOOSE,
    pattern_loose,
    Pattern,
    "cors.pattern-loose",
    High,
    "the pattern of allowed origins lets more through than it shows",
    "A dot in a regular expression stands for any character, and a search finds parts: appxexample.com passes for app.example.com, and anybody can register it.",
    "Write `\\.` for a dot, anchor the pattern at both ends, or compare whole origins with a list."
);
rule!(
    SPECIAL_CHARACTER_ALLOWED,
    special_character_allowed,
    Special,
    "cors.special-character-allowed",
    High,
    "an odd character passes for the end of an allowed origin",
    "Browsers let underscores, and Safari more, stand in names: app.example.com_.evil.example belongs to evil.example, while `\\b` or a hand-written parser sees app.example.com.",
    "Compare whole origins; where it must be a pattern, end it with `$` instead of `\\b`."
);
rule!(
    PORT_IGNORED,
    port_ignored,
    Port,
    "cors.port-ignored",
    Medium,
    "pages of any port of an allowed host can read the answers",
    "Whatever else runs on that host, an administrator's tool or somebody's container, reads what the user may read.",
    "Compare the port too: it is part of the origin."
);
rule!(
    HTTP_ALLOWED,
    http_allowed,
    Http,
    "cors.http-allowed",
    High,
    "pages that came over plain HTTP can read the answers",
    "Whoever sits on the network between, in a café or at a provider, puts a page at the http:// origin and reads with it what TLS was to protect.",
    "Compare the scheme too: allow `https://` alone."
);
rule!(
    PLATFORM_ALLOWED,
    platform_allowed,
    Platform,
    "cors.platform-allowed",
    High,
    "pages of a platform on which everybody gets a name can read the answers",
    "A pattern for previews, or an old entry, trusts a platform whose names anybody gets in a minute: their page reads what the user may read.",
    "List the deployments by their whole names; give previews a domain of your own."
);
rule!(
    DEVELOPMENT_ORIGIN_ALLOWED,
    development_origin_allowed,
    Development,
    "cors.development-origin-allowed",
    Medium,
    "pages on the user's own machine, or of an extension, can read the answers",
    "Whatever program the user runs that listens on that port, and every page that it lets in, reads what the user may read.",
    "Allow origins of development in the configuration of development alone; declare them in `allowed_origins` where they are meant."
);
