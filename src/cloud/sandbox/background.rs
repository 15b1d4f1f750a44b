//! Findings without end: low noise that keeps arriving while somebody looks, each a pure function of the world's seed
//! and its index, so that every process sees the same ones.

use super::asff::{self, Times};
use super::brief::FindingBrief;
use super::world::{Background, FindingPatch, World};
use chrono::{DateTime, Duration, Utc};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;
use std::net::{IpAddr, Ipv4Addr};

/// How long one is kept. With a period of 20 s and more there are never more than about 200.
const KEPT: Duration = Duration::hours(1);

/// The documentation range that drawn addresses are from (RFC 5737).
const DRAWN_FROM: [u8; 3] = [198, 51, 100];

/// A background finding that has arrived.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Made {
    pub(super) index: u64,
    pub(super) at: DateTime<Utc>,
    pub(super) json: Value,
}

/// A generator for one finding or one purpose, by the world's seed.
pub(super) fn dice(seed: u64, index: u64) -> ChaCha8Rng {
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    dice.set_stream(index);
    dice
}

/// Draws an address for each remote side that has the unspecified one (`0.0.0.0`), the same for all of them.
pub(super) fn draw_addresses(brief: &mut FindingBrief, dice: &mut ChaCha8Rng) {
    let [a, b, c] = DRAWN_FROM;
    let drawn = IpAddr::V4(Ipv4Addr::new(a, b, c, dice.random_range(1..255)));
    for remote in brief.remotes_mut().filter(|r| r.ip.is_unspecified()) {
        remote.ip = drawn;
    }
}

impl Background {
    /// When the finding of this index arrives: about one in a period, a fifth of it early or late.
    fn arrival(&self, seed: u64, started: DateTime<Utc>, index: u64) -> DateTime<Utc> {
        let period = i64::from(self.period.max(1)) * 1_000;
        let shift = dice(seed, index).random_range(-period / 5..=period / 5);
        let n = i64::try_from(index).unwrap_or(i64::MAX / 2).saturating_add(1);
        started + Duration::milliseconds(n.saturating_mul(period).saturating_add(shift))
    }
}

/// The background findings that are there at `now`: those of the last hour, and those that people changed.
pub(super) fn present(world: &World, now: DateTime<Utc>) -> Vec<Made> {
    let Some(background) = world.background.as_ref().filter(|b| !b.templates.is_empty()) else {
        return Vec::new();
    };
    let period = i64::from(background.period.max(1));
    let elapsed = (now - world.started_at).num_seconds();
    let last = u64::try_from(elapsed / period + 1).unwrap_or(0);
    let first = u64::try_from((elapsed - KEPT.num_seconds()) / period - 1).unwrap_or(0);
    let recent = first..last;
    let touched = world.touched.keys().copied().filter(|index| !recent.contains(index));
    touched
        .chain(recent.clone())
        .filter_map(|index| {
            let at = background.arrival(world.seed, world.started_at, index);
            let kept = at + KEPT > now || world.touched.contains_key(&index);
            if at > now || !kept {
                return None;
            }
            make(world, background, index, at).map(|json| Made { index, at, json })
        })
        .collect()
}

/// The finding of this index, with what people changed on it.
fn make(world: &World, background: &Background, index: u64, at: DateTime<Utc>) -> Option<Value> {
    let mut dice = dice(!world.seed, index);
    let choice = dice.random_range(0..background.templates.len());
    let mut brief = background.templates.get(choice)?.clone();
    draw_addresses(&mut brief, &mut dice);
    brief.count = Some(dice.random_range(1..20));
    let times = Times { first: at - Duration::seconds(dice.random_range(60..900)), updated: at };
    let mut json = asff::render(world, &brief, &format!("background/{}/{index}", world.seed), times).ok()?;
    if let Some(patch) = world.touched.get(&index) {
        apply(patch, &mut json);
    }
    Some(json)
}

/// Sets what people changed.
pub(super) fn apply(patch: &FindingPatch, json: &mut Value) {
    if let Some(workflow) = &patch.workflow {
        json["Workflow"] = serde_json::json!({ "Status": workflow });
    }
    if let Some(note) = &patch.note {
        json["Note"] = note.clone();
    }
}
