//! What the name of a cookie says of its purpose.

use super::field::cookie::Cookie;

/// What a cookie is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// Whoever has it is somebody.
    Session,
    /// A token that scripts read and send back, against forged requests.
    Csrf,
    /// Set by a load balancer, a firewall or a bot filter: the service has no say in it.
    Infrastructure,
    /// Anything else.
    Other,
}

/// A value shorter than this many characters cannot be a secret: `1`, `true`, `en`.
const SHORTEST_SECRET: usize = 12;

/// Words that name a session or a credential.
const SESSION: [&str; 25] = [
    "aspxauth",
    "auth",
    "authn",
    "authtoken",
    "cfid",
    "cftoken",
    "jsessionid",
    "jwt",
    "login",
    "oauth",
    "phpsessid",
    "rememberme",
    "remember",
    "sess",
    "sessid",
    "session",
    "sessionid",
    "sessions",
    "sessiontoken",
    "sid",
    "ssid",
    "sso",
    "token",
    "accesstoken",
    "refreshtoken",
];

/// Words beside those that show that the cookie tells of a session and is none.
const ABOUT: [&str; 17] = [
    "seen",
    "expires",
    "expiry",
    "expired",
    "timeout",
    "hint",
    "lang",
    "locale",
    "count",
    "timestamp",
    "time",
    "state",
    "nonce",
    "redirect",
    "return",
    "status",
    "type",
];

/// Beginnings of names that infrastructure uses.
const INFRASTRUCTURE: [&str; 26] = [
    "__cf_bm",
    "_cfuvid",
    "__cflb",
    "__cfwaitingroom",
    "__cfseq",
    "cf_",
    "awsalb",
    "aws-waf",
    "arraffinity",
    "bigip",
    "ts01",
    "incap_ses_",
    "visid_incap_",
    "nlbi_",
    "reese84",
    "ak_bmsc",
    "bm_",
    "_abck",
    "akaalb",
    "datadome",
    "heroku-session-affinity",
    "ingresscookie",
    "stickounet",
    "fly-",
    "x-ms-routing-name",
    "gclb",
];

/// Whole names that load balancers use.
const BALANCERS: [&str; 5] = ["route", "routeid", "serverid", "srvid", "sticky"];

/// Reads a name, and where that says nothing the shape of the value.
pub(super) fn purpose(cookie: &Cookie) -> Purpose {
    let lower = cookie.name.to_ascii_lowercase();
    let balancer = BALANCERS.contains(&lower.as_str());
    if balancer || INFRASTRUCTURE.iter().any(|start| lower.starts_with(start)) {
        return Purpose::Infrastructure;
    }
    let plain: String = lower.chars().filter(char::is_ascii_alphanumeric).collect();
    if plain.contains("csrf") || plain.contains("xsrf") || plain.contains("antiforgery") {
        return Purpose::Csrf;
    }
    if cookie.length < SHORTEST_SECRET {
        return Purpose::Other;
    }
    let words = words(&cookie.name);
    let has = |list: &[&str]| words.iter().any(|word| list.contains(&word.as_str()));
    let names_session = has(&SESSION)
        || plain.starts_with("aspsessionid")
        || plain.ends_with("sessid")
        || plain.ends_with("sessionid");
    if (names_session && !has(&ABOUT)) || cookie.jwt { Purpose::Session } else { Purpose::Other }
}

/// `connect.sid`, `auth_token`, `sessionToken`, `ASP.NET_SessionId` in words of lower case.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before = ' ';
    for c in name.chars() {
        let hump = c.is_ascii_uppercase() && before.is_ascii_lowercase();
        if hump || !c.is_ascii_alphanumeric() {
            words.push(String::new());
        }
        if c.is_ascii_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.push(c.to_ascii_lowercase());
        }
        before = c;
    }
    words.retain(|word| !word.is_empty());
    words
}

/// A name as the subject of a finding: without the parts that differ from run to run.
pub(super) fn subject(name: &str) -> String {
    if name.is_empty() {
        return "a cookie without a name".to_owned();
    }
    if name.get(..12).is_some_and(|start| start.eq_ignore_ascii_case("ASPSESSIONID")) {
        return "ASPSESSIONID*".to_owned();
    }
    let mut subject = String::new();
    let mut run = String::new();
    let end = |run: &mut String, subject: &mut String| {
        let digits = run.chars().filter(char::is_ascii_digit).count();
        let hex = run.chars().all(|c| c.is_ascii_hexdigit());
        let random = (digits == run.len() && digits >= 5) || (hex && run.len() >= 16 && digits > 0);
        subject.push_str(if random { "*" } else { run });
        run.clear();
    };
    for c in name.chars() {
        if c.is_ascii_alphanumeric() {
            run.push(c);
        } else {
            end(&mut run, &mut subject);
            subject.push(c);
        }
    }
    end(&mut run, &mut subject);
    crate::text::excerpt(&subject, 80)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_sessions_from_everything_else() {
        let secret = "0123456789abcdef0123456789abcdef";
        for (name, value, purpose_of) in [
            ("connect.sid", secret, Purpose::Session),
            ("sessionid", secret, Purpose::Session),
            ("auth_token", secret, Purpose::Session),
            ("jwt", secret, Purpose::Session),
            ("JSESSIONID", secret, Purpose::Session),
            ("PHPSESSID", secret, Purpose::Session),
            ("ASP.NET_SessionId", secret, Purpose::Session),
            ("ASPSESSIONIDQQRSTUVW", secret, Purpose::Session),
            (".AspNetCore.Session", secret, Purpose::Session),
            ("laravel_session", secret, Purpose::Session),
            ("__Secure-next-auth.session-token", secret, Purpose::Session),
            ("accessToken", secret, Purpose::Session),
            ("remember_web_59ba36addc2b2f9401580f014c7f58ea4e30989d", secret, Purpose::Session),
            ("anything", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", Purpose::Session),
            ("assessment_id", secret, Purpose::Other),
            ("session_seen", secret, Purpose::Other),
            ("logged_in", "yes", Purpose::Other),
            ("session", "1", Purpose::Other),
            ("oauth_state", secret, Purpose::Other),
            ("_ga", secret, Purpose::Other),
            ("aside", secret, Purpose::Other),
            ("author", secret, Purpose::Other),
            ("csrftoken", secret, Purpose::Csrf),
            ("XSRF-TOKEN", secret, Purpose::Csrf),
            ("__Host-csrf_token", secret, Purpose::Csrf),
            (".AspNetCore.Antiforgery.x", secret, Purpose::Csrf),
            ("heroku-session-affinity", secret, Purpose::Infrastructure),
            ("AWSALB", secret, Purpose::Infrastructure),
            ("incap_ses_123_456", secret, Purpose::Infrastructure),
            ("__cf_bm", secret, Purpose::Infrastructure),
        ] {
            let cookie = Cookie::parse(&format!("{name}={value}"));
            assert_eq!(purpose(&cookie), purpose_of, "{name}");
        }
    }

    #[test]
    fn a_subject_holds_no_part_that_changes() {
        for (name, wanted) in [
            ("sid", "sid"),
            ("visid_incap_1234567", "visid_incap_*"),
            ("wordpress_logged_in_5d41402abc4b2a76b9719d911017c592", "wordpress_logged_in_*"),
            ("ASPSESSIONIDQQRSTUVW", "ASPSESSIONID*"),
            ("v2.session", "v2.session"),
            ("", "a cookie without a name"),
        ] {
            assert_eq!(subject(name), wanted);
        }
    }
}
