//! block-address
pub mod allocate;
pub mod counter;

#[cfg(test)]
pub(super) mod tests;
