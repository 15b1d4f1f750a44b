//! Keys as keymaps write them: `q`, `Q`, `ctrl-c`, `alt-x`, `S-tab`, `enter`, `f5`; a sequence is keys with spaces between.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use std::fmt;
use std::str::FromStr;

/// Which key, apart from its modifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// What the key types; capital where shift is held.
    Char(char),
    /// A function key.
    F(u8),
    /// Enter.
    Enter,
    /// Escape.
    Esc,
    /// Tab.
    Tab,
    /// Backspace.
    Backspace,
    /// Delete.
    Delete,
    /// Insert.
    Insert,
    /// Arrow up.
    Up,
    /// Arrow down.
    Down,
    /// Arrow left.
    Left,
    /// Arrow right.
    Right,
    /// Home.
    Home,
    /// End.
    End,
    /// Page up.
    PageUp,
    /// Page down.
    PageDown,
}

/// One key with its modifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// The key.
    pub code: Code,
    /// Whether control is held.
    pub ctrl: bool,
    /// Whether alt (meta, option) is held.
    pub alt: bool,
    /// Whether shift is held; for a character that is in its capital, and this is false.
    pub shift: bool,
}

/// The named keys: the name that is shown, then others that are read.
const NAMES: [(Code, &[&str]); 16] = [
    (Code::Enter, &["Enter", "ret", "return", "cr"]),
    (Code::Esc, &["Esc", "escape"]),
    (Code::Tab, &["Tab"]),
    (Code::Char(' '), &["Space", "spc"]),
    (Code::Backspace, &["Backspace", "bs"]),
    (Code::Delete, &["Delete", "del"]),
    (Code::Insert, &["Insert", "ins"]),
    (Code::Up, &["↑", "up"]),
    (Code::Down, &["↓", "down"]),
    (Code::Left, &["←", "left"]),
    (Code::Right, &["→", "right"]),
    (Code::Home, &["Home"]),
    (Code::End, &["End"]),
    (Code::PageUp, &["PgUp", "pageup", "page-up"]),
    (Code::PageDown, &["PgDn", "pagedown", "page-down"]),
    (Code::Char('-'), &["-", "minus"]),
];

impl Key {
    /// A key without modifiers.
    pub fn plain(code: Code) -> Self {
        Self { code, ctrl: false, alt: false, shift: false }
    }

    /// The character it types into a text field, where it types one.
    pub fn typed(&self) -> Option<char> {
        match self.code {
            Code::Char(c) if !self.ctrl && !self.alt && !c.is_control() => Some(c),
            _ => None,
        }
    }

    /// What the terminal reported; `None` for keys that no keymap names.
    pub fn from_event(event: &KeyEvent) -> Option<Self> {
        let mut shift = event.modifiers.contains(KeyModifiers::SHIFT);
        let code = match event.code {
            KeyCode::Char(c) => {
                let c = if shift { c.to_uppercase().next().unwrap_or(c) } else { c };
                shift = false;
                Code::Char(c)
            }
            KeyCode::BackTab => {
                shift = true;
                Code::Tab
            }
            KeyCode::F(n) => Code::F(n),
            KeyCode::Enter => Code::Enter,
            KeyCode::Esc => Code::Esc,
            KeyCode::Tab => Code::Tab,
            KeyCode::Backspace => Code::Backspace,
            KeyCode::Delete => Code::Delete,
            KeyCode::Insert => Code::Insert,
            KeyCode::Up => Code::Up,
            KeyCode::Down => Code::Down,
            KeyCode::Left => Code::Left,
            KeyCode::Right => Code::Right,
            KeyCode::Home => Code::Home,
            KeyCode::End => Code::End,
            KeyCode::PageUp => Code::PageUp,
            KeyCode::PageDown => Code::PageDown,
            _ => return None,
        };
        let ctrl = event.modifiers.contains(KeyModifiers::CONTROL);
        Some(Self { code, ctrl, alt: event.modifiers.contains(KeyModifiers::ALT), shift }.normal())
    }

    /// Terminals don't tell ctrl-a from ctrl-A.
    fn normal(mut self) -> Self {
        if let (true, Code::Char(c)) = (self.ctrl, self.code) {
            self.code = Code::Char(c.to_ascii_lowercase());
        }
        self
    }

