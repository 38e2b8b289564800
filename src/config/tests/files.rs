//! Several files make one configuration.

use std::fs;
use std::path::{Path, PathBuf};

use musterd_probes::net::target::Auth;
use musterd_probes::secret::SecretRef;
use tempfile::TempDir;

use super::TODAY;
use crate::config::load::{Loaded, load_at};
use crate::config::yaml::Problems;

/// A directory with these files.
fn directory(files: &[(&str, &str)]) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    directory
}

fn load(directory: &TempDir, name: &str) -> Result<Loaded, Problems> {
    load_at(&directory.path().join(name), TODAY)
}

/// What is wrong with it, with paths that start from its directory.
fn problems(directory: &TempDir, name: &str) -> String {
    let text = match load(directory, name) {
        Ok(loaded) => loaded.warnings.to_string(),
        Err(problems) => problems.to_string(),
    };
    text.replace(&format!("{}/", directory.path().display()), "")
}

fn service(name: &str) -> String {
    format!("services:\n  - {{name: {name}, url: \"https://{name}.example\", checks: [http: ]}}\n")
}

fn names(loaded: &Loaded) -> Vec<&str> {
    loaded.config.services.iter().map(|service| service.name.as_str()).collect()
}

#[test]
fn a_directory_is_read_in_the_order_of_names() {
    let (a, b, c) = (service("a"), service("b"), service("c"));
    let files = [
        ("d/20.yml", &*b),
        ("d/10.yaml", &*a),
        ("d/30.yaml", &*c),
        ("d/.40.yaml", "wrong: ["),
        ("d/README.md", "wrong: ["),
        ("d/deeper/50.yaml", "wrong: ["),
    ];
    let directory = directory(&files);
    let loaded = load(&directory, "d").unwrap();
    assert_eq!(names(&loaded), ["a", "b", "c"]);
    assert!(loaded.warnings.is_empty());
    let files: Vec<PathBuf> = ["10.yaml", "20.yml", "30.yaml"]
        .iter()
        .map(|name| directory.path().join("d").join(name))
        .collect();
    assert_eq!(loaded.config.read.files(), files);
}

#[test]
fn included_files_are_joined_each_once() {
    let main = format!(
        "include: [\"conf.d/*.yaml\", conf.d/a.yaml, \"*.yaml\"]\nuplink: [\"tcp://1.1.1.1:53\"]\n{}",
        service("first")
    );
    let directory = directory(&[
        ("m.yaml", &main),
        ("conf.d/b.yaml", &service("b")),
        ("conf.d/a.yaml", &format!("uplink: [\"tcp://9.9.9.9:53\"]\n{}", service("a"))),
    ]);
    let loaded = load(&directory, "m.yaml").unwrap();
    assert_eq!(names(&loaded), ["first", "a", "b"]);
    assert_eq!((loaded.config.uplink.len(), loaded.config.read.files().len()), (2, 3));
    let place = &loaded.config.services[1].place;
    assert!(place.file.ends_with("conf.d/a.yaml"));
    assert_eq!(place.line, 3);
}

#[test]
fn a_directory_in_the_way_to_a_pattern_may_have_any_name() {
    let main = format!("include: [\"conf.d/*.yaml\"]\n{}", service("first"));
    let directory = directory(&[("[a]*/m.yaml", &main), ("[a]*/conf.d/b.yaml", &service("b"))]);
    assert_eq!(names(&load(&directory, "[a]*/m.yaml").unwrap()), ["first", "b"]);
}

