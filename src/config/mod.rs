//! Configuration: files become a [`Config`], or a list of every problem in them.

mod types;
mod yaml;

pub(crate) use types::*;
pub(crate) use yaml::{Problem, Problems};
