//! Tags of an instance or of one of its interfaces.

use super::edit::{BackIn, Edit, Standing, chained};
use crate::domain::{InstanceId, Tags, text};
use crate::playbook::call::ApiCall;
use crate::playbook::observed::{Needs, Observed};
use crate::playbook::weight::Weight;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What one tag holds before and after; `None` where the tag is absent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TagEdit {
    /// The value that stood there.
    pub before: Option<String>,
    /// The value that will.
    pub after: Option<String>,
}

/// Sets or removes tags of one resource.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetTags {
    /// The instance whose tags they are, or whose interface's.
    pub instance: InstanceId,
    /// The resource.
    pub resource: String,
    /// The edits by key.
    pub edits: BTreeMap<String, TagEdit>,
}

impl Edit for SetTags {
    fn fields(&self) -> Vec<String> {
        self.edits.keys().map(|k| format!("{} tag {k}", self.resource)).collect()
    }

    fn needs(&self) -> Needs {
        Needs { instance: Some(self.instance.clone()), ..Needs::default() }
    }

    fn standing(&self, world: &Observed) -> Standing {
        let Some(tags) = tags_of(world, &self.resource) else { return Standing::Gone };
        let all =
            |side: fn(&TagEdit) -> &Option<String>| self.edits.iter().all(|(k, e)| tags.get(k) == side(e).as_ref());
        if all(|e| &e.after) {
            Standing::After
        } else if all(|e| &e.before) {
            Standing::Before
        } else {
            let odd: Vec<String> = self
                .edits
                .iter()
                .filter(|(k, e)| tags.get(*k) != e.after.as_ref())
                .map(|(k, _)| format!("{k}={}", show(tags.get(k).map(String::as_str))))
                .collect();
            Standing::Drift(odd.join(", "))
        }
    }

    fn before_text(&self) -> String {
        list(&self.edits, |e| &e.before)
    }

    fn after_text(&self) -> String {
        list(&self.edits, |e| &e.after)
    }

    fn what(&self) -> String {
        format!("tags of {}", text::safe(&self.resource))
    }

    fn calls(&self) -> Vec<ApiCall> {
        let (set, removed): (Vec<_>, Vec<_>) = self.edits.iter().partition(|(_, e)| e.after.is_some());
        let mut calls = Vec::new();
        if !set.is_empty() {
            let show = |side: fn(&TagEdit) -> &Option<String>| Some(list(set.iter().copied(), side));
            calls.push(ApiCall::new("ec2:CreateTags", &self.resource, show(|e| &e.before), show(|e| &e.after)));
        }
        if !removed.is_empty() {
            let before = Some(list(removed, |e| &e.before));
            calls.push(ApiCall::new("ec2:DeleteTags", &self.resource, before, Some("absent".into())));
        }
        calls
    }

    fn inverse(&self) -> Option<Self> {
        let turned = |e: &TagEdit| TagEdit { before: e.after.clone(), after: e.before.clone() };
        Some(Self { edits: self.edits.iter().map(|(k, e)| (k.clone(), turned(e))).collect(), ..self.clone() })
    }

    fn then(&self, later: &Self) -> Option<Self> {
        if self.resource != later.resource {
            return None;
        }
        let mut both = self.clone();
        for (key, edit) in &later.edits {
            both.edits
                .entry(key.clone())
                .and_modify(|first| {
                    let before = chained(&first.before, &first.after, &edit.before);
                    *first = TagEdit { before, after: edit.after.clone() };
                })
                .or_insert_with(|| edit.clone());
        }
        Some(both)
    }

    fn minus(&self, back: &Self) -> Option<Self> {
        let mut left = self.clone();
        if self.resource == back.resource {
            left.edits.retain(|key, _| !back.edits.contains_key(key));
        }
        (!left.edits.is_empty()).then_some(left)
    }

    fn back_in(&self) -> BackIn {
        BackIn::Afterwards
    }

    fn back_weight(&self) -> Weight {
        Weight::Wanted
    }

    fn looks_first(&self) -> bool {
        false
    }
}

/// The tags of the instance or one of its interfaces; `None` when it isn't there.
pub fn tags_of<'a>(world: &'a Observed, resource: &str) -> Option<&'a Tags> {
    match &world.instance {
        Some(instance) if instance.id.as_str() == resource => Some(&instance.tags),
        _ => world.interfaces.values().find(|i| i.id.as_str() == resource).map(|i| &i.tags),
    }
}

fn show(value: Option<&str>) -> String {
    value.map_or("absent".to_owned(), |v| format!("\"{}\"", text::fit(v, 80)))
}

fn list<'a>(
    edits: impl IntoIterator<Item = (&'a String, &'a TagEdit)>,
    side: fn(&TagEdit) -> &Option<String>,
) -> String {
    let list: Vec<String> =
        edits.into_iter().map(|(k, e)| format!("{}={}", text::safe(k), show(side(e).as_deref()))).collect();
    list.join(", ")
}
