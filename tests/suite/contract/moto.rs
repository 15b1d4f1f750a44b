//! The start world on moto, built with the SDKs themselves. Each has an account of its own.

use super::server::server;
use super::{Fixture, OFFICES, PARAMETERS, RELEASE, TRUST, USER_DATA, World};
use async_trait::async_trait;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_credential_types::Credentials;
use aws_sdk_ec2::types as ec2;
use lazaret::cloud::Cloud;
use lazaret::cloud::aws::{AwsCloud, AwsOptions};
use lazaret::domain::{AclId, GroupId, InstanceId, InterfaceId, PrefixListId, Scope, VolumeId};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use tempfile::TempDir;

const REGION: &str = "eu-central-1";
/// An image that every moto account knows.
const IMAGE: &str = "ami-12c6146b";

/// A start world on moto.
pub(crate) struct Moto {
    cloud: AwsCloud,
    world: World,
    access_key: String,
    profile: TempDir,
    sdk: SdkConfig,
    credentials: Credentials,
}

/// A profile with credentials for an account, in a file of its own.
pub(crate) struct Account {
    pub(crate) id: String,
    pub(crate) credentials: Credentials,
    pub(crate) folder: TempDir,
}

/// The SDK's settings with these credentials.
async fn sdk(credentials: Credentials) -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .region(aws_config::Region::new(REGION))
        .endpoint_url(server().url())
        .credentials_provider(credentials)
        .load()
        .await
}

impl Account {
    /// An account that nobody used yet.
    pub(crate) async fn fresh() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let id = format!("21{:010}", NEXT.fetch_add(1, Ordering::Relaxed));
        let anybody = sdk(Credentials::new("testing", "testing", None, None, "test")).await;
        let role = aws_sdk_sts::Client::new(&anybody)
            .assume_role()
            .role_arn(format!("arn:aws:iam::{id}:role/Responder"))
            .role_session_name("ana")
            .send()
            .await
            .unwrap();
        let keys = role.credentials.unwrap();
        let (key, secret, token) = (keys.access_key_id, keys.secret_access_key, keys.session_token);
        let folder = tempfile::tempdir().unwrap();
        let profile = format!(
            "[profile contract]\nregion = {REGION}\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n\
             aws_session_token = {token}\n"
        );
        std::fs::write(folder.path().join("config"), profile).unwrap();
        Self { id, credentials: Credentials::new(key, secret, Some(token), None, "test"), folder }
    }

    /// Options that use it.
    pub(crate) fn options(&self) -> AwsOptions {
        AwsOptions {
            profile: Some("contract".into()),
            assume_role_name: Some("lazaret-responder".into()),
            endpoint: Some(server().url()),
            config_file: Some(self.folder.path().join("config")),
            ..AwsOptions::default()
        }
    }
}

impl Moto {
    /// The file with the profile `contract`, which has the account's credentials.
    pub(crate) fn config_file(&self) -> PathBuf {
        self.profile.path().join("config")
    }

    /// The SDK's settings with the account's credentials.
    pub(crate) async fn sdk(&self) -> SdkConfig {
        sdk(self.credentials.clone()).await
    }

    /// A new start world.
    pub(crate) async fn fresh() -> Self {
        let account = Account::fresh().await;
        let cloud = AwsCloud::connect(&account.options()).await.unwrap();
        let scope = Scope::parse(&account.id, REGION).unwrap();
        assert_eq!(cloud.home(), &scope);
        let sdk = sdk(account.credentials.clone()).await;
        let access_key = account.credentials.access_key_id().to_owned();
        let world = Box::pin(build(&sdk, scope)).await;
        Self { cloud, world, access_key, profile: account.folder, credentials: account.credentials, sdk }
    }
}

