//! From what is selected to what the engine is asked: one place for every playbook's request.

use super::super::model::Model;
use super::super::model::findings::Row;
use super::super::model::offers::{Act, Target};
use super::super::model::pane::Wish;
use super::super::model::ways;
use crate::domain::{InstanceId, Scope};
use crate::engine::prepare::{DeleteRoleRequest, ExfiltrationRequest, Request, RestoreWhat};
use crate::engine::{BlockRequest, CredentialsRequest, ForensicsRequest, QuarantineRequest, RestoreRequest};
use crate::playbook::block::{facts, shown, subject};
use crate::playbook::credentials::Credential;
use crate::playbook::exfiltration::Swap;
use crate::playbook::{FindingRef, Playbook};
use ipnet::IpNet;
use std::collections::{BTreeMap, BTreeSet};

/// The finding as plans keep it.
pub(super) fn finding_ref(row: &Row) -> FindingRef {
    FindingRef::new(&row.finding, Some(&row.json), Some(row.hub.clone()))
}

/// What an act on a target asks for; `None` where this act can't be about such a target.
pub(super) fn wish(
    model: &Model,
    act: Act,
    target: &Target,
    scope: &Scope,
    finding: Option<FindingRef>,
) -> Option<Wish> {
    match (act, target) {
        (Act::Quarantine, Target::Instance(instance)) => Some(quarantine(model, scope, instance, finding)),
        (Act::Restore, Target::Instance(instance)) => {
            let what = RestoreWhat::Instance(instance.clone());
            Some(restore(model, scope, what, Some(format!("instance:{instance}"))))
        }
        (Act::Block, Target::Address(ip, _)) => {
            let range = IpNet::from(*ip);
            let row = row_of(model, finding.as_ref()?)?;
            let mut request = block_request(model, scope, range, finding);
            request.instances = row.finding.instances().filter_map(|i| i.id.clone()).collect();
            request.remote = Some(facts(&row.finding, &range));
            Some(block(request))
        }
        (Act::Revoke, Target::Key(key)) => Some(revoke(model, scope, Credential::Key(key.clone()), finding)),
        (Act::Revoke, Target::User(name)) => Some(revoke(model, scope, Credential::User(name.clone()), finding)),
        (Act::Revoke, Target::Role(name)) => Some(revoke(model, scope, Credential::Role(name.clone()), finding)),
        (Act::Forensics, Target::Instance(instance)) => forensics(model, scope, instance, finding),
        (Act::Exfiltration, Target::Finding) => exfiltration(model, scope, finding?),
        _ => None,
    }
}

/// The finding's row, by what plans keep of it.
fn row_of<'a>(model: &'a Model, finding: &FindingRef) -> Option<&'a Row> {
    model.findings.rows().find(|r| r.finding.id == finding.id)
}

/// The other Regions of an account that are looked at.
fn elsewhere(model: &Model, scope: &Scope) -> Vec<Scope> {
    model.session.scopes.iter().filter(|s| s.account == scope.account && *s != scope).cloned().collect()
}

/// The containment of a key, user or role.
fn revoke(model: &Model, scope: &Scope, credential: Credential, finding: Option<FindingRef>) -> Wish {
    let since =
        finding.as_ref().and_then(|f| row_of(model, f)).and_then(|r| r.finding.first_seen.or(r.finding.created_at));
    let subject = match &credential {
        Credential::Key(key) => format!("key:{}", key.id),
        Credential::User(name) => format!("user:{name}"),
        Credential::Role(name) => format!("role:{name}"),
    };
    let request = CredentialsRequest {
        scope: scope.clone(),
        regions: model.session.scopes.iter().filter(|s| s.account == scope.account).cloned().collect(),
        only_instance: None,
        finding: finding.clone(),
        since,
        topic_arn: model.session.topic(scope),
        update_finding: model.session.settings.quarantine.update_finding,
        credential,
    };
    Wish {
        playbook: Playbook::ContainCredentials,
        subject: Some(subject),
        words: request.credential.named(),
        finding,
        request: Request::Credentials(Box::new(request)),
    }
}

