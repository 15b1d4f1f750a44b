//! Reading fields that are spelled and typed in more than one way.
//!
//! EventBridge writes `accountId`, the API `AccountId`, OCSF's resource data `account_id`; numbers arrive as text,
//! empty texts stand for nothing. All lookups are by key: no field is ever searched for.

use serde_json::{Map, Value};

/// The longest field name that is looked up in another spelling; ours are all shorter.
const LONGEST_NAME: usize = 64;

/// A field by its name with either case of the first letter; null counts as absent.
pub(super) fn get<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    let fields = value.as_object()?;
    let found = fields.get(name).or_else(|| {
        let mut spelled = Spelling::default();
        let mut bytes = name.bytes();
        let first = bytes.next()?;
        spelled.push(if first.is_ascii_uppercase() { first.to_ascii_lowercase() } else { first.to_ascii_uppercase() });
        bytes.for_each(|byte| spelled.push(byte));
        fields.get(spelled.as_str()?)
    });
    found.filter(|value| !value.is_null())
}

/// A field by its camelCase name, else PascalCase, else snake_case; null counts as absent.
pub(super) fn find<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    get(value, name).or_else(|| {
        let mut spelled = Spelling::default();
        for byte in name.bytes() {
            if byte.is_ascii_uppercase() {
                spelled.push(b'_');
            }
            spelled.push(byte.to_ascii_lowercase());
        }
        value.as_object()?.get(spelled.as_str()?).filter(|value| !value.is_null())
    })
}

/// A field inside fields, named by a path such as `service.action.actionType`; each step as [`find`] does it.
pub(super) fn at<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').try_fold(value, find)
}

/// The text at a path. Numbers count, since ids arrive as numbers too; empty and blank texts do not.
pub(super) fn text_at(value: &Value, path: &str) -> Option<String> {
    text(at(value, path)?)
}

/// A value's text. Numbers count; empty and blank texts do not.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.trim().is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// The elements at a path: those of the array there, or the one value that stands where an array should.
pub(super) fn items_at<'a>(value: &'a Value, path: &str) -> &'a [Value] {
    match at(value, path) {
        Some(Value::Array(items)) => items,
        Some(one) => std::slice::from_ref(one),
        None => &[],
    }
}

/// The texts at a path, whether it holds a list or one.
pub(super) fn texts_at<'a>(value: &'a Value, path: &str) -> impl Iterator<Item = &'a str> {
    items_at(value, path).iter().filter_map(Value::as_str).filter(|text| !text.trim().is_empty())
}

/// The number that a value holds, as a number or as text; `Err` when there is something that is no number.
pub(super) fn number(value: Option<&Value>) -> Result<Option<f64>, ()> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Number(number)) => number.as_f64().map(Some).ok_or(()),
        Some(Value::String(text)) if text.trim().is_empty() => Ok(None),
        Some(Value::String(text)) => match text.trim().parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Some(number)),
            _ => Err(()),
        },
        Some(_) => Err(()),
    }
}

/// The count that a value holds, as a number or as text; `Err` when there is something that is no count.
pub(super) fn count(value: Option<&Value>) -> Result<Option<u64>, ()> {
    match value {
        Some(Value::Number(number)) if number.is_u64() => Ok(number.as_u64()),
        _ => match number(value)? {
            None => Ok(None),
            // Above this a float no longer holds every whole number.
            Some(n) if (0.0..=9_007_199_254_740_992.0).contains(&n) && n.fract() == 0.0 => Ok(Some(n as u64)),
            Some(_) => Err(()),
        },
    }
}

/// Whether a value says yes: `true`, `"true"` in any case, `1`.
pub(super) fn is_true(value: &Value) -> bool {
    match value {
        Value::Bool(yes) => *yes,
        Value::String(text) => text.trim().eq_ignore_ascii_case("true") || text.trim() == "1",
        Value::Number(number) => number.as_u64() == Some(1),
        _ => false,
    }
}

