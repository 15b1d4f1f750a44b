//! Colours as themes write them, how well two of them can be told apart, and what a terminal can show.

use ratatui::style::Color;

/// How many colours a terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ColorDepth {
    /// None: `NO_COLOR` is set, or the terminal has none.
    None,
    /// 256, of which the first 16 are the terminal's own.
    Palette256,
    /// All.
    True,
}

impl ColorDepth {
    /// What the environment says: `NO_COLOR`, `COLORTERM` and `TERM`.
    pub fn from_env(env: impl Fn(&str) -> Option<String>) -> Self {
        let is = |name: &str, test: fn(&str) -> bool| env(name).is_some_and(|v| test(&v));
        if is("NO_COLOR", |v| !v.is_empty()) || is("TERM", |v| v == "dumb") {
            Self::None
        } else if is("COLORTERM", |v| v == "truecolor" || v == "24bit")
            || is("TERM", |v| v.contains("direct") || v.contains("kitty") || v.contains("ghostty"))
        {
            Self::True
        } else {
            Self::Palette256
        }
    }
}

/// Red, green and blue.
pub type Rgb = (u8, u8, u8);

/// A colour written as `#rrggbb`.
pub(crate) fn parse_hex(text: &str) -> Option<Rgb> {
    let digits = text.strip_prefix('#').filter(|d| d.len() == 6)?;
    let value = u32::from_str_radix(digits, 16).ok()?;
    let [_, r, g, b] = value.to_be_bytes();
    Some((r, g, b))
}

/// WCAG 2's relative luminance.
fn luminance((r, g, b): Rgb) -> f64 {
    let linear = |c: u8| {
        let c = f64::from(c) / 255.0;
        if c <= 0.040_45 { c / 12.92 } else { ((c + 0.055) / 1.055).powf(2.4) }
    };
    0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b)
}

/// WCAG 2's contrast ratio, 1 to 21.
pub(crate) fn contrast(a: Rgb, b: Rgb) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

/// The nearest of xterm's 240 fixed colours.
pub(crate) fn to_256((r, g, b): Rgb) -> Color {
    const STEPS: [u8; 6] = [0, 95, 135, 175, 215, 255];
    let distance =
        |x: Rgb| [(x.0, r), (x.1, g), (x.2, b)].iter().map(|(p, q)| u32::from(p.abs_diff(*q)).pow(2)).sum::<u32>();
    let near = |c: u8| (0u8..6).min_by_key(|i| STEPS[usize::from(*i) % 6].abs_diff(c)).unwrap_or(0);
    let (i, j, k) = (near(r), near(g), near(b));
    let step = |i: u8| STEPS[usize::from(i) % 6];
    let cube = (16 + 36 * i + 6 * j + k, distance((step(i), step(j), step(k))));
    let grey_level = (u32::from(r) + u32::from(g) + u32::from(b)) / 3;
    let n = u8::try_from(grey_level.saturating_sub(3) / 10).unwrap_or(23).min(23);
    let level = 8 + 10 * n;
    let grey = (232 + n, distance((level, level, level)));
    Color::Indexed(if grey.1 < cube.1 { grey.0 } else { cube.0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_read_compared_and_matched() {
        assert_eq!(parse_hex("#ff8000"), Some((255, 128, 0)));
        assert_eq!((parse_hex("ff8000"), parse_hex("#ff80"), parse_hex("#gg0000")), (None, None, None));
        assert!((contrast((255, 255, 255), (0, 0, 0)) - 21.0).abs() < 0.01);
        assert!((contrast((119, 119, 119), (255, 255, 255)) - 4.48).abs() < 0.01);
        assert_eq!(to_256((255, 0, 0)), Color::Indexed(196));
        assert_eq!(to_256((128, 128, 128)), Color::Indexed(244));
    }

    #[test]
    fn the_environment_tells_the_depth() {
        let depth = |set: &[(&str, &str)]| {
            ColorDepth::from_env(|n| set.iter().find(|(k, _)| *k == n).map(|(_, v)| (*v).to_owned()))
        };
        assert_eq!(depth(&[("NO_COLOR", "1"), ("COLORTERM", "truecolor")]), ColorDepth::None);
        assert_eq!(depth(&[("NO_COLOR", ""), ("COLORTERM", "truecolor")]), ColorDepth::True);
        assert_eq!(depth(&[("TERM", "xterm-256color")]), ColorDepth::Palette256);
        assert_eq!(depth(&[("TERM", "dumb")]), ColorDepth::None);
    }
}
