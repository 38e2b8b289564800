//! Sets of headers as services send them, each with what must be found and what Observatory says.
//!
//! `sets.txt` holds them: `base` and the `+` lines make the page, `findings` is everything that
//! fires, read one by one against the rules. `score` and `modifiers` are those of Observatory's
//! algorithm 6, in the order of its tests, worked out with its own package (1.4.8 on npm) and what
//! the algorithm has changed since.

use super::scene::{Scene, helmet, hop, other, page, silent};
use crate::headers::observatory::{Preload, scan};
use crate::net::failure::FailureKind;

const SETS: &str = include_str!("sets.txt");

/// One block of the file.
#[derive(Default)]
struct Set<'a> {
    name: &'a str,
    base: &'a str,
    lines: Vec<&'a str>,
    media: Option<&'a str>,
    status: Option<u16>,
    html: Option<&'a str>,
    twin: Option<&'a str>,
    again: Option<&'a str>,
    absent: Option<&'a str>,
    findings: Vec<&'a str>,
    score: &'a str,
    modifiers: &'a str,
}

fn read(text: &str) -> Vec<Set<'_>> {
    let mut sets: Vec<Set<'_>> = Vec::new();
    for line in text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (key, value) = line.split_once(' ').unwrap_or((line, ""));
        if key == "set" {
            sets.push(Set { name: value, ..Set::default() });
            continue;
        }
        let set = sets.last_mut().expect("a set begins with its name");
        match key {
            "base" => set.base = value,
            "+" => set.lines.push(value),
            "media" => set.media = Some(value),
            "status" => set.status = Some(value.parse().unwrap()),
            "html" => set.html = Some(value),
            "twin" => set.twin = Some(value),
            "again" => set.again = Some(value),
            "absent" => set.absent = Some(value),
            "finds" => set.findings.push(value),
            "score" => set.score = value,
            "modifiers" => set.modifiers = value,
            other => panic!("{}: what is {other}?", set.name),
        }
    }
    sets
}

impl Set<'_> {
    fn scene(&self) -> Scene {
        let mut scene = match (self.base, self.media) {
            ("helmet", _) => helmet(&self.lines),
            ("bare", None) => page(&self.lines),
            ("bare", Some(media)) => other(media, &self.lines),
            (base, _) => panic!("{}: what is {base}?", self.name),
        };
        if let Some(markup) = self.html {
            scene = scene.html(markup);
        }
        if let Some(status) = self.status {
            scene = scene.status(status);
        }
        if let Some(line) = self.again {
            scene = scene.again(&[line]);
        }
        if self.absent.is_some() {
            let bare = ["content-type: text/html; charset=utf-8"];
            scene = scene.absent(Some(hop("https://shop.example.com/musterd-absent", 404, &bare)));
        }
        match self.twin {
            None => scene,
            Some(twin) => with_twin(scene, twin),
        }
    }
}

fn with_twin(scene: Scene, twin: &str) -> Scene {
    let plain = "http://shop.example.com/";
    let to = |url: &str| format!("location: {url}");
    let page = scene.evidence.document.last().clone();
    scene.twin(match twin {
        "none" => vec![],
        "serves" => vec![hop(plain, 200, &["content-type: text/html"])],
        "refused" => vec![silent(plain, FailureKind::Refused)],
        "silent" => vec![silent(plain, FailureKind::Timeout)],
        "302" => vec![hop(plain, 302, &[&to("https://shop.example.com/")]), page],
        "otherhost" => vec![
            hop(plain, 301, &[&to("https://www.example.com/")]),
            hop("https://www.example.com/", 200, &["content-type: text/html"]),
        ],
        "plainfirst" => vec![
            hop(plain, 301, &[&to("http://www.example.com/")]),
            hop("http://www.example.com/", 301, &[&to("https://shop.example.com/")]),
            page,
        ],
        other => panic!("what is {other}?"),
    })
}

#[test]
fn every_set_is_found_to_be_what_it_is() {
    let sets = read(SETS);
    assert!(sets.len() >= 150, "{}", sets.len());
    let mut wrong = Vec::new();
    for set in &sets {
        let scene = set.scene();
        let findings = scene.fired("{}");
        let scan = scan(&scene.evidence, &Preload::default());
        let score = scan
            .as_ref()
            .map_or_else(|| "none".to_owned(), |scan| format!("{} {}", scan.score(), scan.grade()));
        let modifiers = scan.map(|scan| scan.modifiers()).unwrap_or_default();
        let modifiers: Vec<String> = modifiers.iter().map(ToString::to_string).collect();
        let modifiers = modifiers.join(" ");
        if (&*score, &*modifiers) != (set.score, set.modifiers) || findings != set.findings {
            let mut block = vec![format!("set {}", set.name)];
            block.extend(findings.iter().map(|line| format!("finds {line}")));
            block.extend([format!("score {score}"), format!("modifiers {modifiers}\n")]);
            wrong.push(block.join("\n"));
        }
    }
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), sets.len(), wrong.join("\n"));
}
