//! The API call that a finding reports.

use super::fields::{at, text_at};
use serde_json::Value;

/// A call of AWS's API, as the finding names it. Written by others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiCall {
    /// The service's endpoint, `s3.amazonaws.com`.
    pub service: String,
    /// The call, `ListBuckets`.
    pub call: String,
}

/// The paths of the action in ASFF and in GuardDuty's own format.
const PATHS: [&str; 2] = ["action.awsApiCallAction", "service.action.awsApiCallAction"];

/// The product field under which ASFF mirrors GuardDuty's.
const MIRROR: &str = "aws/guardduty/service/action/awsApiCallAction/";

/// The API call in a finding's JSON, in ASFF or GuardDuty's own format; none where it reports none.
pub fn api_call(json: &str) -> Option<ApiCall> {
    let finding: Value = serde_json::from_str(json).ok()?;
    for path in PATHS {
        if let Some(action) = at(&finding, path)
            && let (Some(service), Some(call)) = (text_at(action, "serviceName"), text_at(action, "api"))
        {
            return Some(ApiCall { service, call });
        }
    }
    let fields = at(&finding, "productFields")?;
    let mirrored = |name: &str| fields.get(format!("{MIRROR}{name}"))?.as_str().map(str::to_owned);
    Some(ApiCall { service: mirrored("serviceName")?, call: mirrored("api")? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_call_is_found_in_either_format() {
        let action = json!({"Api": "ListBuckets", "ServiceName": "s3.amazonaws.com"});
        let wanted = Some(ApiCall { service: "s3.amazonaws.com".into(), call: "ListBuckets".into() });
        assert_eq!(api_call(&json!({"Action": {"AwsApiCallAction": action}}).to_string()), wanted);
        let own = json!({"service": {"action": {"awsApiCallAction": {"api": "ListBuckets", "serviceName": "s3.amazonaws.com"}}}});
        assert_eq!(api_call(&own.to_string()), wanted);
        let mirrored = json!({"ProductFields": {
            "aws/guardduty/service/action/awsApiCallAction/api": "ListBuckets",
            "aws/guardduty/service/action/awsApiCallAction/serviceName": "s3.amazonaws.com",
        }});
        assert_eq!(api_call(&mirrored.to_string()), wanted);
        for none in ["{}", "[]", "{", "{\"Action\": {\"AwsApiCallAction\": {\"Api\": \"\"}}}"] {
            assert_eq!(api_call(none), None, "{none}");
        }
    }
}