/// The value of a tag, whether tags are a map, `[{key, value}]`, `[{Key, Value}]` or `[{name, value}]`.
pub(super) fn tag(tags: Option<&Value>, wanted: &str) -> Option<String> {
    match tags? {
        Value::Object(map) => text(map.get(wanted)?),
        Value::Array(list) => list.iter().find_map(|tag| {
            let name = get(tag, "key").or_else(|| get(tag, "name"))?;
            (name.as_str() == Some(wanted)).then(|| get(tag, "value").and_then(text))?
        }),
        _ => None,
    }
}

/// A value that may be an object or JSON text of one, as OCSF's `data` and GuardDuty's `additionalInfo.value` are.
pub(super) fn object_or_json(value: &Value) -> Option<std::borrow::Cow<'_, Map<String, Value>>> {
    match value {
        Value::Object(fields) => Some(std::borrow::Cow::Borrowed(fields)),
        Value::String(text) if text.trim_start().starts_with('{') => match serde_json::from_str(text) {
            Ok(Value::Object(fields)) => Some(std::borrow::Cow::Owned(fields)),
            _ => None,
        },
        _ => None,
    }
}

/// A name being respelled, on the stack: lookups that miss are the common case.
struct Spelling {
    bytes: [u8; LONGEST_NAME],
    /// The length that was asked for; longer than the buffer means that it did not fit.
    length: usize,
}

impl Default for Spelling {
    fn default() -> Self {
        Self { bytes: [0; LONGEST_NAME], length: 0 }
    }
}

impl Spelling {
    fn push(&mut self, byte: u8) {
        if let Some(slot) = self.bytes.get_mut(self.length) {
            *slot = byte;
        }
        self.length += 1;
    }

    fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(self.bytes.get(..self.length)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fields_are_found_in_three_spellings() {
        for value in [
            json!({"networkInterfaces": {"vpcId": "x"}}),
            json!({"NetworkInterfaces": {"VpcId": "x"}}),
            json!({"network_interfaces": {"vpc_id": "x"}}),
        ] {
            assert_eq!(text_at(&value, "networkInterfaces.vpcId").as_deref(), Some("x"));
        }
        assert_eq!(get(&json!({"id": 1}), "Id"), Some(&json!(1)));
        assert_eq!(get(&json!({"id": null}), "id"), None);
        assert_eq!(get(&json!([1]), "id"), None);
        assert_eq!(get(&json!({"": 1}), ""), Some(&json!(1)));
        assert_eq!(find(&json!({}), &"aB".repeat(500)), None);
    }

    #[test]
    fn numbers_come_as_text_and_as_nothing() {
        assert_eq!(number(Some(&json!("7.5"))), Ok(Some(7.5)));
        assert_eq!(number(Some(&json!(""))), Ok(None));
        assert_eq!(number(Some(&json!("NaN"))), Err(()));
        assert_eq!(number(Some(&json!({}))), Err(()));
        assert_eq!(count(Some(&json!("13793"))), Ok(Some(13_793)));
        assert_eq!(count(Some(&json!(u64::MAX))), Ok(Some(u64::MAX)));
        assert_eq!(count(Some(&json!(-1))), Err(()));
        assert_eq!(count(Some(&json!(1.5))), Err(()));
        assert_eq!(count(None), Ok(None));
    }

    #[test]
    fn tags_come_as_a_map_and_as_lists() {
        for tags in [
            json!({"Name": "web-1", "x": "y"}),
            json!([{"key": "x", "value": "y"}, {"key": "Name", "value": "web-1"}]),
            json!([{"Key": "Name", "Value": "web-1"}]),
            json!([7, {"name": "Name", "value": "web-1"}]),
        ] {
            assert_eq!(tag(Some(&tags), "Name").as_deref(), Some("web-1"));
        }
        assert_eq!(tag(Some(&json!([{"key": "Name"}])), "Name"), None);
    }

    #[test]
    fn yes_has_many_spellings() {
        for yes in [json!(true), json!("true"), json!("TRUE"), json!("True"), json!(1), json!("1")] {
            assert!(is_true(&yes), "{yes}");
        }
        for no in [json!(false), json!("false"), json!(""), json!(null), json!([true]), json!(0)] {
            assert!(!is_true(&no), "{no}");
        }
    }
}
