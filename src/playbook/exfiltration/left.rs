//! What the plan leaves as it is on each instance, and why: the notification tells every instance's state, and where
//! there is no step for it, this is it.

use super::{Backup, Request, backup_name, metadata_step, swap_step};
use crate::domain::{Instance, InstanceId, MetadataOptions, text};
use std::collections::BTreeMap;

/// The action of requiring IMDSv2, as the notification names it.
pub const IMDSV2: &str = "imdsv2";

/// The action of putting another profile on, as the notification names it.
pub const PROFILE: &str = "profile";

/// Each instance's actions that have no step, with a sentence on why, escaped.
type Left = BTreeMap<InstanceId, BTreeMap<String, String>>;

/// What is left of the instances that have the role, of those that have its backup already, and of those that could not
/// be read.
pub(super) fn left(request: &Request<'_>, users: &[&Instance], chosen: &Backup) -> Left {
    let mut left = Left::new();
    let mut say = |id: &InstanceId, action: &str, why: String| {
        left.entry(id.clone()).or_default().insert(action.to_owned(), why);
    };
    for instance in users {
        if metadata_step(request, instance).is_none() {
            say(&instance.id, IMDSV2, operated(instance).unwrap_or_else(|| metadata(instance.metadata.as_ref())));
        }
        if swap_step(request, instance, chosen).is_none() {
            let kept = match chosen {
                Backup::None(why) => format!("profile kept: {why}"),
                Backup::There(_) | Backup::ToBeMade(_) => {
                    "profile kept: the one that is on it was not found".to_owned()
                }
            };
            say(&instance.id, PROFILE, operated(instance).unwrap_or(kept));
        }
    }
    let backup = text::fit(&backup_name(request.role), 80);
    for moved in &request.moved {
        say(&moved.instance, PROFILE, format!("profile kept: it is {backup}'s already"));
        if moved.read {
            say(&moved.instance, IMDSV2, metadata(moved.metadata.as_ref()));
        }
    }
    for (place, id) in &request.elsewhere {
        let why = format!("left alone: what is in {} can't be read from here", place.region);
        say(id, IMDSV2, why.clone());
        say(id, PROFILE, why);
    }
    left
}

fn operated(instance: &Instance) -> Option<String> {
    let operator = instance.operator.as_ref()?;
    Some(format!("left alone: it is operated by {}", text::fit(operator, 80)))
}

/// What holds of an instance's metadata options without us.
fn metadata(options: Option<&MetadataOptions>) -> String {
    match options {
        None => "left alone: its metadata options could not be read".to_owned(),
        Some(options) if !options.endpoint => "it serves no metadata: its endpoint is off".to_owned(),
        Some(options) if options.tokens_required => "IMDSv2 was required already".to_owned(),
        Some(_) => "IMDSv2 is NOT required, and this run does not change it".to_owned(),
    }
}
