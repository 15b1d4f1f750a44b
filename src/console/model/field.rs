//! A line of typed text.

use crate::domain::text;
use unicode_segmentation::UnicodeSegmentation;

/// How many characters a field takes.
const MAX: usize = 200;

/// What was typed so far. Only printable characters get in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Field {
    text: String,
}

impl Field {
    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Adds a character, if it can be shown as it is.
    pub fn insert(&mut self, c: char) {
        let mut buffer = [0; 4];
        let as_text: &str = c.encode_utf8(&mut buffer);
        if text::safe(as_text) == as_text && self.text.chars().count() < MAX {
            self.text.push(c);
        }
    }

    /// Deletes the character before the cursor, as a person sees characters.
    pub fn delete_char(&mut self) {
        let cut = self.text.grapheme_indices(true).next_back().map_or(0, |(at, _)| at);
        self.text.truncate(cut);
    }

    /// Deletes the word before the cursor.
    pub fn delete_word(&mut self) {
        let kept = self.text.trim_end();
        let cut = kept.rfind(' ').map_or(0, |at| at + 1);
        self.text.truncate(cut);
    }

    /// Deletes everything.
    pub fn clear(&mut self) {
        self.text.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_and_deleting() {
        let mut field = Field::default();
        "ssh  bruté\u{1b}\u{202e}\n".chars().for_each(|c| field.insert(c));
        assert_eq!(field.text(), "ssh  bruté");
        field.delete_char();
        assert_eq!(field.text(), "ssh  brut");
        field.delete_word();
        assert_eq!(field.text(), "ssh  ");
        field.delete_word();
        assert_eq!(field.text(), "");
        (0..999).for_each(|_| field.insert('x'));
        assert_eq!(field.text().len(), MAX);
    }
}
