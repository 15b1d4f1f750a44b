//! AWS's clock, as its answers' `Date` tells it.
//!
//! The SDK signs with a corrected time, so that a machine whose clock is an hour slow may well act; but what it writes
//! into a policy would be an hour late.

use crate::domain::{Clock, SystemClock};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::Intercept;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextRef,
};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::{ConfigBag, Storable, StoreReplace};
use chrono::{DateTime, TimeDelta, Utc};
use std::sync::{Arc, Mutex, PoisonError};

/// How far AWS's clock is ahead of this machine's, at most, by the last answer that told.
#[derive(Debug, Default, Clone)]
pub(super) struct AwsClock(Arc<Mutex<Option<TimeDelta>>>);

impl AwsClock {
    /// Negative where AWS's clock is behind; none before the first answer.
    pub(super) fn ahead(&self) -> Option<TimeDelta> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn heard(&self, date: &str, sent: DateTime<Utc>) {
        if let Some(ahead) = ahead(date, sent) {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(ahead);
        }
    }
}

/// The most by which a clock that wrote `date` (RFC 9110, whole seconds, cut off) is ahead of the one that told when the
/// request was sent: it was written after that, and up to a second later than it says.
fn ahead(date: &str, sent: DateTime<Utc>) -> Option<TimeDelta> {
    let date = DateTime::parse_from_rfc2822(date).ok()?;
    Some(date.with_timezone(&Utc) + TimeDelta::seconds(1) - sent)
}

/// When an attempt was sent, by this machine's clock.
#[derive(Debug, Clone, Copy)]
struct Sent(DateTime<Utc>);

impl Storable for Sent {
    type Storer = StoreReplace<Self>;
}

impl Intercept for AwsClock {
    fn name(&self) -> &'static str {
        "AwsClock"
    }

    fn read_before_transmit(
        &self,
        _: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        config.interceptor_state().store_put(Sent(SystemClock.now()));
        Ok(())
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let (Some(date), Some(Sent(sent))) = (context.response().headers().get("date"), config.load::<Sent>()) {
            self.heard(date, *sent);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_that_it_can_be_ahead() {
        let sent = "2026-03-01T03:00:00.250Z".parse().unwrap();
        let of = |date| ahead(date, sent).map(|ahead| ahead.num_milliseconds());
        assert_eq!(of("Sun, 01 Mar 2026 03:00:00 GMT"), Some(750));
        assert_eq!(of("Sun, 01 Mar 2026 03:00:31 GMT"), Some(31_750));
        assert_eq!(of("Sun, 01 Mar 2026 01:59:59 GMT"), Some(-3_600_250));
        for rubbish in ["", "yesterday", "2026-03-01T03:00:00Z", "Sun, 01 Mar 2026 25:00:00 GMT"] {
            assert_eq!(of(rubbish), None, "{rubbish}");
        }
    }

    #[test]
    fn what_tells_no_time_leaves_what_was_heard() {
        let clock = AwsClock::default();
        assert_eq!(clock.ahead(), None);
        let sent = "2026-03-01T03:00:00Z".parse().unwrap();
        clock.heard("Sun, 01 Mar 2026 03:01:00 GMT", sent);
        clock.heard("rubbish", sent);
        assert_eq!(clock.ahead(), Some(TimeDelta::seconds(61)));
    }
}