#[test]
fn paths_start_from_the_file_that_holds_them() {
    let inner = "services:\n  - name: a\n    url: https://a.example\n    ca: {file: tls/ca.pem}\n    \
                 client_certificate: {cert: ../c.pem, key: /etc/key.pem}\n    \
                 auth: {bearer: {file: token}}\n    headers: {X-Key: {file: key}}\n    \
                 checks:\n      - http: {auth: {basic: {username: u, password: {file: password}}}}\n";
    let main = "include: [\"sub/*.yaml\"]\nstate: {path: state}\nhistory: {keep: 1d}\n\
                server: {token: {file: token}}\n";
    let directory = directory(&[("m.yaml", main), ("sub/a.yaml", inner)]);
    let config = load(&directory, "m.yaml").unwrap().config;
    let at = |name: &str| directory.path().join(name);
    assert_eq!(config.state, Some(at("state")));
    assert_eq!(config.history.unwrap().path, at("state/history"));
    assert_eq!(config.server.token, Some(SecretRef::File(at("token"))));
    let service = &config.services[0];
    let target = &service.target;
    assert_eq!(target.trust.ca, Some(at("sub/tls/ca.pem")));
    let client = target.trust.client.as_ref().unwrap();
    assert_eq!(client.certificate, at("sub/../c.pem"));
    assert_eq!(client.key, Path::new("/etc/key.pem"));
    assert_eq!(target.auth, Some(Auth::Bearer(SecretRef::File(at("sub/token")))));
    let key = format!("{:?}", target.headers[0].1);
    assert!(key.contains("sub/key"), "{key}");
    // Evidence shows settings as they were written.
    let settings = service.checks[0].terms.settings.to_string();
    assert!(settings.contains(r#"{"file":"password"}"#), "{settings}");
}

#[test]
fn includes_that_cannot_work_are_errors() {
    let main = "include: [\"none/*.yaml\", \"[\", sub]\n";
    let directory = directory(&[("m.yaml", main), ("sub/x.txt", "")]);
    let found = problems(&directory, "m.yaml");
    for expected in [
        "m.yaml:1:11: error: `none/*.yaml` matches no file",
        "m.yaml:1:26: error: `[` is no pattern",
        "m.yaml:1:31: error: `sub` matches no file",
        "hint: patterns start from the directory of the file that they stand in",
    ] {
        assert!(found.contains(expected), "{expected} is missing in:\n{found}");
    }
    assert_eq!(found.matches("error: ").count(), 3, "{found}");
}

#[test]
fn an_included_file_includes_no_others() {
    let directory = directory(&[
        ("m.yaml", "include: [sub/a.yaml]\n"),
        ("sub/a.yaml", &format!("include: [b.yaml]\n{}", service("a"))),
        ("sub/b.yaml", &service("b")),
    ]);
    assert_eq!(
        problems(&directory, "m.yaml"),
        "sub/a.yaml:1:1: error: an included file includes no others\n    \
         1 | include: [b.yaml]\n      | ^^^^^^^\n   hint: include them from the first file"
    );
}

#[test]
fn a_key_that_is_no_list_stands_in_one_file() {
    let directory = directory(&[
        ("d/a.yaml", &format!("defaults: {{confirm: 3}}\n{}", service("a"))),
        ("d/b.yaml", &format!("{}defaults: {{}}\n", service("b"))),
    ]);
    assert_eq!(
        problems(&directory, "d"),
        "d/b.yaml:3:1: error: `defaults` stands in two files: the first stands at d/a.yaml:1\n    \
         3 | defaults: {}\n      | ^^^^^^^^\n   hint: keep it in one of them: only lists are joined"
    );
}

#[test]
fn one_name_in_two_files_is_an_error_that_names_both() {
    let directory = directory(&[("d/a.yaml", &service("shop")), ("d/b.yaml", &service("shop"))]);
    let found = problems(&directory, "d");
    assert!(
        found.contains(
            "d/b.yaml:2:12: error: a second service is called `shop`: the first stands at d/a.yaml:2"
        ),
        "{found}"
    );
}

#[test]
fn the_problems_of_all_files_are_found_at_once() {
    let wrong = service("a").replace("http:", "htpp:");
    let directory = directory(&[
        ("m.yaml", &format!("include: [sub/*.yaml]\nlistn: x\n{wrong}")),
        ("sub/a.yaml", "services: ["),
        ("sub/b.yaml", &service("B")),
        ("sub/c.yaml", &service("c").replace("name: c,", "name: c, use: [web],")),
    ]);
    let found = problems(&directory, "m.yaml");
    let lines: Vec<&str> = found.lines().filter(|line| line.contains("error: ")).collect();
    // The profile may stand in the file that cannot be read.
    assert_eq!(lines.len(), 4, "{found}");
    for (line, start) in lines.iter().zip(["m.yaml:2", "m.yaml:4", "sub/a.yaml:1", "sub/b.yaml:2"])
    {
        assert!(line.starts_with(start), "{found}");
    }
}
