//! Making other people's text safe to show: titles, tags, user names and DNS names are written by attackers.

use std::borrow::Cow;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

/// How many scalar values of one text are ever looked at; the rest is cut and marked.
const MAX_CHARS: usize = 4_096;

/// How many combining marks may follow one character before the rest is dropped ("zalgo" text).
const MAX_MARKS: usize = 4;

/// Whether a character changes how its surroundings are shown, or shows nothing: controls, bidi overrides and
/// isolates, zero-width and other invisible format characters, variation selectors, tags, line separators.
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00AD}' | '\u{034F}' | '\u{061C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}'
            | '\u{180B}'..='\u{180F}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
            | '\u{3164}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}'
            | '\u{1BCA0}'..='\u{1BCA3}' | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}'
            | '\u{E000}'..='\u{F8FF}' | '\u{F0000}'..='\u{10FFFF}')
}

fn is_combining(c: char) -> bool {
    UnicodeWidthStr::width(c.encode_utf8(&mut [0; 4]) as &str) == 0
}

/// The text on one line with every unsafe character written out as `\u{…}` (`\n` and `\t` as a space), cut after
/// 4,096 characters. What is returned can be written to a terminal or a log as it stands.
pub fn safe(text: &str) -> Cow<'_, str> {
    if text.len() <= MAX_CHARS && text.bytes().all(|b| (0x20..0x7f).contains(&b)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len().min(MAX_CHARS));
    let mut marks = 0;
    for (n, c) in text.chars().enumerate() {
        if n == MAX_CHARS {
            out.push('…');
            break;
        }
        match c {
            '\n' | '\r' | '\t' => out.push(' '),
            c if is_unsafe(c) => out.extend(c.escape_unicode()),
            c if is_combining(c) => {
                marks += 1;
                if marks <= MAX_MARKS {
                    out.push(c);
                }
                continue;
            }
            c => out.push(c),
        }
        marks = 0;
    }
    Cow::Owned(out)
}

/// How many terminal cells a safe text takes.
pub fn width(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

/// The safe text cut to at most `cells` terminal cells on a grapheme boundary, with `…` where something was cut.
pub fn fit(text: &str, cells: usize) -> String {
    let text = safe(text);
    if width(&text) <= cells {
        return text.into_owned();
    }
    let mut out = String::new();
    let mut used = 0;
    for grapheme in text.graphemes(true) {
        let w = width(grapheme);
        if used + w + 1 > cells {
            break;
        }
        out.push_str(grapheme);
        used += w;
    }
    if cells > 0 {
        out.push('…');
    }
    out
}

/// As [`fit`], but cut in the middle, for ids and ARNs whose both ends tell something.
pub fn fit_middle(text: &str, cells: usize) -> String {
    let text = safe(text);
    if width(&text) <= cells || cells < 5 {
        return fit(&text, cells);
    }
    let graphemes: Vec<&str> = text.graphemes(true).collect();
    let (head_room, tail_room) = ((cells - 1).div_ceil(2), (cells - 1) / 2);
    let take = |items: &mut dyn Iterator<Item = &&str>, room: usize| {
        let mut used = 0;
        let mut taken = 0;
        for g in items {
            if used + width(g) > room {
                break;
            }
            used += width(g);
            taken += 1;
        }
        taken
    };
    let head = take(&mut graphemes.iter(), head_room);
    let tail = take(&mut graphemes.iter().rev(), tail_room);
    format!("{}…{}", graphemes[..head].concat(), graphemes[graphemes.len() - tail..].concat())
}

/// A subject line for SNS: printable ASCII, at most 99 characters, since SNS wants fewer than 100, ASCII only, no
/// control characters, and refuses the message otherwise. Other characters become `?`.
pub fn sns_subject(text: &str) -> String {
    let ascii: String = text.chars().map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' }).take(99).collect();
    let trimmed = ascii.trim();
    if trimmed.is_empty() { "lazaret".to_owned() } else { trimmed.to_owned() }
}

/// A value for an EC2 tag: letters, digits, spaces and printable ASCII of the text, at most 256 characters; anything
/// else becomes `_`. (EC2 itself takes any character; EC2 user guide, "Tag restrictions".)
pub fn tag_value(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_alphanumeric() || c.is_ascii_graphic() || c == ' ' { c } else { '_' })
        .take(256)
        .collect::<String>()
        .trim()
        .to_owned()
}

/// The first `max` characters of a text.
pub fn cut(text: &str, max: usize) -> String {
    text.chars().take(max).collect()
}

/// A word of a command that a person may copy into a shell: what others wrote can't end the word or begin another
/// command.
pub fn shell(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:@%+=,".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", safe(word).replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn attackers_bytes_are_written_out() {
        for (evil, shown) in [
            ("\x1b]52;c;ZXZpbA==\x07", "\\u{1b}]52;c;ZXZpbA==\\u{7}"),
            ("a\x1b[2Jb", "a\\u{1b}[2Jb"),
            ("\u{9b}31mred", "\\u{9b}31mred"),
            ("abc\u{202e}fdp.exe", "abc\\u{202e}fdp.exe"),
            ("zero\u{200b}width", "zero\\u{200b}width"),
            ("two\nlines\tand tab", "two lines and tab"),
        ] {
            assert_eq!(safe(evil), shown);
        }
        assert_eq!(safe("Zażółć 日本 ok"), "Zażółć 日本 ok");
    }

    #[test]
    fn fit_counts_cells_not_characters() {
        assert_eq!(fit("日本語です", 5), "日本…");
        assert_eq!(fit("abcdef", 6), "abcdef");
        assert_eq!(fit("abcdefg", 6), "abcde…");
        assert_eq!(fit("abc", 0), "");
        assert_eq!(fit_middle("i-0ab12cd34ef56ab78", 9), "i-0a…ab78");
    }

    #[test]
    fn sns_subjects_and_tags_are_within_awss_rules() {
        let subject = sns_subject(&format!("🔥 {} \n", "x".repeat(300)));
        assert!(subject.is_ascii() && subject.len() <= 99 && !subject.contains('\n'), "{subject}");
        assert_eq!(sns_subject("\n"), "?");
        assert_eq!(tag_value("a\x1b[31m!\u{202e}b é"), "a_[31m!_b é");
        assert!(tag_value(&"é".repeat(999)).chars().count() <= 256);
    }

    proptest! {
        #[test]
        fn nothing_unsafe_survives(text in any::<String>(), cells in 0usize..200) {
            for shown in [safe(&text).into_owned(), fit(&text, cells), fit_middle(&text, cells)] {
                prop_assert!(!shown.chars().any(is_unsafe), "{shown:?}");
            }
            prop_assert!(width(&fit(&text, cells)) <= cells);
            prop_assert!(width(&fit_middle(&text, cells)) <= cells);
        }
    }

    #[test]
    fn a_word_of_a_command_stays_one_word() {
        assert_eq!(
            shell("arn:aws:guardduty:eu-central-1:1:detector/a/finding/b"),
            "arn:aws:guardduty:eu-central-1:1:detector/a/finding/b"
        );
        assert_eq!(shell("x; rm -rf /"), "'x; rm -rf /'");
        assert_eq!(shell("x' $(id)"), "'x'\\'' $(id)'");
        assert_eq!(shell(""), "''");
        assert!(!shell("\u{1b}[2J").contains('\u{1b}'));
    }
}
