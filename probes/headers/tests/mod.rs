//! Tables of rules, and whole runs against servers that listen.

mod answer;
mod cookies;
mod csp;
mod hostile;
mod live;
pub(in crate::headers) mod scene;
mod sets;
mod settings;
mod transport;
