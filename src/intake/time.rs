//! Times in the spellings that findings use.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};
use serde_json::Value;

/// The time that a value holds; `Ok(None)` when it holds nothing, `Err` when it can't be read.
///
/// Reads RFC 3339 with `T` or a space, the same without an offset (taken as UTC), a date alone, and the time since
/// 1970 in seconds, milliseconds, microseconds or nanoseconds, as a number or as text.
pub(super) fn read(value: Option<&Value>) -> Result<Option<DateTime<Utc>>, ()> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Number(number)) => match number.as_i64() {
            Some(whole) => from_whole(whole).map(Some),
            None => from_fraction(number.as_f64().ok_or(())?).map(Some),
        },
        Some(Value::String(text)) => match text.trim() {
            "" => Ok(None),
            text => from_text(text).map(Some),
        },
        Some(_) => Err(()),
    }
}

fn from_text(text: &str) -> Result<DateTime<Utc>, ()> {
    if let Ok(whole) = text.parse::<i64>() {
        return from_whole(whole);
    }
    if let Ok(fraction) = text.parse::<f64>() {
        return from_fraction(fraction);
    }
    if let Ok(time) = text.parse::<DateTime<Utc>>() {
        return Ok(time);
    }
    for format in ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"] {
        if let Ok(time) = NaiveDateTime::parse_from_str(text, format) {
            return Ok(time.and_utc());
        }
    }
    for format in ["%Y-%m-%dT%H:%M:%S%.f%z", "%Y-%m-%d %H:%M:%S%.f %z"] {
        if let Ok(time) = DateTime::parse_from_str(text, format) {
            return Ok(time.to_utc());
        }
    }
    let day = NaiveDate::parse_from_str(text, "%Y-%m-%d").map_err(|_| ())?;
    Ok(day.and_time(chrono::NaiveTime::MIN).and_utc())
}

/// The unit is told by the size: seconds stay below this until the year 5138, and each finer unit is a thousand times
/// larger than the one before.
const FIRST_MILLIS: u64 = 100_000_000_000;

fn from_whole(since: i64) -> Result<DateTime<Utc>, ()> {
    match since.unsigned_abs() {
        n if n < FIRST_MILLIS => DateTime::from_timestamp(since, 0).ok_or(()),
        n if n < FIRST_MILLIS * 1_000 => DateTime::from_timestamp_millis(since).ok_or(()),
        n if n < FIRST_MILLIS * 1_000_000 => DateTime::from_timestamp_micros(since).ok_or(()),
        _ => Ok(DateTime::from_timestamp_nanos(since)),
    }
}

fn from_fraction(since: f64) -> Result<DateTime<Utc>, ()> {
    if !since.is_finite() {
        return Err(());
    }
    // A float holds today's time to the microsecond.
    let micros = match since.abs() {
        n if n < FIRST_MILLIS as f64 => since * 1e6,
        n if n < FIRST_MILLIS as f64 * 1e3 => since * 1e3,
        n if n < FIRST_MILLIS as f64 * 1e6 => since,
        _ => since / 1e3,
    };
    DateTime::from_timestamp_micros(micros.round() as i64).ok_or(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn shown(value: Value) -> String {
        read(Some(&value)).unwrap().unwrap().to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)
    }

    #[test]
    fn one_moment_in_every_spelling() {
        for value in [
            json!("2024-05-24T00:26:57Z"),
            json!("2024-05-24T00:26:57.000Z"),
            json!("2024-05-24T00:26:57.000000000Z"),
            json!("2024-05-24 00:26:57.000000000"),
            json!("2024-05-24T00:26:57"),
            json!("2024-05-24T02:26:57+02:00"),
            json!("2024-05-24T02:26:57+0200"),
            json!(" 2024-05-24T00:26:57Z "),
            json!(1_716_510_417),
            json!(1_716_510_417_000_i64),
            json!(1_716_510_417_000_000_i64),
            json!(1_716_510_417_000_000_000_i64),
            json!(1_716_510_417.0),
            json!("1716510417"),
            json!("1716510417000"),
        ] {
            assert_eq!(shown(value.clone()), "2024-05-24T00:26:57Z", "{value}");
        }
        assert_eq!(shown(json!(1_513_612_691.551)), "2017-12-18T15:58:11.551Z");
        assert_eq!(shown(json!("2025-02-14T14:27:03.913874")), "2025-02-14T14:27:03.913874Z");
        assert_eq!(shown(json!("2024-05-24")), "2024-05-24T00:00:00Z");
    }

    #[test]
    fn nothing_is_not_an_error_and_rubbish_is() {
        assert_eq!(read(Some(&json!(""))), Ok(None));
        assert_eq!(read(Some(&json!(null))), Ok(None));
        assert_eq!(read(None), Ok(None));
        for rubbish in [json!("yesterday"), json!("2024-13-45T99:99:99Z"), json!({}), json!([1]), json!(true)] {
            assert_eq!(read(Some(&rubbish)), Err(()), "{rubbish}");
        }
        for extreme in
            [json!(i64::MAX), json!(i64::MIN), json!(u64::MAX), json!(f64::MAX), json!("1e308"), json!("inf")]
        {
            let _ = read(Some(&extreme)); // any answer, no panic
        }
    }
}
