//! The tags that a quarantine leaves beside the resource, within AWS's limits.

use crate::domain::{GroupId, Tags};
use std::collections::BTreeSet;

/// Where the instance stands: [`QUARANTINED`] or [`RESTORED`].
pub const STATUS: &str = "SecurityStatus";
/// A value of [`STATUS`].
pub const QUARANTINED: &str = "Quarantined";
/// A value of [`STATUS`].
pub const RESTORED: &str = "Restored";
/// When it was quarantined, RFC 3339 in UTC.
pub const QUARANTINED_AT: &str = "QuarantinedAt";
/// By whom.
pub const QUARANTINED_BY: &str = "QuarantinedBy";
/// When it was restored, RFC 3339 in UTC.
pub const RESTORED_AT: &str = "RestoredAt";
/// The finding that was answered.
pub const FINDING_ID: &str = "GuardDutyFindingId";
/// The finding's type.
pub const FINDING_TYPE: &str = "GuardDutyFindingType";
/// The groups that stood on the interface (on the instance: on its primary interface).
pub const ORIGINALS: &str = "OriginalSecurityGroups";
/// The rest of the groups, where one value can't hold them.
pub const ORIGINALS_2: &str = "OriginalSecurityGroups2";

/// On a snapshot: the run that took it, so that an unclear answer can be looked into.
pub const RUN: &str = "LazaretRun";

/// On a copy of a snapshot: the run that made it.
pub const COPY_RUN: &str = "LazaretCopyRun";
/// On a copy of a snapshot: what it was made from.
pub const COPY_OF: &str = "LazaretCopyOf";

/// All tags that say an instance is in quarantine and that restore removes.
pub const OURS: [&str; 7] = [STATUS, QUARANTINED_AT, QUARANTINED_BY, FINDING_ID, FINDING_TYPE, ORIGINALS, ORIGINALS_2];

/// The tags whose value is a time: two plans that differ only there have the same effect.
pub const IS_TIME: [&str; 2] = [QUARANTINED_AT, RESTORED_AT];

/// The tag, and its value, by which a VPC's quarantine group is found.
pub const GROUP_TAG: (&str, &str) = ("lazaret", "quarantine");

/// Tags a resource may have; those in the `aws:` namespace don't count (EC2 user guide, "Tag restrictions").
pub const MAX_TAGS: usize = 50;

/// How many group ids of 20 characters and a space fit into a value of 256 characters.
const IDS_PER_VALUE: usize = 12;

/// The tag, and its value, on a backup role that we made.
pub const BACKUP_TAG: (&str, &str) = ("lazaret", "backup-role");

/// The tags of a quarantine group that we make.
pub fn of_quarantine_group() -> Tags {
    Tags::from([(GROUP_TAG.0.to_owned(), GROUP_TAG.1.to_owned())])
}

/// Whether these tags say that a group is for quarantine.
pub fn is_quarantine_group(tags: &Tags) -> bool {
    tags.get(GROUP_TAG.0).map(String::as_str) == Some(GROUP_TAG.1)
}

/// What a quarantine group that we make says of itself.
pub const GROUP_DESCRIPTION: &str = "lazaret quarantine: no traffic";

/// The one or two tags that hold these groups.
pub fn originals(groups: &BTreeSet<GroupId>) -> Vec<(&'static str, String)> {
    let ids: Vec<&str> = groups.iter().map(GroupId::as_str).collect();
    ids.chunks(IDS_PER_VALUE).zip([ORIGINALS, ORIGINALS_2]).map(|(chunk, key)| (key, chunk.join(" "))).collect()
}

/// The groups that the tags name, where they are present and every word of them is a group's id. Anyone with
/// `CreateTags` can have written them.
pub fn read_originals(tags: &Tags) -> Option<BTreeSet<GroupId>> {
    let first = tags.get(ORIGINALS)?;
    let rest = tags.get(ORIGINALS_2).map(String::as_str).unwrap_or_default();
    let ids: Result<BTreeSet<GroupId>, _> = first
        .split([' ', ','])
        .chain(rest.split([' ', ',']))
        .filter(|word| !word.is_empty())
        .map(str::parse::<GroupId>)
        .collect();
    ids.ok().filter(|ids| !ids.is_empty())
}

/// How many more tags a resource takes.
pub fn room(tags: &Tags) -> usize {
    MAX_TAGS.saturating_sub(tags.keys().filter(|k| !k.starts_with("aws:")).count())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn groups(n: usize) -> BTreeSet<GroupId> {
        (0..n).map(|i| GroupId::new(format!("sg-{i:017x}"))).collect()
    }

    #[test]
    fn up_to_sixteen_groups_come_back_from_tags_within_256_characters() {
        for n in 1..=16 {
            let tags: Tags = originals(&groups(n)).into_iter().map(|(k, v)| (k.to_owned(), v)).collect();
            assert_eq!(tags.len(), if n > 12 { 2 } else { 1 });
            assert!(tags.values().all(|v| v.len() <= 256));
            assert_eq!(read_originals(&tags).unwrap(), groups(n));
        }
    }

    #[test]
    fn tags_that_name_no_groups_are_not_believed() {
        for value in ["", "sg-123", "sg-0123456789abcdef0 rm -rf", "sg-0123456789abcdef0;sg-0123456789abcdef1"] {
            let tags = Tags::from([(ORIGINALS.to_owned(), value.to_owned())]);
            assert_eq!(read_originals(&tags), None, "{value}");
        }
    }

    #[test]
    fn aws_tags_take_no_room() {
        let tags: Tags =
            (0..48).map(|i| (format!("k{i}"), String::new())).chain([("aws:x".into(), String::new())]).collect();
        assert_eq!(room(&tags), 2);
    }
}
