//! A well behaved web server whose answers a test scripts.

mod reply;
mod request;
mod server;

pub use reply::Reply;
pub use request::Request;
pub use server::HttpServer;
