//! SNS `Publish`.

use super::super::refusal::{Refusal, Ruling};
use super::super::world::{Message, World, hex_of};
use crate::domain::Scope;
use chrono::{DateTime, Utc};

/// SNS: a message may be 256 KB.
const LONGEST_BODY: usize = 262_144;

pub(in super::super) fn publish(
    world: &mut World,
    scope: &Scope,
    topic_arn: &str,
    subject: &str,
    body: &str,
    now: DateTime<Utc>,
) -> Ruling<String> {
    let invalid = |message: &str| Refusal::new("InvalidParameter", format!("Invalid parameter: {message}"));
    // The API reference: ASCII text that begins with a letter, number or punctuation mark, no line breaks or control
    // characters, less than 100 characters long.
    let legal = subject.bytes().all(|b| (b' '..=b'~').contains(&b)) && !subject.starts_with(' ');
    if subject.is_empty() || subject.len() >= 100 || !legal {
        return Err(invalid("Subject"));
    }
    if body.is_empty() {
        return Err(invalid("Empty message"));
    }
    if body.len() > LONGEST_BODY {
        return Err(invalid("Message too long"));
    }
    let parts: Vec<&str> = topic_arn.splitn(6, ':').collect();
    let [_, _, service, region, _, _] = parts[..] else { return Err(invalid("TopicArn")) };
    if service != "sns" || region != scope.region.as_str() {
        return Err(invalid("TopicArn"));
    }
    let number = world.made + 1;
    let Some(topic) = world.scopes.values_mut().find_map(|place| place.topics.get_mut(topic_arn)) else {
        return Err(Refusal::new("NotFound", "Topic does not exist"));
    };
    world.made = number;
    let hex = hex_of(&[b"message", &world.seed.to_be_bytes(), &number.to_be_bytes()], 32);
    let id = format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]);
    topic.messages.push(Message { id: id.clone(), subject: subject.to_owned(), body: body.to_owned(), at: now });
    Ok(id)
}
