//! Writes findings as Security Hub holds them: ASFF, with the fields that GuardDuty, Inspector and Security Hub's own
//! controls give it.

use super::brief::{FindingBrief, KeyBrief, RemoteBrief};
use super::world::{World, hex_of};
use crate::domain::{Instance, Interface, Scope, Severity};
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value, json};
use std::net::IpAddr;

/// When a finding was first seen, made, changed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    pub(super) first: DateTime<Utc>,
    pub(super) updated: DateTime<Utc>,
}

/// A time as AWS writes it.
pub(super) fn stamp(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// Writes a finding out. `identity` makes its id. An error says what of the brief doesn't fit the world.
pub(super) fn render(world: &World, brief: &FindingBrief, identity: &str, times: Times) -> Result<Value, String> {
    let scope =
        world.scope_named(&brief.scope).ok_or_else(|| format!("`{}` is no account/Region here", brief.scope))?;
    let about = About::of(world, brief, &scope)?;
    let (region, account) = (&scope.region, &scope.account);
    let hex = hex_of(&[b"finding", world.scenario.as_bytes(), identity.as_bytes()], 32);
    let product = Product::of(brief);
    let (id, generator) = product.ids(&scope, brief, &hex);
    let product_arn = format!("arn:{}:securityhub:{region}::product/aws/{}", scope.partition, product.slug());
    let mut fields = product.fields(&scope, brief, times);
    fields.insert("aws/securityhub/FindingId".into(), format!("{product_arn}/{id}").into());
    fields.insert("aws/securityhub/ProductName".into(), product.name().into());
    fields.insert("aws/securityhub/CompanyName".into(), product.company().into());
    let score = brief.score.unwrap_or_else(|| usual_score(brief.severity));
    let title = about.fill(&brief.title);
    let description = if brief.description.is_empty() { title.clone() } else { about.fill(&brief.description) };
    let workflow = brief.workflow.as_deref().unwrap_or("NEW");
    let mut finding = json!({
        "SchemaVersion": "2018-10-08",
        "Id": id,
        "ProductArn": product_arn,
        "ProductName": product.name(),
        "CompanyName": product.company(),
        "Region": region,
        "GeneratorId": generator,
        "AwsAccountId": account,
        "AwsAccountName": world.accounts.get(account).map(|a| a.name.clone()),
        "Types": product.types(brief),
        "FirstObservedAt": stamp(times.first),
        "LastObservedAt": stamp(times.updated),
        "CreatedAt": stamp(times.first),
        "UpdatedAt": stamp(times.updated),
        "Severity": { "Product": score, "Label": brief.severity.label(), "Normalized": normalized(brief.severity) },
        "Title": title,
        "Description": description,
        "ProductFields": fields,
        "Resources": about.resources(&scope, brief),
        "WorkflowState": "NEW",
        "Workflow": { "Status": workflow },
        "RecordState": if brief.archived { "ARCHIVED" } else { "ACTIVE" },
    });
    if product == Product::GuardDuty {
        let console = format!("https://{region}.console.aws.amazon.com/guardduty/home?region={region}");
        finding["SourceUrl"] = format!("{console}#/findings?macros=current&fId={hex}").into();
    }
    if let Some(action) = action(brief) {
        finding["Action"] = action;
    }
    if let Some(status) = &brief.compliance {
        finding["Compliance"] = json!({ "Status": status, "SecurityControlId": brief.finding_type });
    }
    if brief.sample {
        finding["Sample"] = true.into();
    }
    if let Some(note) = &brief.note {
        finding["Note"] = json!({ "Text": note, "UpdatedBy": "soc", "UpdatedAt": stamp(times.updated) });
    }
    Ok(finding)
}

/// Who reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Product {
    GuardDuty,
    SecurityHub,
    Inspector,
}

impl Product {
    fn of(brief: &FindingBrief) -> Self {
        if brief.compliance.is_some() {
            Self::SecurityHub
        } else if brief.package.is_some() {
            Self::Inspector
        } else {
            Self::GuardDuty
        }
    }