/// Builds what [`World`] describes.
async fn build(sdk: &SdkConfig, scope: Scope) -> World {
    let client = aws_sdk_ec2::Client::new(sdk);
    let vpc = client.create_vpc().cidr_block("10.0.0.0/16").send().await.unwrap().vpc.unwrap().vpc_id.unwrap();
    let subnet = client.create_subnet().vpc_id(&vpc).cidr_block("10.0.1.0/24").send().await.unwrap();
    let subnet = subnet.subnet.unwrap().subnet_id.unwrap();
    let mut groups = Vec::new();
    for name in ["web", "app", "db"] {
        let made = client.create_security_group().vpc_id(&vpc).group_name(name).description(name).send().await;
        groups.push(GroupId::new(made.unwrap().group_id.unwrap()));
    }
    let groups: [GroupId; 3] = groups.try_into().unwrap();
    let tier = ec2::Tag::builder().key("Tier").value("data").build();
    client.create_tags().resources(groups[2].as_str()).tags(tier).send().await.unwrap();
    let instance = run_instance(&client, &subnet, &groups).await;
    let keys = Box::pin(principals(sdk)).await;
    let id = instance.instance_id().unwrap();
    let profile = ec2::IamInstanceProfileSpecification::builder().name("web").build();
    client.associate_iam_instance_profile().instance_id(id).iam_instance_profile(profile).send().await.unwrap();
    World {
        other: Scope::parse(&format!("31{}", &scope.account.as_str()[2..]), REGION).unwrap(),
        acl: deny_in_default_acl(&client, &vpc).await,
        interfaces: interfaces(&instance),
        volumes: volumes(&client, &instance).await,
        topic: topic(sdk).await,
        endpoint: endpoint(&client, &vpc, &subnet, &groups[1]).await,
        offices: Box::pin(offices(&client)).await,
        instance: InstanceId::new(instance.instance_id().unwrap()),
        vpc: vpc.as_str().into(),
        subnet: subnet.as_str().into(),
        keys,
        groups,
        scope: parameters(sdk, scope).await,
    }
}

/// The instance starts with one interface; the others are made and attached, as people do it.
async fn run_instance(client: &aws_sdk_ec2::Client, subnet: &str, [web, app, db]: &[GroupId; 3]) -> ec2::Instance {
    let disk = |device: &str| {
        let ebs = ec2::EbsBlockDevice::builder().volume_size(8).build();
        ec2::BlockDeviceMapping::builder().device_name(device).ebs(ebs).build()
    };
    let name = ec2::Tag::builder().key("Name").value("web-1").build();
    let tags = ec2::TagSpecification::builder().resource_type(ec2::ResourceType::Instance).tags(name).build();
    let started = client
        .run_instances()
        .image_id(IMAGE)
        .instance_type(ec2::InstanceType::T3Micro)
        .min_count(1)
        .max_count(1)
        .subnet_id(subnet)
        .user_data(USER_DATA)
        .security_group_ids(web.as_str())
        .security_group_ids(app.as_str())
        .block_device_mappings(disk("/dev/xvda"))
        .block_device_mappings(disk("/dev/sdf"))
        .tag_specifications(tags);
    let id = started.send().await.unwrap().instances()[0].instance_id().unwrap().to_owned();
    for (index, group) in [(1, app), (2, db)] {
        let made = client.create_network_interface().subnet_id(subnet).groups(group.as_str()).send().await.unwrap();
        let interface = made.network_interface.unwrap().network_interface_id.unwrap();
        let attach = client.attach_network_interface().instance_id(&id).network_interface_id(interface);
        attach.device_index(index).send().await.unwrap();
    }
    let found = client.describe_instances().instance_ids(id).send().await.unwrap();
    found.reservations()[0].instances()[0].clone()
}

fn interfaces(instance: &ec2::Instance) -> [InterfaceId; 3] {
    let mut all: Vec<_> = instance.network_interfaces().iter().collect();
    all.sort_by_key(|i| i.attachment().and_then(|a| a.device_index()));
    let ids: Vec<_> = all.iter().map(|i| InterfaceId::new(i.network_interface_id().unwrap())).collect();
    ids.try_into().unwrap()
}

