//! An API call as a preview shows it.

use crate::domain::text;
use serde::Serialize;

/// One API call of a step, for the preview.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ApiCall {
    /// The operation as IAM spells it.
    pub operation: &'static str,
    /// What it is called on.
    pub target: String,
    /// What stands there, where the call changes something.
    pub before: Option<String>,
    /// What will stand there.
    pub after: Option<String>,
}

impl ApiCall {
    /// A call that changes something; texts are escaped.
    pub fn new(operation: &'static str, target: &str, before: Option<String>, after: Option<String>) -> Self {
        Self { operation, target: text::safe(target).into_owned(), before, after }
    }

    /// A call that only looks.
    pub fn read(operation: &'static str, target: &str) -> Self {
        Self::new(operation, target, None, None)
    }
}