    fn slug(self) -> &'static str {
        match self {
            Self::GuardDuty => "guardduty",
            Self::SecurityHub => "securityhub",
            Self::Inspector => "inspector",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::GuardDuty => "GuardDuty",
            Self::SecurityHub => "Security Hub",
            Self::Inspector => "Inspector",
        }
    }

    fn company(self) -> &'static str {
        match self {
            Self::SecurityHub => "AWS",
            Self::GuardDuty | Self::Inspector => "Amazon",
        }
    }

    /// The finding's id and its generator's.
    fn ids(self, scope: &Scope, brief: &FindingBrief, hex: &str) -> (String, String) {
        match self {
            Self::GuardDuty => {
                let detector = scope.arn("guardduty", &format!("detector/{}", detector_of(scope)));
                (format!("{detector}/finding/{hex}"), detector)
            }
            Self::SecurityHub => {
                let control = format!("security-control/{}", brief.finding_type);
                let id = format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]);
                (scope.arn("securityhub", &format!("{control}/finding/{id}")), control)
            }
            Self::Inspector => (scope.arn("inspector2", &format!("finding/{hex}")), "AWSInspector".to_owned()),
        }
    }

    fn types(self, brief: &FindingBrief) -> Vec<String> {
        match self {
            Self::GuardDuty => vec![format!("{}/{}", family(&brief.finding_type), dashed(&brief.finding_type))],
            Self::SecurityHub => vec!["Software and Configuration Checks/Industry and Regulatory Standards".to_owned()],
            Self::Inspector => vec!["Software and Configuration Checks/Vulnerabilities/CVE".to_owned()],
        }
    }

    fn fields(self, scope: &Scope, brief: &FindingBrief, times: Times) -> Map<String, Value> {
        match self {
            Self::GuardDuty => guardduty_fields(scope, brief, times),
            Self::SecurityHub => [
                ("RelatedAWSResources:0/type", "AWS::Config::ConfigRule".to_owned()),
                ("RelatedAWSResources:0/name", format!("securityhub-{}", brief.finding_type.to_lowercase())),
            ]
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value.into()))
            .collect(),
            Self::Inspector => [
                ("aws/inspector/FindingStatus", "ACTIVE".to_owned()),
                ("aws/inspector/packageVulnerabilityDetails/vulnerabilityId", brief.finding_type.clone()),
                ("aws/inspector/ProductVersion", "2".to_owned()),
            ]
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value.into()))
            .collect(),
        }
    }
}

fn detector_of(scope: &Scope) -> String {
    hex_of(&[b"detector", scope.to_string().as_bytes()], 32)
}

/// GuardDuty writes `EC2/Name`, ASFF `EC2-Name`.
fn dashed(finding_type: &str) -> String {
    finding_type.replacen('/', "-", 1)
}

/// The ASFF namespace of a GuardDuty type (GuardDuty user guide, "Mapping GuardDuty finding types to ASFF").
fn family(finding_type: &str) -> &'static str {
    let purpose = finding_type.split(':').next().unwrap_or_default();
    match (purpose, finding_type) {
        ("Backdoor" | "CryptoCurrency" | "Trojan", _)
        | ("UnauthorizedAccess", "UnauthorizedAccess:IAMUser/TorIPCaller") => "TTPs/Command and Control",
        ("UnauthorizedAccess", t) if t.contains("Exfiltration") => "Effects/Data Exfiltration",
        ("Exfiltration", _) => "Effects/Data Exfiltration",
        ("Impact", _) | ("UnauthorizedAccess", "UnauthorizedAccess:EC2/TorClient") => "Effects/Resource Consumption",
        ("UnauthorizedAccess", t) if t.contains("BruteForce") => "TTPs/Initial Access",
        ("Recon" | "Discovery", _) => "TTPs/Discovery",
        ("Stealth" | "DefenseEvasion", _) => "TTPs/Defense Evasion",
        ("Persistence", _) => "TTPs/Persistence",
        ("PrivilegeEscalation", _) => "TTPs/Privilege Escalation",
        ("CredentialAccess", _) => "TTPs/Credential Access",
        ("Behavior", _) => "Unusual Behaviors/Network Flow",
        _ => "TTPs",
    }
}

