//! SNS: telling people.

use super::clients::ScopeClients;
use super::error::{call, incomplete};
use crate::cloud::operations::PUBLISH;
use crate::cloud::port::{CloudError, CloudResult, ErrorKind, Target};
use crate::domain::Region;

/// `sns:Publish`. A topic is reached in its own Region, which its ARN names, with the credentials of the target's account.
pub(super) async fn publish(
    clients: &ScopeClients,
    target: &Target,
    topic_arn: &str,
    subject: &str,
    body: &str,
) -> CloudResult<String> {
    let sns_once = clients.sns_once(&region_of(topic_arn).map_err(|e| e.at(&target.scope).on(topic_arn))?);
    if target.dry_run {
        return Ok("dry-run".to_owned()); // SNS knows no rehearsal
    }
    let request = sns_once.publish().topic_arn(topic_arn).subject(subject).message(body);
    let answer = call(PUBLISH, Some(&target.scope), request.send()).await.map_err(|e| e.on(topic_arn))?;
    answer.message_id.ok_or_else(|| incomplete(PUBLISH, &target.scope, "the message's id").on(topic_arn))
}

/// The Region of a topic: `arn:partition:sns:region:account:name`.
fn region_of(topic_arn: &str) -> CloudResult<Region> {
    let fields: Vec<&str> = topic_arn.split(':').collect();
    match fields[..] {
        ["arn", _, "sns", region, _, name] if !name.is_empty() => region.parse().ok(),
        _ => None,
    }
    .ok_or_else(|| CloudError::new(PUBLISH.name, ErrorKind::Invalid, "InvalidTopicArn", "not the ARN of an SNS topic"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_names_its_region() {
        let region = |arn: &str| region_of(arn).map(|r| r.as_str().to_owned());
        assert_eq!(region("arn:aws-us-gov:sns:us-gov-west-1:111122223333:alerts").unwrap(), "us-gov-west-1");
        for wrong in ["alerts", "arn:aws:sqs:eu-west-1:111122223333:q", "arn:aws:sns:moon:111122223333:alerts"] {
            assert_eq!(region(wrong).unwrap_err().kind, ErrorKind::Invalid, "{wrong}");
        }
    }
}
