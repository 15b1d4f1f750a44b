//! Every API operation that the adapters can call, and what repeating one does.
//!
//! The one list that the adapters, the IAM policies in `assets/iam` and the tests between them share. It stands
//! outside the `aws` feature, so that the policies are checked without the SDK.

/// What calling an operation does to AWS, and what calling it twice would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Effect {
    /// It only looks.
    Read,
    /// It sets a state: calling it twice is the same as calling it once, so that the SDK may repeat it.
    Repeatable,
    /// It only looks, at what a run alone has reason to see: an instance's console. A viewer may not.
    Evidence,
    /// It makes something, or fails when repeated: it is sent once, and after an unclear answer somebody looks first.
    Once,
}

/// One operation of AWS's API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Operation {
    /// The operation as IAM spells it: `ec2:CreateTags`.
    pub name: &'static str,
    /// What it does.
    pub effect: Effect,
}

impl Operation {
    const fn read(name: &'static str) -> Self {
        Self { name, effect: Effect::Read }
    }

    const fn repeatable(name: &'static str) -> Self {
        Self { name, effect: Effect::Repeatable }
    }

    const fn evidence(name: &'static str) -> Self {
        Self { name, effect: Effect::Evidence }
    }

    const fn once(name: &'static str) -> Self {
        Self { name, effect: Effect::Once }
    }

    /// Whether it changes anything.
    pub fn mutates(self) -> bool {
        !matches!(self.effect, Effect::Read | Effect::Evidence)
    }

    /// The IAM actions that it takes: its own name, but where IAM calls it otherwise, or where it makes AWS use a KMS key
    /// in the caller's name (service authorization reference; S3, EBS and SNS guides, "Encryption").
    pub fn actions(self) -> Vec<&'static str> {
        match self.name {
            "s3:GetObjectLockConfiguration" => vec!["s3:GetBucketObjectLockConfiguration"],
            // Without leave to list, S3 answers AccessDenied for what isn't there.
            "s3:HeadObject" | "s3:ListObjectsV2" => vec!["s3:GetObject", "s3:ListBucket"],
            "s3:GetObject" => vec!["s3:GetObject", "kms:Decrypt"],
            "s3:PutObject" => vec!["s3:PutObject", "s3:PutObjectRetention", "kms:GenerateDataKey"],
            "ec2:CopySnapshot" => vec![
                "ec2:CopySnapshot",
                "kms:CreateGrant",
                "kms:Decrypt",
                "kms:DescribeKey",
                "kms:GenerateDataKeyWithoutPlaintext",
                "kms:ReEncryptFrom",
                "kms:ReEncryptTo",
            ],
            "sns:Publish" => vec!["sns:Publish", "kms:Decrypt", "kms:GenerateDataKey"],
            name => vec![name],
        }
    }
}

