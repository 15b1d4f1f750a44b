//! One finding, decoded once at the edge.

use super::ids::FindingId;
use super::scope::Scope;
use super::severity::Severity;
use super::subject::{InstanceSubject, Subject};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// Which format, hence which product's door, a finding came through.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// Security Hub CSPM's ASFF.
    #[default]
    SecurityHub,
    /// GuardDuty's own format.
    GuardDuty,
    /// OCSF, as the newer Security Hub speaks it.
    Ocsf,
    /// An envelope or document that could not be understood further.
    Unknown,
}

/// Security Hub's workflow status: where people stand with a finding.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Workflow {
    /// Nobody has looked.
    #[default]
    New,
    /// Somebody was told.
    Notified,
    /// Looked at; no action is needed.
    Suppressed,
    /// Dealt with.
    Resolved,
    /// A value we don't know, kept as it was written.
    #[serde(untagged)]
    Other(String),
}

impl Workflow {
    /// The status as AWS writes it.
    pub fn as_str(&self) -> &str {
        match self {
            Self::New => "NEW",
            Self::Notified => "NOTIFIED",
            Self::Suppressed => "SUPPRESSED",
            Self::Resolved => "RESOLVED",
            Self::Other(other) => other,
        }
    }
}

/// Whether the product still reports the finding.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum RecordState {
    /// Still reported.
    #[default]
    Active,
    /// No longer reported.
    Archived,
}

/// The outcome of a security check; only controls have one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Compliance {
    /// The check passed.
    Passed,
    /// The check found a resource that fails it.
    Failed,
    /// Some resources could not be checked.
    Warning,
    /// The check could not be made.
    NotAvailable,
    /// A value we don't know, kept as it was written.
    #[serde(untagged)]
    Other(String),
}

/// What names a finding to Security Hub's `BatchUpdateFindings`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FindingKey {
    /// The finding's id.
    pub id: FindingId,
    /// The ARN of the product that reported it.
    pub product_arn: String,
}

/// One report of one problem. All text in it was written by others: pass it through
/// [`super::text`] before it reaches a terminal, a log or a policy.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Finding {
    /// The finding's id as its product wrote it.
    pub id: FindingId,
    /// The format it came in.
    pub source: Source,
    /// The reporting product's ARN; needed to update the finding.
    pub product_arn: Option<String>,
    /// The reporting product's name, such as `GuardDuty`.
    pub product: Option<String>,
    /// The finding's type; in GuardDuty's spelling (`Family:Resource/Name`) where it is one of GuardDuty's.
    #[serde(rename = "type")]
    pub finding_type: String,
    /// One line for people.
    pub title: String,
    /// More for people.
    pub description: String,
    /// How bad it is.
    pub severity: Severity,
    /// The severity as the product wrote it (`9.0`, `Normalized:40`, `HIGH`), where it adds to the label.
    pub severity_raw: Option<String>,
    /// The account as the finding wrote it; not always a legal id in findings of third parties.
    pub account: Option<String>,
    /// The Region as the finding wrote it.
    pub region: Option<String>,
    /// The partition that the finding's ARNs name.
    pub partition: Option<super::Partition>,
    /// Whether this is a sample, which must never be acted on live.
    pub sample: bool,
    /// Whether the product still reports it.
    pub record_state: RecordState,
    /// Where people stand with it.
    pub workflow: Workflow,
    /// The note on it, where it has one. Written by people and programs.
    pub note: Option<String>,
    /// The outcome of a security check.
    pub compliance: Option<Compliance>,
    /// When the finding was made.
    pub created_at: Option<DateTime<Utc>>,
    /// When the finding was last changed by its product.
    pub updated_at: Option<DateTime<Utc>>,
    /// When the problem was first seen.
    pub first_seen: Option<DateTime<Utc>>,
    /// When the problem was last seen.
    pub last_seen: Option<DateTime<Utc>>,
    /// How often it was seen.
    pub count: Option<u64>,
    /// What it is about.
    pub subjects: Vec<Subject>,
    /// What was strange about it, each a sentence that names the place.
    pub oddities: Vec<String>,
}

impl Finding {
    /// Where the finding's resources live, when it names a legal account and Region.
    pub fn scope(&self) -> Option<Scope> {
        let mut scope = Scope::parse(self.account.as_deref()?, self.region.as_deref()?).ok()?;
        if let Some(partition) = &self.partition {
            scope.partition = partition.clone();
        }
        Some(scope)
    }

    /// What names this finding to Security Hub's `BatchUpdateFindings`; none for those of other products and of the
    /// newer Security Hub (OCSF), which has a call of its own.
    pub fn key(&self) -> Option<FindingKey> {
        if self.source != Source::SecurityHub {
            return None;
        }
        Some(FindingKey { id: self.id.clone(), product_arn: self.product_arn.clone()? })
    }

    /// The instances it is about, in order.
    pub fn instances(&self) -> impl Iterator<Item = &InstanceSubject> {
        self.subjects.iter().filter_map(|s| match s {
            Subject::Instance(i) => Some(i),
            _ => None,
        })
    }

    /// Whether it still wants attention: active, and not suppressed or resolved.
    pub fn is_open(&self) -> bool {
        self.record_state == RecordState::Active && !matches!(self.workflow, Workflow::Suppressed | Workflow::Resolved)
    }

    /// When it last changed, by whichever time it has.
    pub fn touched_at(&self) -> Option<DateTime<Utc>> {
        self.updated_at.or(self.last_seen).or(self.created_at)
    }
}
