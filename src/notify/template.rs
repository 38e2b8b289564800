//! Templates of a webhook's body, which users write.

use minijinja::value::{Serde, Value};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, Output, State, UndefinedBehavior};

use super::message::Message;
use super::trial::{self, Labels};

/// A template may take so many steps.
const FUEL: u64 = 1_000_000;

/// A body is at most so many bytes long.
const LONGEST: usize = 1024 * 1024;

const NAME: &str = "body";

/// Whether a template can be used: it is rendered for every kind of message, so that a misspelt
/// variable, or one that is not always there, is found before there is something to tell.
pub(crate) fn check_template(template: &str, json: bool, labels: &Labels) -> Result<(), String> {
    for (kind, message) in trial::every_kind(labels, jiff::Timestamp::UNIX_EPOCH) {
        render(template, &message, json)
            .map_err(|error| format!("{error}, in a message {kind}"))?;
    }
    Ok(())
}

/// Whether a template is one of JSON, where no `Content-Type` says so: its first text opens an
/// object or an array, or it makes all of it with `tojson`.
pub(super) fn looks_like_json(template: &str) -> bool {
    let mut text = template.trim_start();
    for (opens, closes) in [("{%", "%}"), ("{#", "#}")].into_iter().cycle().take(100) {
        if text.starts_with(opens)
            && let Some((_, after)) = text.split_once(closes)
        {
            text = after.trim_start();
        }
    }
    let mut characters = text.chars();
    match (characters.next(), characters.next()) {
        (Some('{'), Some('{')) => text.contains("tojson"),
        (Some('{'), _) => true,
        (Some('['), second) => {
            second.is_some_and(|second| second.is_whitespace() || "{[\"]".contains(second))
        }
        _ => false,
    }
}

/// A body's text. In JSON texts are escaped, so that they may stand between quotation marks, and
/// what comes out is JSON.
pub(super) fn render(template: &str, message: &Message, json: bool) -> Result<String, String> {
    let environment = environment(json);
    let rendered = environment
        .template_from_named_str(NAME, template)
        .and_then(|template| template.render(Value::from(Serde(message))))
        .map_err(|error| explain(&error))?;
    if rendered.len() > LONGEST {
        return Err(format!("it makes a body of {} bytes, more than 1 MiB", rendered.len()));
    }
    if json {
        well_formed(&rendered)?;
    }
    Ok(rendered)
}

/// Whether a body is JSON: one value, or several as bulk interfaces take them.
fn well_formed(body: &str) -> Result<(), String> {
    let mut values = 0;
    for value in serde_json::Deserializer::from_str(body).into_iter::<serde::de::IgnoredAny>() {
        value.map_err(|error| format!("it makes no well-formed JSON: {error}"))?;
        values += 1;
    }
    if values == 0 { Err("it makes an empty body".to_owned()) } else { Ok(()) }
}

fn environment(json: bool) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(FUEL));
    // Errors name what is undefined.
    environment.set_debug(true);
    if json {
        environment.set_auto_escape_callback(|_| AutoEscape::Custom("json".into()));
        environment.set_formatter(within_json);
    } else {
        environment.set_auto_escape_callback(|_| AutoEscape::None);
    }
    environment
}

/// Texts without quotation marks, which the template has; anything else as JSON. What `tojson`
/// made is complete.
fn within_json(
    out: &mut Output<'_>,
    state: &mut State<'_, '_>,
    value: &Value,
) -> Result<(), Error> {
    if value.is_safe() || matches!(state.auto_escape(), AutoEscape::None) {
        return write(out, &value.to_string());
    }
    let json = serde_json::to_string(value).map_err(|error| {
        Error::new(ErrorKind::BadSerialization, "a value is no JSON").with_source(error)
    })?;
    let inner = match value.as_str() {
        Some(_) => json.strip_prefix('"').and_then(|json| json.strip_suffix('"')),
        None => None,
    };
    write(out, inner.unwrap_or(&json))
}

fn write(out: &mut Output<'_>, text: &str) -> Result<(), Error> {
    out.write_str(text).map_err(Error::from)
}

/// What is wrong and where, in one line.
fn explain(error: &Error) -> String {
    let line = error.line().map(|line| format!("line {line}: ")).unwrap_or_default();
    let detail = error.detail().map(|detail| format!(": {detail}")).unwrap_or_default();
    let hint = match error.kind() {
        ErrorKind::UndefinedError => " (what may be absent needs `default('')`, `if` or `for`)",
        _ => "",
    };
    format!("{line}{}{detail}{hint}", error.kind())
}

#[cfg(test)]
mod tests {
    use super::super::message::State;
    use super::*;

    fn message() -> Message {
        let at = "2026-01-02T03:04:05Z".parse().unwrap();
        trial::message(&"".into(), &Labels::default(), State::Firing, at)
    }

    /// With labels that every service has, and some that every check has.
    fn check(template: &str) -> Result<(), String> {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let labels = Labels { service: names(&["env", "team"]), check: names(&["runbook"]) };
        check_template(template, looks_like_json(template), &labels)
    }

