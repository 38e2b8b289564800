//! Whose turn it is to post a report: a body is held whole, and reading one takes several times its
//! length, so that few may do so at once.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::LARGEST;
use crate::api::problem::Problem;

/// So many bodies are received at once.
pub(super) const RECEIVED: usize = 4;

/// How long anybody waits for a turn; less than a body may take, or all would wait for the slowest.
pub(super) const WAIT: Duration = Duration::from_secs(10);

/// Turns to post a report.
#[derive(Debug)]
pub(super) struct Turns {
    receiving: Arc<Semaphore>,
    reading: Arc<Semaphore>,
}

impl Default for Turns {
    fn default() -> Self {
        Self { receiving: Arc::new(Semaphore::new(RECEIVED)), reading: Arc::new(Semaphore::new(1)) }
    }
}

impl Turns {
    /// Waits until a body may be received.
    pub(super) async fn to_receive(&self) -> Result<OwnedSemaphorePermit, Problem> {
        wait(&self.receiving).await
    }

    /// Waits until a body may be read.
    pub(super) async fn to_read(&self) -> Result<OwnedSemaphorePermit, Problem> {
        wait(&self.reading).await
    }
}

async fn wait(turns: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Problem> {
    match tokio::time::timeout(WAIT, Arc::clone(turns).acquire_owned()).await {
        Ok(Ok(turn)) => Ok(turn),
        _ => Err(Problem::later(
            format!("too many reports of up to {LARGEST} bytes come at once"),
            10,
        )),
    }
}
