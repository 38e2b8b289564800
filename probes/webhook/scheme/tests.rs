//! The vectors that senders publish, and that what is signed is what their words say.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use serde_json::json;

use super::*;
use crate::testing;
use crate::webhook::Webhook;
use crate::webhook::crypto::{base64, hex, sha256, unbase64, unhex};

fn site(url: &str, seconds: i64) -> Site {
    Site {
        url: url.parse().unwrap(),
        signed_url: url.to_owned(),
        at: jiff::Timestamp::from_second(seconds).unwrap(),
    }
}

/// A delivery of this body.
fn delivery(scheme: &dyn Scheme, url: &str, seconds: i64, id: &str, body: &str) -> Delivery {
    let inert = scheme.inert(&site(url, seconds));
    Delivery { id: id.to_owned(), body: body.into(), ..inert }
}

/// The header that carries the signature of this body.
fn header(name: Name, secret: &str, url: &str, seconds: i64, id: &str, body: &str) -> String {
    let scheme = plain(name).unwrap();
    let mut delivery = delivery(&*scheme, url, seconds, id, body);
    scheme.prepare(&mut delivery);
    let key = scheme.key(secret).unwrap_or_else(|why| panic!("{why}"));
    let signature = scheme.sign(&delivery, &key, Hash::Sha256).unwrap();
    scheme.attach(&delivery, &signature).signatures[0].1.clone()
}

const HERE: &str = "https://shop.example/hook";