/// The score that GuardDuty usually gives for a label.
fn usual_score(severity: Severity) -> f64 {
    match severity {
        Severity::Informational => 0.0,
        Severity::Low => 2.0,
        Severity::Medium => 5.0,
        Severity::High => 8.0,
        Severity::Critical => 9.5,
    }
}

/// The deprecated number that Security Hub still writes beside the label.
fn normalized(severity: Severity) -> u8 {
    match severity {
        Severity::Informational => 0,
        Severity::Low => 1,
        Severity::Medium => 40,
        Severity::High => 70,
        Severity::Critical => 90,
    }
}

/// The `ProductFields` that GuardDuty writes, which mirror its own JSON as paths.
fn guardduty_fields(scope: &Scope, brief: &FindingBrief, times: Times) -> Map<String, Value> {
    let mut fields = Map::new();
    let mut put = |path: &str, value: String| fields.insert(format!("aws/guardduty/service/{path}"), value.into());
    put("serviceName", "guardduty".into());
    put("detectorId", detector_of(scope));
    put("archived", brief.archived.to_string());
    put("count", brief.count.unwrap_or(1).to_string());
    put("eventFirstSeen", stamp(times.first));
    put("eventLastSeen", stamp(times.updated));
    put("resourceRole", brief.role.clone().unwrap_or_else(|| "TARGET".into()));
    if brief.sample {
        put("additionalInfo/sample", "true".into());
    }
    if let Some(domain) = &brief.dns {
        put("action/actionType", "DNS_REQUEST".into());
        put("action/dnsRequestAction/domain", domain.clone());
        put("action/dnsRequestAction/protocol", "UDP".into());
        put("action/dnsRequestAction/blocked", "false".into());
    }
    if let Some(c) = &brief.connection {
        put("action/actionType", "NETWORK_CONNECTION".into());
        put("action/networkConnectionAction/connectionDirection", c.direction.clone());
        put("action/networkConnectionAction/protocol", c.protocol.clone());
        put("action/networkConnectionAction/localPortDetails/port", c.local_port.to_string());
        put("action/networkConnectionAction/remotePortDetails/port", c.remote_port.to_string());
        put("action/networkConnectionAction/blocked", "false".into());
        remote_fields("action/networkConnectionAction/remoteIpDetails", &c.remote, &mut put);
    }
    if let Some(c) = &brief.api_call {
        put("action/actionType", "AWS_API_CALL".into());
        put("action/awsApiCallAction/api", c.api.clone());
        put("action/awsApiCallAction/serviceName", c.service.clone());
        put("action/awsApiCallAction/callerType", "Remote IP".into());
        remote_fields("action/awsApiCallAction/remoteIpDetails", &c.remote, &mut put);
    }
    if !brief.probe.is_empty() {
        put("action/actionType", "PORT_PROBE".into());
        put("action/portProbeAction/blocked", "false".into());
        for (n, p) in brief.probe.iter().enumerate() {
            let path = format!("action/portProbeAction/portProbeDetails.{n}_");
            put(&format!("{path}/localPortDetails/port"), p.local_port.to_string());
            remote_fields(&format!("{path}/remoteIpDetails"), &p.remote, &mut put);
        }
    }
    fields
}

fn remote_fields(path: &str, remote: &RemoteBrief, put: &mut impl FnMut(&str, String) -> Option<Value>) {
    let family = if remote.ip.is_ipv6() { "ipAddressV6" } else { "ipAddressV4" };
    put(&format!("{path}/{family}"), remote.ip.to_string());
    if let Some(country) = &remote.country {
        put(&format!("{path}/country/countryName"), country.clone());
    }
    if let Some(city) = &remote.city {
        put(&format!("{path}/city/cityName"), city.clone());
    }
    if let Some(asn) = remote.asn {
        put(&format!("{path}/organization/asn"), asn.to_string());
    }
    if let Some(org) = &remote.org {
        put(&format!("{path}/organization/asnOrg"), org.clone());
    }
}

