//! Security Hub's rate limit, kept with the simulated clock.

use super::behaviour::Rate;
use crate::domain::Scope;
use chrono::{DateTime, Utc};
use std::collections::BTreeMap;

/// One bucket of tokens per account and Region.
#[derive(Debug, Default)]
pub(super) struct Limiter {
    buckets: BTreeMap<Scope, (f64, DateTime<Utc>)>,
}

impl Limiter {
    /// Takes a token, if one is there.
    pub(super) fn take(&mut self, scope: &Scope, rate: Rate, now: DateTime<Utc>) -> bool {
        let (tokens, at) = self.buckets.entry(scope.clone()).or_insert((rate.burst, now));
        let passed = (now - *at).as_seconds_f64().max(0.0);
        *tokens = (*tokens + passed * rate.per_second).min(rate.burst);
        *at = now;
        if *tokens < 1.0 {
            return false;
        }
        *tokens -= 1.0;
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::Duration;

    #[test]
    fn a_burst_passes_and_then_three_a_second() {
        let (mut limiter, mut now) = (Limiter::default(), DateTime::UNIX_EPOCH);
        let scope = Scope::parse("111122223333", "eu-central-1").unwrap();
        let mut count = |now| (0..20).filter(|_| limiter.take(&scope, Rate::GET_FINDINGS, now)).count();
        assert_eq!(count(now), 6);
        now += Duration::milliseconds(1_100);
        assert_eq!(count(now), 3);
        now += Duration::minutes(5);
        assert_eq!(count(now), 6);
    }
}