macro_rules! operations {
    ($($constant:ident = $kind:ident $name:literal;)*) => {
        $(#[doc = concat!("`", $name, "`.")] pub const $constant: Operation = Operation::$kind($name);)*
        /// All of them.
        pub const ALL: &[Operation] = &[$($constant),*];
    };
}

operations! {
    ASSUME_ROLE = read "sts:AssumeRole";
    GET_CALLER_IDENTITY = read "sts:GetCallerIdentity";
    GET_FINDINGS = read "securityhub:GetFindings";
    DESCRIBE_INSTANCES = read "ec2:DescribeInstances";
    DESCRIBE_NETWORK_INTERFACES = read "ec2:DescribeNetworkInterfaces";
    DESCRIBE_SECURITY_GROUPS = read "ec2:DescribeSecurityGroups";
    DESCRIBE_INSTANCE_ATTRIBUTE = read "ec2:DescribeInstanceAttribute";
    DESCRIBE_VPC_ENDPOINTS = read "ec2:DescribeVpcEndpoints";
    DESCRIBE_SNAPSHOTS = read "ec2:DescribeSnapshots";
    DESCRIBE_NETWORK_ACLS = read "ec2:DescribeNetworkAcls";
    DESCRIBE_IAM_INSTANCE_PROFILE_ASSOCIATIONS = read "ec2:DescribeIamInstanceProfileAssociations";
    GET_PARAMETERS_BY_PATH = read "ssm:GetParametersByPath";
    MODIFY_INSTANCE_ATTRIBUTE = repeatable "ec2:ModifyInstanceAttribute";
    MODIFY_NETWORK_INTERFACE_ATTRIBUTE = repeatable "ec2:ModifyNetworkInterfaceAttribute";
    CREATE_TAGS = repeatable "ec2:CreateTags";
    DELETE_TAGS = repeatable "ec2:DeleteTags";
    BATCH_UPDATE_FINDINGS = repeatable "securityhub:BatchUpdateFindings";
    CREATE_SECURITY_GROUP = once "ec2:CreateSecurityGroup";
    REVOKE_SECURITY_GROUP_EGRESS = once "ec2:RevokeSecurityGroupEgress";
    AUTHORIZE_SECURITY_GROUP_EGRESS = once "ec2:AuthorizeSecurityGroupEgress";
    CREATE_SNAPSHOTS = once "ec2:CreateSnapshots";
    PUBLISH = once "sns:Publish";
    DESCRIBE_VOLUMES = read "ec2:DescribeVolumes";
    DESCRIBE_INSTANCE_INFORMATION = read "ssm:DescribeInstanceInformation";
    GET_OBJECT_LOCK_CONFIGURATION = read "s3:GetObjectLockConfiguration";
    HEAD_OBJECT = read "s3:HeadObject";
    GET_OBJECT = read "s3:GetObject";
    LIST_OBJECTS = read "s3:ListObjectsV2";
    GET_CONSOLE_SCREENSHOT = evidence "ec2:GetConsoleScreenshot";
    GET_CONSOLE_OUTPUT = evidence "ec2:GetConsoleOutput";
    LIST_COMMAND_INVOCATIONS = evidence "ssm:ListCommandInvocations";
    GET_COMMAND_INVOCATION = evidence "ssm:GetCommandInvocation";
    LOCK_SNAPSHOT = repeatable "ec2:LockSnapshot";
    MODIFY_SNAPSHOT_ATTRIBUTE = repeatable "ec2:ModifySnapshotAttribute";
    COPY_SNAPSHOT = once "ec2:CopySnapshot";
    SEND_COMMAND = once "ssm:SendCommand";
    PUT_OBJECT = once "s3:PutObject";
    GET_USER = read "iam:GetUser";
    GET_ROLE = read "iam:GetRole";
    LIST_ACCESS_KEYS = read "iam:ListAccessKeys";
    GET_ACCESS_KEY_LAST_USED = read "iam:GetAccessKeyLastUsed";
    GET_LOGIN_PROFILE = read "iam:GetLoginProfile";
    LIST_USER_POLICIES = read "iam:ListUserPolicies";
    GET_USER_POLICY = read "iam:GetUserPolicy";
    LIST_ROLE_POLICIES = read "iam:ListRolePolicies";
    GET_ROLE_POLICY = read "iam:GetRolePolicy";
    LIST_ATTACHED_USER_POLICIES = read "iam:ListAttachedUserPolicies";
    LIST_ATTACHED_ROLE_POLICIES = read "iam:ListAttachedRolePolicies";
    GET_POLICY = read "iam:GetPolicy";
    LIST_INSTANCE_PROFILES_FOR_ROLE = read "iam:ListInstanceProfilesForRole";
    GET_INSTANCE_PROFILE = read "iam:GetInstanceProfile";
    SIMULATE_PRINCIPAL_POLICY = read "iam:SimulatePrincipalPolicy";
    UPDATE_ACCESS_KEY = repeatable "iam:UpdateAccessKey";
    PUT_USER_POLICY = repeatable "iam:PutUserPolicy";
    PUT_ROLE_POLICY = repeatable "iam:PutRolePolicy";
    ATTACH_USER_POLICY = repeatable "iam:AttachUserPolicy";
    DELETE_USER_POLICY = once "iam:DeleteUserPolicy";
    DELETE_ROLE_POLICY = once "iam:DeleteRolePolicy";
    DETACH_USER_POLICY = once "iam:DetachUserPolicy";
    GET_POLICY_VERSION = read "iam:GetPolicyVersion";
    ATTACH_ROLE_POLICY = repeatable "iam:AttachRolePolicy";
    CREATE_ROLE = once "iam:CreateRole";
    CREATE_INSTANCE_PROFILE = once "iam:CreateInstanceProfile";
    ADD_ROLE_TO_INSTANCE_PROFILE = once "iam:AddRoleToInstanceProfile";
    REMOVE_ROLE_FROM_INSTANCE_PROFILE = once "iam:RemoveRoleFromInstanceProfile";
    DETACH_ROLE_POLICY = once "iam:DetachRolePolicy";
    DELETE_ROLE = once "iam:DeleteRole";
    MODIFY_INSTANCE_METADATA_OPTIONS = repeatable "ec2:ModifyInstanceMetadataOptions";
    ASSOCIATE_IAM_INSTANCE_PROFILE = once "ec2:AssociateIamInstanceProfile";
    REPLACE_IAM_INSTANCE_PROFILE_ASSOCIATION = once "ec2:ReplaceIamInstanceProfileAssociation";
    DISASSOCIATE_IAM_INSTANCE_PROFILE = once "ec2:DisassociateIamInstanceProfile";
    DESCRIBE_ADDRESSES = read "ec2:DescribeAddresses";
    DISASSOCIATE_ADDRESS = once "ec2:DisassociateAddress";
    ASSOCIATE_ADDRESS = once "ec2:AssociateAddress";
    DESCRIBE_AUTO_SCALING_INSTANCES = read "autoscaling:DescribeAutoScalingInstances";
    DESCRIBE_AUTO_SCALING_GROUPS = read "autoscaling:DescribeAutoScalingGroups";
    ENTER_STANDBY = once "autoscaling:EnterStandby";
    EXIT_STANDBY = once "autoscaling:ExitStandby";
    DETACH_INSTANCES = once "autoscaling:DetachInstances";
    ATTACH_INSTANCES = once "autoscaling:AttachInstances";
    DESCRIBE_TARGET_GROUPS = read "elasticloadbalancing:DescribeTargetGroups";
    DESCRIBE_TARGET_HEALTH = read "elasticloadbalancing:DescribeTargetHealth";
    DESCRIBE_LOAD_BALANCERS = read "elasticloadbalancing:DescribeLoadBalancers";
    DESCRIBE_INSTANCE_HEALTH = read "elasticloadbalancing:DescribeInstanceHealth";
    REGISTER_TARGETS = repeatable "elasticloadbalancing:RegisterTargets";
    DEREGISTER_TARGETS = repeatable "elasticloadbalancing:DeregisterTargets";
    REGISTER_INSTANCES_WITH_LOAD_BALANCER = once "elasticloadbalancing:RegisterInstancesWithLoadBalancer";
    AUTHORIZE_SECURITY_GROUP_INGRESS = once "ec2:AuthorizeSecurityGroupIngress";
    DELETE_SECURITY_GROUP = once "ec2:DeleteSecurityGroup";
    DEREGISTER_INSTANCES_FROM_LOAD_BALANCER = once "elasticloadbalancing:DeregisterInstancesFromLoadBalancer";
    GET_PARAMETERS = read "ssm:GetParameters";
    CREATE_NETWORK_ACL_ENTRY = once "ec2:CreateNetworkAclEntry";
    DELETE_NETWORK_ACL_ENTRY = once "ec2:DeleteNetworkAclEntry";
    PUT_PARAMETER = repeatable "ssm:PutParameter";
    DESCRIBE_MANAGED_PREFIX_LISTS = read "ec2:DescribeManagedPrefixLists";
    GET_MANAGED_PREFIX_LIST_ENTRIES = read "ec2:GetManagedPrefixListEntries";
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;
    use std::collections::BTreeSet;

    const VIEWER: &str = include_str!("../../assets/iam/viewer.json");
    const RESPONDER: &str = include_str!("../../assets/iam/responder.json");
    /// The port's files.
    const PORT: &[&str] = &[
        include_str!("port/mod.rs"),
        include_str!("port/iam.rs"),
        include_str!("port/profiles.rs"),
        include_str!("port/profile_writes.rs"),
        include_str!("port/roles.rs"),
        include_str!("port/acls.rs"),
        include_str!("port/forensics.rs"),
        include_str!("port/s3.rs"),
        include_str!("port/address.rs"),
        include_str!("port/autoscaling.rs"),
        include_str!("port/elb.rs"),
        include_str!("port/flows.rs"),
    ];

    /// What the responder needs beside what it calls: AWS asks for these when a role is handed to an instance, and when
    /// something is made with tags.
    const BESIDE: [&str; 3] = ["iam:PassRole", "iam:TagInstanceProfile", "iam:TagRole"];

    fn many(value: &Value) -> Vec<&Value> {
        value.as_array().map_or_else(|| vec![value], |list| list.iter().collect())
    }

    /// The actions of a policy, after checking its form: each statement allows, names actions without wildcards and
    /// resources, has its own Sid, and no element that IAM doesn't know.
    fn actions(policy: &str) -> BTreeSet<String> {
        let policy: Value = serde_json::from_str(policy).unwrap();
        assert_eq!(policy["Version"], "2012-10-17");
        let (mut actions, mut sids) = (BTreeSet::new(), BTreeSet::new());
        for statement in policy["Statement"].as_array().unwrap() {
            for element in statement.as_object().unwrap().keys() {
                assert!(["Sid", "Effect", "Action", "Resource", "Condition"].contains(&element.as_str()), "{element}");
            }
            assert_eq!(statement["Effect"], "Allow");
            let sid = statement["Sid"].as_str().unwrap();
            assert!(sid.bytes().all(|b| b.is_ascii_alphanumeric()) && sids.insert(sid.to_owned()), "{sid}");
            for resource in many(&statement["Resource"]) {
                let resource = resource.as_str().unwrap();
                assert!(resource == "*" || resource.splitn(6, ':').count() == 6, "{resource}");
            }
            for action in many(&statement["Action"]) {
                let action = action.as_str().unwrap();
                assert!(!action.contains(['*', '?']), "{action}: name each action");
                actions.insert(action.to_owned());
            }
        }
        actions
    }

    fn names(which: impl Fn(&Operation) -> bool) -> BTreeSet<String> {
        ALL.iter().filter(|o| which(o)).map(|o| o.name.to_owned()).collect()
    }

    /// The IAM actions of some operations.
    fn needed(which: impl Fn(&Operation) -> bool) -> BTreeSet<String> {
        ALL.iter().filter(|o| which(o)).flat_map(|o| o.actions()).map(str::to_owned).collect()
    }

    #[test]
    fn i11_the_policies_allow_the_operations_and_nothing_else() {
        assert_eq!(actions(VIEWER), needed(|o| o.effect == Effect::Read), "assets/iam/viewer.json");
        let mut all = needed(|_| true);
        all.extend(BESIDE.map(str::to_owned));
        assert_eq!(actions(RESPONDER), all, "assets/iam/responder.json");
    }

    #[test]
    fn what_changes_aws_is_never_allowed_on_everything() {
        let policy: Value = serde_json::from_str(RESPONDER).unwrap();
        let mut writes = names(|o| o.mutates());
        writes.extend(BESIDE.map(str::to_owned));
        for statement in policy["Statement"].as_array().unwrap() {
            if many(&statement["Action"]).iter().any(|a| writes.contains(a.as_str().unwrap())) {
                assert!(!many(&statement["Resource"]).iter().any(|r| *r == "*"), "{}", statement["Sid"]);
            }
        }
    }

    #[test]
    fn the_port_documents_each_operation_once() {
        // A method's first doc line names its operation: /// `ec2:CreateTags`: …
        let documented: BTreeSet<String> = PORT
            .iter()
            .flat_map(|file| file.lines())
            .filter_map(|line| line.trim().strip_prefix("/// `")?.split_once('`'))
            .map(|(name, _)| name.to_owned())
            .filter(|name| name.split_once(':').is_some_and(|(_, op)| op.starts_with(char::is_uppercase)))
            .collect();
        let mut ours = names(|_| true);
        ours.remove(ASSUME_ROLE.name); // how another account's credentials come about: no method of the port
        assert_eq!(documented, ours);
    }
}