/// ASFF's `Action`.
fn action(brief: &FindingBrief) -> Option<Value> {
    if let Some(domain) = &brief.dns {
        let request = json!({ "Domain": domain, "Protocol": "UDP", "Blocked": false });
        return Some(json!({ "ActionType": "DNS_REQUEST", "DnsRequestAction": request }));
    }
    if let Some(c) = &brief.connection {
        let connection = json!({
            "ConnectionDirection": c.direction,
            "Protocol": c.protocol,
            "LocalPortDetails": { "Port": c.local_port },
            "RemotePortDetails": { "Port": c.remote_port },
            "RemoteIpDetails": remote_details(&c.remote),
            "Blocked": false,
        });
        return Some(json!({ "ActionType": "NETWORK_CONNECTION", "NetworkConnectionAction": connection }));
    }
    if let Some(c) = &brief.api_call {
        let call = json!({
            "Api": c.api,
            "ServiceName": c.service,
            "CallerType": "remoteIp",
            "RemoteIpDetails": remote_details(&c.remote),
        });
        return Some(json!({ "ActionType": "AWS_API_CALL", "AwsApiCallAction": call }));
    }
    let details: Vec<Value> = brief
        .probe
        .iter()
        .map(|p| json!({ "LocalPortDetails": { "Port": p.local_port }, "RemoteIpDetails": remote_details(&p.remote) }))
        .collect();
    (!details.is_empty()).then(
        || json!({ "ActionType": "PORT_PROBE", "PortProbeAction": { "PortProbeDetails": details, "Blocked": false } }),
    )
}

/// ASFF's `RemoteIpDetails`, which has no field for IPv6: that address is in `ProductFields` alone.
fn remote_details(remote: &RemoteBrief) -> Value {
    let mut details = Map::new();
    if remote.ip.is_ipv4() {
        details.insert("IpAddressV4".into(), remote.ip.to_string().into());
    }
    if let Some(country) = &remote.country {
        details.insert("Country".into(), json!({ "CountryName": country }));
    }
    if let Some(city) = &remote.city {
        details.insert("City".into(), json!({ "CityName": city }));
    }
    if remote.asn.is_some() || remote.org.is_some() {
        details.insert("Organization".into(), json!({ "Asn": remote.asn, "AsnOrg": remote.org }));
    }
    Value::Object(details)
}

/// What a finding is about, looked up in the world.
struct About<'a> {
    brief: &'a FindingBrief,
    account: String,
    instance: Option<(&'a Instance, Vec<&'a Interface>)>,
}

impl<'a> About<'a> {
    fn of(world: &'a World, brief: &'a FindingBrief, scope: &Scope) -> Result<Self, String> {
        let instance = match &brief.instance {
            Some(wanted) => match world.instance(scope, wanted) {
                Some(state) => {
                    let interfaces = world.scopes.get(scope).map(|p| p.interfaces_of(&state.instance.id));
                    Some((&state.instance, interfaces.unwrap_or_default()))
                }
                None if brief.sample || brief.gone => None,
                None => return Err(format!("there is no instance `{wanted}` in {}", brief.scope)),
            },
            None => None,
        };
        Ok(Self { brief, account: scope.account.to_string(), instance })
    }

