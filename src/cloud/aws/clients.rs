//! The SDK's clients, one set for each scope, made when first asked for and kept.

use super::clock::AwsClock;
use super::config::AwsOptions;
use super::limiter::Limiter;
use crate::cloud::operations::ASSUME_ROLE;
use crate::cloud::port::{CallerIdentity, CloudError, CloudResult, ErrorKind};
use crate::domain::{AccountId, Partition, Region, Scope};
use aws_config::SdkConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_ec2::config::retry::{RetryConfig, RetryPartition};
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::Mutex;

/// The longest name of a role's session (STS, `RoleSessionName`).
const LONGEST_SESSION: usize = 64;

/// The name of a session in another account: the caller's own, so that its CloudTrail tells who it was.
fn session_name(caller_arn: &str) -> String {
    // arn:aws:sts::account:assumed-role/role/session, arn:aws:iam::account:user/path/name
    let own = caller_arn.splitn(6, ':').nth(5).and_then(|resource| resource.rsplit_once('/'));
    let own = own.map_or("", |(_, name)| name);
    let legal = |c: char| if c.is_ascii_alphanumeric() || "_+=,.@-".contains(c) { c } else { '-' };
    let name: String = own.chars().map(legal).take(LONGEST_SESSION).collect();
    if name.len() >= 2 && name.contains(|c: char| c.is_ascii_alphanumeric()) { name } else { "lazaret".to_owned() }
}

/// The clients of one account and Region. Those named `…_once` send each request once and never repeat it.
pub(super) struct ScopeClients {
    pub(super) ec2: aws_sdk_ec2::Client,
    pub(super) ec2_once: aws_sdk_ec2::Client,
    pub(super) autoscaling: aws_sdk_autoscaling::Client,
    pub(super) autoscaling_once: aws_sdk_autoscaling::Client,
    pub(super) elb: aws_sdk_elasticloadbalancing::Client,
    pub(super) elb_once: aws_sdk_elasticloadbalancing::Client,
    pub(super) elbv2: aws_sdk_elasticloadbalancingv2::Client,
    pub(super) securityhub: aws_sdk_securityhub::Client,
    pub(super) s3: aws_sdk_s3::Client,
    pub(super) s3_once: aws_sdk_s3::Client,
    pub(super) ssm: aws_sdk_ssm::Client,
    pub(super) ssm_once: aws_sdk_ssm::Client,
    pub(super) sts: aws_sdk_sts::Client,
    pub(super) iam: aws_sdk_iam::Client,
    pub(super) iam_once: aws_sdk_iam::Client,
    /// Security Hub's limit on `GetFindings`, shared by all who read this account and Region.
    pub(super) get_findings: Limiter,
    config: SdkConfig,
}

impl ScopeClients {
    fn new(config: SdkConfig, scope: &Scope, clock: &AwsClock) -> Self {
        // The SDK's allowance for retries is one per service and Region: an account in trouble would use up the others'.
        let partition = |service: &str| RetryPartition::new(format!("{service} {scope}"));
        let ec2 = aws_sdk_ec2::config::Builder::from(&config).retry_partition(partition("ec2"));
        let ec2_once = ec2.clone().retry_config(RetryConfig::disabled());
        let autoscaling = aws_sdk_autoscaling::config::Builder::from(&config).retry_partition(partition("autoscaling"));
        let autoscaling_once = autoscaling.clone().retry_config(RetryConfig::disabled());
        let elb = aws_sdk_elasticloadbalancing::config::Builder::from(&config).retry_partition(partition("elb"));
        let elb_once = elb.clone().retry_config(RetryConfig::disabled());
        let elbv2 = aws_sdk_elasticloadbalancingv2::config::Builder::from(&config).retry_partition(partition("elbv2"));
        let securityhub = aws_sdk_securityhub::config::Builder::from(&config).retry_partition(partition("securityhub"));
        let ssm = aws_sdk_ssm::config::Builder::from(&config).retry_partition(partition("ssm"));
        let ssm_once = ssm.clone().retry_config(RetryConfig::disabled());
        // What stands in for AWS is one host, which knows no bucket by a host's name.
        let s3 = aws_sdk_s3::config::Builder::from(&config)
            .retry_partition(partition("s3"))
            .force_path_style(config.endpoint_url().is_some());
        let s3_once = s3.clone().retry_config(RetryConfig::disabled());
        let sts = aws_sdk_sts::config::Builder::from(&config).retry_partition(partition("sts"));
        let iam =
            aws_sdk_iam::config::Builder::from(&config).retry_partition(partition("iam")).interceptor(clock.clone());
        let iam_once = iam.clone().retry_config(RetryConfig::disabled());
        Self {
            ec2: aws_sdk_ec2::Client::from_conf(ec2.build()),
            ec2_once: aws_sdk_ec2::Client::from_conf(ec2_once.build()),
            autoscaling: aws_sdk_autoscaling::Client::from_conf(autoscaling.build()),
            autoscaling_once: aws_sdk_autoscaling::Client::from_conf(autoscaling_once.build()),
            elb: aws_sdk_elasticloadbalancing::Client::from_conf(elb.build()),
            elb_once: aws_sdk_elasticloadbalancing::Client::from_conf(elb_once.build()),
            elbv2: aws_sdk_elasticloadbalancingv2::Client::from_conf(elbv2.build()),
            securityhub: aws_sdk_securityhub::Client::from_conf(securityhub.build()),
            s3: aws_sdk_s3::Client::from_conf(s3.build()),
            s3_once: aws_sdk_s3::Client::from_conf(s3_once.build()),
            ssm: aws_sdk_ssm::Client::from_conf(ssm.build()),
            ssm_once: aws_sdk_ssm::Client::from_conf(ssm_once.build()),
            sts: aws_sdk_sts::Client::from_conf(sts.build()),
            iam: aws_sdk_iam::Client::from_conf(iam.build()),
            iam_once: aws_sdk_iam::Client::from_conf(iam_once.build()),
            get_findings: Limiter::get_findings(),
            config,
        }
    }

