//! EC2: instances, network interfaces, security groups, tags, snapshots and network ACLs.

pub(super) mod acls;
mod address;
pub(super) mod convert;
mod flows;
pub(super) mod prefix_lists;
pub(super) mod profiles;
pub(super) mod read;
pub(super) mod write;

use aws_sdk_ec2::types::{Filter, Tag};

/// A filter on exact values. EC2 reads `*` and `?` in a filter's value as wildcards, and ids and tag values come from
/// findings, which others write: they are escaped.
pub(super) fn filter<V: AsRef<str>>(name: impl Into<String>, values: impl IntoIterator<Item = V>) -> Filter {
    let values = values.into_iter().map(|value| literal(value.as_ref())).collect();
    Filter::builder().name(name).set_values(Some(values)).build()
}

fn literal(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for c in value.chars() {
        if matches!(c, '*' | '?' | '\\') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

fn tags(tags: &crate::domain::Tags) -> Vec<Tag> {
    tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_in_filters_are_escaped() {
        assert_eq!(literal("i-0ab12"), "i-0ab12");
        assert_eq!(literal(r"i-*?\"), r"i-\*\?\\");
        assert_eq!(filter("group-name", ["a*"]).values(), [r"a\*"]);
    }
}
