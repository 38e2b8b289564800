//! Reports that others posted, bounded in number and in age.

/// What others posted.
#[derive(Debug, Default)]
pub(crate) struct Reports {}
