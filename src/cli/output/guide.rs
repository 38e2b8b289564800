//! What a report without a configuration adds for people: why it matters, and what to write where.

use std::io;

use musterd_probes::severity::Severity;
use musterd_probes::stack::Stack;

use super::page::{BOLD, DIM, PLAIN, Page};
use crate::report::{Document, FindingStatus};

/// For whom a report is written.
#[derive(Debug, Clone, Default)]
pub(crate) struct Guide {
    /// The stacks whose lines are shown; every one where none is known.
    pub(crate) stacks: Vec<Stack>,
}

/// Lines of one stack, each with the rules that it is for.
type Lines = Vec<(&'static str, Vec<String>)>;

/// Writes what mends the open findings, by stack.
pub(super) fn write(guide: &Guide, document: &Document, page: &mut Page<'_>) -> io::Result<()> {
    let all = guide.stacks.is_empty();
    let stacks = if all { &Stack::ALL[..] } else { &guide.stacks };
    let rules = open_rules(document);
    let blocks: Vec<(Stack, Lines)> = stacks
        .iter()
        .map(|stack| (*stack, lines(*stack, &rules)))
        .filter(|(_, lines)| !lines.is_empty())
        .collect();
    if blocks.is_empty() {
        return Ok(());
    }
    let hint =
        if all { "what answers does not say what it is; --stack NAME shows one" } else { "" };
    page.row(0, &[(BOLD, "what to write"), (DIM, hint)])?;
    for (stack, lines) in blocks {
        page.row(2, &[(BOLD, stack.name()), (DIM, stack.place())])?;
        for (line, rules) in lines {
            // Not wrapped, so that it can be copied.
            page.row(4, &[(PLAIN, line)])?;
            page.item(6, (DIM, "for"), 3, &[(DIM, &rules.join(", "))])?;
        }
    }
    page.blank()
}

/// The rules of open findings that are more than information, in the order of the report.
fn open_rules(document: &Document) -> Vec<&str> {
    let checks = document.services.iter().flat_map(|service| &service.checks);
    let open =
        |finding: &&FindingStatus| finding.waived.is_none() && finding.severity > Severity::Info;
    let mut rules: Vec<&str> = Vec::new();
    for finding in checks.flat_map(|check| &check.findings).filter(open) {
        if !rules.contains(&finding.rule.as_str()) {
            rules.push(&finding.rule);
        }
    }
    rules
}

/// One line often mends several findings.
fn lines(stack: Stack, rules: &[&str]) -> Lines {
    let mut lines: Lines = Vec::new();
    for rule in rules {
        let Some(fix) = stack.fix(rule) else { continue };
        match lines.iter_mut().find(|(known, _)| *known == fix) {
            Some((_, for_rules)) => for_rules.push((*rule).to_owned()),
            None => lines.push((fix, vec![(*rule).to_owned()])),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::output::Format;
    use crate::cli::output::testing::{Made, check, finding, service};

    fn written(stacks: Vec<Stack>, rules: &[&str]) -> String {
        let findings = rules.iter().map(|rule| finding(rule, Severity::High)).collect();
        let checks = vec![check("shop/headers", "headers", findings)];
        let mut made = Made::of(vec![service("shop", Some(40), checks)], "");
        made.guide = Some(Guide { stacks });
        made.written(Format::Human, 100)
    }

    #[test]
    fn a_line_that_mends_several_findings_is_shown_once() {
        let text = written(
            vec![Stack::Express],
            &["headers.csp-missing", "headers.nosniff-missing", "headers.version-leaked"],
        );
        assert_eq!(text.matches("app.use(helmet())").count(), 1, "{text}");
        assert!(text.contains("for  headers.csp-missing, headers.nosniff-missing"), "{text}");
        assert!(text.contains("app.disable('x-powered-by')"), "{text}");
        assert!(text.contains("why     Somebody has to get up at night."), "{text}");
        assert!(!text.contains("nginx"), "{text}");
    }

    #[test]
    fn every_stack_is_shown_where_none_is_known_and_none_where_nothing_is_wrong() {
        let text = written(Vec::new(), &["headers.csp-missing"]);
        for stack in Stack::ALL {
            assert!(text.contains(&format!("\n  {}  ", stack.name())), "{text}");
        }
        assert!(text.contains("--stack NAME shows one"), "{text}");
        assert!(!written(Vec::new(), &[]).contains("what to write"));
        assert!(!written(Vec::new(), &["http.slow"]).contains("what to write"));
    }
}
