//! Calling again what AWS turned away for now.

use super::Engine;
use crate::cloud::CloudError;
use std::time::Duration;

/// How often a call that AWS turned away for now is made in all.
pub(super) const ATTEMPTS: u32 = 4;

/// The wait before the second attempt; each later one waits twice as long.
const FIRST_WAIT: Duration = Duration::from_millis(400);

/// Calls again what AWS certainly did not do and may do later: throttling, above all.
pub(super) async fn retrying<T, F, C>(engine: &Engine, call: C) -> Result<T, CloudError>
where
    C: Fn() -> F,
    F: Future<Output = Result<T, CloudError>>,
{
    again_while(engine, call, |e| e.retryable && !e.may_have_applied).await
}

/// Reads again after any passing failure: reading twice does no harm.
pub(super) async fn rereading<T, F, C>(engine: &Engine, call: C) -> Result<T, CloudError>
where
    C: Fn() -> F,
    F: Future<Output = Result<T, CloudError>>,
{
    again_while(engine, call, |e| e.retryable).await
}

async fn again_while<T, F, C>(engine: &Engine, call: C, passing: fn(&CloudError) -> bool) -> Result<T, CloudError>
where
    C: Fn() -> F,
    F: Future<Output = Result<T, CloudError>>,
{
    let mut wait = FIRST_WAIT;
    for _ in 1..ATTEMPTS {
        match call().await {
            Err(e) if passing(&e) => {
                #[allow(clippy::cast_possible_truncation)] // only some bits of it are wanted
                let jitter = (engine.random_bits() as u32) % 100;
                tokio::time::sleep(wait + wait * jitter / 100).await;
                wait *= 2;
            }
            answer => return answer,
        }
    }
    call().await
}
