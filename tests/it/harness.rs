//! Runs the built program with an environment that nobody else's settings leak into.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// What one run of the program wrote, and its exit code.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// What was written to stdout, as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("no JSON: {error}\n{}\n{}", self.stdout, self.stderr))
    }

    /// Every check of a report: id, verdict, and the rules that fired, each once.
    pub(crate) fn checks(&self) -> Vec<(String, String, Vec<String>)> {
        let report = self.json();
        let checks = report["services"].as_array().expect("a report has services").iter();
        checks
            .flat_map(|service| service["checks"].as_array().expect("a service has checks"))
            .map(|check| {
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                let findings = check["findings"].as_array().expect("a check has findings");
                let mut rules: Vec<String> =
                    findings.iter().map(|finding| text(&finding["rule"])).collect();
                rules.dedup();
                (text(&check["id"]), text(&check["verdict"]), rules)
            })
            .collect()
    }
}

/// A folder to run the program in.
pub(crate) struct Folder(tempfile::TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder for one test"))
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file into it.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        std::fs::write(&path, content).expect("the folder can be written to");
        path
    }

    /// The program with these arguments, not started yet.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin!("musterd"));
        command.args(arguments).current_dir(self.path());
        command.env_clear().env("PATH", "/usr/bin:/bin");
        command
    }

    /// Runs the program with these arguments.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        ran(self.command(arguments))
    }
}

/// Runs a command to its end.
pub(crate) fn ran(mut command: Command) -> Ran {
    let Output { status, stdout, stderr } = command.output().expect("the program starts");
    Ran {
        code: status.code().expect("the program ends by itself"),
        stdout: String::from_utf8(stdout).expect("stdout is UTF-8"),
        stderr: String::from_utf8(stderr).expect("stderr is UTF-8"),
    }
}

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
