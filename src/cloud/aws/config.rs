//! Where the adapters' settings and credentials come from: options first, then what every AWS tool reads.

use super::error::chain;
use crate::cloud::port::{CloudError, CloudResult, ErrorKind};
use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::{AppName, BehaviorVersion, Region, SdkConfig};
use aws_credential_types::provider::ProvideCredentials;
use aws_credential_types::provider::error::CredentialsError;
use aws_runtime::env_config::file::{EnvConfigFileKind, EnvConfigFiles};
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use std::path::PathBuf;
use std::time::Duration;

/// How long a connection may take to be there.
const CONNECT: Duration = Duration::from_secs(3);
/// How long one attempt may take: a page of 100 findings can hold megabytes.
const ATTEMPT: Duration = Duration::from_secs(10);
/// How long a call may take with all its attempts.
const CALL: Duration = Duration::from_secs(30);
/// How often a call that may be repeated is sent at most, with exponential waits and jitter between.
const ATTEMPTS: u32 = 4;
/// How long the credentials may take to come: a `credential_process` may ask a person for a code.
const CREDENTIALS: Duration = Duration::from_secs(60);

/// Which credentials and Region to use. What is left out comes from where every AWS tool takes it: the environment
/// (`AWS_PROFILE`, `AWS_REGION`, `AWS_ACCESS_KEY_ID`, `AWS_ENDPOINT_URL`, …), `~/.aws`, web identity, and the
/// container's or instance's own role.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AwsOptions {
    /// A profile's name. It goes before credentials in the environment: who names a profile means that one.
    pub profile: Option<String>,
    /// The Region to start in.
    pub region: Option<crate::domain::Region>,
    /// The name of the role to assume in accounts that are not the caller's own:
    /// `arn:{partition}:iam::{account}:role/{name}`.
    pub assume_role_name: Option<String>,
    /// Where to send all calls instead of to AWS, as `AWS_ENDPOINT_URL` does.
    pub endpoint: Option<String>,
    /// A file of profiles to read instead of those in `~/.aws`.
    pub config_file: Option<PathBuf>,
}

impl AwsOptions {
    fn profile_files(&self) -> Option<EnvConfigFiles> {
        let file = self.config_file.as_ref()?;
        Some(EnvConfigFiles::builder().with_file(EnvConfigFileKind::Config, file).build())
    }

    /// Where credentials were looked for, for a person.
    fn tried(&self) -> String {
        match &self.profile {
            Some(profile) => format!("tried profile `{profile}`"),
            None => "tried the environment (AWS_ACCESS_KEY_ID), the profile that AWS_PROFILE names or `default` in \
                     ~/.aws, web identity, and the role of the container or instance"
                .to_owned(),
        }
    }
}

/// Reads the settings. Fails when no credentials are to be had or no Region is set.
pub(super) async fn load(options: &AwsOptions) -> CloudResult<(SdkConfig, Region)> {
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .operation_attempt_timeout(ATTEMPT)
        .operation_timeout(CALL)
        .build();
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .timeout_config(timeouts)
        .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS))
        .identity_cache(aws_config::identity::IdentityCache::lazy().load_timeout(CREDENTIALS).build());
    if let Ok(name) = AppName::new("lazaret") {
        loader = loader.app_name(name);
    }
    if let Some(endpoint) = &options.endpoint {
        loader = loader.endpoint_url(endpoint);
    }
    if let Some(files) = options.profile_files() {
        loader = loader.profile_files(files);
    }
    if let Some(profile) = &options.profile {
        loader = loader.profile_name(profile);
    }
    if let Some(region) = &options.region {
        loader = loader.region(Region::new(region.as_str().to_owned()));
    }
    // On a machine that is no instance, the last place to look is an address that never answers: the SDK gives up
    // on it after a second.
    let mut config = loader.load().await;
    if let Some(profile) = &options.profile {
        let provider = named_profile(options, profile, &config).await;
        config = config.into_builder().credentials_provider(provider).build();
    }
    // Credentials first: who has neither them nor a Region lacks more than a Region.
    check_credentials(options, &config).await?;
    let region = config.region().cloned().ok_or_else(|| {
        CloudError::new(
            "sts:GetCallerIdentity",
            ErrorKind::Invalid,
            "NoRegion",
            "no Region is set: name one with --region, in AWS_REGION, or as `region` of the profile",
        )
    })?;
    Ok((config, region))
}

/// The credentials of a profile and of nothing else. The SDK's own chain would take the environment's first.
async fn named_profile(
    options: &AwsOptions,
    profile: &str,
    config: &SdkConfig,
) -> aws_credential_types::provider::SharedCredentialsProvider {
    let settings = ProviderConfig::without_region().with_region(config.region().cloned());
    let mut builder = ProfileFileCredentialsProvider::builder().configure(&settings).profile_name(profile);
    if let Some(files) = options.profile_files() {
        builder = builder.profile_files(files);
    }
    aws_credential_types::provider::SharedCredentialsProvider::new(builder.build())
}

/// Asks for credentials once, so that their absence is one clear line at the start and not an error of each call.
async fn check_credentials(options: &AwsOptions, config: &SdkConfig) -> CloudResult<()> {
    let none =
        |code: &str, message: String| CloudError::new("sts:GetCallerIdentity", ErrorKind::Credentials, code, message);
    let Some(provider) = config.credentials_provider() else {
        return Err(none("NoCredentials", options.tried()));
    };
    match tokio::time::timeout(CREDENTIALS, provider.provide_credentials()).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => {
            let said = chain(&error);
            // The last place of the chain is the instance's metadata: what it says is only why it was no use either.
            let nothing = matches!(error, CredentialsError::CredentialsNotLoaded(_)) || said.contains("IMDS");
            if nothing && options.profile.is_none() {
                tracing::debug!("no credentials: {said}");
                return Err(none("NoCredentials", options.tried()));
            }
            let hint = if said.contains("SSO token") { "; sign in with `aws sso login`" } else { "" };
            Err(none("CredentialsFailed", format!("{}: {said}{hint}", options.tried())))
        }
        Err(_) => Err(none("CredentialsTimeout", format!("no credentials within 60 seconds; {}", options.tried()))),
    }
}
