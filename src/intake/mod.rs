//! Decoders: whatever form a finding arrives in, it becomes one [`Finding`] here, and nowhere else.
//!
//! [`decode_bytes`] and [`decode_value`] find out the form by looking: ASFF, GuardDuty's own (as EventBridge spells it
//! and as the API does), OCSF, the EventBridge envelopes around them, pages of findings, arrays, JSON Lines. All of it
//! is total: any input gives findings, with what was strange about them listed, or a [`DecodeError`] that names the
//! place. In a page, an element that can't be understood becomes a finding that says so, and never costs the others.
//!
//! May import `domain`. Deliberately absent: I/O, the clock, panics, recursion over the input, and any judgement of
//! what a finding means or whether to act on it.

mod arn;
pub mod asff;
mod draft;
mod envelope;
mod error;
mod fields;
mod finding_type;
pub mod guardduty;
mod lines;
pub mod ocsf;
mod principal;
mod product_fields;
mod remote;
mod resource;
mod sample;
mod sequence;
mod severity;
mod time;

pub use error::DecodeError;
pub use finding_type::normal_type;

use crate::domain::Finding;
use serde_json::Value;

/// Decodes the findings in a document, in whatever form it holds them.
///
/// Takes JSON, JSON Lines, and JSON documents one after the other, in UTF-8 with or without a byte order mark.
///
/// # Errors
/// When the text is not JSON (with line and column) or not about findings (with the JSON path). A broken line among
/// readable ones, and a broken element of a page, are not errors: they become findings that say so.
pub fn decode_bytes(bytes: &[u8]) -> Result<Vec<Finding>, DecodeError> {
    lines::decode(bytes)
}

/// Decodes the findings in a JSON value, in whatever form it holds them.
///
/// # Errors
/// When the value is not a finding, a page of findings or an envelope around them; the error names the JSON path.
pub fn decode_value(value: &Value) -> Result<Vec<Finding>, DecodeError> {
    let mut out = envelope::Findings::default();
    envelope::decode(value, "$", &mut out)?;
    Ok(out.finish())
}
