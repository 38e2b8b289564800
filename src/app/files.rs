//! The files of the configuration: loaded when somebody asks, and looked at for changes.

use std::path::PathBuf;
use std::time::Duration;

use crate::blocking::Blocking;
use crate::config::{self, Attempt, Loaded, Read};

/// Reading a configuration takes no longer than this, or its file system hangs.
const PATIENCE: Duration = Duration::from_secs(45);

/// So many readings may hang at once: each of them keeps a thread.
const THREADS: usize = 4;

/// The files of the configuration.
pub(super) struct Files {
    path: PathBuf,
    /// What was read last. A configuration that is wrong is not loaded again until it changes.
    read: Read,
    /// What was loaded when a look noticed a change, until the next look sees the same.
    unsettled: Option<Attempt>,
    /// Whether what changed could not be read at all when it was looked at last.
    hangs: bool,
    blocking: Blocking,
}

impl Files {
    /// Those at a path, of which this was read.
    pub(super) fn new(path: PathBuf, read: Read) -> Self {
        let blocking = Blocking::new(THREADS, PATIENCE);
        Self { path, read, unsettled: None, hangs: false, blocking }
    }

    /// Loads what stands there now.
    pub(super) async fn load(&mut self) -> Result<Loaded, String> {
        self.unsettled = None;
        let attempt = self.attempt().await?;
        self.take(attempt)
    }

    /// Looks for changes. What changed is given once two looks in a row saw the same: a writer that
    /// is caught in the middle may have left half of a file that is right in itself.
    pub(super) async fn look(&mut self) -> Option<Result<Loaded, String>> {
        let last = self.unsettled.as_ref().map_or(&self.read, |unsettled| &unsettled.read).clone();
        let now = match self
            .blocking
            .call({
                let last = last.clone();
                move || last.again()
            })
            .await
        {
            Ok(now) => now,
            Err(error) => {
                tracing::warn!(%error, "the configuration cannot be looked at");
                return None;
            }
        };
        if now == last {
            let settled = self.unsettled.take()?;
            return Some(self.take(settled));
        }
        tracing::info!("the configuration's content changed");
        match self.attempt().await {
            Ok(attempt) => {
                self.hangs = false;
                let news = attempt.read != self.read;
                self.unsettled = news.then_some(attempt);
                None
            }
            Err(error) => {
                self.unsettled = None;
                // It is tried again with each look, and said once.
                let said = std::mem::replace(&mut self.hangs, true);
                (!said).then_some(Err(error))
            }
        }
    }

    async fn attempt(&self) -> Result<Attempt, String> {
        let path = self.path.clone();
        let attempt = self.blocking.call(move || config::attempt(&path)).await;
        attempt.map_err(|error| format!("{} cannot be read: {error}", self.path.display()))
    }

