//! musterd keeps checking that what is deployed still keeps its production promises.

mod config;
mod policy;
mod report;
mod runner;
mod score;
mod status;
