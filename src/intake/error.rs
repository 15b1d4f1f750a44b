//! Why an input could not be decoded, and where.

use serde_json::Value;

/// Why an input could not be decoded, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The input is not JSON.
    #[error("line {line}, column {column}: {message}")]
    Syntax {
        /// The line, counted from 1.
        line: usize,
        /// The column, counted from 1 in bytes.
        column: usize,
        /// What the parser found wrong.
        message: String,
    },
    /// The input is JSON, but not a finding or anything that holds findings.
    #[error("{place}: {what}")]
    NotAFinding {
        /// The JSON path, such as `$.detail.findings[3]`.
        place: String,
        /// What stands there instead.
        what: String,
    },
}

impl DecodeError {
    /// The error for a value that is not a finding; says what it is instead.
    pub(super) fn not_a_finding(place: &str, value: &Value) -> Self {
        Self::NotAFinding { place: place.to_owned(), what: format!("{}, not a finding", describe(value)) }
    }

    /// The parser's error, with the lines before the document counted in.
    pub(super) fn syntax(error: &serde_json::Error, lines_before: usize) -> Self {
        let message = error.to_string();
        // serde_json appends the place to its message; here it stands in front.
        let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(text, _)| text).to_owned();
        Self::Syntax { line: error.line() + lines_before, column: error.column(), message }
    }
}

/// What a value is, for people: `a number`, `an object with the fields a, b, c`.
pub(super) fn describe(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(_) => "true or false".into(),
        Value::Number(_) => "a number".into(),
        Value::String(_) => "a text".into(),
        Value::Array(items) if items.is_empty() => "an empty array".into(),
        Value::Array(_) => "an array".into(),
        Value::Object(fields) if fields.is_empty() => "an empty object".into(),
        Value::Object(fields) => {
            let names: Vec<_> = fields.keys().take(6).map(|name| quote(name)).collect();
            let more = if fields.len() > names.len() { ", …" } else { "" };
            format!("an object with the fields {}{more}", names.join(", "))
        }
    }
}

/// A text from the input in backquotes, cut to a length that fits a sentence. Not escaped: `domain::text` does that
/// where it is shown.
pub(super) fn quote(text: &str) -> String {
    const LONGEST: usize = 80;
    match text.char_indices().nth(LONGEST) {
        Some((cut, _)) => format!("`{}…`", text.get(..cut).unwrap_or_default()),
        None => format!("`{text}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn long_names_are_cut_on_a_character_boundary() {
        let long = "ü".repeat(1_000);
        assert_eq!(quote(&long).chars().count(), 83);
        assert!(describe(&json!({ long: 1 })).chars().count() < 130);
    }

    #[test]
    fn a_syntax_error_says_the_place_once() {
        let error = serde_json::from_str::<Value>("{\n  \"a\": }").unwrap_err();
        assert_eq!(DecodeError::syntax(&error, 10).to_string(), "line 12, column 8: expected value");
    }
}