    #[test]
    fn a_text_of_a_message_cannot_leave_its_quotation_marks() {
        let mut message = message();
        message.summary = "a \"quoted\" \\ text\nof two lines".to_owned();
        for template in [
            r#"{"text": "{{ summary }}"}"#,
            r#"{"text": {{ summary | tojson }}}"#,
            r#"{"text": "{{ summary ~ '' }}"}"#,
            r#"{"text": "{% set said = summary %}{{ said }}"}"#,
        ] {
            let body = render(template, &message, true).unwrap();
            let read: serde_json::Value = serde_json::from_str(&body).unwrap();
            assert_eq!(read["text"], message.summary, "{template}");
        }
    }

    #[test]
    fn other_kinds_of_text_are_left_as_they_are() {
        let mut message = message();
        message.summary = "\"quoted\" & <angled>".to_owned();
        let render = |template| render(template, &message, false).unwrap();
        assert_eq!(render("{{ summary }}"), message.summary);
        assert_eq!(render("t={{ summary | urlencode }}"), "t=%22quoted%22%20%26%20%3Cangled%3E");
    }

    #[test]
    fn everything_of_a_message_can_be_reached() {
        let template = r#"{"test": {{ test }}, "at": "{{ sent_at }}", "labels": {{ labels }},
            "changes": [{% for change in changes %}
                {"check": "{{ change.check }}", "previous": {{ change.previous | tojson }},
                 "findings": [{% for finding in change.findings %}"{{ finding.title }}"
                    {%- if not loop.last %},{% endif %}{% endfor %}]}
                {%- if not loop.last %},{% endif %}{% endfor %}]}"#;
        check(template).unwrap();
        let body = render(template, &message(), true).unwrap();
        let read: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert_eq!(read["at"], "2026-01-02T03:04:05Z");
        assert_eq!(read["changes"][0]["check"], "musterd/test");
        assert_eq!(read["changes"][0]["previous"], serde_json::Value::Null);
    }

    #[test]
    fn a_template_that_cannot_be_used_says_why() {
        for (template, why) in [
            ("{{ summary", "line 1: syntax error"),
            ("\n{{ sumary }}", "line 2: undefined value: `sumary` is undefined"),
            ("{{ summary | shout }}", "line 1: unknown filter"),
            (r#"{"text": {{ summary }}}"#, "it makes no well-formed JSON"),
            (
                "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}",
                "line 1: engine ran out of fuel",
            ),
            ("{{ 'x' * 2000000 }}", "it makes a body of 2000000 bytes, more than 1 MiB"),
            ("{% include 'other' %}", "line 1: syntax error"),
        ] {
            let error = check(template).unwrap_err();
            assert!(error.starts_with(why), "{template}: {error}");
        }
    }

    #[test]
    fn a_template_that_fails_for_some_kinds_of_messages_cannot_be_used() {
        for (template, why) in [
            (
                "{% if state == 'firing' %}{{ changes[0].findings[0].title }}{% else %}ok{% endif %}",
                "line 1: undefined value: `changes[0].findings[0]` is undefined (what may be absent \
                 needs `default('')`, `if` or `for`), in a message of a status without findings",
            ),
            (
                "{{ {'pass': 1, 'warn': 2, 'unknown': 3, 'fail': 4}[changes[0].status] }}",
                "in a message of a check that is gone",
            ),
            ("{{ changes[0].labels.runbook }}", "in a message of what policy finds"),
            (
                r#"{"texts": [{% for change in changes %}"{{ change.summary }}"{% endfor %}]}"#,
                "in a message of several checks",
            ),
            ("{{ labels.owner }}", "`labels.owner` is undefined (what may be absent"),
        ] {
            let error = check(template).unwrap_err();
            assert!(error.contains(why), "{template}: {error}");
        }
        for template in [
            "{{ labels.team }} {{ labels.owner | default('nobody') }}",
            "{{ changes[0].labels.runbook | default('') }}",
            "{% for note in changes[0].findings %}{{ note.title }}{% endfor %}",
            "{{ changes[0].status }} {{ changes[0].link }} {{ changes[0].reason }}",
        ] {
            check(template).unwrap();
        }
    }

    #[test]
    fn what_is_no_json_needs_no_content_type() {
        for (template, json) in [
            (r#"{"text": "{{ summary }}"}"#, true),
            ("\n { \"a\": 1}", true),
            (r#"["{{ summary }}"]"#, true),
            ("{{ changes | tojson }}", true),
            ("{# why #}{% set a = 1 %} {\"a\": {{ a }}}", true),
            ("{\"index\": {}}\n{\"text\": \"{{ summary }}\"}\n", true),
            ("{{ summary }}", false),
            ("[FIRING] {{ summary }}", false),
            ("{% if test %}a test{% endif %}", false),
            ("text={{ summary | urlencode }}", false),
            ("see https://status.shop.example", false),
            ("", false),
        ] {
            assert_eq!(looks_like_json(template), json, "{template}");
            check(template).unwrap();
        }
    }
}
