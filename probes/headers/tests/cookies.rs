//! Rules of cookies and caches, one table each.

use super::scene::{hop, other, page};

const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// What a rule says of a page that sets this cookie.
fn cookie(rule: &str, line: &str) -> Vec<String> {
    page(&[&format!("set-cookie: {}", line.replace('@', SECRET))]).says(rule)
}

fn table(rule: &str, fires: &[(&str, &str)], silent: &[&str]) {
    for (line, wanted) in fires {
        assert_eq!(cookie(rule, line), [*wanted], "{line}");
    }
    for line in silent {
        assert_eq!(cookie(rule, line), [""; 0], "{line}");
    }
    let removal = fires[0].0.replace('@', "") + "; Max-Age=0";
    assert_eq!(cookie(rule, &removal), [""; 0], "{removal}");
    let gone = page(&[&format!("set-cookie: {}", fires[0].0.replace('@', SECRET))]).status(503);
    assert_eq!(gone.says(rule), ["untested"]);
}

#[test]
fn not_secure() {
    table(
        "cookie-not-secure",
        &[
            ("sessionid=@", "high sessionid"),
            ("connect.sid=@; HttpOnly", "high connect.sid"),
            ("theme=dark", "medium theme"),
            ("csrftoken=@", "medium csrftoken"),
            ("AWSALB=@", "info AWSALB"),
            ("assessment_id=@", "medium assessment_id"),
        ],
        &["sessionid=@; Secure", "theme=dark; SECURE"],
    );
    let plain = page(&["set-cookie: a=b"]).at("a.example", "http://a.example/");
    assert_eq!(plain.says("cookie-not-secure"), [""; 0]);
}

#[test]
fn not_http_only() {
    table(
        "cookie-not-httponly",
        &[
            ("sessionid=@; Secure", "high sessionid"),
            ("auth_token=@; Secure", "high auth_token"),
            ("jwt=@", "high jwt"),
            ("anything=eyJhbGciOiJub25lIn0.eyJhIjoxfQ.c2ln", "high anything"),
        ],
        &[
            "sessionid=@; HttpOnly",
            "csrftoken=@",
            "XSRF-TOKEN=@",
            "theme=dark",
            "assessment_id=@",
            "logged_in=yes",
            "heroku-session-affinity=@",
            "incap_ses_1_2=@",
        ],
    );
}

#[test]
fn samesite_invalid() {
    table(
        "cookie-samesite-invalid",
        &[
            ("a=@; SameSite=None", "high a"),
            ("a=@; SameSite=Whatever; Secure", "medium a"),
            ("a=@; SameSite", "medium a"),
            ("a=@; SameSite=", "medium a"),
        ],
        &["a=b", "a=b; SameSite=Lax", "a=b; samesite=STRICT", "a=b; SameSite=None; Secure"],
    );
}

#[test]
fn prefix_violated() {
    table(
        "cookie-prefix-violated",
        &[
            ("__Host-a=@; Path=/", "high __Host-a"),
            ("__Host-a=@; Secure", "high __Host-a"),
            ("__Host-a=@; Secure; Path=/x", "high __Host-a"),
            ("__Host-a=@; Secure; Path=/; Domain=example.com", "high __Host-a"),
            ("__Secure-a=@", "high __Secure-a"),
            ("__secure-a=@", "high __secure-a"),
        ],
        &["__Host-a=b; Secure; Path=/", "__Secure-a=b; Secure; Domain=example.com", "Host-a=b"],
    );
}

#[test]
fn domain_wide() {
    table(
        "cookie-domain-wide",
        &[
            ("sid=@; Domain=example.com", "medium sid"),
            ("sid=@; Domain=.Example.com", "medium sid"),
            ("theme=dark; Domain=example.com", "info theme"),
            ("sid=@; Domain=com", "high sid"),
            ("sid=@; Domain=co.uk", "high sid"),
            ("sid=@; Domain=other.example", "medium sid"),
        ],
        &[
            "sid=@",
            "sid=@; Domain=",
            "sid=@; Domain=shop.example.com",
            "__cf_bm=@; Domain=example.com",
        ],
    );
    let line = "set-cookie: sid=0123456789abcdef; Domain=shop.example.com";
    for (host, url) in [("10.0.0.1", "https://10.0.0.1/"), ("shop", "https://shop/")] {
        assert_eq!(page(&[line]).at(host, url).says("cookie-domain-wide"), [""; 0], "{host}");
    }
}

