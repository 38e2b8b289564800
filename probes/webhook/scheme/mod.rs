//! What a scheme of signatures is: what it covers, and how it signs.

mod bearer;
mod custom;
mod discord;
mod github;
mod hubspot;
mod inngest;
mod intercom;
mod linear;
mod mailgun;
mod meta;
mod paddle;
mod postmark;
mod rfc9421;
mod sendgrid;
mod shopify;
mod slack;
mod square;
mod standard;
mod stripe;
mod telegram;
mod twilio;
mod vapi;
mod zoom;

use http::Method;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::crypto::{Hash, Key};
use super::delivery::{Attached, Delivery, Site};
pub(super) use bearer::Bearer;
pub(super) use custom::{Custom, Hmac};
pub(super) use rfc9421::Rfc9421;
pub(super) use vapi::Token;

/// Whose signatures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(in crate::webhook) enum Name {
    /// Stripe.
    Stripe,
    /// Twilio, with a form as its body.
    Twilio,
    /// Twilio, with JSON as its body.
    TwilioJson,
    /// GitHub.
    Github,
    /// Slack.
    Slack,
    /// Standard Webhooks: `webhook-*` headers.
    StandardWebhooks,
    /// Svix, and who sends through it, such as Clerk and Resend: `svix-*` headers.
    Svix,
    /// Shopify.
    Shopify,
    /// Paddle Billing.
    Paddle,
    /// Square.
    Square,
    /// Discord interactions and webhook events.
    Discord,
    /// `SendGrid`'s Event Webhook.
    Sendgrid,
    /// Mailgun.
    Mailgun,
    /// Linear.
    Linear,
    /// Meta: `WhatsApp`, Messenger, Instagram.
    Meta,
    /// Telegram bots.
    Telegram,
    /// Zoom.
    Zoom,
    /// `HubSpot`, version 1.
    HubspotV1,
    /// `HubSpot`, version 2.
    HubspotV2,
    /// `HubSpot`, version 3.
    HubspotV3,
    /// Intercom.
    Intercom,
    /// Vapi: a shared secret in a header.
    Vapi,
    /// Postmark: a user and a password (Basic).
    Postmark,
    /// Inngest.
    Inngest,
    /// HTTP Message Signatures.
    Rfc9421,
    /// Another HMAC over the body, described by `hmac`.
    Hmac,
    /// `Authorization: Bearer`, as for endpoints that a scheduler calls.
    Bearer,
}

/// What a scheme covers, and what can be tried of it.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is a property of its own")]
pub(super) struct Nature {
    pub(super) proof: Proof,
    /// The signature is over the body.
    pub(super) body: bool,
    /// The signature is over the URL.
    pub(super) url: bool,
    /// The signature is over an id beside the body.
    pub(super) id: bool,
    pub(super) time: Time,
    /// A time beside the body is signed.
    pub(super) stamp: bool,
    /// Something stands before the signature's own text.
    pub(super) prefix: bool,
    /// The body is JSON that the receiver could write anew.
    pub(super) rewritable: bool,
    /// Whatever is accepted does work: there is no delivery that means nothing.
    pub(super) works: bool,
    /// A delivery says which one it is, so that a receiver can know it again.
    pub(super) known_again: bool,
    /// Statuses by which a library says that a genuine delivery has no handler.
    pub(super) unhandled: &'static [u16],
    /// An older or weaker form that receivers may still take.
    pub(super) downgrade: Option<&'static str>,
    pub(super) handshake: Option<Handshake>,
}

/// What proves that a delivery is genuine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Proof {
    /// A MAC with a secret that both sides know.
    Hmac,
    /// A hash over the secret and the rest.
    Digest,
    /// The secret itself.
    Token,
    /// A signature of a key pair.
    KeyPair,
}

/// Whether old deliveries are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Time {
    /// Nothing says when it was sent.
    Unsigned,
    /// The time is signed, and the sender's own libraries do not look at it.
    Unchecked,
    /// Libraries refuse what is older than so many seconds.
    Past(i64),
    /// Libraries refuse what is so many seconds away, in both directions.
    Both(i64),
}

