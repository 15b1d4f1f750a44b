//! The fuzzy filter: every word has to be found in some field; a word behind `!` in none.

use nucleo_matcher::pattern::{Atom, AtomKind, CaseMatching, Normalization};
use nucleo_matcher::{Config, Matcher, Utf32Str};

/// The score that a word has to reach for each of its characters. A match scores 16 for each and loses for gaps, so
/// that letters strewn over a field don't count as the word.
const SCORE_PER_CHAR: u16 = 14;

/// One word of the filter.
struct Word {
    atom: Atom,
    least: u16,
    negative: bool,
}

/// A filter that was typed.
pub struct Fuzzy {
    words: Vec<Word>,
    matcher: Matcher,
    buffer: Vec<char>,
}

impl Fuzzy {
    /// The filter of a text for these lines: every word as it stands where a line has them so, else fuzzily. Who types
    /// `crit` wants the critical ones, and not every line whose letters can be made to say it. `None` when it filters
    /// nothing.
    pub fn choose<'a>(text: &str, mut lines: impl Iterator<Item = &'a [String]>) -> Option<Self> {
        let mut strict = Self::of(text, AtomKind::Substring)?;
        if lines.any(|fields| strict.matches(fields)) { Some(strict) } else { Self::new(text) }
    }

    /// The fuzzy filter of a text; `None` when it filters nothing.
    pub fn new(text: &str) -> Option<Self> {
        Self::of(text, AtomKind::Fuzzy)
    }

    fn of(text: &str, positive: AtomKind) -> Option<Self> {
        let words: Vec<Word> = text
            .split_whitespace()
            .filter_map(|word| {
                let (negative, word) = word.strip_prefix('!').map_or((false, word), |rest| (true, rest));
                if word.is_empty() {
                    return None;
                }
                let kind = if negative { AtomKind::Substring } else { positive };
                let length = u16::try_from(word.chars().count()).unwrap_or(u16::MAX);
                Some(Word {
                    atom: Atom::new(word, CaseMatching::Ignore, Normalization::Smart, kind, false),
                    least: if kind == AtomKind::Substring { 0 } else { length.saturating_mul(SCORE_PER_CHAR) },
                    negative,
                })
            })
            .collect();
        (!words.is_empty()).then(|| Self { words, matcher: Matcher::new(Config::DEFAULT), buffer: Vec::new() })
    }

    /// Whether the fields of one line match.
    pub fn matches<S: AsRef<str>>(&mut self, fields: &[S]) -> bool {
        let Self { words, matcher, buffer } = self;
        words.iter().all(|word| {
            let found = fields.iter().any(|field| {
                let score = word.atom.score(Utf32Str::new(field.as_ref(), buffer), matcher);
                score.is_some_and(|score| score >= word.least)
            });
            found != word.negative
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_there_as_typed_goes_before_what_can_be_made_of_it() {
        let line = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
        let lines = [line(&["MEDIUM", "Security groups should not allow"]), line(&["CRITICAL", "BitcoinTool"])];
        let found = |text: &str| -> Vec<bool> {
            let mut fuzzy = Fuzzy::choose(text, lines.iter().map(Vec::as_slice)).unwrap();
            lines.iter().map(|l| fuzzy.matches(l)).collect()
        };
        assert_eq!(found("crit"), [false, true]);
        assert_eq!(found("bitcon"), [false, true], "a slip of the finger still finds it");
    }

    #[test]
    fn words_are_found_fuzzily_but_not_strewn() {
        let line = ["CRITICAL", "CryptoCurrency:EC2/BitcoinTool.B!DNS", "i-0ab12cd34ef56ab78", "payments-prod"];
        let matches = |text: &str| Fuzzy::new(text).is_none_or(|mut f| f.matches(&line));
        for yes in ["", "  ", "bitcoin", "BITCOIN", "btctool", "crit pay", "ef56", "prod bitcoin", "!ssh", "bitcon"] {
            assert!(matches(yes), "{yes}");
        }
        for no in ["ssh", "crit build", "!bitcoin", "bdns78", "coinpayments"] {
            assert!(!matches(no), "{no}");
        }
    }
}
