//! Findings for the checks.

use super::World;
use serde_json::{Value, json};

/// The product that reports them.
pub(super) fn product_arn(world: &World) -> String {
    format!("arn:aws:securityhub:{}::product/aws/guardduty", world.scope.region)
}

/// A GuardDuty finding on the instance, in ASFF. `minute` is when it was last updated, within one day.
pub(super) fn finding(world: &World, id: &str, severity: &str, minute: u32) -> Value {
    json!({
        "SchemaVersion": "2018-10-08",
        "Id": id,
        "ProductArn": product_arn(world),
        "ProductName": "GuardDuty",
        "CompanyName": "Amazon",
        "Region": world.scope.region.as_str(),
        "GeneratorId": format!("arn:aws:guardduty:{}:{}:detector/d", world.scope.region, world.scope.account),
        "AwsAccountId": world.scope.account.as_str(),
        "Types": ["TTPs/Command and Control/CryptoCurrency:EC2-BitcoinTool.B!DNS"],
        "CreatedAt": "2026-03-01T00:00:00.000Z",
        "UpdatedAt": format!("2026-03-01T{:02}:{:02}:00.000Z", minute / 60, minute % 60),
        "Severity": {"Product": 8, "Label": severity},
        "Title": format!("Finding {id}"),
        "Description": "The instance asks for a name that mining pools use.",
        "Resources": [{
            "Type": "AwsEc2Instance",
            "Id": world.scope.arn("ec2", &format!("instance/{}", world.instance)),
            "Partition": "aws",
            "Region": world.scope.region.as_str(),
        }],
        "RecordState": "ACTIVE",
        "Workflow": {"Status": "NEW"},
        "WorkflowState": "NEW",
    })
}
