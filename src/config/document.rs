//! Reading a TOML file with errors that name the place and the nearest right word.

use serde::de::DeserializeOwned;
use std::fmt;
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// What is wrong with a file of ours, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The file, or the variable of the environment.
    pub file: String,
    /// The line, from 1, where one is to blame.
    pub line: Option<usize>,
    /// What is wrong.
    pub message: String,
    /// What may have been meant, or what to do.
    pub hint: Option<String>,
}

impl ConfigError {
    pub(crate) fn new(file: &str, line: Option<usize>, message: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, message: message.into(), hint: None }
    }

    #[must_use]
    pub(crate) fn hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint;
        self
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        if let Some(line) = self.line {
            write!(f, ":{line}")?;
        }
        write!(f, ": {}", self.message)?;
        if let Some(hint) = &self.hint {
            write!(f, " ({hint})")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConfigError {}

/// Reads a file's text.
///
/// # Errors
/// When it can't be read; says which file and why.
pub(crate) fn read(path: &Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path)
        .map_err(|e| ConfigError::new(&path.display().to_string(), None, format!("can't be read: {e}")))
}

/// The line, from 1, on which a byte stands.
pub(crate) fn line_at(text: &str, byte: usize) -> usize {
    1 + text.bytes().take(byte).filter(|b| *b == b'\n').count()
}

/// The known word that is nearest to a mistaken one, where one is near.
pub(crate) fn nearest<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wrong = wrong.to_lowercase();
    known
        .into_iter()
        .map(|word| (strsim::damerau_levenshtein(&wrong, &word.to_lowercase()), word))
        .filter(|(distance, word)| *distance <= 1 + word.len().max(wrong.len()) / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// "did you mean …?", where a word is near.
pub(crate) fn did_you_mean<'a>(wrong: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(wrong, known).map(|word| format!("did you mean `{word}`?"))
}

/// Reads a whole document as one type.
///
/// # Errors
/// With the place of the first thing that does not fit.
pub(crate) fn parse<T: DeserializeOwned>(file: &str, text: &str) -> Result<T, ConfigError> {
    toml::from_str(text).map_err(|error| explain(file, text, &error))
}

/// A document as a tree whose every key and value knows its place.
///
/// # Errors
/// With the place where it stops being TOML.
pub(crate) fn tree<'a>(file: &str, text: &'a str) -> Result<DeTable<'a>, ConfigError> {
    DeTable::parse(text).map(Spanned::into_inner).map_err(|error| explain(file, text, &error))
}

/// The line on which the value of a path of keys stands, where the document has it.
pub(crate) fn line_of(text: &str, path: &[&str]) -> Option<usize> {
    let tree = DeTable::parse(text).ok()?.into_inner();
    let (last, tables) = path.split_last()?;
    let mut table = &tree;
    for key in tables {
        table = match table.get(*key)?.get_ref() {
            DeValue::Table(inner) => inner,
            _ => return None,
        };
    }
    Some(line_at(text, table.get(*last)?.span().start))
}

/// What TOML's own parser, or a type, has against the text.
fn explain(file: &str, text: &str, error: &toml::de::Error) -> ConfigError {
    let line = error.span().map(|span| line_at(text, span.start));
    let message = error.message().lines().map(str::trim).collect::<Vec<_>>().join(", ");
    let quoted: Vec<&str> = message.split('`').skip(1).step_by(2).collect();
    let listed = message.starts_with("unknown field") || message.starts_with("unknown variant");
    let hint = match quoted.split_first() {
        Some((wrong, known)) if listed => {
            did_you_mean(wrong, known.iter().copied()).or_else(|| Some(format!("known here: {}", known.join(", "))))
        }
        _ => None,
    };
    let message = match quoted.first() {
        Some(wrong) if message.starts_with("unknown field") => format!("`{wrong}` is not known here"),
        Some(wrong) if message.starts_with("unknown variant") => format!("`{wrong}` is not one of the choices"),
        _ => message,
    };
    ConfigError::new(file, line, message).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_near() {
        assert_eq!(nearest("quarentine", ["quit", "quarantine"]), Some("quarantine"));
        assert_eq!(nearest("zzzzzz", ["quit", "quarantine"]), None);
    }

    #[test]
    fn a_path_of_keys_has_a_line() {
        let text = "[a]\nb = 1\n\n[c.d]\ne = \"x\"\n";
        assert_eq!(line_of(text, &["a", "b"]), Some(2));
        assert_eq!(line_of(text, &["c", "d", "e"]), Some(5));
        assert_eq!(line_of(text, &["c", "x"]), None);
    }
}
