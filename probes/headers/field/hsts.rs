//! `Strict-Transport-Security` (RFC 6797 section 6.1).

/// What a header that browsers accept says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hsts {
    /// In seconds.
    pub(crate) max_age: u64,
    pub(crate) include_sub_domains: bool,
    pub(crate) preload: bool,
    /// What is odd and yet accepted.
    pub(crate) oddities: Vec<String>,
}

/// Reads one header line. `Err` says why browsers ignore it.
pub(crate) fn parse(line: &str) -> Result<Hsts, String> {
    let mut max_age = None;
    let mut include_sub_domains = false;
    let mut preload = false;
    let mut oddities = Vec::new();
    for directive in split(line)? {
        let (name, value) = match directive.split_once('=') {
            Some((name, value)) => (name.trim(), Some(value.trim())),
            None => (directive.trim(), None),
        };
        if name.is_empty() && value.is_none() {
            continue;
        }
        match name.to_ascii_lowercase().as_str() {
            "max-age" => {
                if max_age.is_some() {
                    return Err("`max-age` stands there twice".to_owned());
                }
                max_age = Some(seconds(value)?);
            }
            "includesubdomains" => {
                if value.is_some() {
                    return Err("`includeSubDomains` has a value".to_owned());
                }
                if std::mem::replace(&mut include_sub_domains, true) {
                    return Err("`includeSubDomains` stands there twice".to_owned());
                }
            }
            "preload" if value.is_none() => {
                if std::mem::replace(&mut preload, true) {
                    oddities.push("`preload` stands there twice".to_owned());
                }
            }
            other if !is_token(other) => {
                return Err(format!("`{}` is no directive", crate::text::excerpt(name, 40)));
            }
            _ => {
                oddities
                    .push(format!("`{}` is no known directive", crate::text::excerpt(name, 40)));
            }
        }
    }
    let max_age = max_age.ok_or("there is no `max-age`")?;
    Ok(Hsts { max_age, include_sub_domains, preload, oddities })
}

fn seconds(value: Option<&str>) -> Result<u64, String> {
    let value = value.ok_or("`max-age` has no value")?;
    let digits = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(format!(
            "`max-age` is `{}` and no number of seconds",
            crate::text::excerpt(value, 40)
        ));
    }
    // More digits than fit are a very long time.
    Ok(digits.parse().unwrap_or(u64::MAX))
}

/// At semicolons outside quotes. A comma outside quotes means that two headers became one.
fn split(line: &str) -> Result<Vec<&str>, String> {
    let mut parts = Vec::new();
    let (mut start, mut quoted, mut escaped) = (0, false, false);
    for (at, byte) in line.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' if !quoted => return Err("a comma joins two values into one".to_owned()),
            b';' if !quoted => {
                parts.push(line.get(start..at).unwrap_or_default());
                start = at + 1;
            }
            _ => {}
        }
    }
    if quoted {
        return Err("a quote is never closed".to_owned());
    }
    parts.push(line.get(start..).unwrap_or_default());
    Ok(parts)
}

/// RFC 9110 section 5.6.2.
fn is_token(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}
