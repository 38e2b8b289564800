//! The probe, from tables and over real sockets.

mod certificates;
mod chains;
mod fake;
mod handshakes;
mod hostile;
#[cfg(feature = "peers")]
mod openssl;
mod protocols;
mod samples;
mod status;
mod survey;
