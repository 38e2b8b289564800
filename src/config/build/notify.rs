//! Who is told of changes.

use musterd_probes::net::target::HeaderText;

use super::Known;
use super::target::sent;
use crate::config::raw;
use crate::config::types::{Channel, Notifier};
use crate::config::yaml::{Document, NodeId, Problems, collect};

/// Reads an item of `notify`.
pub(super) fn notifier<'d>(
    document: &'d Document,
    item: NodeId,
    receivers: &mut Known<'d>,
    problems: &mut Problems,
) -> Option<Notifier> {
    let raw::Notifier { name, alertmanager, webhook } = collect(document, item, problems)?;
    receivers.note(document, name.at, &name.value.0, "receiver", problems);
    let channel = match (alertmanager, webhook) {
        (Some(alertmanager), None) => Channel::Alertmanager { url: alertmanager.value.url.0 },
        (None, Some(webhook)) => {
            let raw::Webhook { url, headers, body } = webhook.value;
            let secret = headers.0.iter().find(|(_, t)| matches!(t.value, HeaderText::Secret(_)));
            if let (Some((_, text)), "http") = (secret, url.0.scheme()) {
                let message = "this secret would never be sent: the receiver's url is http://, \
                               and secrets go out over verified TLS only";
                let hint = "use an https:// url".to_owned();
                problems.push(document.error(text.at, message).with_hint(hint));
            }
            let headers = sent(document, headers, problems);
            Channel::Webhook { url: url.0, headers, body }
        }
        (Some(_), Some(webhook)) => {
            let at = document.key_of(webhook.at).unwrap_or(webhook.at);
            let hint = "give each an item of its own, with a name".to_owned();
            let message = "`alertmanager` and `webhook` in one receiver";
            problems.push(document.error(at, message).with_hint(hint));
            return None;
        }
        (None, None) => {
            let written = ["alertmanager", "webhook"];
            if written.iter().all(|key| document.get(item, key).is_none()) {
                let hint = "add `alertmanager: {url: URL}` or `webhook: {url: URL}`".to_owned();
                let message = format!("the receiver `{}` says not how it is told", name.value.0);
                problems.push(document.error(name.at, message).with_hint(hint));
            }
            return None;
        }
    };
    let place = super::place(document, name.at);
    Some(Notifier { name: name.value.0, channel, place })
}