async fn volumes(client: &aws_sdk_ec2::Client, instance: &ec2::Instance) -> BTreeSet<VolumeId> {
    let attached = ec2::Filter::builder().name("attachment.instance-id").values(instance.instance_id().unwrap());
    let found = client.describe_volumes().filters(attached.build()).send().await.unwrap();
    found.volumes().iter().map(|v| VolumeId::new(v.volume_id().unwrap())).collect()
}

async fn deny_in_default_acl(client: &aws_sdk_ec2::Client, vpc: &str) -> AclId {
    let of_vpc = ec2::Filter::builder().name("vpc-id").values(vpc).build();
    let found = client.describe_network_acls().filters(of_vpc).send().await.unwrap();
    let id = found.network_acls()[0].network_acl_id().unwrap().to_owned();
    client
        .create_network_acl_entry()
        .network_acl_id(&id)
        .rule_number(50)
        .protocol("6")
        .rule_action(ec2::RuleAction::Deny)
        .egress(false)
        .cidr_block("198.51.100.7/32")
        .port_range(ec2::PortRange::builder().from(0).to(65535).build())
        .send()
        .await
        .unwrap();
    AclId::new(id)
}

/// The endpoint for SSM; there is also a gateway endpoint for S3, which is no interface.
async fn endpoint(client: &aws_sdk_ec2::Client, vpc: &str, subnet: &str, group: &GroupId) -> String {
    let service = |name: &str| format!("com.amazonaws.{REGION}.{name}");
    let gateway = client.create_vpc_endpoint().vpc_id(vpc).service_name(service("s3"));
    gateway.vpc_endpoint_type(ec2::VpcEndpointType::Gateway).send().await.unwrap();
    let made = client
        .create_vpc_endpoint()
        .vpc_id(vpc)
        .service_name(service("ssm"))
        .vpc_endpoint_type(ec2::VpcEndpointType::Interface)
        .subnet_ids(subnet)
        .security_group_ids(group.as_str())
        .send()
        .await
        .unwrap();
    made.vpc_endpoint.unwrap().vpc_endpoint_id.unwrap()
}

/// The list begins with as many entries as one call takes, and is added to: those of AWS are moto's own.
async fn offices(client: &aws_sdk_ec2::Client) -> PrefixListId {
    let cidr = |n: u8| format!("10.1.{n}.0/24");
    let first = |n| ec2::AddPrefixListEntry::builder().cidr(cidr(n)).build();
    let made = client.create_managed_prefix_list().prefix_list_name("offices").address_family("IPv4");
    let made = made.max_entries(i32::from(OFFICES)).set_entries(Some((0..100).map(first).collect()));
    let id = made.send().await.unwrap().prefix_list.unwrap().prefix_list_id.unwrap();
    let more = client.modify_managed_prefix_list().prefix_list_id(&id).prefix_list_name("offices").current_version(1);
    more.set_add_entries(Some((100..OFFICES).map(first).collect())).send().await.unwrap();
    PrefixListId::new(id)
}

/// The user with its keys, and the roles.
async fn principals(sdk: &SdkConfig) -> [String; 2] {
    let iam = aws_sdk_iam::Client::new(sdk);
    let user = "deploy-bot";
    iam.create_user().user_name(user).path("/ci/").send().await.unwrap();
    iam.create_login_profile().user_name(user).password("correct horse battery staple").send().await.unwrap();
    iam.put_user_policy().user_name(user).policy_name("release").policy_document(RELEASE).send().await.unwrap();
    let read_only = "arn:aws:iam::aws:policy/ReadOnlyAccess";
    iam.attach_user_policy().user_name(user).policy_arn(read_only).send().await.unwrap();
    let mut keys = Vec::new();
    for _ in 0..2 {
        let made = iam.create_access_key().user_name(user).send().await.unwrap();
        keys.push(made.access_key.unwrap().access_key_id);
    }
    let web = iam.create_role().role_name("web").assume_role_policy_document(TRUST).description("Web tier");
    web.send().await.unwrap();
    iam.put_role_policy().role_name("web").policy_name("release").policy_document(RELEASE).send().await.unwrap();
    iam.create_instance_profile().instance_profile_name("web").send().await.unwrap();
    iam.add_role_to_instance_profile().instance_profile_name("web").role_name("web").send().await.unwrap();
    iam.create_service_linked_role().aws_service_name("autoscaling.amazonaws.com").send().await.unwrap();
    let listed = iam.list_access_keys().user_name(user).send().await.unwrap();
    let mut listed: Vec<_> = listed.access_key_metadata().iter().collect();
    listed.sort_by_key(|k| (k.create_date().copied(), k.access_key_id().map(str::to_owned)));
    let listed: Vec<String> = listed.iter().map(|k| k.access_key_id().unwrap().to_owned()).collect();
    assert!(keys.iter().all(|k| listed.contains(k)));
    listed.try_into().unwrap()
}

