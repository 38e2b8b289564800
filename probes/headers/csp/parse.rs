//! From header lines and meta elements to policies (CSP3 section 2.2).

use std::collections::HashSet;

/// How a policy was delivered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Via {
    /// In a header.
    Header,
    /// In a meta element, where some directives mean nothing.
    Meta,
}

/// One policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Policy {
    pub(crate) via: Via,
    /// Each name once: browsers take the first.
    pub(crate) directives: Vec<Directive>,
    /// The names that stand there again, and are ignored.
    pub(crate) repeated: Vec<String>,
    /// Directives that browsers skip because they hold something beside ASCII.
    pub(crate) garbled: usize,
}

/// A name and what stands behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Directive {
    /// In lower case.
    pub(crate) name: String,
    /// As they came.
    pub(crate) values: Vec<String>,
}

impl Policy {
    /// The policies of one header line, or of one meta element.
    pub(crate) fn list(text: &str, via: Via) -> impl Iterator<Item = Self> + '_ {
        text.split(',').map(move |one| Self::parse(one, via)).filter(|policy| !policy.is_empty())
    }

    fn parse(text: &str, via: Via) -> Self {
        let mut policy = Self { via, directives: Vec::new(), repeated: Vec::new(), garbled: 0 };
        let mut seen = HashSet::new();
        for part in text.split(';') {
            let mut words = part.split_ascii_whitespace();
            let Some(name) = words.next() else { continue };
            if !part.is_ascii() {
                policy.garbled += 1;
                continue;
            }
            let name = name.to_ascii_lowercase();
            if !seen.insert(name.clone()) {
                if !policy.repeated.contains(&name) && policy.repeated.len() < 16 {
                    policy.repeated.push(name);
                }
                continue;
            }
            policy.directives.push(Directive { name, values: words.map(str::to_owned).collect() });
        }
        policy
    }

    fn is_empty(&self) -> bool {
        self.directives.is_empty() && self.garbled == 0
    }

    /// A directive that is in force: some mean nothing in a meta element (HTML section 4.2.5.3).
    pub(crate) fn get(&self, name: &str) -> Option<&Directive> {
        if self.via == Via::Meta && matches!(name, "frame-ancestors" | "report-uri" | "sandbox") {
            return None;
        }
        self.directives.iter().find(|directive| directive.name == name)
    }
}