    /// Puts what the finding is about in place of the words in braces.
    fn fill(&self, text: &str) -> String {
        if !text.contains('{') {
            return text.to_owned();
        }
        let brief = self.brief;
        let given = brief.instance.as_deref().unwrap_or_default();
        let remote = brief.remote();
        [
            ("{instance}", self.instance.as_ref().map_or(given, |(i, _)| i.id.as_str())),
            ("{name}", self.instance.as_ref().and_then(|(i, _)| i.name()).unwrap_or(given)),
            ("{ip}", &remote.map(|r| r.ip.to_string()).unwrap_or_default()),
            ("{country}", remote.and_then(|r| r.country.as_deref()).unwrap_or("an unknown country")),
            ("{domain}", brief.dns.as_deref().unwrap_or_default()),
            ("{user}", brief.access_key.as_ref().map_or("", |k| k.principal_name.as_str())),
            ("{bucket}", brief.bucket.as_deref().unwrap_or_default()),
            ("{account}", &self.account),
        ]
        .into_iter()
        .fold(text.to_owned(), |text, (word, value)| text.replace(word, value))
    }

    fn resources(&self, scope: &Scope, brief: &FindingBrief) -> Vec<Value> {
        let (partition, region) = (scope.partition.as_str(), scope.region.as_str());
        let mut found = Vec::new();
        let mut put = |kind: &str, id: String, details: Value, tags: Value| {
            let mut resource = json!({ "Type": kind, "Id": id, "Partition": partition, "Region": region });
            if !details.is_null() {
                resource["Details"] = json!({ kind: details });
            }
            if !tags.is_null() {
                resource["Tags"] = tags;
            }
            found.push(resource);
        };
        if let Some(id) = &brief.instance {
            let arn = |id: &str| scope.arn("ec2", &format!("instance/{id}"));
            match &self.instance {
                Some((instance, interfaces)) => {
                    let details = instance_details(instance, interfaces);
                    put("AwsEc2Instance", arn(instance.id.as_str()), details, json!(instance.tags));
                }
                None => put("AwsEc2Instance", arn(id), json!({ "Type": "m5.large" }), Value::Null),
            }
        }
        if let Some(key) = &brief.access_key {
            put("AwsIamAccessKey", format!("AWS::IAM::AccessKey:{}", key.id), key_details(key, scope), Value::Null);
        }
        if let Some(bucket) = &brief.bucket {
            let details = json!({ "OwnerId": hex_of(&[b"owner", scope.account.as_str().as_bytes()], 64) });
            put("AwsS3Bucket", format!("arn:{partition}:s3:::{bucket}"), details, Value::Null);
        }
        for resource in &brief.resources {
            put(&resource.resource_type, self.fill(&resource.id), Value::Null, Value::Null);
        }
        if found.is_empty() {
            found.push(json!({
                "Type": "AwsAccount", "Id": format!("AWS::::Account:{}", scope.account),
                "Partition": partition, "Region": region,
            }));
        }
        found
    }
}

fn instance_details(instance: &Instance, interfaces: &[&Interface]) -> Value {
    let addresses = |v6: bool| -> Vec<String> {
        let of = |i: &&Interface| -> Vec<IpAddr> { i.public_ips.iter().chain(&i.private_ips).copied().collect() };
        interfaces.iter().flat_map(of).filter(|ip| ip.is_ipv6() == v6).map(|ip| ip.to_string()).collect()
    };
    let mut details = json!({
        "Type": instance.instance_type,
        "VpcId": instance.vpc,
        "SubnetId": instance.subnet,
        "NetworkInterfaces":
            interfaces.iter().map(|i| json!({ "NetworkInterfaceId": i.id })).collect::<Vec<Value>>(),
    });
    if let Some(image) = &instance.image {
        details["ImageId"] = image.as_str().into();
    }
    if let Some(at) = instance.launched_at {
        details["LaunchedAt"] = stamp(at).into();
    }
    if let Some(profile) = &instance.profile_arn {
        details["IamInstanceProfileArn"] = profile.as_str().into();
    }
    for (field, list) in [("IpV4Addresses", addresses(false)), ("IpV6Addresses", addresses(true))] {
        if !list.is_empty() {
            details[field] = list.into();
        }
    }
    details
}

fn key_details(key: &KeyBrief, scope: &Scope) -> Value {
    json!({
        "AccessKeyId": key.id,
        "AccountId": scope.account,
        "PrincipalId": key.principal_id,
        "PrincipalType": key.principal_type,
        "PrincipalName": key.principal_name,
    })
}
