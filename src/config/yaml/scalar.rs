//! What an unquoted YAML scalar stands for.

use super::document::Kind;

/// Gives an unquoted scalar its type, after YAML 1.2's core schema with the surprises left out.
///
/// Only `true` and `false` are booleans, so that `country: no` stays a word. Numbers with leading
/// zeros (`0443`) and with underscores, `.inf` and `.nan` are words too: where a number is wanted,
/// none of them says clearly which.
pub(crate) fn resolve(text: &str) -> Kind {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Kind::Null,
        "true" => Kind::Bool(true),
        "false" => Kind::Bool(false),
        _ => number(text).unwrap_or_else(|| Kind::String(text.into())),
    }
}

fn number(text: &str) -> Option<Kind> {
    // Most scalars are words, and those are told apart by their first character.
    if !text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.')) {
        return None;
    }
    if let Some(digits) = text.strip_prefix("0x") {
        return radix(digits, 16);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return radix(digits, 8);
    }
    let magnitude = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match magnitude.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (magnitude, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let leading_zero = whole.len() > 1 && whole.starts_with('0');
    let some_digits = !whole.is_empty() || fraction.is_some_and(|f| !f.is_empty());
    let exponent_holds =
        exponent.is_none_or(|e| digits(e.strip_prefix(['+', '-']).unwrap_or(e)) && !e.is_empty());
    if leading_zero
        || !some_digits
        || !digits(whole)
        || !fraction.is_none_or(digits)
        || !exponent_holds
    {
        return None;
    }
    if fraction.is_none() && exponent.is_none() {
        if let Ok(value) = text.parse() {
            return Some(Kind::Int(value));
        }
        if let Ok(value) = text.parse() {
            return Some(Kind::UInt(value));
        }
    }
    let value: f64 = text.parse().ok()?;
    value.is_finite().then_some(Kind::Float(value))
}

fn digits(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit())
}

fn radix(digits: &str, radix: u32) -> Option<Kind> {
    // The standard library would also take a sign here.
    if !digits.starts_with(|c: char| c.is_digit(radix)) {
        return None;
    }
    let value = u64::from_str_radix(digits, radix).ok()?;
    Some(i64::try_from(value).map_or(Kind::UInt(value), Kind::Int))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn scalars_have_the_expected_types() {
        for (text, kind) in [
            ("", Kind::Null),
            ("~", Kind::Null),
            ("null", Kind::Null),
            ("true", Kind::Bool(true)),
            ("false", Kind::Bool(false)),
            ("0", Kind::Int(0)),
            ("-0", Kind::Int(0)),
            ("+5", Kind::Int(5)),
            ("-5", Kind::Int(-5)),
            ("8080", Kind::Int(8080)),
            ("0x1F", Kind::Int(31)),
            ("0o17", Kind::Int(15)),
            ("9223372036854775807", Kind::Int(i64::MAX)),
            ("-9223372036854775808", Kind::Int(i64::MIN)),
            ("9223372036854775808", Kind::UInt(9_223_372_036_854_775_808)),
            ("18446744073709551615", Kind::UInt(u64::MAX)),
            ("18446744073709551616", Kind::Float(18_446_744_073_709_551_616.0)),
            ("1.10", Kind::Float(1.1)),
            ("1.", Kind::Float(1.0)),
            (".5", Kind::Float(0.5)),
            ("-0.5e-3", Kind::Float(-0.0005)),
            ("1e3", Kind::Float(1000.0)),
        ] {
            assert_eq!(resolve(text), kind, "{text:?}");
        }
    }

    #[test]
    fn whatever_is_doubtful_stays_a_word() {
        for text in [
            "y",
            "n",
            "yes",
            "no",
            "on",
            "off",
            "True",
            "TRUE",
            "False",
            "nULL",
            "0443",
            "007",
            "1_000",
            ".inf",
            "-.inf",
            ".nan",
            "inf",
            "nan",
            "1e999",
            "1.2.3",
            "1e",
            "1e+",
            ".",
            "-",
            "+",
            "-.",
            "--1",
            "0x",
            "0x+1",
            "0xg",
            "0o8",
            "1s",
            "30s",
            "2024-01-01",
            "12:30",
            "1 2",
            "0b1",
            "e5",
            "１",
        ] {
            assert_eq!(resolve(text), Kind::String(text.into()), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn whole_numbers_are_kept(value: i64, large in (i64::MAX as u64 + 1)..) {
            prop_assert_eq!(resolve(&value.to_string()), Kind::Int(value));
            prop_assert_eq!(resolve(&large.to_string()), Kind::UInt(large));
        }

        #[test]
        fn any_text_has_a_type(text in "[-+.0-9eExo_a ]{0,12}") {
            resolve(&text);
        }
    }
}
