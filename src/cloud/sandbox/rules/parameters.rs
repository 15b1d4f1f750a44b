//! `GetParametersByPath`.

use super::super::refusal::{Refusal, Ruling};
use super::super::world::ScopeWorld;
use crate::cloud::port::Parameter;

pub(in super::super) fn below(place: &ScopeWorld, path: &str) -> Ruling<Vec<Parameter>> {
    if !path.starts_with('/') {
        return Err(Refusal::new(
            "ValidationException",
            "The parameter doesn't meet the parameter name requirements. The parameter path must begin with a forward \
             slash \"/\".",
        ));
    }
    let prefix = format!("{}/", path.trim_end_matches('/'));
    Ok(place.parameters.values().filter(|p| p.name.starts_with(&prefix)).cloned().collect())
}
