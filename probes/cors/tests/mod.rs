//! Tables of the browser's decision and of the rules, and whole runs against servers that listen.

mod browser;
#[cfg(feature = "peers")]
mod chromium;
mod live;
mod outcome;
mod rules;
mod scene;
mod settings;
