//! Amazon Resource Names, read as leniently as findings write them.

/// The parts of an ARN that findings are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Arn<'a> {
    pub(super) partition: &'a str,
    pub(super) service: &'a str,
    pub(super) region: &'a str,
    /// Everything after the account: `instance/i-…`, `role/path/name`, `function:name`.
    pub(super) resource: &'a str,
}

impl<'a> Arn<'a> {
    /// The parts of `text`, when it is an ARN. Accepts what the documentation itself prints, such as
    /// `arn:aws::ec2:…` (one colon too many after the partition).
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let mut rest = text.trim().strip_prefix("arn:")?;
        let mut part = || -> Option<&'a str> {
            let (head, tail) = rest.split_once(':')?;
            rest = tail;
            Some(head)
        };
        let partition = part()?;
        let mut service = part()?;
        if service.is_empty() {
            service = part()?;
        }
        let region = part()?;
        let _account = part()?;
        Some(Self { partition, service, region, resource: rest })
    }

    /// The resource's type, such as `instance`, `role`, `assumed-role`; empty when it names none.
    pub(super) fn kind(self) -> &'a str {
        self.resource.split_once(['/', ':']).map_or("", |(kind, _)| kind)
    }

    /// The last part of the resource, such as `i-…` or a role's name without its path.
    pub(super) fn name(self) -> &'a str {
        last_part(self.resource)
    }
}

/// What stands after the last `/` or `:` of a text.
pub(super) fn last_part(text: &str) -> &str {
    text.rsplit(['/', ':']).next().unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_of_all_partitions_and_malformed_ones() {
        for (text, partition, name) in [
            ("arn:aws:ec2:us-east-1:111122223333:instance/i-0ab", "aws", "i-0ab"),
            ("arn:aws-cn:ec2:cn-north-1:111122223333:instance/i-0ab", "aws-cn", "i-0ab"),
            ("arn:aws-us-gov:ec2:us-gov-west-1:111122223333:instance/i-0ab", "aws-us-gov", "i-0ab"),
            ("arn:aws::ec2:us-east-1:111122223333:instance/i-0ab", "aws", "i-0ab"),
            ("arn:aws:ec2:us-east-1:111122223333:i-0ab", "aws", "i-0ab"),
            ("arn:aws:iam::111122223333:role/service-role/deep/ci", "aws", "ci"),
        ] {
            let arn = Arn::parse(text).unwrap();
            assert_eq!((arn.partition, arn.name()), (partition, name), "{text}");
        }
        assert_eq!(Arn::parse("arn:aws::ec2:us-east-1:1:instance/i-0ab").unwrap().region, "us-east-1");
        assert_eq!(Arn::parse("arn:aws:securityhub:us-east-1::product/aws/guardduty").unwrap().region, "us-east-1");
        for not in ["", "arn", "arn:", "arn:aws", "arn:aws:s3", "i-0ab", "AWS::::Account:1"] {
            assert_eq!(Arn::parse(not), None, "{not}");
        }
    }
}