/// The whole answer to stolen instance credentials.
fn exfiltration(model: &Model, scope: &Scope, finding: FindingRef) -> Option<Wish> {
    let found = row_of(model, &finding)?.finding.clone();
    let request = ExfiltrationRequest {
        scope: scope.clone(),
        finding: Some((finding.clone(), found)),
        role: None,
        instance: None,
        swap: Swap::default(),
        elsewhere: elsewhere(model, scope),
        block: model.session.settings.block.clone(),
        aws: model.session.aws_ranges.clone(),
        topic_arn: model.session.topic(scope),
        update_finding: model.session.settings.quarantine.update_finding,
    };
    Some(Wish {
        playbook: Playbook::ContainExfiltration,
        subject: None,
        words: "the role behind the stolen credentials".to_owned(),
        finding: Some(finding),
        request: Request::Exfiltration(Box::new(request)),
    })
}

/// The evidence of an instance; none where nobody knows where to keep it.
pub(super) fn forensics(
    model: &Model,
    scope: &Scope,
    instance: &InstanceId,
    finding: Option<FindingRef>,
) -> Option<Wish> {
    let request = ForensicsRequest {
        scope: scope.clone(),
        instance: instance.clone(),
        finding: finding.clone(),
        vault: model.session.vault(scope)?,
        policy: model.session.settings.forensics.clone(),
        topic_arn: model.session.topic(scope),
    };
    Some(Wish {
        playbook: Playbook::CollectForensics,
        subject: Some(format!("evidence:{instance}")),
        words: Target::Instance(instance.clone()).words(),
        finding,
        request: Request::Forensics(Box::new(request)),
    })
}

/// The end of a role.
pub(super) fn delete_role(model: &Model, scope: &Scope, role: &str) -> Wish {
    let request = DeleteRoleRequest { scope: scope.clone(), role: role.to_owned(), elsewhere: elsewhere(model, scope) };
    Wish {
        playbook: Playbook::DeleteRole,
        subject: Some(format!("role:{role}")),
        words: crate::domain::text::fit(role, 64),
        finding: None,
        request: Request::DeleteRole(Box::new(request)),
    }
}

/// What a block asks for, before anybody says where.
pub(super) fn block_request(model: &Model, scope: &Scope, range: IpNet, finding: Option<FindingRef>) -> BlockRequest {
    let settings = &model.session.settings;
    BlockRequest {
        scope: scope.clone(),
        range,
        instances: vec![],
        acls: vec![],
        directions: None,
        stands: settings.block.ttl.into(),
        otherwise: BTreeMap::new(),
        typed_again: None,
        policy: settings.block.clone(),
        aws: model.session.aws_ranges.clone(),
        finding,
        remote: None,
        topic_arn: model.session.topic(scope),
        update_finding: settings.quarantine.update_finding,
    }
}

/// The block of an address.
pub(super) fn block(request: BlockRequest) -> Wish {
    Wish {
        playbook: Playbook::BlockAddress,
        subject: Some(subject(&request.range)),
        words: shown(&request.range),
        finding: request.finding.clone(),
        request: Request::Block(Box::new(request)),
    }
}

/// The quarantine of an instance.
pub(super) fn quarantine(model: &Model, scope: &Scope, instance: &InstanceId, finding: Option<FindingRef>) -> Wish {
    let mut policy = model.session.settings.quarantine.clone();
    policy.topic_arn = model.session.topic(scope);
    policy.denies = ways::denies(&model.session);
    if policy.evidence_first {
        policy.volatile = ways::volatile(&model.session, scope);
    }
    let request =
        QuarantineRequest { scope: scope.clone(), instance: instance.clone(), finding: finding.clone(), policy };
    Wish {
        playbook: Playbook::QuarantineInstance,
        subject: Some(format!("instance:{instance}")),
        words: Target::Instance(instance.clone()).words(),
        finding,
        request: Request::Quarantine(Box::new(request)),
    }
}

/// A restore; `subject` names what it is about, where that is known beforehand.
pub(super) fn restore(model: &Model, scope: &Scope, what: RestoreWhat, subject: Option<String>) -> Wish {
    let request = RestoreRequest {
        scope: scope.clone(),
        what,
        force: BTreeSet::new(),
        finding_status: model.session.settings.restore.finding_status.workflow(),
        topic_arn: model.session.topic(scope),
        block: model.session.settings.block.clone(),
        aws: model.session.aws_ranges.clone(),
    };
    let words = subject.as_deref().and_then(|s| s.split_once(':')).map_or("", |(_, id)| id);
    Wish {
        playbook: Playbook::Restore,
        words: crate::domain::text::fit(words, 64),
        subject,
        finding: None,
        request: Request::Restore(Box::new(request)),
    }
}
