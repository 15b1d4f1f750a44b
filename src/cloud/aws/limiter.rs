//! A token bucket for calls whose rate AWS limits per account and Region.

use std::sync::Mutex;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// Lets through a burst of calls, then one per interval. Callers wait in the order in which they came.
#[derive(Debug)]
pub(super) struct Limiter {
    interval: Duration,
    burst: u32,
    /// When the bucket is full again.
    full_at: Mutex<Option<Instant>>,
}

impl Limiter {
    /// A limiter for `GetFindings`: 3 calls a second, 6 at once (Security Hub API reference, "Request throttling").
    pub(super) fn get_findings() -> Self {
        Self::new(3, 6)
    }

    fn new(per_second: u32, burst: u32) -> Self {
        Self { interval: Duration::from_secs(1) / per_second, burst, full_at: Mutex::new(None) }
    }

    /// Waits until one more call may be sent.
    pub(super) async fn admit(&self) {
        sleep_until(self.reserve(Instant::now())).await;
    }

    fn reserve(&self, now: Instant) -> Instant {
        let mut full_at = self.full_at.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let next = full_at.map_or(now, |at| at.max(now)) + self.interval;
        *full_at = Some(next);
        // A call goes at once while the bucket lacks at most `burst` tokens.
        next.checked_sub(self.interval * self.burst).map_or(now, |at| at.max(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_goes_at_once_and_the_rest_at_the_rate() {
        let limiter = Limiter::get_findings();
        let start = Instant::now();
        let mut sent = Vec::new();
        for _ in 0..12 {
            limiter.admit().await;
            sent.push(start.elapsed().as_millis());
        }
        assert_eq!(sent[..6], [0; 6]);
        for (n, at) in sent[6..].iter().enumerate() {
            let expected = 1000 * (n as u128 + 1) / 3;
            assert!(at.abs_diff(expected) <= 2, "call {} at {at} ms, expected {expected}", n + 7);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_fills_the_bucket_but_not_beyond_its_size() {
        let limiter = Limiter::get_findings();
        for _ in 0..6 {
            limiter.admit().await;
        }
        tokio::time::advance(Duration::from_secs(3600)).await;
        let start = Instant::now();
        for _ in 0..6 {
            limiter.admit().await;
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
        limiter.admit().await;
        assert!(start.elapsed() >= Duration::from_millis(333));
    }

    #[tokio::test(start_paused = true)]
    async fn in_any_one_second_there_are_at_most_burst_and_rate_calls() {
        let limiter = std::sync::Arc::new(Limiter::get_findings());
        let start = Instant::now();
        let calls = futures::future::join_all((0..30).map(|_| {
            let limiter = limiter.clone();
            async move {
                limiter.admit().await;
                start.elapsed()
            }
        }))
        .await;
        let second = |at: u64| calls.iter().filter(|c| c.as_secs() == at).count();
        assert!(second(0) <= 9 && second(1) <= 4 && second(5) <= 4, "{calls:?}");
    }
}