#[test]
fn too_large() {
    let of = |size: usize| cookie("cookie-too-large", &format!("a={}", "x".repeat(size - 1)));
    assert_eq!(of(4097), ["high a"]);
    assert_eq!((of(4096), of(20)), (vec![], vec![]));
}

#[test]
fn on_the_way_to_a_login_elsewhere_the_services_own_cookies_count() {
    let line = "set-cookie: sid=0123456789abcdef; HttpOnly";
    let own = hop("https://shop.example.com/", 302, &[line]);
    let login = hop("https://login.other.example/", 200, &["set-cookie: theirs=b"]);
    let scene = page(&[]).document_is(vec![own, login], None);
    assert_eq!(scene.says("cookie-not-secure"), ["high sid"]);
    assert_eq!(scene.says("csp-missing"), ["untested"]);
}

#[test]
fn cookies_are_found_on_every_answer_of_the_service_and_named_once() {
    let line = "set-cookie: visid_7654321=a";
    let redirect = hop("https://shop.example.com/in", 302, &[line]);
    let scene = page(&["set-cookie: visid_1234567=b"]).by(vec![redirect]);
    assert_eq!(scene.says("cookie-not-secure"), ["medium visid_*"]);
    let absent = hop("https://shop.example.com/x", 404, &["set-cookie: sid=0123456789abcdef"]);
    assert_eq!(page(&[]).absent(Some(absent)).says("cookie-not-secure"), ["high sid"]);
    let foreign = hop("https://login.other.example/", 302, &["set-cookie: sid=0123456789abcdef"]);
    assert_eq!(page(&[]).by(vec![foreign]).says("cookie-not-secure"), [""; 0]);
}

#[test]
fn private_cacheable() {
    let rule = "private-cacheable";
    let session = "set-cookie: sid=0123456789abcdef; Secure; HttpOnly";
    for (lines, says) in [
        (&[session, "cache-control: public, max-age=60"][..], vec!["medium"]),
        (&[session, "cache-control: max-age=60"], vec!["medium"]),
        (&[session, "cache-control: s-maxage=60"], vec!["medium"]),
        (&[session, "age: 12"], vec!["high"]),
        (&[session, "cache-control: public", "x-cache: HIT"], vec!["high"]),
        (&[session], vec![]),
        (&[session, "cache-control: no-store", "x-cache: HIT"], vec![]),
        (&[session, "cache-control: private, max-age=60"], vec![]),
        (&[session, "cache-control: no-cache"], vec![]),
        (&["set-cookie: theme=dark", "cache-control: public, max-age=60"], vec![]),
        (&["cache-control: public, max-age=60", "age: 12"], vec![]),
    ] {
        assert_eq!(page(lines).says(rule), says, "{lines:?}");
    }
    for (lines, says) in [
        (&["cache-control: public, max-age=60"][..], "medium"),
        (&["cache-control: max-age=60"], "medium"),
        (&["x-cache: HIT"], "high"),
        (&[], "info"),
    ] {
        assert_eq!(other("application/json", lines).credentialed(false).says(rule), [says]);
    }
    let kept = other("application/json", &["cache-control: max-age=60"]).credentialed(true);
    assert_eq!(kept.says(rule), [""; 0]);
    let open = other("application/json", &["cache-control: public"]).credentialed(true);
    assert_eq!(open.says(rule), ["medium"]);
    assert_eq!(
        other("image/png", &["cache-control: public"]).credentialed(true).says(rule),
        [""; 0]
    );
    assert_eq!(page(&[session, "age: 12"]).status(503).says(rule), ["untested"]);
}
