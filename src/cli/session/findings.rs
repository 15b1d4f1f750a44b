//! Findings looked up by their ids, by what they are about, or all of them, in every Security Hub in question.

use super::Session;
use crate::cli::exit::{Exit, Failure};
use crate::cloud::CloudError;
use crate::cloud::port::{FindingQuery, SeenFinding};
use crate::domain::{FindingId, InstanceId, Scope, text};
use crate::playbook::FindingRef;
use crate::playbook::block::facts;
use futures::future::join_all;
use ipnet::IpNet;
use std::collections::{BTreeMap, BTreeSet};

/// How many pages of findings are looked through for one about an instance.
const PAGES_SEARCHED: usize = 5;

/// How many findings are asked for by id at once: Security Hub takes at most twenty values in a filter.
const IDS_ASKED: usize = 20;

impl Session {
    /// Up to `limit` findings that match, newest first.
    pub(in crate::cli) async fn list_findings(
        &self,
        hub: &Scope,
        query: &FindingQuery,
        limit: usize,
    ) -> Result<Vec<SeenFinding>, CloudError> {
        let mut found = Vec::new();
        let mut next: Option<String> = None;
        loop {
            let page = self.reads().findings(hub, query, next.as_deref()).await?;
            found.extend(page.findings);
            next = page.next;
            if next.is_none() || found.len() >= limit {
                found.truncate(limit);
                return Ok(found);
            }
        }
    }

    /// The finding of this id, or the only one whose id ends with it, and the hub that has it. A hub that can't be read
    /// keeps no other from its answer.
    pub(in crate::cli) async fn finding(&self, id: &FindingId) -> Result<Option<(Scope, SeenFinding)>, Failure> {
        let exact = FindingQuery { ids: vec![id.clone()], include_closed: true, ..FindingQuery::default() };
        let mut unread = None;
        for hub in &self.hubs {
            match self.reads().findings(hub, &exact, None).await {
                Ok(page) => {
                    if let Some(seen) = page.findings.into_iter().find(|s| &s.finding.id == id) {
                        return Ok(Some((hub.clone(), seen)));
                    }
                }
                Err(error) => unread = unread.or(Some(error)),
            }
        }
        let mut ending: BTreeMap<FindingId, (Scope, SeenFinding)> = BTreeMap::new();
        let all = FindingQuery { include_closed: true, ..FindingQuery::default() };
        for hub in self.hubs.iter().filter(|_| id.as_str().len() >= 6 && unread.is_none()) {
            for seen in self.list_findings(hub, &all, PAGES_SEARCHED * 100).await? {
                if seen.finding.id.as_str().ends_with(id.as_str()) {
                    ending.insert(seen.finding.id.clone(), (hub.clone(), seen));
                }
            }
        }
        match (ending.len(), unread) {
            // What can't be read may have it: that none does is not known.
            (_, Some(error)) => Err(error.into()),
            (0 | 1, None) => Ok(ending.into_values().next()),
            (several, None) => {
                Err(Failure::new(Exit::Usage, format!("{several} findings have an id that ends so"))
                    .hint("say more of it"))
            }
        }
    }

