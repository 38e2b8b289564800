//! Located YAML: a file is parsed once into a tree that remembers every line and column, and typed
//! settings are read out of that tree with all of their problems gathered in one go.

mod collect;
mod de;
mod document;
mod fault;
mod located;
mod parse;
mod problem;
mod scalar;
mod tree;
mod variant;

pub(crate) use collect::{Refusal, build, collect};
pub(crate) use document::{Document, Kind, NodeId};
pub(crate) use located::{Located, Raw};
pub(crate) use parse::MAX_FILE_BYTES;
pub(crate) use problem::{Problem, Problems, nearest, shorten, suggestion};