impl Time {
    /// How far a time may be away, in seconds.
    pub(super) const fn tolerance(self) -> Option<i64> {
        match self {
            Self::Unsigned | Self::Unchecked => None,
            Self::Past(seconds) | Self::Both(seconds) => Some(seconds),
        }
    }
}

/// How a sender makes sure that an endpoint is its customer's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Handshake {
    /// A GET with a token that the customer chose, and a challenge to repeat.
    Meta,
    /// A token that the endpoint signs with the secret of deliveries.
    Zoom,
}

impl Nature {
    /// Whether the secret itself is sent.
    pub(super) fn is_token(&self) -> bool {
        self.proof == Proof::Token
    }

    /// An HMAC over the body alone.
    pub(super) const HMAC: Self = Self {
        proof: Proof::Hmac,
        body: true,
        url: false,
        id: false,
        time: Time::Unsigned,
        stamp: false,
        prefix: false,
        rewritable: true,
        works: false,
        known_again: true,
        unhandled: &[],
        downgrade: None,
        handshake: None,
    };

    /// A secret that is sent as it is.
    pub(super) const TOKEN: Self =
        Self { proof: Proof::Token, body: false, rewritable: false, ..Self::HMAC };
}

/// A way to sign deliveries.
pub(super) trait Scheme: Send + Sync {
    /// What it covers.
    fn nature(&self) -> Nature;

    /// The delivery that means nothing.
    fn inert(&self, site: &Site) -> Delivery;

    /// The method of deliveries.
    fn method(&self) -> Method {
        Method::POST
    }

    /// The key that a secret stands for, or what is wrong with it.
    fn key(&self, secret: &str) -> Result<Key, String> {
        Ok(Key::shared(secret))
    }

    /// A key that nobody knows.
    fn random_key(&self) -> Option<Key> {
        Some(Key::random())
    }

    /// The key of a receiver whose secret is this word by mistake.
    fn guessed(&self, word: &str) -> Option<Key> {
        Some(Key::shared(word))
    }

    /// What a delivery gets before it is signed.
    fn prepare(&self, _delivery: &mut Delivery) {}

    /// The signature's text; `None` when the key does not fit.
    fn sign(&self, delivery: &Delivery, key: &Key, hash: Hash) -> Option<String>;

    /// What carries a signature's text.
    fn attach(&self, delivery: &Delivery, signature: &str) -> Attached;

    /// The older or weaker form, validly signed.
    fn downgraded(&self, _delivery: &Delivery, _key: &Key) -> Option<Attached> {
        None
    }
}

/// The schemes that need no settings of their own.
pub(super) fn plain(name: Name) -> Option<Box<dyn Scheme>> {
    Some(match name {
        Name::Stripe => Box::new(stripe::Stripe),
        Name::Twilio => Box::new(twilio::Form),
        Name::TwilioJson => Box::new(twilio::Json),
        Name::Github => Box::new(github::Github),
        Name::Slack => Box::new(slack::Slack),
        Name::StandardWebhooks => Box::new(standard::STANDARD),
        Name::Svix => Box::new(standard::SVIX),
        Name::Shopify => Box::new(shopify::Shopify),
        Name::Paddle => Box::new(paddle::Paddle),
        Name::Square => Box::new(square::Square),
        Name::Discord => Box::new(discord::Discord),
        Name::Sendgrid => Box::new(sendgrid::Sendgrid),
        Name::Mailgun => Box::new(mailgun::Mailgun),
        Name::Linear => Box::new(linear::Linear),
        Name::Meta => Box::new(meta::Meta),
        Name::Telegram => Box::new(telegram::Telegram),
        Name::Zoom => Box::new(zoom::Zoom),
        Name::HubspotV1 => Box::new(hubspot::V1),
        Name::HubspotV2 => Box::new(hubspot::V2),
        Name::HubspotV3 => Box::new(hubspot::V3),
        Name::Intercom => Box::new(intercom::Intercom),
        Name::Postmark => Box::new(postmark::Postmark),
        Name::Inngest => Box::new(inngest::Inngest),
        Name::Vapi | Name::Rfc9421 | Name::Hmac | Name::Bearer => return None,
    })
}

#[cfg(test)]
pub(in crate::webhook) mod tests;
