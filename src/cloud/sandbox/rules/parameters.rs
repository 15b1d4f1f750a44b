//! `GetParametersByPath`, `GetParameters` and `PutParameter`.

use super::super::refusal::{Refusal, Ruling};
use super::super::world::ScopeWorld;
use crate::cloud::port::Parameter;
use chrono::{DateTime, Utc};

/// The most names that one `GetParameters` takes (SSM API reference).
pub(in super::super) const MOST_NAMES: usize = 10;

/// The longest value of a standard parameter, in characters (SSM API reference, `PutParameter`).
const LONGEST_VALUE: usize = 4_096;

/// The most levels that a name may have (SSM API reference, `HierarchyLevelLimitExceededException`).
const MOST_LEVELS: usize = 15;

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

pub(in super::super) fn named(place: &ScopeWorld, names: &[String]) -> Ruling<Vec<Parameter>> {
    if names.is_empty() || names.len() > MOST_NAMES {
        let message = format!("1 validation error detected: names must have length between 1 and {MOST_NAMES}");
        return Err(Refusal::new("ValidationException", message));
    }
    Ok(names.iter().filter_map(|name| place.parameters.get(name)).cloned().collect())
}

pub(in super::super) fn put(place: &mut ScopeWorld, name: &str, value: &str, now: DateTime<Utc>) -> Ruling<()> {
    legal_name(name)?;
    if value.is_empty() || value.chars().count() > LONGEST_VALUE {
        let message = format!("1 validation error detected: value must have length between 1 and {LONGEST_VALUE}");
        return Err(Refusal::new("ValidationException", message));
    }
    let version = place.parameters.get(name).map_or(0, |p| p.version) + 1;
    let parameter = Parameter { name: name.to_owned(), value: value.to_owned(), version, modified_at: Some(now) };
    place.parameters.insert(name.to_owned(), parameter);
    Ok(())
}

fn legal_name(name: &str) -> Ruling<()> {
    let legal = |c: char| c.is_ascii_alphanumeric() || "_.-/".contains(c);
    if name.is_empty()
        || !name.chars().all(legal)
        || name.contains('/') && !name.starts_with('/')
        || name.ends_with('/')
    {
        let message = "Parameter name must be a fully qualified name: letters, digits and _.- between forward slashes.";
        return Err(Refusal::new("ValidationException", message));
    }
    if name.to_ascii_lowercase().starts_with("/aws") && name.matches('/').count() > 1 {
        return Err(Refusal::new("AccessDeniedException", format!("No access to reserved parameter name: {name}.")));
    }
    let first = name.trim_start_matches('/').to_ascii_lowercase();
    if first.starts_with("aws") || first.starts_with("ssm") {
        let message = "Parameter name: can't be prefixed with \"ssm\" or \"aws\" (case-insensitive).";
        return Err(Refusal::new("ValidationException", message));
    }
    if name.matches('/').count() > MOST_LEVELS {
        return Err(Refusal::new("HierarchyLevelLimitExceededException", "A hierarchy can have at most 15 levels."));
    }
    Ok(())
}
