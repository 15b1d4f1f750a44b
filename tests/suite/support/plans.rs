//! Small plans for tests that don't care what is planned.

use chrono::DateTime;
use lazaret::domain::{InstanceId, Protection, Scope};
use lazaret::ledger::{Actor, Hand};
use lazaret::playbook::{Action, Change, Plan, Playbook, Step, Weight};

/// Somebody at a command line.
pub(crate) fn actor(name: &str) -> Actor {
    Actor { name: name.into(), arn: None, host: "test".into(), hand: Hand::Cli }
}

/// A plan of three steps that is never carried out.
pub(crate) fn plan(subject: &str) -> Plan {
    let instance = InstanceId::new(subject.trim_start_matches("instance:"));
    let step = |id: &str, wave, weight| Step {
        id: id.into(),
        title: format!("Step {id}"),
        wave,
        weight,
        needs: vec![],
        action: Action::Change(Change::Protection(lazaret::playbook::change::SetProtection {
            instance: instance.clone(),
            protection: Protection::Termination,
            before: false,
            after: true,
        })),
    };
    Plan {
        playbook: Playbook::QuarantineInstance,
        scope: Scope::parse("111122223333", "eu-central-1").unwrap(),
        subject: subject.into(),
        title: format!("Quarantine {subject}"),
        observed_at: DateTime::UNIX_EPOCH,
        finding: None,
        incident: "incident".into(),
        steps: vec![
            step("tag", 1, Weight::Essential),
            step("swap", 2, Weight::Essential),
            step("notify", 3, Weight::Courtesy),
        ],
        warnings: vec![],
        limits: vec![],
        drift: vec![],
        reverts: vec![],
        promise: lazaret::playbook::Promise::default(),
    }
}
