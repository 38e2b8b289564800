//! What stands behind the question mark: values of known keys, and pages of lists.

use std::str::FromStr;

use http::Uri;
use serde::Serialize;

use super::problem::Problem;
use crate::hash::stable_hash;

/// So many items make a page unless another number is asked for.
const PAGE: usize = 1_000;

/// No page is longer.
const LONGEST_PAGE: usize = 10_000;

/// The parameters of a request. Keys that nobody knows are ignored.
pub(super) struct Query(Vec<(String, String)>);

/// Which part of a list is asked for.
#[derive(Debug)]
pub(super) struct Paging {
    limit: usize,
    after: Option<Cursor>,
}

/// Behind which item a page begins: by the hash of its key, because keys are of any length and a URL
/// is not, or by its place should the item be gone.
#[derive(Debug, PartialEq, Eq)]
struct Cursor {
    place: usize,
    key: u64,
}

/// A list, or a page of it.
#[derive(Serialize)]
pub(super) struct List<T> {
    pub(super) items: Vec<T>,
    pub(super) next: Option<String>,
}

impl<T> List<T> {
    /// The same page of something else.
    pub(super) fn map<U>(self, make: impl FnMut(T) -> U) -> List<U> {
        List { items: self.items.into_iter().map(make).collect(), next: self.next }
    }
}

impl Query {
    /// The parameters of a URI.
    pub(super) fn of(uri: &Uri) -> Self {
        let text = uri.query().unwrap_or_default().as_bytes();
        Self(url::form_urlencoded::parse(text).into_owned().collect())
    }

    /// Every value of a key.
    pub(super) fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(name, _)| name == key).map(|(_, value)| value.as_str())
    }

    /// The value of a key that stands at most once.
    pub(super) fn text<'a>(&'a self, key: &'a str) -> Result<Option<&'a str>, Problem> {
        let mut all = self.all(key);
        match (all.next(), all.next()) {
            (value, None) => Ok(value),
            _ => Err(Problem::bad(format!("`{key}` is given more than once"))),
        }
    }

    /// The value of a key, as what it means; `wanted` says what it should have been.
    pub(super) fn one<T: FromStr>(&self, key: &str, wanted: &str) -> Result<Option<T>, Problem> {
        self.text(key)?.map(|text| parse(key, text, wanted)).transpose()
    }

    /// Every value of a key, as what they mean.
    pub(super) fn many<T: FromStr>(&self, key: &str, wanted: &str) -> Result<Vec<T>, Problem> {
        self.all(key).map(|text| parse(key, text, wanted)).collect()
    }

    /// Which page is asked for.
    pub(super) fn paging(&self) -> Result<Paging, Problem> {
        let wanted = "a number from 1 to 10000";
        let limit = self.one::<usize>("limit", wanted)?.unwrap_or(PAGE);
        if limit == 0 || limit > LONGEST_PAGE {
            return Err(wrong("limit", &limit.to_string(), wanted));
        }
        let after = self.one::<Cursor>("next", "what an earlier page gave")?;
        Ok(Paging { limit, after })
    }
}

fn parse<T: FromStr>(key: &str, text: &str, wanted: &str) -> Result<T, Problem> {
    text.parse().map_err(|_| wrong(key, text, wanted))
}

fn wrong(key: &str, text: &str, wanted: &str) -> Problem {
    let text = musterd_probes::text::excerpt(text, 60);
    Problem::bad(format!("`{key}` is {text:?}; it must be {wanted}"))
}

impl Paging {
    /// The page of a list whose items have unique keys.
    pub(super) fn cut<T>(&self, mut all: Vec<T>, key: impl Fn(&T) -> String) -> List<T> {
        let start = self.after.as_ref().map_or(0, |cursor| cursor.find(&all, &key));
        let mut items = all.split_off(start);
        let more = items.len() > self.limit;
        items.truncate(self.limit);
        let next = items.last().filter(|_| more).map(|last| {
            let place = start + items.len();
            format!("{place}.{:016x}", stable_hash([&*key(last)]))
        });
        List { items, next }
    }
}

impl Cursor {
    /// The place behind the item. Lists change between pages: the item may have moved or gone.
    fn find<T>(&self, all: &[T], key: impl Fn(&T) -> String) -> usize {
        let place = self.place.min(all.len());
        let is_it = |item: &T| stable_hash([&*key(item)]) == self.key;
        if place > 0 && is_it(&all[place - 1]) {
            return place;
        }
        all.iter().position(is_it).map_or(place, |found| found + 1)
    }
}

impl FromStr for Cursor {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (place, key) = text.split_once('.').ok_or(())?;
        let digits = (1..=9).contains(&place.len()) && place.bytes().all(|b| b.is_ascii_digit());
        let is_hash = key.len() == 16 && key.bytes().all(|b| b.is_ascii_hexdigit());
        if !(digits && is_hash) {
            return Err(());
        }
        let key = u64::from_str_radix(key, 16).map_err(|_| ())?;
        Ok(Self { place: place.parse().map_err(|_| ())?, key })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(mut all: Vec<u32>, change: impl Fn(&mut Vec<u32>)) -> Vec<Vec<u32>> {
        let mut pages = Vec::new();
        let mut uri = "/?limit=2".to_owned();
        loop {
            let paging = Query::of(&uri.parse().unwrap()).paging().unwrap();
            let page = paging.cut(all.clone(), u32::to_string);
            pages.push(page.items);
            let Some(next) = page.next else { return pages };
            uri = format!("/?limit=2&next={next}");
            change(&mut all);
        }
    }

    #[test]
    fn pages_join_to_the_whole_list_also_when_it_changes() {
        assert_eq!(pages(vec![], |_| {}), [Vec::<u32>::new()]);
        assert_eq!(pages(vec![1, 2], |_| {}), [vec![1, 2]]);
        assert_eq!(pages(vec![1, 2, 3], |_| {}), [vec![1, 2], vec![3]]);
        assert_eq!(pages(vec![2, 3, 4], |all| all.insert(0, 1)), [vec![2, 3], vec![4]]);
        assert_eq!(pages(vec![1, 2, 3, 4], |all| all.retain(|one| *one != 2)).len(), 2);
        assert_eq!(pages(vec![1, 2, 3], Vec::clear), [vec![1, 2], vec![]]);
    }

    #[test]
    fn a_cursor_is_short_however_long_the_key() {
        let paging = Query::of(&"/?limit=1".parse().unwrap()).paging().unwrap();
        let next = paging.cut(vec![1, 2], |_| "x".repeat(100_000)).next.unwrap();
        assert!(next.len() < 40, "{next}");
    }

    #[test]
    fn wrong_values_are_refused_and_unknown_keys_are_not() {
        for (query, fine) in [
            ("", true),
            ("a=b&limit=1", true),
            ("limit=10000", true),
            ("limit=0", false),
            ("limit=10001", false),
            ("limit=-1", false),
            ("limit=x", false),
            ("limit=1&limit=2", false),
            ("next=", false),
            ("next=%00", false),
            ("next=0123456789abcdef", false),
            ("next=1.0123456789abcdef", true),
            ("next=1.", false),
            ("next=1.0123456789abcdeg", false),
            ("next=1.%2B123456789abcdef", false),
            ("next=1.0123456789abcdef0", false),
            ("next=9999999999.0123456789abcdef", false),
        ] {
            let uri: Uri = format!("/?{query}").parse().unwrap();
            assert_eq!(Query::of(&uri).paging().is_ok(), fine, "{query}");
        }
    }
}
