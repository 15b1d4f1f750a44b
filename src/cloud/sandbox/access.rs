//! What credentials can do now: the policies that stand decide, and the intruders go on until they deny.

use super::evaluate::{self, Context};
use super::identities::Intruder;
use super::world::{Account, World};
use crate::domain::principal::{Decision, KeyUse};
use crate::domain::{AccountId, Principal};
use chrono::{DateTime, Duration, Utc};
use std::collections::BTreeSet;

/// What AWS answers to a call made with some credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// It goes through.
    Allowed,
    /// The credentials aren't accepted: the code.
    NotAccepted(&'static str),
    /// No policy allows it.
    NotAllowed,
    /// Policies deny it: these.
    Denied(BTreeSet<String>),
}

impl Account {
    /// The policies that stand on a principal, inline and attached, each with the name that IAM's simulator gives it;
    /// none where there is no such principal.
    pub(super) fn policies_of(&self, principal: &Principal) -> Option<Vec<(String, String)>> {
        let (inline, attached) = match principal {
            Principal::User(name) => self.users.get(name).map(|u| (&u.inline, &u.attached))?,
            Principal::Role(name) => self.roles.get(name).map(|r| (&r.inline, &r.attached))?,
        };
        let prefix = format!("{}_{}", principal.kind(), principal.name());
        let mut all: Vec<(String, String)> =
            inline.iter().map(|(name, text)| (format!("{prefix}_{name}"), text.clone())).collect();
        for arn in attached {
            if let Some(document) = self.managed_document(arn) {
                let name = arn.rsplit('/').next().unwrap_or(arn);
                all.push((name.to_owned(), document));
            }
        }
        Some(all)
    }

    /// The document of a managed policy: the account's own, or one of AWS's that the sandbox knows.
    pub(super) fn managed_document(&self, arn: &str) -> Option<String> {
        if let Some(policy) = self.policies.get(arn) {
            return Some(policy.document.clone());
        }
        let name = arn.split_once(":iam::aws:policy/").map(|(_, name)| name.rsplit('/').next().unwrap_or(name))?;
        let statement = match name {
            "AWSDenyAll" => r#"{"Sid":"DenyAll","Effect":"Deny","Action":["*"],"Resource":"*"}"#,
            "AdministratorAccess" => r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#,
            "ReadOnlyAccess" => r#"{"Effect":"Allow","Action":["*:Get*","*:List*","*:Describe*"],"Resource":"*"}"#,
            "AmazonSSMManagedInstanceCore" => {
                r#"{"Effect":"Allow","Action":["ssm:UpdateInstanceInformation","ssmmessages:*","ec2messages:*"],"Resource":"*"}"#
            }
            "AmazonEKSWorkerNodePolicy" => {
                r#"{"Effect":"Allow","Action":["ec2:Describe*","eks:DescribeCluster"],"Resource":"*"}"#
            }
            _ => return None,
        };
        Some(format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#))
    }

    /// What AWS answers to a call with these credentials.
    fn access(&self, credential: &str, action: &str, resource: &str, now: DateTime<Utc>) -> Access {
        let key = self.users.iter().find_map(|(name, user)| Some((name, user.keys.get(credential)?)));
        let (principal, context) = if let Some((user, key)) = key {
            if !key.active {
                return Access::NotAccepted("InvalidClientTokenId");
            }
            (Principal::User(user.clone()), Context::default())
        } else if let Some(session) = self.sessions.get(credential) {
            if session.expires_at <= now {
                return Access::NotAccepted("ExpiredToken");
            }
            let context = Context::of_session(session.issued_at, session.source_instance.as_deref());
            (session.principal.clone(), context)
        } else {
            return Access::NotAccepted("InvalidClientTokenId");
        };
        let Some(policies) = self.policies_of(&principal) else { return Access::NotAccepted("InvalidClientTokenId") };
        match evaluate::decide(&policies, action, resource, &context) {
            (Decision::Allowed, _) => Access::Allowed,
            (Decision::ExplicitDeny, by) => Access::Denied(by),
            (Decision::ImplicitDeny, _) => Access::NotAllowed,
        }
    }
}

impl World {
    /// What AWS answers now to a call with a key or a session of an account: the policies that stand there decide.
    pub fn access(&self, account: &AccountId, credential: &str, action: &str, now: DateTime<Utc>) -> Access {
        let account = self.accounts.get(account);
        account.map_or(Access::NotAccepted("InvalidClientTokenId"), |a| a.access(credential, action, "*", now))
    }

    /// The intruders as they stand now.
    pub fn intruders_at(&self, now: DateTime<Utc>) -> Vec<(Intruder, Access)> {
        let mut later = self.clone();
        later.reckon(now);
        let access = |i: &Intruder| {
            let account = self.accounts.get(&i.account);
            account.map_or(Access::NotAllowed, |a| a.access(&i.credential, &i.action, &i.resource, now))
        };
        later.intruders.iter().map(|i| (i.clone(), access(i))).collect()
    }

    /// Counts the intruders' calls up to now, by the policies that stand: done before each change of them.
    pub(super) fn reckon(&mut self, now: DateTime<Utc>) {
        for intruder in &mut self.intruders {
            let every = i64::from(intruder.every.max(1));
            let ticks = |at: DateTime<Utc>| (at - self.started_at).num_seconds().div_euclid(every).max(-1);
            let (done, due) = (ticks(intruder.reckoned_at), ticks(now));
            if due <= done {
                continue;
            }
            let last = self.started_at + Duration::seconds(due * every);
            let calls = u64::try_from(due - done).unwrap_or_default();
            let account = self.accounts.get(&intruder.account);
            let access = account.map(|a| a.access(&intruder.credential, &intruder.action, &intruder.resource, last));
            if access == Some(Access::Allowed) {
                intruder.allowed += calls;
                intruder.allowed_at = Some(last);
            } else {
                intruder.denied += calls;
            }
            intruder.reckoned_at = now;
        }
    }

    /// When a credential was last used with success, as far as intruders did.
    pub(super) fn last_use(&self, account: &AccountId, credential: &str, now: DateTime<Utc>) -> KeyUse {
        let uses =
            self.intruders_at(now).into_iter().filter(|(i, _)| i.account == *account && i.credential == credential);
        let last = uses.filter_map(|(i, _)| Some((i.allowed_at?, i.action))).max();
        let service = |action: String| action.split(':').next().map(str::to_owned);
        KeyUse {
            user: None,
            at: last.as_ref().map(|(at, _)| *at),
            service: last.and_then(|(_, action)| service(action)),
        }
    }
}
