//! Configuration: files become a [`Config`], or a list of every problem in them.

mod build;
mod files;
mod load;
mod raw;
mod read;
mod schema;
#[cfg(test)]
mod tests;
mod types;
mod yaml;

pub(crate) use load::{Attempt, Loaded, attempt, load, load_text};
pub(crate) use read::Read;
pub(crate) use schema::schema;
pub(crate) use types::*;
pub(crate) use yaml::Problems;

/// Every key there is, with comments.
pub(crate) const EXAMPLE: &str = include_str!("../../config/full.yaml");
