//! The instances that details show, read live: asked for once the selection rests, kept for a moment.

use crate::console::model::machines::InstanceKey;
use crate::playbook::Observed;
use chrono::{DateTime, Duration, Utc};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How long the selection has to rest on a subject before it is read: scrolling past reads nothing.
const REST: Duration = Duration::milliseconds(200);

/// How long a reading is good enough to show without another.
const FRESH: Duration = Duration::seconds(20);

/// How many readings are kept.
const KEPT: usize = 64;

/// One instance's reading.
#[derive(Debug, Clone)]
pub struct Sight {
    /// What was read last, where anything was.
    pub observed: Option<Arc<Observed>>,
    /// Why the last reading failed, safe to show.
    pub error: Option<String>,
    /// When the last reading was asked for.
    pub asked: DateTime<Utc>,
    /// Whether it is under way.
    pub running: bool,
}

/// The readings of instances.
#[derive(Debug, Default)]
pub struct Subjects {
    sights: BTreeMap<InstanceKey, Sight>,
    resting: Option<(InstanceKey, DateTime<Utc>)>,
}

impl Subjects {
    /// What is known of an instance.
    pub fn of(&self, key: &InstanceKey) -> Option<&Sight> {
        self.sights.get(key)
    }

    /// Says what the detail shows now. Whether it should be read.
    pub fn show(&mut self, key: Option<InstanceKey>, now: DateTime<Utc>) -> Option<InstanceKey> {
        let Some(key) = key else {
            self.resting = None;
            return None;
        };
        let since = match &self.resting {
            Some((resting, since)) if *resting == key => *since,
            _ => {
                self.resting = Some((key, now));
                return None;
            }
        };
        let fresh = self.sights.get(&key).is_some_and(|s| s.running || now - s.asked < FRESH);
        if fresh || now - since < REST {
            return None;
        }
        if self.sights.len() >= KEPT
            && let Some(oldest) = self.sights.iter().min_by_key(|(_, s)| s.asked).map(|(k, _)| k.clone())
        {
            self.sights.remove(&oldest);
        }
        let sight =
            self.sights.entry(key.clone()).or_insert(Sight { observed: None, error: None, asked: now, running: true });
        sight.asked = now;
        sight.running = true;
        Some(key)
    }

    /// Takes a reading in.
    pub fn take(&mut self, key: &InstanceKey, result: Result<Box<Observed>, String>) {
        let Some(sight) = self.sights.get_mut(key) else { return };
        sight.running = false;
        match result {
            Ok(observed) => {
                sight.observed = Some(Arc::from(observed));
                sight.error = None;
            }
            Err(error) => sight.error = Some(error),
        }
    }

    /// Has an instance read again as soon as it is shown.
    pub fn forget(&mut self, key: &InstanceKey) {
        if let Some(sight) = self.sights.get_mut(key) {
            sight.asked = DateTime::UNIX_EPOCH;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{InstanceId, Scope};

    #[test]
    fn scrolling_past_reads_nothing_and_resting_reads_once() {
        let mut subjects = Subjects::default();
        let t = |ms| DateTime::UNIX_EPOCH + Duration::milliseconds(ms);
        let key = |n: u32| (Scope::parse("111122223333", "eu-central-1").unwrap(), InstanceId::new(format!("i-{n}")));
        for n in 0..10 {
            assert_eq!(subjects.show(Some(key(n)), t(i64::from(n) * 50)), None);
        }
        assert_eq!(subjects.show(Some(key(9)), t(700)), Some(key(9)));
        assert_eq!(subjects.show(Some(key(9)), t(900)), None, "it is under way");
        subjects.take(&key(9), Err("AccessDenied".into()));
        assert_eq!(subjects.show(Some(key(9)), t(5_000)), None, "it was just read");
        assert_eq!(subjects.show(Some(key(9)), t(30_000)), Some(key(9)));
    }
}