    /// A whole sequence, such as `g g`.
    ///
    /// # Errors
    /// With the word that names no key.
    pub fn sequence(text: &str) -> Result<Vec<Self>, String> {
        let keys: Result<Vec<Self>, String> = text.split_whitespace().map(str::parse).collect();
        match keys {
            Ok(keys) if keys.is_empty() => Err("an empty text names no key".to_owned()),
            other => other,
        }
    }

    /// A sequence as it is shown.
    pub fn show(keys: &[Self]) -> String {
        keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }
}

impl FromStr for Key {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        let mut key = Self::plain(Code::Esc);
        let mut rest = text;
        while let Some((modifier, after)) = rest.split_once('-') {
            if after.is_empty() {
                break;
            }
            match modifier {
                "ctrl" | "C" | "c" => key.ctrl = true,
                "alt" | "A" | "M" | "meta" => key.alt = true,
                "shift" | "S" => key.shift = true,
                _ => break,
            }
            rest = after;
        }
        let mut chars = rest.chars();
        let named =
            NAMES.iter().find(|(_, names)| names.iter().any(|n| n.eq_ignore_ascii_case(rest))).map(|(code, _)| *code);
        let function = || {
            let number: u8 = rest.strip_prefix(['f', 'F'])?.parse().ok()?;
            (1..=24).contains(&number).then_some(Code::F(number))
        };
        key.code = match (chars.next(), chars.next(), named) {
            (_, _, Some(code)) => code,
            (Some(c), None, _) if !c.is_control() => Code::Char(c),
            _ => function().ok_or_else(|| format!("`{text}` names no key"))?,
        };
        if let (true, Code::Char(c)) = (key.shift, key.code) {
            key.code = Code::Char(c.to_uppercase().next().unwrap_or(c));
            key.shift = false;
        }
        Ok(key.normal())
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (held, name) in [(self.ctrl, "Ctrl-"), (self.alt, "Alt-"), (self.shift, "Shift-")] {
            if held {
                f.write_str(name)?;
            }
        }
        match NAMES.iter().find(|(code, _)| *code == self.code) {
            Some((_, names)) => f.write_str(names.first().copied().unwrap_or_default()),
            None => match self.code {
                Code::Char(c) => write!(f, "{c}"),
                Code::F(n) => write!(f, "F{n}"),
                _ => Ok(()),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_read_and_shown() {
        for (text, shown) in [
            ("q", "q"),
            ("Q", "Q"),
            ("S-q", "Q"),
            ("ctrl-c", "Ctrl-c"),
            ("C-C", "Ctrl-c"),
            ("M-x", "Alt-x"),
            ("S-tab", "Shift-Tab"),
            ("enter", "Enter"),
            ("pgdn", "PgDn"),
            ("f5", "F5"),
            ("-", "-"),
            ("ctrl--", "Ctrl--"),
            ("space", "Space"),
            ("up", "↑"),
            ("/", "/"),
        ] {
            assert_eq!(text.parse::<Key>().unwrap().to_string(), shown, "{text}");
        }
        for bad in ["ctrl-", "entr", "f99", "hyper-x", "\u{1b}"] {
            assert!(bad.parse::<Key>().is_err(), "{bad}");
        }
        assert_eq!(Key::show(&Key::sequence("g g").unwrap()), "g g");
        assert!(Key::sequence("  ").is_err());
    }

    #[test]
    fn events_and_keymaps_agree() {
        let event = |code, modifiers| Key::from_event(&KeyEvent::new(code, modifiers)).unwrap();
        assert_eq!(event(KeyCode::Char('Q'), KeyModifiers::SHIFT), "Q".parse().unwrap());
        assert_eq!(event(KeyCode::Char('q'), KeyModifiers::SHIFT), "Q".parse().unwrap());
        assert_eq!(event(KeyCode::BackTab, KeyModifiers::SHIFT), "S-tab".parse().unwrap());
        assert_eq!(event(KeyCode::Char('c'), KeyModifiers::CONTROL), "ctrl-c".parse().unwrap());
        assert_eq!(event(KeyCode::Char('?'), KeyModifiers::NONE), "?".parse().unwrap());
        assert_eq!(Key::from_event(&KeyEvent::new(KeyCode::Null, KeyModifiers::NONE)), None);
    }
}
