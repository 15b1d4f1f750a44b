//! Eventual consistency on demand: reads that still show what stood there before a write.

use super::behaviour::Staleness;
use super::world::World;
use chrono::{DateTime, Utc};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use tokio::time::Instant;

/// How many writes back a read can be late.
const MOST: usize = 64;

/// The worlds before the latest writes, oldest first.
#[derive(Debug, Default)]
pub(super) struct StaleViews {
    entries: VecDeque<(Arc<World>, Left)>,
}

#[derive(Debug)]
enum Left {
    Reads { each: u32, used: BTreeMap<&'static str, u32> },
    Until(Instant),
}

impl StaleViews {
    /// Remembers the world before a write.
    pub(super) fn remember(&mut self, before: World, staleness: Staleness) {
        let left = match staleness {
            Staleness::None => return,
            Staleness::Reads(each) => Left::Reads { each, used: BTreeMap::new() },
            Staleness::For(time) => Left::Until(Instant::now() + time),
        };
        self.entries.push_back((Arc::new(before), left));
        if self.entries.len() > MOST {
            self.entries.pop_front();
        }
    }

    pub(super) fn clear(&mut self) {
        self.entries.clear();
    }

    /// The world that this read sees, when that isn't the present one. One read counts against every write that it is
    /// late for, so that many writes don't make it later than one does.
    pub(super) fn view(&mut self, operation: &'static str) -> Option<Arc<World>> {
        let now = Instant::now();
        self.entries.retain(|(_, left)| !matches!(left, Left::Until(end) if *end <= now));
        let mut seen = None;
        for (before, left) in &mut self.entries {
            let late = match left {
                Left::Until(_) => true,
                Left::Reads { each, used } => {
                    let used = used.entry(operation).or_default();
                    *used += 1;
                    *used <= *each
                }
            };
            if late && seen.is_none() {
                seen = Some(Arc::clone(before));
            }
        }
        seen
    }
}

/// The worlds before the latest updates of findings, oldest first, each with the moment from which its update is shown.
#[derive(Debug, Default)]
pub(super) struct LateFindings {
    entries: VecDeque<(Arc<World>, DateTime<Utc>)>,
}

impl LateFindings {
    /// Remembers the world before an update that is shown from then on.
    pub(super) fn remember(&mut self, before: World, shown_at: DateTime<Utc>) {
        self.entries.push_back((Arc::new(before), shown_at));
        if self.entries.len() > MOST {
            self.entries.pop_front();
        }
    }

    pub(super) fn clear(&mut self) {
        self.entries.clear();
    }

    /// The world that a listing sees now, when that isn't the present one.
    pub(super) fn view(&mut self, now: DateTime<Utc>) -> Option<Arc<World>> {
        self.entries.retain(|(_, shown_at)| *shown_at > now);
        self.entries.front().map(|(world, _)| Arc::clone(world))
    }
}
