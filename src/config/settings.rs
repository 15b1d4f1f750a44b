//! Settings: defaults, then the file, then the environment.

use super::document::{self, ConfigError};
use crate::domain::{AccountId, GroupId, Region, Severity, Workflow};
use crate::policy::address::AwsRanges;
use crate::policy::{BlockPolicy, ForensicsPolicy, QuarantinePolicy};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::Path;

/// The shortest polling interval, in seconds. Security Hub answers three requests a second for the whole account,
/// and others want some too.
pub const MIN_POLL_SECONDS: u64 = 2;

/// The longest polling interval, in seconds: a console that looks less often than this shows yesterday.
pub const MAX_POLL_SECONDS: u64 = 600;

/// Everything that can be set.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where findings are read and what is acted on.
    pub aws: AwsSettings,
    /// How an instance is quarantined.
    pub quarantine: QuarantinePolicy,
    /// How an address is blocked.
    pub block: BlockPolicy,
    /// What restore does besides putting things back.
    pub restore: RestoreSettings,
    /// How evidence is taken, and where it is kept.
    pub forensics: ForensicsPolicy,
    /// The session's standing orders.
    pub guard: GuardSettings,
    /// How the console looks and rings.
    pub console: ConsoleSettings,
    /// What is logged.
    pub log: LogSettings,
}

/// `[aws]`: where findings are read and what is acted on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AwsSettings {
    /// The profile of `~/.aws/config`; none for the standard credential chain.
    pub profile: Option<String>,
    /// The Regions looked at in the caller's own account; empty for the credential chain's Region.
    pub regions: Vec<Region>,
    /// Where findings are listed, when that is one aggregation Region and not every account and Region.
    pub hub: Option<HubSettings>,
    /// The role assumed in other accounts.
    pub role_name: Option<String>,
    /// Other accounts whose instances are shown and acted on.
    pub accounts: Vec<AccountSettings>,
}

/// `[aws.hub]`: the account and Region whose Security Hub has everybody's findings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HubSettings {
    /// The account; none for the caller's own.
    #[serde(default)]
    pub account: Option<AccountId>,
    /// The aggregation Region.
    pub region: Region,
}

/// `[[aws.accounts]]`: one account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountSettings {
    /// Its twelve digits.
    pub id: AccountId,
    /// What people call it.
    #[serde(default)]
    pub name: Option<String>,
    /// Its Regions; empty for those of `[aws]`.
    #[serde(default)]
    pub regions: Vec<Region>,
}

/// `[guard]`: the session's standing orders.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GuardSettings {
    /// Not one mutating call leaves the process.
    pub read_only: bool,
    /// Plans are made and shown, and nothing runs.
    pub dry_run: bool,
}

/// `[console]`: how the console looks and rings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ConsoleSettings {
    /// A theme that is built in, or one of the config folder's `themes/`.
    pub theme: String,
    /// The keymap that the config folder's `keymap.toml` builds on.
    pub keymap: String,
    /// Whether new critical findings ring the terminal's bell.
    pub bell: bool,
    /// Whether the mouse selects and scrolls.
    pub mouse: bool,
    /// The least severity that is shown at the start.
    #[serde(with = "severity_word")]
    pub min_severity: Severity,
    /// How often findings are asked for, in seconds.
    pub poll_seconds: u64,
}

impl Default for ConsoleSettings {
    fn default() -> Self {
        Self {
            theme: "dark".into(),
            keymap: "default".into(),
            bell: true,
            mouse: true,
            min_severity: Severity::Low,
            poll_seconds: 10,
        }
    }
}

/// `[restore]`: what restore does besides putting things back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RestoreSettings {
    /// The status that the finding of a restored instance gets.
    pub finding_status: AfterRestore,
}

/// The status that the finding of a restored instance gets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum AfterRestore {
    /// Dealt with.
    #[default]
    #[serde(rename = "RESOLVED")]
    Resolved,
    /// A false positive that needs no further look.
    #[serde(rename = "SUPPRESSED")]
    Suppressed,
    /// As it is.
    #[serde(rename = "leave")]
    Leave,
}