async fn topic(sdk: &SdkConfig) -> String {
    let made = aws_sdk_sns::Client::new(sdk).create_topic().name("responders").send().await.unwrap();
    made.topic_arn.unwrap()
}

async fn parameters(sdk: &SdkConfig, scope: Scope) -> Scope {
    let client = aws_sdk_ssm::Client::new(sdk);
    let below_nacl = (0..PARAMETERS).map(|n| (format!("/nacl/acl-{n:08x}"), n.to_string()));
    for (name, value) in below_nacl.chain([("/other/one".to_owned(), "1".to_owned())]) {
        let kind = aws_sdk_ssm::types::ParameterType::String;
        client.put_parameter().name(name).value(value).r#type(kind).send().await.unwrap();
    }
    scope
}

#[async_trait]
impl Fixture for Moto {
    fn cloud(&self) -> Cloud {
        self.cloud.cloud()
    }

    fn world(&self) -> &World {
        &self.world
    }

    async fn import(&self, findings: Vec<Value>) {
        let credential = format!("{}/20260301/{REGION}/securityhub/aws4_request", self.access_key);
        for portion in findings.chunks(100) {
            let body = json!({ "Findings": portion }).to_string();
            let answer: Value =
                serde_json::from_str(&server().send("POST", "/findings/import", &credential, &body)).unwrap();
            assert_eq!(answer["SuccessCount"], portion.len(), "{answer}");
        }
    }

    async fn make_bucket(&self, name: &str, locked: bool) {
        use aws_sdk_s3::types as s3;
        let config = aws_sdk_s3::config::Builder::from(&self.sdk).force_path_style(true).build();
        let client = aws_sdk_s3::Client::from_conf(config);
        let region = s3::CreateBucketConfiguration::builder()
            .location_constraint(s3::BucketLocationConstraint::EuCentral1)
            .build();
        let made = client.create_bucket().bucket(name).create_bucket_configuration(region);
        made.object_lock_enabled_for_bucket(locked).send().await.unwrap();
        if locked {
            let default =
                s3::DefaultRetention::builder().mode(s3::ObjectLockRetentionMode::Governance).days(30).build();
            let configuration = s3::ObjectLockConfiguration::builder()
                .object_lock_enabled(s3::ObjectLockEnabled::Enabled)
                .rule(s3::ObjectLockRule::builder().default_retention(default).build())
                .build();
            let put = client.put_object_lock_configuration().bucket(name);
            put.object_lock_configuration(configuration).send().await.unwrap();
        }
    }

    async fn start_agent(&self) {
        // `an_agent_is_where_the_tag_says` in tests/moto/corrections_forensics.py reads it.
        let online = ec2::Tag::builder().key("moto:agent").value("Online").build();
        let client = aws_sdk_ec2::Client::new(&self.sdk);
        client.create_tags().resources(self.world.instance.as_str()).tags(online).send().await.unwrap();
    }

    async fn published(&self) -> Vec<(String, String, String)> {
        let path = format!("/published/{}/{REGION}/responders", self.world.scope.account);
        let messages: Vec<Value> = serde_json::from_str(&server().send("GET", &path, "", "")).unwrap();
        let text = |message: &Value, field: &str| message[field].as_str().unwrap().to_owned();
        messages.iter().map(|m| (text(m, "id"), text(m, "subject"), text(m, "body"))).collect()
    }
}
