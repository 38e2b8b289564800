//! How findings are mended on the stacks that most services are made of.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::Deserialize;

/// A framework or a server before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stack {
    /// Express, with helmet.
    Express,
    /// `NestJS` on Express, with helmet.
    NestJs,
    /// Next.js.
    NextJs,
    /// Django.
    Django,
    /// `FastAPI` under uvicorn.
    FastApi,
    /// nginx.
    Nginx,
    /// Caddy 2.
    Caddy,
}

impl Stack {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 7] = [
        Self::Express,
        Self::NestJs,
        Self::NextJs,
        Self::Django,
        Self::FastApi,
        Self::Nginx,
        Self::Caddy,
    ];

    /// As its makers write it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Express => "Express",
            Self::NestJs => "NestJS",
            Self::NextJs => "Next.js",
            Self::Django => "Django",
            Self::FastApi => "FastAPI",
            Self::Nginx => "nginx",
            Self::Caddy => "Caddy",
        }
    }

    /// The word on the command line.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Express => "express",
            Self::NestJs => "nestjs",
            Self::NextJs => "nextjs",
            Self::Django => "django",
            Self::FastApi => "fastapi",
            Self::Nginx => "nginx",
            Self::Caddy => "caddy",
        }
    }

    /// Where its lines belong.
    pub const fn place(self) -> &'static str {
        match self {
            Self::Express => "before the first route; npm install helmet",
            Self::NestJs => "main.ts, before app.listen; npm install helmet",
            Self::NextJs => "next.config.js, headers for the source '/:path*' in headers()",
            Self::Django => "settings.py",
            Self::FastApi => "headers in a function under @app.middleware(\"http\")",
            Self::Nginx => "the server block, and each location that has an add_header of its own",
            Self::Caddy => "the site's block of the Caddyfile",
        }
    }

    /// How a rule's finding is mended here, where there is a line for it.
    pub fn fix(self, rule: &str) -> Option<&'static str> {
        CATALOGUE.get(rule)?.get(&self).map(String::as_str)
    }
}

/// Lines by rule and stack.
static CATALOGUE: LazyLock<BTreeMap<String, BTreeMap<Stack, String>>> = LazyLock::new(|| {
    serde_json::from_str(include_str!("catalog/stack-fixes.json"))
        .expect("a test reads the catalogue")
});

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{KINDS, registry};

    #[test]
    fn the_catalogue_speaks_of_rules_that_exist() {
        for (rule, fixes) in CATALOGUE.iter() {
            let probe = rule.split('.').next().unwrap_or_default();
            let kind = registry::find(KINDS, probe).expect(rule);
            assert!(kind.abouts().iter().any(|about| about.id == rule), "{rule}");
            assert!(fixes.values().all(|fix| !fix.contains('\n') && fix.len() < 320), "{rule}");
        }
    }

    #[test]
    fn what_most_pages_lack_is_mended_on_every_stack() {
        for rule in [
            "headers.csp-missing",
            "headers.hsts-missing",
            "headers.nosniff-missing",
            "headers.framing-open",
            "headers.redirect-missing",
            "headers.referrer-unsafe",
            "headers.missing-on-errors",
            "headers.version-leaked",
        ] {
            for stack in Stack::ALL {
                assert!(stack.fix(rule).is_some(), "{rule} {}", stack.name());
            }
        }
        assert_eq!(Stack::Nginx.fix("headers.no-such-rule"), None);
    }
}
