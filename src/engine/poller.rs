//! The one reader of findings per account and Region: first page at once, then what has changed since.

use crate::cloud::port::{FindingQuery, SeenFinding};
use crate::cloud::{CloudError, Reads};
use crate::domain::{Clock, Finding, FindingId, Scope};
use chrono::{DateTime, Duration, Utc};
use std::collections::HashMap;
use std::sync::Arc;

/// How far back each later listing reaches behind the newest `UpdatedAt` seen: Security Hub shows some findings late.
pub const OVERLAP: Duration = Duration::minutes(5);

/// How often everything is listed again: a workflow change never moves `UpdatedAt`, so a listing by that alone would
/// not see it.
pub const FULL_EVERY: Duration = Duration::minutes(10);

/// What a listing brought.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// The scope that was listed.
    pub scope: Scope,
    /// The findings that are new or differ from what was seen before, newest first.
    pub changed: Vec<SeenFinding>,
    /// In a full listing's last batch: every id that was listed, so that what is gone can be dropped.
    pub complete: Option<Vec<FindingId>>,
    /// Whether more pages follow.
    pub more: bool,
    /// When the listing was asked for.
    pub at: DateTime<Utc>,
}

/// A listing under way.
#[derive(Debug, Clone)]
struct Listing {
    query: FindingQuery,
    next: Option<String>,
    full: bool,
    ids: Vec<FindingId>,
    newest: Option<DateTime<Utc>>,
    /// Whether the last call for the page at `next` failed.
    failed: bool,
}

/// Lists the findings of one scope, a page a call, and tells what has changed.
pub struct Poller {
    reads: Arc<dyn Reads>,
    clock: Arc<dyn Clock>,
    scope: Scope,
    include_closed: bool,
    seen: HashMap<FindingId, Finding>,
    newest: Option<DateTime<Utc>>,
    last_full: Option<DateTime<Utc>>,
    listing: Option<Listing>,
}

impl Poller {
    /// A poller that has seen nothing.
    pub fn new(reads: Arc<dyn Reads>, clock: Arc<dyn Clock>, scope: Scope, include_closed: bool) -> Self {
        Self { reads, clock, scope, include_closed, seen: HashMap::new(), newest: None, last_full: None, listing: None }
    }

    /// Fetches the next page: of the listing under way, else of a new one. Call again at once while
    /// [`Batch::more`], else after the polling interval.
    ///
    /// # Errors
    /// When the page can't be read; the next call tries the same page again. When that fails too, the call after it
    /// begins the listing anew: the page's token may have died.
    pub async fn next(&mut self) -> Result<Batch, CloudError> {
        let now = self.clock.now();
        let mut listing = self.listing.take().unwrap_or_else(|| self.begin(now));
        let page = match self.reads.findings(&self.scope, &listing.query, listing.next.as_deref()).await {
            Ok(page) => page,
            Err(error) => {
                if !listing.failed {
                    listing.failed = true;
                    self.listing = Some(listing);
                }
                return Err(error);
            }
        };
        listing.failed = false;
        let mut changed = Vec::new();
        for seen in page.findings {
            // A finding from the future must not hide those of today from the next listing.
            listing.newest = listing.newest.max(seen.finding.updated_at.map(|at| at.min(now)));
            if !self.include_closed && !seen.finding.is_open() {
                // What was closed meanwhile is told once, and what nobody saw open not at all.
                if self.seen.remove(&seen.finding.id).is_some() {
                    changed.push(seen);
                }
                continue;
            }
            if listing.full {
                listing.ids.push(seen.finding.id.clone());
            }
            if self.seen.get(&seen.finding.id) != Some(&seen.finding) {
                self.seen.insert(seen.finding.id.clone(), seen.finding.clone());
                changed.push(seen);
            }
        }
        listing.next = page.next;
        let more = listing.next.is_some();
        let mut complete = None;
        if more {
            self.listing = Some(listing);
        } else {
            self.newest = self.newest.max(listing.newest);
            if listing.full {
                self.last_full = Some(now);
                let listed: std::collections::HashSet<&FindingId> = listing.ids.iter().collect();
                self.seen.retain(|id, _| listed.contains(id));
                complete = Some(listing.ids);
            }
        }
        Ok(Batch { scope: self.scope.clone(), changed, complete, more, at: now })
    }

    fn begin(&self, now: DateTime<Utc>) -> Listing {
        let full = self.newest.is_none() || self.last_full.is_none_or(|last| now - last >= FULL_EVERY);
        let query = FindingQuery {
            updated_since: if full { None } else { self.newest.map(|t| t - OVERLAP) },
            // What changed since is also what was closed since.
            include_closed: self.include_closed || !full,
            ..FindingQuery::default()
        };
        Listing { query, next: None, full, ids: vec![], newest: None, failed: false }
    }
}