    fn take(&mut self, attempt: Attempt) -> Result<Loaded, String> {
        self.read = attempt.read;
        attempt.outcome.map_err(|problems| problems.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Rig {
        folder: tempfile::TempDir,
        files: Files,
    }

    fn services(names: &[&str]) -> String {
        let service = |name: &&str| {
            format!("  - {{name: {name}, url: 'http://{name}.test', checks: [http: ]}}\n")
        };
        format!("services:\n{}", names.iter().map(service).collect::<String>())
    }

    impl Rig {
        /// Files of which the first was loaded.
        fn new(main: &str) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("musterd.yaml");
            std::fs::write(&path, main).unwrap();
            let loaded = config::load(&path).unwrap();
            Self { folder, files: Files::new(path, loaded.config.read) }
        }

        fn write(&self, name: &str, text: &str) {
            std::fs::write(self.folder.path().join(name), text).unwrap();
        }

        /// What a look gives: the names of all services, or what is wrong.
        async fn look(&mut self) -> Option<Result<String, String>> {
            Some(self.files.look().await?.map(|loaded| named(&loaded)))
        }
    }

    fn named(loaded: &Loaded) -> String {
        let names: Vec<String> =
            loaded.config.services.iter().map(|service| service.name.clone()).collect();
        names.join(" ")
    }

    #[tokio::test]
    async fn what_changed_while_it_was_loaded_is_noticed() {
        let mut rig = Rig::new(&services(&["a"]));
        assert_eq!(rig.look().await, None);
        // As if it had been written between the reading and whatever came after it.
        let attempt = rig.files.attempt().await.unwrap();
        rig.write("musterd.yaml", &services(&["b"]));
        rig.files.take(attempt).unwrap();
        rig.write("musterd.yaml", &services(&["c"]));
        assert_eq!(rig.look().await, None);
        assert_eq!(rig.look().await, Some(Ok("c".to_owned())));
        assert_eq!(rig.look().await, None);
    }

    #[tokio::test]
    async fn a_file_that_is_still_being_written_is_left_alone() {
        let mut rig = Rig::new(&services(&["a", "b"]));
        let whole = services(&["a", "b", "c"]);
        rig.write("musterd.yaml", &services(&["a"]));
        assert_eq!(rig.look().await, None, "a half that is right in itself");
        rig.write("musterd.yaml", &whole);
        assert_eq!(rig.look().await, None, "it changes still");
        assert_eq!(rig.look().await, Some(Ok("a b c".to_owned())));

        rig.write("musterd.yaml", &services(&["a"]));
        assert_eq!(rig.look().await, None);
        rig.write("musterd.yaml", &whole);
        assert_eq!(rig.look().await, None);
        assert_eq!(rig.look().await, None, "it is as it was");
    }

    #[tokio::test]
    async fn whoever_asks_is_given_at_once_what_stands_there() {
        let mut rig = Rig::new(&services(&["a"]));
        rig.write("musterd.yaml", &services(&["b"]));
        assert_eq!(rig.look().await, None);
        let loaded = rig.files.load().await.unwrap();
        assert_eq!(named(&loaded), "b");
        assert_eq!(rig.look().await, None);
    }

    #[tokio::test]
    async fn what_is_wrong_is_said_once_and_its_mending_is_noticed_in_any_file() {
        let mut rig = Rig::new(&services(&["a"]));
        rig.write("musterd.yaml", "include: ['*.part.yaml']\n");
        assert_eq!(rig.look().await, None);
        let account = rig.look().await.unwrap().unwrap_err();
        assert!(account.contains("matches no file"), "{account}");
        assert_eq!(rig.look().await, None, "it was said");
        rig.write("one.part.yaml", "services: [");
        assert_eq!(rig.look().await, None);
        assert!(rig.look().await.unwrap().is_err());
        rig.write("one.part.yaml", &services(&["b"]));
        assert_eq!(rig.look().await, None);
        assert_eq!(rig.look().await, Some(Ok("b".to_owned())));

        std::fs::remove_file(rig.folder.path().join("musterd.yaml")).unwrap();
        assert_eq!(rig.look().await, None);
        assert!(rig.look().await.unwrap().is_err());
        rig.write("musterd.yaml", &services(&["c"]));
        assert_eq!(rig.look().await, None);
        assert_eq!(rig.look().await, Some(Ok("c".to_owned())));
    }

    #[tokio::test]
    async fn a_pipe_is_read_when_somebody_asks_and_never_looked_at() {
        let (reader, mut writer) = std::io::pipe().unwrap();
        let path = {
            use std::os::fd::AsRawFd as _;
            PathBuf::from(format!("/dev/fd/{}", reader.as_raw_fd()))
        };
        std::io::Write::write_all(&mut writer, services(&["a"]).as_bytes()).unwrap();
        drop(writer);
        let loaded = config::load(&path).unwrap();
        let mut files = Files::new(path, loaded.config.read);
        assert!(files.look().await.is_none(), "it is empty now, but that is no change");
        assert!(files.load().await.is_err());
        assert!(files.look().await.is_none());
    }
}
