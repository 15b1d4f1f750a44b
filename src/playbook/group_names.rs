//! Security groups in words, those that a run is yet to make among them.

use crate::domain::{GroupId, text};

/// Stands for the quarantine group that an earlier step of the same run makes; replaced by the real id before the
/// step that names it is recorded.
pub const GROUP_TO_BE_MADE: &str = "sg-to-be-made";

/// Stands for the allow-all group that an earlier step of the same run makes; replaced by the real id before the step
/// that names it is recorded.
pub const OPEN_GROUP_TO_BE_MADE: &str = "sg-open-to-be-made";

/// Groups in words, smallest id first.
pub fn group_list<'a>(groups: impl IntoIterator<Item = &'a GroupId>) -> String {
    let name = |g: &'a GroupId| match g.as_str() {
        GROUP_TO_BE_MADE => "the new quarantine group",
        OPEN_GROUP_TO_BE_MADE => "the allow-all group",
        id => id,
    };
    let list: Vec<&str> = groups.into_iter().map(name).collect();
    if list.is_empty() { "no group".to_owned() } else { text::safe(&list.join(" ")).into_owned() }
}
