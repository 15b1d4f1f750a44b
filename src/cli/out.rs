//! Writing to standard output and standard error.

use super::exit::Failure;
use crate::domain::text;
use serde::Serialize;
use std::cell::Cell;
use std::io::{IsTerminal, Write};

/// Where a verb's answer goes, and in which form.
pub(super) struct Out {
    /// Whether the answer is JSON, one value a line.
    pub(super) json: bool,
    /// Whether a JSON value was written.
    answered: Cell<bool>,
}

/// One line about the work, on standard error.
pub(super) fn note(line: impl AsRef<str>) {
    let mut err = std::io::stderr().lock();
    let _ = writeln!(err, "{}", line.as_ref());
}

impl Out {
    pub(super) fn new(json: bool) -> Self {
        Self { json, answered: Cell::new(false) }
    }

    /// One line of the answer. A reader that has gone away is no failure of ours.
    pub(super) fn line(&self, line: impl AsRef<str>) {
        let mut out = std::io::stdout().lock();
        let _ = writeln!(out, "{}", line.as_ref());
    }

    /// One JSON value on a line of its own. JSON escapes control characters; what reorders text is escaped here.
    pub(super) fn json(&self, value: &impl Serialize) {
        if let Ok(text) = serde_json::to_string(value) {
            self.answered.set(true);
            self.line(ascii_json(&text));
        }
    }

    /// Whether a JSON value was written.
    pub(super) fn has_answered(&self) -> bool {
        self.answered.get()
    }

    /// One line about the work, on standard error, so that the answer can be piped.
    pub(super) fn note(&self, line: impl AsRef<str>) {
        note(line);
    }

    /// What went wrong.
    pub(super) fn error(&self, failure: &Failure) {
        self.note(format!("Error: {}", failure.message));
        if let Some(hint) = &failure.hint {
            self.note(format!("Hint: {hint}"));
        }
    }

    /// Rows under headings, each column as wide as its widest cell. Cells are escaped here.
    pub(super) fn table<const N: usize>(&self, head: [&str; N], rows: &[[String; N]]) {
        let rows: Vec<[String; N]> = rows.iter().map(|row| row.each_ref().map(|cell| text::fit(cell, 96))).collect();
        let mut widths = head.map(text::width);
        for row in &rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(text::width(cell));
            }
        }
        let line = |cells: &mut dyn Iterator<Item = &str>| {
            let mut line = String::new();
            for (cell, width) in cells.zip(widths) {
                line.push_str(cell);
                line.push_str(&" ".repeat(width.saturating_sub(text::width(cell)) + 2));
            }
            line.trim_end().to_owned()
        };
        self.line(line(&mut head.into_iter()));
        for row in &rows {
            self.line(line(&mut row.iter().map(String::as_str)));
        }
    }

    /// Whether there is a terminal to ask on.
    pub(super) fn can_ask(&self) -> bool {
        std::io::stdin().is_terminal()
    }

    /// Asks on the terminal; `None` where no answer came.
    pub(super) fn ask(&self, question: &str) -> Option<String> {
        let mut err = std::io::stderr().lock();
        let _ = write!(err, "{question} ");
        let _ = err.flush();
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer).ok()?;
        Some(answer.trim().to_owned())
    }
}

/// JSON with every character outside ASCII escaped, so that no terminal is led astray by bidi marks or invisible ones.
pub(super) fn ascii_json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii() && c != '\u{7f}' {
            out.push(c);
        } else {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #[test]
    fn json_on_a_terminal_is_ascii_and_still_the_same_value() {
        let value = serde_json::json!({"t": "a\u{202e}b\u{1b}[31m😀\u{7f}é"});
        let text = super::ascii_json(&value.to_string());
        assert!(text.bytes().all(|b| (0x20..0x7f).contains(&b)), "{text}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
    }
}
