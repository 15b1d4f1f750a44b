//! What several tests share.

pub(crate) mod bench;
pub(crate) mod plans;
pub(crate) mod program;
pub(crate) mod sweep;
pub(crate) mod terminal;
