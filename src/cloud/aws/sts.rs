//! STS: who we are.

use super::error::call;
use crate::cloud::operations::GET_CALLER_IDENTITY;
use crate::cloud::port::{CallerIdentity, CloudError, CloudResult, ErrorKind};
use crate::domain::{AccountId, Partition, Scope};

/// `sts:GetCallerIdentity`.
pub(super) async fn caller_identity(sts: &aws_sdk_sts::Client, scope: Option<&Scope>) -> CloudResult<CallerIdentity> {
    let answer = call(GET_CALLER_IDENTITY, scope, sts.get_caller_identity().send()).await?;
    match (answer.arn, answer.account) {
        (Some(arn), Some(account)) => Ok(CallerIdentity { arn, account }),
        _ => Err(unreadable("AWS answered without an ARN and an account")),
    }
}

/// The account and partition of a caller, from its ARN (`arn:partition:sts::account:assumed-role/…`).
pub(super) fn home(caller: &CallerIdentity) -> CloudResult<(AccountId, Partition)> {
    let mut fields = caller.arn.split(':');
    let (Some("arn"), Some(partition)) = (fields.next(), fields.next()) else {
        return Err(unreadable(&format!("`{}` is not an ARN", caller.arn)));
    };
    let account = caller.account.parse::<AccountId>().map_err(|e| unreadable(&e.to_string()))?;
    Ok((account, Partition::from(partition.to_owned())))
}

fn unreadable(message: &str) -> CloudError {
    CloudError::new(GET_CALLER_IDENTITY.name, ErrorKind::Other, "UnreadableAnswer", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_partition_comes_from_the_arn() {
        let caller = |arn: &str, account: &str| CallerIdentity { arn: arn.into(), account: account.into() };
        let gov = caller("arn:aws-us-gov:sts::111122223333:assumed-role/Responder/ana", "111122223333");
        let (account, partition) = home(&gov).unwrap();
        assert_eq!((account.as_str(), partition), ("111122223333", Partition::AwsUsGov));
        assert!(home(&caller("somebody", "111122223333")).is_err());
        assert!(home(&caller("arn:aws:iam::1:root", "1")).is_err());
    }
}