impl AfterRestore {
    /// The status to set; none to leave it.
    pub fn workflow(self) -> Option<Workflow> {
        match self {
            Self::Resolved => Some(Workflow::Resolved),
            Self::Suppressed => Some(Workflow::Suppressed),
            Self::Leave => None,
        }
    }
}

/// `[log]`: what is logged.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogSettings {
    /// How much.
    pub level: LogLevel,
}

/// How much is logged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Nothing.
    Off,
    /// What failed.
    Error,
    /// And what may.
    #[default]
    Warn,
    /// And what was done.
    Info,
    /// And how.
    Debug,
    /// And everything else.
    Trace,
}

impl LogLevel {
    /// All levels, least first.
    pub const ALL: [Self; 6] = [Self::Off, Self::Error, Self::Warn, Self::Info, Self::Debug, Self::Trace];

    /// The word that the file and `tracing` use.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Error => "error",
            Self::Warn => "warn",
            Self::Info => "info",
            Self::Debug => "debug",
            Self::Trace => "trace",
        }
    }
}

/// The longest name of an SNS topic.
const LONGEST_TOPIC: usize = 256;

/// Whether a text can be an SNS topic's ARN.
///
/// # Errors
/// What is wrong with it, and what a right one looks like.
pub fn check_topic(arn: &str) -> Result<(), String> {
    let wrong = |why: &str| Err(format!("`{arn}` is not an SNS topic's ARN (arn:aws:sns:REGION:ACCOUNT:NAME){why}"));
    let parts: Vec<&str> = arn.split(':').collect();
    let (partition, region, account, name) = match parts[..] {
        ["arn", partition, "sns", region, account, name] => (partition, region, account, name),
        ["arn", _, "sns", _, _, _, ..] => return wrong(": that is a subscription"),
        ["arn", _, "sns", ..] => return wrong(": it ends too early"),
        _ => return wrong(""),
    };
    if partition != "aws" && !partition.starts_with("aws-") {
        return wrong(&format!(": `{partition}` is not a partition"));
    }
    if let Err(error) = region.parse::<Region>() {
        return wrong(&format!(": {error}"));
    }
    if let Err(error) = account.parse::<AccountId>() {
        return wrong(&format!(": {error}"));
    }
    let plain = name.strip_suffix(".fifo").unwrap_or(name);
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if plain.is_empty() || name.len() > LONGEST_TOPIC || !plain.chars().all(legal) {
        return wrong(&format!(": `{name}` is not a topic's name"));
    }
    Ok(())
}

/// Severities as people write them: `low`, `LOW`, `crit`.
mod severity_word {
    use crate::domain::Severity;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(severity: &Severity, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&severity.label().to_lowercase())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Severity, D::Error> {
        String::deserialize(from)?.parse().map_err(serde::de::Error::custom)
    }
}

/// What the environment can set, with what it sets.
pub const VARIABLES: [(&str, &str); 9] = [
    ("LAZARET_PROFILE", "aws.profile"),
    ("LAZARET_REGIONS", "aws.regions, separated by commas"),
    ("LAZARET_QUARANTINE_GROUP", "quarantine.group"),
    ("LAZARET_READ_ONLY", "guard.read_only"),
    ("LAZARET_DRY_RUN", "guard.dry_run"),
    ("LAZARET_THEME", "console.theme"),
    ("LAZARET_KEYMAP", "console.keymap"),
    ("LAZARET_BELL", "console.bell"),
    ("LAZARET_LOG", "log.level"),
];

