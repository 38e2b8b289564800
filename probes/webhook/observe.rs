//! The requests of a run, one after another, each after what the one before showed.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use jiff::Timestamp;
use url::Url;

use super::Webhook;
use super::case::{self, Case};
use super::crypto::Key;
use super::evidence::{Evidence, Reply, Signing, Trial};
use super::forge::Outgoing;
use super::oracle::{Oracle, Outcome};
use super::plan::Plan;
use super::reply;
use crate::blind::{Blind, Cause};
use crate::context::Context;
use crate::impact::Impact;
use crate::net::request::Request;

/// What one run of each interval sends at the most.
pub(super) const CANARY: usize = 5;

/// Where no tolerance is known, clocks that differ by so many seconds are worth a look.
const CLOCKS_APART: i64 = 30;

/// What a run of the whole matrix sends at the most.
pub(super) const MATRIX: usize = 40;

impl Webhook {
    pub(super) async fn look(&self, cx: &Context) -> Result<Evidence, Blind> {
        let nature = self.scheme.nature();
        let key = self.key(cx).await?;
        let signing = Self::signing(cx, key.is_some());
        let (signs, deep) = (signing == Signing::Ready, cx.deep());
        let url = cx.url(&self.path);
        let may = |case: Case| {
            cx.may(case.impact(&nature))
                && (signs || !case.is_signed())
                && self.forge(case, &url, key.as_ref(), cx.started(), 0).is_some()
        };
        let mut planned = case::planned(&nature, signs, deep);
        planned.retain(|case| may(*case));
        let refuting = self.open_forgery(cx);
        let explaining = [
            Case::ControlTheirTime,
            Case::ControlOtherUrl,
            Case::Rewritten,
            Case::EmptyKey,
            Case::KeyUndefined,
        ];
        let plan = Plan {
            cases: planned,
            signs,
            refuting: refuting.map(|case| (case, may(case))),
            explaining: explaining
                .into_iter()
                .filter(|case| case.applies(&nature) && may(*case))
                .collect(),
            most: if deep { MATRIX } else { CANARY },
            ends_with_control: deep,
            clocks_apart: nature
                .time
                .tolerance()
                .map_or(CLOCKS_APART, |seconds| (seconds / 2).max(3)),
            unhandled: nature.unhandled,
            genuine: self.known_genuine(cx),
        };
        let trials = self.send_all(cx, &plan, &url, key.as_ref()).await?;
        Ok(Evidence {
            signing,
            withheld: cx.withheld(Impact::Intrusive),
            deep,
            planned: plan.cases,
            refuting,
            genuine: plan.genuine,
            trials,
        })
    }

    async fn send_all(
        &self,
        cx: &Context,
        plan: &Plan,
        url: &Url,
        key: Option<&Key>,
    ) -> Result<Vec<Trial>, Blind> {
        let mut trials: Vec<Trial> = Vec::new();
        let mut genuine: Option<Outgoing> = None;
        while let Some(case) = plan.next(&trials) {
            let theirs = Oracle::new(&trials, plan.unhandled).clock_ahead().unwrap_or_default();
            let make = |now: Timestamp| match (case, &genuine) {
                (Case::Replay, Some(before)) => Some(before.clone()),
                _ => self.forge(case, url, key, now, theirs),
            };
            let (mut sent, mut at) = (None, cx.started());
            let exchange = cx
                .exchange_with(case.impact(&self.scheme.nature()), url, |now| {
                    (sent, at) = (make(now), now);
                    let outgoing = sent.as_ref().ok_or_else(|| impossible(case))?;
                    outgoing.conceal.iter().for_each(|text| cx.conceal(text));
                    outgoing.request()
                })
                .await?;
            let asked = sent.as_ref().map_or(url, |outgoing| &outgoing.url);
            let answered = at
                .checked_add(Duration::from_secs_f64(exchange.phases().total().max(0.0)))
                .unwrap_or(at);
            trials.push(Trial { case, reply: reply::of(&exchange, case, asked, url, answered) });
            if case == Case::Control {
                genuine = sent;
            }
        }
        Ok(trials)
    }

    /// The forgery that the last run saw accepted, or that was accepted before and was not refused
    /// since.
    fn open_forgery(&self, cx: &Context) -> Option<Case> {
        let last = cx.earlier::<Self>().into_iter().next()?.evidence;
        let oracle = self.oracle(&last);
        let refused = |case| oracle.outcome(case).as_ref().is_some_and(Outcome::is_refusal);
        last.refuting.filter(|case| case.is_grave() && !refused(*case)).or_else(|| {
            let mut forged = last.trials.iter().map(|trial| trial.case);
            forged.find(|case| case.is_grave() && oracle.accepted(*case))
        })
    }

    /// How the last genuine delivery was answered, where it was accepted.
    fn known_genuine(&self, cx: &Context) -> Option<Reply> {
        let last = cx.earlier::<Self>().into_iter().next()?.evidence;
        self.oracle(&last).genuine().cloned()
    }

    /// The key of now. It is read in every run, so that one that is missing is noticed at once.
    async fn key(&self, cx: &Context) -> Result<Option<Key>, Blind> {
        let Some(reference) = &self.secret else { return Ok(None) };
        let secret = cx.secret(reference).await?;
        let wrong = |why: String| {
            Blind::new(
                Cause::Secret,
                format!("the secret in {reference} is none of this scheme: {why}"),
            )
        };
        let key = self.scheme.key(secret.expose()).map_err(wrong)?;
        if HeaderValue::from_str(secret.expose()).is_err() && self.scheme.nature().is_token() {
            return Err(wrong("it holds characters that no header may".to_owned()));
        }
        Ok(Some(key))
    }

    fn signing(cx: &Context, has_key: bool) -> Signing {
        let target = cx.target();
        if !has_key {
            Signing::NoSecret
        } else if let Some(withheld) = cx.withheld(Impact::Intrusive) {
            Signing::Withheld(withheld)
        } else if target.url.scheme() == "http" && !target.insecure {
            Signing::InTheClear
        } else {
            Signing::Ready
        }
    }
}

impl Outgoing {
    /// The request, without the service's own credentials and headers: senders of webhooks know
    /// neither.
    fn request(&self) -> Result<Request, Blind> {
        let mut request = Request::new(self.method.clone(), self.url.clone());
        request.with_service = false;
        request.body = Bytes::from(self.body.clone());
        request.body_cap = reply::BODY;
        for (name, value) in &self.headers {
            let value = HeaderValue::from_str(value).map_err(|_| unsendable(name.as_str()))?;
            request.headers.push((name.clone(), value));
        }
        let secrets = self.secrets.iter();
        request.secrets =
            secrets.map(|(name, value)| (name.clone(), value.clone().into())).collect();
        Ok(request)
    }
}

fn impossible(case: Case) -> Blind {
    Blind::new(Cause::Internal, format!("{} cannot be made", case.words()))
}

fn unsendable(header: &str) -> Blind {
    Blind::new(Cause::Internal, format!("the header {header} would hold what no header may"))
}
