//! Instance profiles on instances.

use super::error::call;
use crate::cloud::operations::DESCRIBE_IAM_INSTANCE_PROFILE_ASSOCIATIONS;
use crate::cloud::port::{CloudResult, ProfileReads};
use crate::domain::principal::ProfileAssociation;
use crate::domain::{InstanceId, Scope};
use async_trait::async_trait;
use aws_sdk_ec2::types as ec2_types;

/// The largest page of `DescribeIamInstanceProfileAssociations`.
const PAGE: i32 = 1000;
/// How many values a filter takes (EC2 API reference, "List and filter using the API").
const FILTER_VALUES: usize = 200;

#[async_trait]
impl ProfileReads for super::AwsCloud {
    async fn profile_associations(
        &self,
        scope: &Scope,
        instances: &[InstanceId],
    ) -> CloudResult<Vec<ProfileAssociation>> {
        let ec2 = &self.clients.of(scope).await?.ec2;
        let filters: Vec<Option<Vec<ec2_types::Filter>>> = if instances.is_empty() {
            vec![None]
        } else {
            let filter =
                |ids: &[InstanceId]| Some(vec![super::ec2::filter("instance-id", ids.iter().map(|i| i.as_str()))]);
            instances.chunks(FILTER_VALUES).map(filter).collect()
        };
        let mut found = Vec::new();
        for filters in filters {
            let request = ec2.describe_iam_instance_profile_associations().set_filters(filters).max_results(PAGE);
            let pages = request.into_paginator().items().send();
            let pages = pages.collect::<Result<Vec<_>, _>>();
            let answer = call(DESCRIBE_IAM_INSTANCE_PROFILE_ASSOCIATIONS, Some(scope), pages).await?;
            found.extend(answer.iter().filter_map(association));
        }
        found.retain(|a| instances.is_empty() || instances.contains(&a.instance));
        Ok(found)
    }
}

fn association(a: &ec2_types::IamInstanceProfileAssociation) -> Option<ProfileAssociation> {
    Some(ProfileAssociation {
        id: a.association_id()?.to_owned(),
        instance: InstanceId::new(a.instance_id()?),
        profile_arn: a.iam_instance_profile()?.arn()?.to_owned(),
        state: a.state().map(|s| s.as_str().to_owned()).unwrap_or_default(),
    })
}