    /// A client for a topic, which may be in another Region than what the message is about.
    pub(super) fn sns_once(&self, region: &Region) -> aws_sdk_sns::Client {
        let config = aws_sdk_sns::config::Builder::from(&self.config)
            .region(aws_config::Region::new(region.as_str().to_owned()))
            .retry_config(RetryConfig::disabled());
        aws_sdk_sns::Client::from_conf(config.build())
    }
}

/// All clients of a session.
pub(super) struct Clients {
    base: SdkConfig,
    assume_role_name: Option<String>,
    caller: CallerIdentity,
    account: AccountId,
    partition: Partition,
    clock: AwsClock,
    scopes: Mutex<HashMap<Scope, Arc<ScopeClients>>>,
    accounts: Mutex<HashMap<AccountId, SharedCredentialsProvider>>,
}

impl Clients {
    pub(super) fn new(
        base: SdkConfig,
        options: &AwsOptions,
        caller: CallerIdentity,
        account: AccountId,
        partition: Partition,
    ) -> Self {
        Self {
            base,
            assume_role_name: options.assume_role_name.clone(),
            caller,
            account,
            partition,
            clock: AwsClock::default(),
            scopes: Mutex::default(),
            accounts: Mutex::default(),
        }
    }

    /// AWS's clock, as IAM's answers tell it.
    pub(super) fn clock(&self) -> &AwsClock {
        &self.clock
    }

    pub(super) fn caller(&self) -> &CallerIdentity {
        &self.caller
    }

    pub(super) fn scope_in(&self, region: Region) -> Scope {
        Scope { partition: self.partition.clone(), account: self.account.clone(), region }
    }

    /// The clients of a scope. No call is made here: a role is assumed with the first call that needs it.
    pub(super) async fn of(&self, scope: &Scope) -> CloudResult<Arc<ScopeClients>> {
        let mut scopes = self.scopes.lock().await;
        if let Some(clients) = scopes.get(scope) {
            return Ok(clients.clone());
        }
        let mut config = self.base.to_builder().region(aws_config::Region::new(scope.region.as_str().to_owned()));
        if scope.account != self.account || scope.partition != self.partition {
            config.set_credentials_provider(Some(self.credentials_of(scope).await?));
        }
        let clients = Arc::new(ScopeClients::new(config.build(), scope, &self.clock));
        scopes.insert(scope.clone(), clients.clone());
        Ok(clients)
    }

    /// The credentials of another account, one provider for all its Regions, so that its role is assumed once.
    async fn credentials_of(&self, scope: &Scope) -> CloudResult<SharedCredentialsProvider> {
        let refuse = |code: &str, message: String| {
            Err(CloudError::new(ASSUME_ROLE.name, ErrorKind::Credentials, code, message).at(scope))
        };
        if scope.partition != self.partition {
            let (theirs, ours) = (&scope.partition, &self.partition);
            return refuse("OtherPartition", format!("the account is in {theirs}, the credentials are for {ours}"));
        }
        let Some(role) = &self.assume_role_name else {
            let ours = &self.account;
            let message =
                format!("the credentials are for {ours}, and no role to assume in other accounts is configured");
            return refuse("NoRole", message);
        };
        let mut accounts = self.accounts.lock().await;
        if let Some(provider) = accounts.get(&scope.account) {
            return Ok(provider.clone());
        }
        let arn = format!("arn:{}:iam::{}:role/{role}", scope.partition, scope.account);
        let session = session_name(&self.caller.arn);
        let provider = AssumeRoleProvider::builder(arn).session_name(session).configure(&self.base).build().await;
        let provider = SharedCredentialsProvider::new(provider);
        accounts.insert(scope.account.clone(), provider.clone());
        Ok(provider)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_session_in_another_account_is_named_after_the_caller() {
        let long = "a".repeat(70);
        for (resource, name) in [
            ("assumed-role/AWSReservedSSO_Responder_4f1c2a9b0d3e5f67/ana@example.com", "ana@example.com"),
            ("assumed-role/lambda/lazaret_night+shift=1,2.3", "lazaret_night+shift=1,2.3"),
            ("user/soc/on-call/ben", "ben"),
            ("user/jos\u{e9} m:x", "jos--m-x"),
            ("federated-user/eve", "eve"),
            (&format!("assumed-role/r/{long}"), &long[..64]),
            ("root", "lazaret"),
            ("user/x", "lazaret"),
            ("user/\u{e9}\u{e9}", "lazaret"),
            ("", "lazaret"),
        ] {
            assert_eq!(session_name(&format!("arn:aws:sts::111122223333:{resource}")), name, "{resource}");
        }
        assert_eq!(session_name("somebody"), "lazaret");
    }
}
