//! EC2's calls on instance profiles and metadata options.

use crate::cloud::aws::clients::ScopeClients;
use crate::cloud::aws::error::{call, incomplete, rehearsed};
use crate::cloud::operations::{
    ASSOCIATE_IAM_INSTANCE_PROFILE, DISASSOCIATE_IAM_INSTANCE_PROFILE, MODIFY_INSTANCE_METADATA_OPTIONS,
    REPLACE_IAM_INSTANCE_PROFILE_ASSOCIATION,
};
use crate::cloud::port::{CloudResult, Target};
use crate::domain::{InstanceId, MetadataOptions};
use aws_sdk_ec2::types as ec2;

/// What a rehearsal answers in place of an association's id: these calls know no `DryRun`.
const DRY_ASSOCIATION: &str = "iip-assoc-00000000000000000";

fn profile(arn: &str) -> ec2::IamInstanceProfileSpecification {
    ec2::IamInstanceProfileSpecification::builder().arn(arn).build()
}

/// `ec2:AssociateIamInstanceProfile`.
pub(in crate::cloud::aws) async fn associate(
    clients: &ScopeClients,
    target: &Target,
    instance: &InstanceId,
    profile_arn: &str,
) -> CloudResult<String> {
    if target.dry_run {
        return Ok(DRY_ASSOCIATION.to_owned());
    }
    let ec2_once = &clients.ec2_once;
    let request = ec2_once
        .associate_iam_instance_profile()
        .instance_id(instance.as_str())
        .iam_instance_profile(profile(profile_arn));
    let answer = call(ASSOCIATE_IAM_INSTANCE_PROFILE, Some(&target.scope), request.send()).await;
    let id = answer.map(|a| a.iam_instance_profile_association.and_then(|a| a.association_id));
    id.and_then(|id| {
        id.ok_or_else(|| incomplete(ASSOCIATE_IAM_INSTANCE_PROFILE, &target.scope, "the association's id"))
    })
    .map_err(|e| e.on(instance))
}

/// `ec2:ReplaceIamInstanceProfileAssociation`.
pub(in crate::cloud::aws) async fn replace(
    clients: &ScopeClients,
    target: &Target,
    association: &str,
    profile_arn: &str,
) -> CloudResult<String> {
    if target.dry_run {
        return Ok(DRY_ASSOCIATION.to_owned());
    }
    let ec2_once = &clients.ec2_once;
    let request = ec2_once
        .replace_iam_instance_profile_association()
        .association_id(association)
        .iam_instance_profile(profile(profile_arn));
    let answer = call(REPLACE_IAM_INSTANCE_PROFILE_ASSOCIATION, Some(&target.scope), request.send()).await;
    let missing = || incomplete(REPLACE_IAM_INSTANCE_PROFILE_ASSOCIATION, &target.scope, "the association's id");
    let id = answer.map(|a| a.iam_instance_profile_association.and_then(|a| a.association_id));
    id.and_then(|id| id.ok_or_else(missing)).map_err(|e| e.on(association))
}

/// `ec2:DisassociateIamInstanceProfile`.
pub(in crate::cloud::aws) async fn disassociate(
    clients: &ScopeClients,
    target: &Target,
    association: &str,
) -> CloudResult<()> {
    if target.dry_run {
        return Ok(());
    }
    let ec2_once = &clients.ec2_once;
    let request = ec2_once.disassociate_iam_instance_profile().association_id(association);
    let answer = call(DISASSOCIATE_IAM_INSTANCE_PROFILE, Some(&target.scope), request.send()).await;
    answer.map(drop).map_err(|e| e.on(association))
}

/// `ec2:ModifyInstanceMetadataOptions`: all of them, so that none falls back to a default.
pub(in crate::cloud::aws) async fn set_metadata_options(
    clients: &ScopeClients,
    target: &Target,
    instance: &InstanceId,
    options: &MetadataOptions,
) -> CloudResult<()> {
    use ec2::{
        HttpTokensState, InstanceMetadataEndpointState, InstanceMetadataProtocolState, InstanceMetadataTagsState,
    };
    let tokens = if options.tokens_required { HttpTokensState::Required } else { HttpTokensState::Optional };
    let endpoint = match options.endpoint {
        true => InstanceMetadataEndpointState::Enabled,
        false => InstanceMetadataEndpointState::Disabled,
    };
    let ipv6 = match options.ipv6 {
        true => InstanceMetadataProtocolState::Enabled,
        false => InstanceMetadataProtocolState::Disabled,
    };
    let tags = match options.tags {
        true => InstanceMetadataTagsState::Enabled,
        false => InstanceMetadataTagsState::Disabled,
    };
    let ec2 = &clients.ec2;
    let request = ec2
        .modify_instance_metadata_options()
        .instance_id(instance.as_str())
        .http_tokens(tokens)
        .http_put_response_hop_limit(options.hop_limit)
        .http_endpoint(endpoint)
        .http_protocol_ipv6(ipv6)
        .instance_metadata_tags(tags)
        .dry_run(target.dry_run);
    let answer = call(MODIFY_INSTANCE_METADATA_OPTIONS, Some(&target.scope), request.send()).await;
    rehearsed(target.dry_run, answer.map(drop), || ()).map_err(|e| e.on(instance))
}

/// The metadata options of an instance as it is described; none where EC2 tells none.
pub(super) fn metadata(options: Option<&ec2::InstanceMetadataOptionsResponse>) -> Option<MetadataOptions> {
    let options = options?;
    Some(MetadataOptions {
        tokens_required: options.http_tokens()? == &ec2::HttpTokensState::Required,
        hop_limit: options.http_put_response_hop_limit()?,
        endpoint: options.http_endpoint() != Some(&ec2::InstanceMetadataEndpointState::Disabled),
        ipv6: options.http_protocol_ipv6() == Some(&ec2::InstanceMetadataProtocolState::Enabled),
        tags: options.instance_metadata_tags() == Some(&ec2::InstanceMetadataTagsState::Enabled),
        pending: options.state() == Some(&ec2::InstanceMetadataOptionsState::Pending),
    })
}
