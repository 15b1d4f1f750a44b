//! From an API call, as CloudTrail and findings name it, to the IAM action that allows it.

/// The services whose IAM prefix is not the first label of their endpoint.
const PREFIXES: [(&str, &str); 5] = [
    ("monitoring", "cloudwatch"),
    ("email", "ses"),
    ("tagging", "tag"),
    ("signin", "sts"),
    ("cognito-identity-public", "cognito-identity"),
];

/// The calls that are allowed by an action of another name (Service Authorization Reference).
const OTHERWISE: [(&str, &str, &str); 18] = [
    ("s3", "ListBuckets", "ListAllMyBuckets"),
    ("s3", "ListObjects", "ListBucket"),
    ("s3", "ListObjectsV2", "ListBucket"),
    ("s3", "HeadBucket", "ListBucket"),
    ("s3", "ListObjectVersions", "ListBucketVersions"),
    ("s3", "HeadObject", "GetObject"),
    ("s3", "SelectObjectContent", "GetObject"),
    ("s3", "CopyObject", "PutObject"),
    ("s3", "CreateMultipartUpload", "PutObject"),
    ("s3", "UploadPart", "PutObject"),
    ("s3", "CompleteMultipartUpload", "PutObject"),
    ("s3", "DeleteObjects", "DeleteObject"),
    ("s3", "GetBucketEncryption", "GetEncryptionConfiguration"),
    ("s3", "GetBucketLifecycle", "GetLifecycleConfiguration"),
    ("s3", "GetBucketReplication", "GetReplicationConfiguration"),
    ("s3", "PutBucketLifecycle", "PutLifecycleConfiguration"),
    ("lambda", "Invoke", "InvokeFunction"),
    ("bedrock", "Converse", "InvokeModel"),
];

/// The calls that need no permission and that no Deny stops (STS API reference).
const UNSTOPPABLE: [(&str, &str); 1] = [("sts", "GetCallerIdentity")];

/// The IAM action of a call such as (`s3.amazonaws.com`, `ListBuckets`); none where the names aren't ones that AWS
/// gives, or nothing can deny the call. A finding's text goes into a policy only through here.
pub fn iam_action(service: &str, call: &str) -> Option<String> {
    let host = service.trim().to_ascii_lowercase();
    let label = host.split('.').next().unwrap_or_default();
    let legal = |s: &str, also: &[u8]| {
        (1..=64).contains(&s.len()) && s.bytes().all(|b| b.is_ascii_alphanumeric() || also.contains(&b))
    };
    if !legal(label, b"-") || !legal(call, b"") {
        return None;
    }
    let prefix = PREFIXES.iter().find(|(from, _)| *from == label).map_or(label, |(_, to)| to);
    // Lambda's calls carry the version of its API: `ListFunctions20150331`, `UpdateFunctionCode20150331v2`.
    let call = match prefix {
        "lambda" => call.find("20").map_or(call, |at| &call[..at]),
        _ => call,
    };
    if call.is_empty() || UNSTOPPABLE.contains(&(prefix, call)) {
        return None;
    }
    let name = OTHERWISE.iter().find(|(s, from, _)| *s == prefix && *from == call).map_or(call, |(_, _, to)| to);
    Some(format!("{prefix}:{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_becomes_the_action_that_allows_it() {
        for (service, call, action) in [
            ("s3.amazonaws.com", "ListBuckets", Some("s3:ListAllMyBuckets")),
            ("s3.amazonaws.com", "GetObject", Some("s3:GetObject")),
            ("s3.amazonaws.com", "ListObjectsV2", Some("s3:ListBucket")),
            ("iam.amazonaws.com", "PutRolePolicy", Some("iam:PutRolePolicy")),
            ("ec2.amazonaws.com.cn", "DescribeInstances", Some("ec2:DescribeInstances")),
            ("monitoring.amazonaws.com", "PutMetricData", Some("cloudwatch:PutMetricData")),
            ("lambda.amazonaws.com", "ListFunctions20150331", Some("lambda:ListFunctions")),
            ("sts.amazonaws.com", "GetCallerIdentity", None),
            ("s3.amazonaws.com", "*", None),
            ("*", "GetObject", None),
            ("s3\",\"x", "GetObject", None),
            ("", "GetObject", None),
            ("s3", "Get Object", None),
        ] {
            assert_eq!(iam_action(service, call).as_deref(), action, "{service} {call}");
        }
    }
}