    /// The findings of these ids, or the only ones whose ids end so, by the Security Hub that has them; and the ids
    /// that none has. One that several list is taken from the first.
    pub(in crate::cli) async fn findings(
        &self,
        ids: &BTreeSet<FindingId>,
    ) -> Result<(BTreeMap<Scope, Vec<FindingRef>>, Vec<FindingId>), Failure> {
        let mut by_hub: BTreeMap<Scope, Vec<FindingRef>> = BTreeMap::new();
        let (mut unknown, mut unread) = (ids.clone(), None);
        let single = ids.len() == 1;
        let mut keep = |hub: &Scope, seen: &SeenFinding| {
            // Many findings' JSON would make a plan of megabytes.
            let json = single.then_some(&*seen.json);
            by_hub.entry(hub.clone()).or_default().push(FindingRef::new(&seen.finding, json, Some(hub.clone())));
        };
        for hub in &self.hubs {
            let wanted: Vec<FindingId> = unknown.iter().cloned().collect();
            for ids in wanted.chunks(IDS_ASKED) {
                let query = FindingQuery { ids: ids.to_vec(), include_closed: true, ..FindingQuery::default() };
                match self.list_findings(hub, &query, usize::MAX).await {
                    Ok(found) => found.iter().for_each(|seen| {
                        unknown.remove(&seen.finding.id);
                        keep(hub, seen);
                    }),
                    Err(error) => unread = unread.or(Some(error)),
                }
            }
        }
        // What can't be read may have those that are missing: that none has them is not known.
        if let (Some(error), false) = (unread, unknown.is_empty()) {
            return Err(error.into());
        }
        let short: Vec<FindingId> = unknown.iter().filter(|id| id.as_str().len() >= 6).cloned().collect();
        if short.is_empty() {
            return Ok((by_hub, unknown.into_iter().collect()));
        }
        let mut ending: BTreeMap<FindingId, BTreeMap<FindingId, (Scope, SeenFinding)>> = BTreeMap::new();
        let all = FindingQuery { include_closed: true, ..FindingQuery::default() };
        for hub in &self.hubs {
            for seen in self.list_findings(hub, &all, PAGES_SEARCHED * 100).await? {
                for id in short.iter().filter(|id| seen.finding.id.as_str().ends_with(id.as_str())) {
                    let found = ending.entry(id.clone()).or_default();
                    found.entry(seen.finding.id.clone()).or_insert_with(|| (hub.clone(), seen.clone()));
                }
            }
        }
        for (id, found) in ending {
            if found.len() > 1 {
                let message = format!("{} findings have an id that ends with {}", found.len(), text::safe(id.as_str()));
                return Err(Failure::new(Exit::Usage, message).hint("say more of it"));
            }
            for (hub, seen) in found.values() {
                keep(hub, seen);
            }
            unknown.remove(&id);
        }
        Ok((by_hub, unknown.into_iter().collect()))
    }

    /// The worst, and of those the newest, open finding about an instance.
    pub(in crate::cli) async fn worst_finding_about(
        &self,
        instance: &InstanceId,
        scope: &Scope,
    ) -> Result<Option<(Scope, SeenFinding)>, CloudError> {
        let resource = Some(scope.arn("ec2", &format!("instance/{instance}")));
        let query = FindingQuery { resource, ..FindingQuery::default() };
        let listings = self.hubs.iter().map(|hub| self.list_findings(hub, &query, PAGES_SEARCHED * 100));
        let mut best: Option<(Scope, SeenFinding)> = None;
        for (hub, listing) in self.hubs.iter().zip(join_all(listings).await) {
            for seen in listing? {
                let about = seen.finding.instances().any(|i| i.id.as_ref() == Some(instance));
                let rank = |s: &SeenFinding| (s.finding.severity, s.finding.touched_at());
                if about && !seen.finding.sample && best.as_ref().is_none_or(|(_, b)| rank(&seen) > rank(b)) {
                    best = Some((hub.clone(), seen));
                }
            }
        }
        Ok(best)
    }

    /// The worst, and of those the newest, open finding that names an address, where its packets can cross an ACL; one
    /// that knows it as a caller of AWS's API alone only where there is no other.
    pub(in crate::cli) async fn worst_finding_naming(
        &self,
        range: &IpNet,
    ) -> Result<Option<(Scope, SeenFinding)>, CloudError> {
        let query = FindingQuery::default();
        let listings = self.hubs.iter().map(|hub| self.list_findings(hub, &query, PAGES_SEARCHED * 100));
        let rank = |s: &SeenFinding| {
            let placed = s.finding.instances().any(|i| i.id.is_some());
            (!facts(&s.finding, range).api_caller, placed, s.finding.severity, s.finding.touched_at())
        };
        let mut best: Option<(Scope, SeenFinding)> = None;
        for (hub, listing) in self.hubs.iter().zip(join_all(listings).await) {
            for seen in listing? {
                let names = facts(&seen.finding, range).named && !seen.finding.sample;
                if names && best.as_ref().is_none_or(|(_, b)| rank(&seen) > rank(b)) {
                    best = Some((hub.clone(), seen));
                }
            }
        }
        Ok(best)
    }
}