#[test]
fn github_signs_as_its_documentation_says() {
    assert_eq!(
        header(Name::Github, "It's a Secret to Everybody", HERE, 0, "", "Hello, World!"),
        "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    );
}

#[test]
fn slack_signs_as_its_documentation_says() {
    let body = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    assert_eq!(
        header(Name::Slack, "8f742231b10e8888abcd99yyyzzz85a5", HERE, 1_531_420_618, "", body),
        "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
    );
}

#[test]
fn twilio_signs_forms_ports_and_repeated_fields_as_its_library_expects() {
    let form = "CallSid=CA1234567890ABCDE&Caller=%2B14158675309&Digits=1234&From=%2B14158675309&To=%2B18005551212";
    let url = "https://mycompany.com/myapp.php?foo=1&bar=2";
    assert_eq!(header(Name::Twilio, "12345", url, 0, "", form), "RSOYDt4T1cUTdK1PDd93/VVr8B8=");
    let repeated = "Sid=CA123&SidAccount=AC123&Digits=5678&Digits=1234&Digits=1234";
    assert_eq!(header(Name::Twilio, "12345", url, 0, "", repeated), "IK+Dwps556ElfBT0I3Rgjkr1wJU=");
    // The URL is signed as it is written, with a port that says nothing.
    let scheme = plain(Name::Twilio).unwrap();
    let with_port = Delivery {
        signed_url: "https://mycompany.com:443/myapp.php?foo=1&bar=2".to_owned(),
        ..delivery(&*scheme, url, 0, "", form)
    };
    assert_eq!(
        scheme.sign(&with_port, &Key::shared("12345"), Hash::Sha256).unwrap(),
        "kvajT1Ptam85bY51eRf/AJRuM3w="
    );
}

#[test]
fn twilio_signs_json_by_its_hash_in_the_url() {
    let url = "https://mycompany.com/myapp.php?foo=1&bar=2";
    let body = r#"{"property": "value", "boolean": true}"#;
    assert_eq!(header(Name::TwilioJson, "12345", url, 0, "", body), "a9nBmqA0ju/hNViExpshrM61xv4=");
    let scheme = plain(Name::TwilioJson).unwrap();
    let mut sent = delivery(&*scheme, url, 0, "", body);
    scheme.prepare(&mut sent);
    assert_eq!(
        sent.url.query(),
        Some(
            "foo=1&bar=2&bodySHA256=0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620"
        )
    );
}

#[test]
fn svix_and_standard_webhooks_sign_as_their_documentation_says() {
    assert_eq!(
        header(
            Name::Svix,
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            HERE,
            1_614_265_330,
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            r#"{"test": 2432232314}"#
        ),
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    );
    assert_eq!(
        header(
            Name::StandardWebhooks,
            "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD",
            HERE,
            1_649_367_553,
            "msg_27UH4WbU6Z5A5EzD8u03UvzRbpk",
            r#"{"email":"test@example.com","username":"test_user"}"#
        ),
        "v1,tZ1I4/hDygAJgO5TYxiSd6Sd0kDW6hPenDe+bTa3Kkw="
    );
}

#[test]
fn standard_webhooks_signs_with_a_key_pair_under_its_own_label() {
    let scheme = plain(Name::StandardWebhooks).unwrap();
    let key = scheme.key(&format!("whsk_{}", base64(&[7; 32]))).unwrap();
    let sent = delivery(&*scheme, HERE, 1_649_367_553, "msg_1", "{}");
    let signature = scheme.sign(&sent, &key, Hash::Sha256).unwrap();
    let header = &scheme.attach(&sent, &signature).signatures[0].1;
    let bare = unbase64(header.strip_prefix("v1a,").unwrap()).unwrap();
    let public = UnparsedPublicKey::new(&aws_lc_rs::signature::ED25519, key.public().unwrap());
    public.verify(b"msg_1.1649367553.{}", &bare).unwrap();
    assert!(scheme.downgraded(&sent, &key).is_none(), "there is no weaker label for it");
}

#[test]
fn stripe_signs_time_and_body_with_the_secret_as_it_is_written() {
    // The core of stripe-node's own tests.
    let mac = |body: &str| {
        hex(&Key::shared("test_secret").hmac(Hash::Sha256, &[body.as_bytes()]).unwrap())
    };
    assert_eq!(mac(""), "f7f9bd47fb987337b5796fdc1fdb9ba221d0d5396814bfcaf9521f43fd8927fd");
    assert_eq!(
        mac("\u{1f600}"),
        "837da296d05c4fe31f61d5d7ead035099d9585a5bcde87de952012a78f0b0c43"
    );
    let header = header(Name::Stripe, "whsec_test", HERE, 1_700_000_000, "", "{}");
    let mac = Key::shared("whsec_test").hmac(Hash::Sha256, &[b"1700000000.{}"]).unwrap();
    assert_eq!(header, format!("t=1700000000,v1={}", hex(&mac)));
}

#[test]
fn paddle_signs_as_its_library_tests() {
    let secret = "VALID_SECRET";
    assert_eq!(
        header(Name::Paddle, secret, HERE, 1_698_796_800, "", r#"{"data": ["1", "2"]}"#),
        "ts=1698796800;h1=a300428748dce5c70e4da19bffd60769591ea969c99dea3105d0ec9612cf43f9"
    );
}

#[test]
fn hubspot_hashes_as_its_library_tests() {
    let secret = "yyyyyyyy-yyyy-yyyy-yyyy-yyyyyyyyyyyy";
    let body = r#"[{"eventId":1,"subscriptionId":12345,"portalId":62515,"occurredAt":1564113600000,"subscriptionType":"contact.creation","attemptNumber":0,"objectId":123,"changeSource":"CRM","changeFlag":"NEW","appId":54321}]"#;
    assert_eq!(
        header(Name::HubspotV1, secret, HERE, 0, "", body),
        "232db2615f3d666fe21a8ec971ac7b5402d33b9a925784df3ca654d05f4817de"
    );
    let scheme = plain(Name::HubspotV2).unwrap();
    let sent = Delivery {
        method: Method::GET,
        ..delivery(&*scheme, "https://www.example.com/webhook_uri", 0, "", "")
    };
    assert_eq!(
        scheme.sign(&sent, &Key::shared(secret), Hash::Sha256).unwrap(),
        "eee2dddcc73c94d699f5e395f4b9d454a069a6855fbfa152e91e88823087200e"
    );
    // Version 3: method, URL, body and time in milliseconds.
    let scheme = plain(Name::HubspotV3).unwrap();
    let sent = delivery(&*scheme, HERE, 1_700_000_000, "", "[]");
    let text = format!("POST{HERE}[]1700000000000");
    let mac = Key::shared(secret).hmac(Hash::Sha256, &[text.as_bytes()]).unwrap();
    let signature = scheme.sign(&sent, &Key::shared(secret), Hash::Sha256).unwrap();
    assert_eq!(signature, base64(&mac));
    assert_eq!(scheme.attach(&sent, &signature).headers[0].1, "1700000000000");
}

#[test]
fn meta_signs_as_github_does() {
    assert_eq!(
        header(Name::Meta, "secret", HERE, 0, "", "test"),
        "sha256=0329a06b62cd16b33eb6792be8c60b158d89a2ee3a876fce9a881ebb488c0914"
    );
}

#[test]
fn sendgrid_is_verified_as_its_library_verifies_its_own_vector() {
    // The vector's public key verifies the vector's signature over time and body; ours is made so.
    let spki = unbase64("MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEEDr2LjtURuePQzplybdC+u4CwrqDqBaWjcMMsTbhdbcwHBcepxo7yAQGhHPTnlvFYPAZFceEu/1FwCM/QmGUhA==").unwrap();
    let (body, time) = (
        r#"{"category":"example_payload","event":"test_event","message_id":"message_id"}"#,
        "1588788367",
    );
    let theirs = unbase64("MEUCIQCtIHJeH93Y+qpYeWrySphQgpNGNr/U+UyUlBkU6n7RAwIgJTz2C+8a8xonZGi6BpSzoQsbVRamr2nlxFDWYNH2j/0=").unwrap();
    let message = format!("{time}{body}");
    // The point stands at the end of the structure.
    let verifies = |public: &[u8], signature: &[u8]| {
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, public)
            .verify(message.as_bytes(), signature)
            .is_ok()
    };
    assert!(verifies(&spki[spki.len() - 65..], &theirs));
    let scheme = plain(Name::Sendgrid).unwrap();
    let key = scheme.random_key().unwrap();
    let sent = delivery(&*scheme, HERE, 1_588_788_367, "", body);
    let ours = unbase64(&scheme.sign(&sent, &key, Hash::Sha256).unwrap()).unwrap();
    assert!(verifies(key.public().unwrap(), &ours));
    assert!(!verifies(&spki[spki.len() - 65..], &ours));
}

#[test]
fn discord_signs_time_and_body_with_ed25519() {
    let scheme = plain(Name::Discord).unwrap();
    let key = scheme.key(&"07".repeat(32)).unwrap();
    let sent = delivery(&*scheme, HERE, 1_700_000_000, "", r#"{"type":1}"#);
    let signature = unhex(&scheme.sign(&sent, &key, Hash::Sha256).unwrap()).unwrap();
    let public = UnparsedPublicKey::new(&aws_lc_rs::signature::ED25519, key.public().unwrap());
    public.verify(br#"1700000000{"type":1}"#, &signature).unwrap();
}

#[test]
fn inngest_signs_without_the_name_in_its_key() {
    let secret = "signkey-prod-aabbcc";
    let mac = Key::shared("aabbcc").hmac(Hash::Sha256, &[b"{}1700000000"]).unwrap();
    assert_eq!(
        header(Name::Inngest, secret, HERE, 1_700_000_000, "", "{}"),
        format!("t=1700000000&s={}", hex(&mac))
    );
}

#[test]
fn square_intercom_zoom_linear_and_shopify_sign_what_their_documentation_says() {
    let mac = |hash, text: &str| Key::shared("key").hmac(hash, &[text.as_bytes()]).unwrap();
    let cases = [
        (Name::Square, base64(&mac(Hash::Sha256, &format!("{HERE}{{}}")))),
        (Name::Intercom, format!("sha1={}", hex(&mac(Hash::Sha1, "{}")))),
        (Name::Zoom, format!("v0={}", hex(&mac(Hash::Sha256, "v0:1700000000:{}")))),
        (Name::Linear, hex(&mac(Hash::Sha256, "{}"))),
        (Name::Shopify, base64(&mac(Hash::Sha256, "{}"))),
        (Name::Telegram, "key".to_owned()),
    ];
    for (name, wanted) in cases {
        assert_eq!(header(name, "key", HERE, 1_700_000_000, "", "{}"), wanted, "{name:?}");
    }
    assert_eq!(
        header(Name::Postmark, "user:pass", HERE, 0, "", "{}"),
        "Basic dXNlcjpwYXNz",
        "RFC 7617"
    );
}

#[test]
fn mailgun_signs_within_the_body() {
    let scheme = plain(Name::Mailgun).unwrap();
    let sent = scheme.inert(&site(HERE, 1_700_000_000));
    let signature = scheme.sign(&sent, &Key::shared("key"), Hash::Sha256).unwrap();
    let text = format!("1700000000{}", sent.id);
    let mac = Key::shared("key").hmac(Hash::Sha256, &[text.as_bytes()]).unwrap();
    assert_eq!(signature, hex(&mac));
    let body = scheme.attach(&sent, &signature).body.unwrap();
    let body: serde_json::Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        body["signature"],
        json!({"timestamp": "1700000000", "token": sent.id, "signature": signature})
    );
    assert_eq!(sent.id.len(), 50, "Mailgun's tokens have 50 characters");
    let next = scheme.inert(&site(HERE, 1_700_000_000));
    assert_ne!(sent.id, next.id, "receivers take each token once");
}

#[test]
fn linear_adds_its_time_to_a_body_of_the_configurations_own() {
    let scheme = plain(Name::Linear).unwrap();
    let mut own = delivery(&*scheme, HERE, 1_700_000_000, "", r#"{"a":1}"#);
    scheme.prepare(&mut own);
    assert_eq!(own.body, br#"{"a":1,"webhookTimestamp":1700000000000}"#);
    let before = scheme.inert(&site(HERE, 1_700_000_000)).body;
    let mut inert = scheme.inert(&site(HERE, 1_700_000_000));
    scheme.prepare(&mut inert);
    assert_eq!(inert.body, before, "its own body has it");
}

#[test]
fn every_scheme_that_needs_nothing_signs_a_delivery_that_nobody_acts_on() {
    for name in serde_names() {
        let settings = match name.as_str() {
            "hmac" => json!({"scheme": name, "hmac": {"header": "X-Signature"}}),
            _ => json!({"scheme": name}),
        };
        let probe: Webhook = testing::probe(&settings.to_string());
        let scheme = &probe.scheme;
        let mut sent = scheme.inert(&site(HERE, 1_700_000_000));
        scheme.prepare(&mut sent);
        let key = scheme.random_key().unwrap();
        let signature = scheme.sign(&sent, &key, Hash::Sha256).unwrap();
        let attached = scheme.attach(&sent, &signature);
        assert!(!attached.signatures.is_empty() || attached.body.is_some(), "{name}");
        let carried = attached.body.as_ref().unwrap_or(&sent.body);
        let text = String::from_utf8_lossy(carried).to_lowercase();
        let known = ["musterd", "\"type\":1"].iter().any(|mark| text.contains(mark));
        assert!(known || carried.is_empty(), "{name}: {text}");
    }
}

/// Every scheme as it is written.
pub(in crate::webhook) fn serde_names() -> Vec<String> {
    let schema = schemars::schema_for!(Name).to_value();
    let mut names: Vec<String> = Vec::new();
    for one in schema["oneOf"].as_array().into_iter().flatten() {
        names.extend(one["const"].as_str().map(str::to_owned));
    }
    assert!(names.len() >= 27, "{schema}");
    names
}

#[test]
fn a_digest_is_that_of_fips_180() {
    assert_eq!(
        hex(&sha256(&[b"a", b"bc"])),
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    );
}