impl Settings {
    /// A sample file that says nothing but the defaults, each line with what it means.
    pub fn template() -> &'static str {
        include_str!("template.toml")
    }

    /// Settings from the defaults, the file where one is named, and the environment, each over the one before.
    ///
    /// # Errors
    /// With file, line and reason of the first thing that is wrong.
    pub fn load(path: Option<&Path>, env: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let mut settings = match path {
            Some(path) => Self::parse(&path.display().to_string(), &document::read(path)?)?,
            None => Self::default(),
        };
        settings.apply_env(env)?;
        Ok(settings)
    }

    /// Settings from a file's text.
    ///
    /// # Errors
    /// With file, line and reason of the first thing that is wrong.
    pub fn parse(file: &str, text: &str) -> Result<Self, ConfigError> {
        let settings: Self = document::parse(file, text)?;
        settings.validate(file, text)?;
        Ok(settings)
    }

    /// What the types alone don't say.
    fn validate(&self, file: &str, text: &str) -> Result<(), ConfigError> {
        let wrong =
            |path: &[&str], message: String| Err(ConfigError::new(file, document::line_of(text, path), message));
        let poll = self.console.poll_seconds;
        if !(MIN_POLL_SECONDS..=MAX_POLL_SECONDS).contains(&poll) {
            return wrong(
                &["console", "poll_seconds"],
                format!("poll_seconds is {poll}; it has to be {MIN_POLL_SECONDS} to {MAX_POLL_SECONDS}"),
            );
        }
        if let Some(group) = &self.quarantine.group
            && let Err(error) = group.as_str().parse::<GroupId>()
        {
            return wrong(&["quarantine", "group"], error.to_string());
        }
        if let Some(topic) = &self.quarantine.topic_arn
            && let Err(problem) = check_topic(topic)
        {
            return wrong(&["quarantine", "topic_arn"], problem);
        }
        if let Err((name, problem)) = self.forensics.check() {
            return wrong(&["forensics", name], problem);
        }
        // Less than the allow and the final deny that every table begins with is a slip.
        if !(3..=40).contains(&self.block.quota) {
            let quota = self.block.quota;
            return wrong(
                &["block", "quota"],
                format!("quota is {quota}; AWS allows 20, or up to 40 where it has raised it"),
            );
        }
        if let Some(role) = &self.aws.role_name
            && (role.is_empty() || role.contains([':', ' ']))
        {
            return wrong(
                &["aws", "role_name"],
                format!("`{role}` is not a role's name (the name alone, without the ARN)"),
            );
        }
        let mut seen = BTreeSet::new();
        if let Some(twice) = self.aws.accounts.iter().find(|a| !seen.insert(&a.id)) {
            return wrong(&["aws", "accounts"], format!("account {} is listed twice", twice.id));
        }
        Ok(())
    }

    /// AWS's published ranges, from the file that `[block] aws_ranges` names; none where it names none.
    ///
    /// # Errors
    /// When the file can't be read, or isn't AWS's `ip-ranges.json`.
    pub fn aws_ranges(&self) -> Result<Option<AwsRanges>, ConfigError> {
        let Some(path) = &self.block.aws_ranges else { return Ok(None) };
        let text = document::read(path)?;
        let ranges = AwsRanges::parse(&text).map_err(|why| ConfigError::new(&path.display().to_string(), None, why))?;
        Ok(Some(ranges))
    }

    fn apply_env(&mut self, env: impl Fn(&str) -> Option<String>) -> Result<(), ConfigError> {
        let var = |name: &str| env(name).filter(|value| !value.is_empty());
        let wrong = |name: &str, message: String| ConfigError::new(&format!("environment {name}"), None, message);
        let flag = |name: &str, into: &mut bool| match var(name).as_deref() {
            None => Ok(()),
            Some("1" | "true" | "yes" | "on") => {
                *into = true;
                Ok(())
            }
            Some("0" | "false" | "no" | "off") => {
                *into = false;
                Ok(())
            }
            Some(other) => Err(wrong(name, format!("`{other}` is neither true nor false"))),
        };
        if let Some(profile) = var("LAZARET_PROFILE") {
            self.aws.profile = Some(profile);
        }
        if let Some(regions) = var("LAZARET_REGIONS") {
            let parsed: Result<Vec<Region>, _> = regions.split(',').map(|r| r.trim().parse()).collect();
            self.aws.regions = parsed.map_err(|e| wrong("LAZARET_REGIONS", e.to_string()))?;
        }
        if let Some(group) = var("LAZARET_QUARANTINE_GROUP") {
            let group = group
                .parse()
                .map_err(|e: crate::domain::ids::IdError| wrong("LAZARET_QUARANTINE_GROUP", e.to_string()))?;
            self.quarantine.group = Some(group);
        }
        flag("LAZARET_READ_ONLY", &mut self.guard.read_only)?;
        flag("LAZARET_DRY_RUN", &mut self.guard.dry_run)?;
        flag("LAZARET_BELL", &mut self.console.bell)?;
        if let Some(theme) = var("LAZARET_THEME") {
            self.console.theme = theme;
        }
        if let Some(keymap) = var("LAZARET_KEYMAP") {
            self.console.keymap = keymap;
        }
        if let Some(level) = var("LAZARET_LOG") {
            let words = LogLevel::ALL.map(LogLevel::as_str);
            self.log.level = LogLevel::ALL.into_iter().find(|l| l.as_str() == level).ok_or_else(|| {
                wrong("LAZARET_LOG", format!("`{level}` is not a level ({})", words.join(", ")))
                    .hint(document::did_you_mean(&level, words))
            })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn none(_: &str) -> Option<String> {
        None
    }

    #[test]
    fn the_template_says_the_defaults() {
        assert_eq!(Settings::parse("template", Settings::template()).unwrap(), Settings::default());
    }

    #[test]
    fn every_line_of_the_template_that_is_commented_out_is_legal_too() {
        let all: String = Settings::template()
            .lines()
            .map(|line| match line.strip_prefix("#: ") {
                Some(setting) => format!("{setting}\n"),
                None => format!("{line}\n"),
            })
            .collect();
        let settings = Settings::parse("template", &all).unwrap();
        assert_eq!(settings.aws.accounts.len(), 2);
        assert!(settings.quarantine.group.is_some() && settings.aws.hub.is_some());
        // Nothing that can be set is missing from the template.
        let toml = toml::Value::try_from(&settings).unwrap();
        let mut names = Vec::new();
        keys(&toml, &mut names);
        for name in names {
            assert!(
                all.lines().any(|l| l.trim_start().starts_with(&name) || l.contains(&format!(".{name}]"))),
                "{name}"
            );
        }
    }

    fn keys(value: &toml::Value, into: &mut Vec<String>) {
        match value {
            toml::Value::Table(table) => table.iter().for_each(|(key, value)| {
                if !value.is_table() && !matches!(value, toml::Value::Array(a) if a.iter().any(toml::Value::is_table)) {
                    into.push(key.clone());
                }
                keys(value, into);
            }),
            toml::Value::Array(list) => list.iter().for_each(|v| keys(v, into)),
            _ => {}
        }
    }

    #[test]
    fn the_environment_is_over_the_file_and_the_file_over_the_defaults() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        std::fs::write(&path, "[console]\ntheme = \"light\"\nbell = false\n[guard]\nread_only = true\n").unwrap();
        let file = Settings::load(Some(&path), none).unwrap();
        assert_eq!((file.console.theme.as_str(), file.console.bell, file.guard.read_only), ("light", false, true));
        assert_eq!(file.console.keymap, "default");
        let env = |name: &str| match name {
            "LAZARET_THEME" => Some("high-contrast".to_owned()),
            "LAZARET_READ_ONLY" => Some("no".to_owned()),
            "LAZARET_REGIONS" => Some("eu-central-1, us-east-1".to_owned()),
            "LAZARET_LOG" => Some("debug".to_owned()),
            _ => None,
        };
        let both = Settings::load(Some(&path), env).unwrap();
        assert_eq!((both.console.theme.as_str(), both.guard.read_only), ("high-contrast", false));
        assert_eq!(both.aws.regions.len(), 2);
        assert_eq!(both.log.level, LogLevel::Debug);
    }

    #[test]
    fn a_mistake_in_the_environment_names_the_variable() {
        for (name, value, said) in [
            ("LAZARET_READ_ONLY", "maybe", "environment LAZARET_READ_ONLY: `maybe` is neither true nor false"),
            (
                "LAZARET_REGIONS",
                "Frankfurt",
                "environment LAZARET_REGIONS: `Frankfurt` is not the name of an AWS Region (such as eu-central-1)",
            ),
            (
                "LAZARET_LOG",
                "warning",
                "environment LAZARET_LOG: `warning` is not a level (off, error, warn, info, debug, trace) (did you mean `warn`?)",
            ),
        ] {
            let error = Settings::load(None, |n| (n == name).then(|| value.to_owned())).unwrap_err();
            assert_eq!(error.to_string(), said);
        }
        let error = Settings::load(Some(Path::new("/nonexistent/config.toml")), none).unwrap_err().to_string();
        assert!(error.starts_with("/nonexistent/config.toml: can't be read"), "{error}");
    }
}
