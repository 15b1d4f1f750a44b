//! When each thing is read: at most one reading under way and one waiting, and slower while it fails.

use crate::console::effect::Thing;
use chrono::{DateTime, Duration, Utc};
use std::collections::BTreeMap;

/// How much slower a failing thing is read at most.
const SLOWEST: i32 = 8;

/// One thing's readings.
#[derive(Debug, Clone, Default)]
pub struct Reading {
    running: bool,
    waiting: bool,
    began: Option<DateTime<Utc>>,
    /// When it last went well.
    pub ok_at: Option<DateTime<Utc>>,
    /// Why the last one failed, safe to show.
    pub error: Option<String>,
    failures: u32,
}

/// All readings.
#[derive(Debug, Clone, Default)]
pub struct Readings {
    things: BTreeMap<Thing, Reading>,
}

impl Readings {
    /// Asks for a reading: whether it should begin now. One that is under way is followed by another.
    pub fn want(&mut self, thing: &Thing, now: DateTime<Utc>) -> bool {
        let reading = self.things.entry(thing.clone()).or_default();
        if reading.running {
            reading.waiting = true;
            return false;
        }
        reading.running = true;
        reading.began = Some(now);
        true
    }

    /// Notes that a reading is over. Whether another was asked for meanwhile.
    pub fn done(&mut self, thing: &Thing, result: Result<(), String>, now: DateTime<Utc>) -> bool {
        let reading = self.things.entry(thing.clone()).or_default();
        reading.running = false;
        match result {
            Ok(()) => {
                reading.ok_at = Some(now);
                reading.error = None;
                reading.failures = 0;
            }
            Err(error) => {
                reading.error = Some(error);
                reading.failures = reading.failures.saturating_add(1);
            }
        }
        std::mem::take(&mut reading.waiting)
    }

    /// Whether a thing that should be read every so often is due.
    pub fn due(&self, thing: &Thing, every: Duration, now: DateTime<Utc>) -> bool {
        let Some(reading) = self.things.get(thing) else { return true };
        let slower = i32::try_from(1u32 << reading.failures.min(3)).unwrap_or(SLOWEST).min(SLOWEST);
        !reading.running && reading.began.is_none_or(|t| now - t >= every * slower)
    }

    /// One thing's readings.
    pub fn of(&self, thing: &Thing) -> Option<&Reading> {
        self.things.get(thing)
    }

    /// Whether it was never read well and is being read.
    pub fn first(&self, thing: &Thing) -> bool {
        self.things.get(thing).is_none_or(|r| r.ok_at.is_none() && r.error.is_none())
    }

    /// The things that fail, with why.
    pub fn failing(&self) -> impl Iterator<Item = (&Thing, &str)> {
        self.things.iter().filter_map(|(thing, r)| Some((thing, r.error.as_deref()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_runs_and_one_waits() {
        let (mut readings, now) = (Readings::default(), DateTime::UNIX_EPOCH);
        assert!(readings.want(&Thing::Runs, now));
        assert!(!readings.want(&Thing::Runs, now) && !readings.want(&Thing::Runs, now));
        assert!(readings.done(&Thing::Runs, Ok(()), now), "one waits");
        assert!(readings.want(&Thing::Runs, now));
        assert!(!readings.done(&Thing::Runs, Ok(()), now), "none waits");
    }

    #[test]
    fn what_fails_is_read_less_often() {
        let (mut readings, now, every) = (Readings::default(), DateTime::UNIX_EPOCH, Duration::seconds(10));
        assert!(readings.due(&Thing::Runs, every, now) && readings.want(&Thing::Runs, now));
        assert!(!readings.due(&Thing::Runs, every, now + every * 9), "it still runs");
        readings.done(&Thing::Runs, Err("AccessDenied".into()), now);
        assert!(!readings.due(&Thing::Runs, every, now + every) && readings.due(&Thing::Runs, every, now + every * 2));
        assert_eq!(readings.failing().count(), 1);
        readings.done(&Thing::Runs, Ok(()), now);
        assert!(readings.due(&Thing::Runs, every, now + every) && readings.failing().count() == 0);
    }
}
