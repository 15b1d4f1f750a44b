//! The denies of a quarantine that is to cut flows: those of a block of the finding's addresses, for an hour.

use super::super::{Engine, EngineError};
use super::block::Together;
use super::{BlockRequest, QuarantineRequest};
use crate::domain::{Finding, Subject, text};
use crate::intake;
use crate::playbook::block::{facts, say_once, shown};
use crate::playbook::quarantine::Denies;
use crate::playbook::{Action, Change};
use crate::policy::Ttl;
use ipnet::IpNet;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// How long the denies stand: long past the time after which both ends of a connection give it up.
const STANDS: &str = "1h";

/// How many addresses are denied at most: a network ACL holds 20 entries by default.
const MOST: usize = 5;

/// How long finding out may take: isolation comes first.
const PATIENCE: Duration = Duration::from_secs(8);

impl Engine {
    /// The denies for the addresses that the finding names, as steps beside a quarantine; and why there are none where
    /// there are none. A refusal keeps nobody from isolating.
    pub(super) async fn denies(&self, request: &QuarantineRequest) -> Denies {
        let mut denies = Denies::default();
        if !request.policy.cut_flows.by_acls() {
            return denies;
        }
        let finding = request.finding.as_ref().and_then(|f| decode(f.json.as_deref()?));
        let addresses = finding.as_ref().map(addresses).unwrap_or_default();
        let Some(finding) = finding.filter(|_| !addresses.is_empty()) else {
            denies.warnings.push("no network ACL denies anything: the finding names no address to deny".into());
            return denies;
        };
        if addresses.len() > MOST {
            denies.warnings.push(format!("the finding names {} addresses: {MOST} of them are denied", addresses.len()));
        }
        let mut together = Together::default();
        for range in addresses.into_iter().take(MOST) {
            let planned = tokio::time::timeout(PATIENCE, self.deny(request, &finding, range, &mut together)).await;
            let why = match planned {
                Ok(Ok(plan)) => {
                    // What the block says of itself is said of it here.
                    say_once(&mut denies.warnings, plan.warnings);
                    let step = |s: &crate::playbook::Step| {
                        matches!(&s.action, Action::Change(Change::DenyAddress(_)) | Action::WriteCounter { .. })
                    };
                    denies.steps.push(plan.steps.into_iter().filter(step).collect());
                    continue;
                }
                Ok(Err(error)) => text::safe(&error.to_string()).into_owned(),
                Err(_) => format!("the network ACLs could not be read within {} s", PATIENCE.as_secs()),
            };
            denies.warnings.push(format!("no network ACL denies {}: {why}", shown(&range)));
        }
        denies
    }

    async fn deny(
        &self,
        request: &QuarantineRequest,
        finding: &Finding,
        range: IpNet,
        together: &mut Together,
    ) -> Result<crate::playbook::Plan, EngineError> {
        let block = BlockRequest {
            scope: request.scope.clone(),
            range,
            instances: vec![request.instance.clone()],
            acls: vec![],
            directions: None,
            stands: STANDS.parse::<Ttl>().ok().into(),
            otherwise: BTreeMap::new(),
            typed_again: None,
            policy: request.policy.denies.policy.clone(),
            aws: request.policy.denies.aws.clone(),
            finding: None,
            remote: Some(facts(finding, &range)),
            topic_arn: None,
            update_finding: false,
        };
        Ok(self.prepare_block_with(&block, together).await?.plan)
    }
}

fn decode(json: &str) -> Option<Finding> {
    intake::decode_bytes(json.as_bytes()).ok()?.into_iter().next()
}

/// The addresses whose packets may cross a network ACL of ours.
fn addresses(finding: &Finding) -> BTreeSet<IpNet> {
    let remote = |s: &Subject| match s {
        Subject::RemoteAddress(a) if !a.api_caller => Some(IpNet::from(a.ip)),
        _ => None,
    };
    finding.subjects.iter().filter_map(remote).collect()
}
