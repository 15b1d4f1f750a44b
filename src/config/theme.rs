//! Themes: a look for every role, checked for completeness and contrast.

use super::color::{ColorDepth, Rgb, contrast, parse_hex, to_256};
use super::document::{self, ConfigError};
use super::style::{Kind, Role};
use ratatui::style::{Color, Modifier, Style};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;
use toml::Spanned;

/// The themes that are built in, by name.
pub const BUILT_IN: [(&str, &str); 4] = [
    ("dark", include_str!("../../themes/dark.toml")),
    ("light", include_str!("../../themes/light.toml")),
    ("high-contrast", include_str!("../../themes/high-contrast.toml")),
    ("colour-blind-safe", include_str!("../../themes/colour-blind-safe.toml")),
];

/// The contrast that text has to have when a theme promises nothing else (WCAG 2 level AA).
const CONTRAST: f64 = 4.5;

/// The contrast of lines and ornament.
const LINE_CONTRAST: f64 = 1.4;

/// How themes may stand on one another, at most, before it must be a circle.
const DEPTH: usize = 8;

/// A theme's file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    /// The theme it builds on.
    #[serde(default)]
    inherits: Option<Spanned<String>>,
    /// The contrast it promises for text.
    #[serde(default)]
    contrast: Option<f64>,
    /// Names for colours.
    #[serde(default)]
    palette: BTreeMap<String, Spanned<String>>,
    /// A look for each role.
    #[serde(default)]
    styles: BTreeMap<Spanned<String>, Look>,
}

/// How a role looks.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Look {
    fg: Option<Spanned<String>>,
    bg: Option<Spanned<String>>,
    bold: bool,
    italic: bool,
    underlined: bool,
    reversed: bool,
}

/// A role's colours and modifiers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Paint {
    fg: Option<Rgb>,
    bg: Option<Rgb>,
    modifiers: Modifier,
}

/// A look for every role.
#[derive(Debug, Clone, PartialEq)]
pub struct Theme {
    name: String,
    promised: f64,
    palette: BTreeMap<String, Rgb>,
    paints: BTreeMap<Role, Paint>,
    depth: ColorDepth,
}

impl Theme {
    /// The names of the built-in themes.
    pub fn names() -> [&'static str; 4] {
        BUILT_IN.map(|(name, _)| name)
    }

    /// A theme by its name: `folder/<name>.toml` where that exists, else a built-in one.
    ///
    /// # Errors
    /// With file, line and reason of the first thing that is wrong.
    pub fn load(name: &str, folder: Option<&Path>) -> Result<Self, ConfigError> {
        Self::load_at(name, folder, 0)
    }

    fn load_at(name: &str, folder: Option<&Path>, depth: usize) -> Result<Self, ConfigError> {
        if depth > DEPTH {
            return Err(ConfigError::new(name, None, "themes inherit from each other in a circle"));
        }
        let own = folder.map(|f| f.join(format!("{name}.toml"))).filter(|p| p.is_file());
        // A theme of the user's may have the name of the built-in one that it inherits from.
        let base = |parent: &str| {
            let folder = if parent == name { None } else { folder };
            Self::load_at(parent, folder, depth + 1)
        };
        if let Some(path) = own {
            return Self::build(name, &path.display().to_string(), &document::read(&path)?, base);
        }
        match BUILT_IN.into_iter().find(|(n, _)| *n == name) {
            Some((_, text)) => Self::build(name, &format!("themes/{name}.toml"), text, base),
            None => Err(ConfigError::new(name, None, format!("no such theme ({})", Self::names().join(", ")))
                .hint(document::did_you_mean(name, Self::names()))),
        }
    }

    /// A theme from a file's text; `base` finds the theme it inherits from.
    fn build(
        name: &str,
        file: &str,
        text: &str,
        base: impl Fn(&str) -> Result<Self, ConfigError>,
    ) -> Result<Self, ConfigError> {
        let parsed: File = document::parse(file, text)?;
        let mut theme = match &parsed.inherits {
            Some(parent) => base(parent.get_ref()).map_err(|e| {
                if e.line.is_none() && e.file == *parent.get_ref() {
                    ConfigError { file: file.to_owned(), line: Some(document::line_at(text, parent.span().start)), ..e }
                } else {
                    e
                }
            })?,
            None => Self {
                name: String::new(),
                promised: CONTRAST,
                palette: BTreeMap::new(),
                paints: BTreeMap::new(),
                depth: ColorDepth::True,
            },
        };
        name.clone_into(&mut theme.name);
        theme.promised = parsed.contrast.unwrap_or(theme.promised);
        let at = |span: std::ops::Range<usize>| Some(document::line_at(text, span.start));
        for (colour, value) in &parsed.palette {
            let rgb = parse_hex(value.get_ref()).ok_or_else(|| {
                ConfigError::new(file, at(value.span()), format!("`{}` is not a colour (#rrggbb)", value.get_ref()))
            })?;
            theme.palette.insert(colour.clone(), rgb);
        }
        for (role_name, look) in &parsed.styles {
            let role = Role::ALL.iter().copied().find(|r| r.name() == role_name.get_ref()).ok_or_else(|| {
                ConfigError::new(file, at(role_name.span()), format!("`{}` is no style", role_name.get_ref()))
                    .hint(document::did_you_mean(role_name.get_ref(), Role::ALL.iter().map(|r| r.name())))
            })?;
            let colour = |value: &Option<Spanned<String>>| match value {
                None => Ok(None),
                Some(value) => {
                    let word = value.get_ref();
                    parse_hex(word).or_else(|| theme.palette.get(word).copied()).map(Some).ok_or_else(|| {
                        ConfigError::new(
                            file,
                            at(value.span()),
                            format!("`{word}` is neither #rrggbb nor a colour of [palette]"),
                        )
                        .hint(document::did_you_mean(word, theme.palette.keys().map(String::as_str)))
                    })
                }
            };
            let mut modifiers = Modifier::empty();
            for (on, modifier) in [
                (look.bold, Modifier::BOLD),
                (look.italic, Modifier::ITALIC),
                (look.underlined, Modifier::UNDERLINED),
                (look.reversed, Modifier::REVERSED),
            ] {
                modifiers.set(modifier, on);
            }
            let paint = Paint { fg: colour(&look.fg)?, bg: colour(&look.bg)?, modifiers };
            theme.paints.insert(role, paint);
        }
        Ok(theme)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The same theme within what the terminal can show.
    #[must_use]
    pub fn at_depth(mut self, depth: ColorDepth) -> Self {
        self.depth = depth;
        self
    }

    /// The look of a role, within what the terminal can show.
    pub fn style(&self, role: Role) -> Style {
        if self.depth == ColorDepth::None {
            return Style::new().add_modifier(without_colour(role));
        }
        let paint = self.paints.get(&role).copied().unwrap_or_default();
        let show = |rgb: Rgb| match self.depth {
            ColorDepth::True => Color::Rgb(rgb.0, rgb.1, rgb.2),
            _ => to_256(rgb),
        };
        let mut style = Style::new().add_modifier(paint.modifiers);
        if let Some(fg) = paint.fg {
            style = style.fg(show(fg));
        }
        if let Some(bg) = paint.bg {
            style = style.bg(show(bg));
        }
        style
    }

    /// What is questionable about the theme: a role without a look, or with too little contrast. A shipped theme
    /// has nothing here.
    pub fn warnings(&self) -> Vec<String> {
        let mut warnings = Vec::new();
        let base = self.paints.get(&Role::Base).copied().unwrap_or_default();
        let (Some(base_fg), Some(base_bg)) = (base.fg, base.bg) else {
            return vec!["`base` needs both fg and bg: everything else is measured against it".to_owned()];
        };
        let selected = self.paints.get(&Role::Selection).and_then(|p| p.bg);
        for role in Role::ALL {
            let Some(paint) = self.paints.get(role) else {
                warnings.push(format!("`{}` has no look", role.name()));
                continue;
            };
            let (fg, bg) = (paint.fg.unwrap_or(base_fg), paint.bg.unwrap_or(base_bg));
            let needed = match role.kind() {
                Kind::Text => self.promised,
                Kind::Quiet => self.promised * 2.0 / 3.0,
                Kind::Line => LINE_CONTRAST,
            };
            let seen = contrast(fg, bg);
            if seen < needed {
                warnings.push(format!("`{}` has a contrast of {seen:.1}; {needed:.1} are needed", role.name()));
            }
            // Lists show these on the selected line as well.
            let in_lists = role.name().starts_with("severity.") || role.name().starts_with("status.");
            if let (true, None, Some(selected)) = (in_lists, paint.bg, selected) {
                let (seen, needed) = (contrast(fg, selected), needed * 2.0 / 3.0);
                if seen < needed {
                    warnings.push(format!(
                        "`{}` has a contrast of {seen:.1} on the selected line; {needed:.1} are needed",
                        role.name()
                    ));
                }
            }
        }
        warnings
    }
}

/// What tells roles apart where there are no colours.
fn without_colour(role: Role) -> Modifier {
    use Role as R;
    match role {
        R::Selection | R::Critical | R::Commit | R::Banner | R::Armed => Modifier::BOLD | Modifier::REVERSED,
        R::SelectionQuiet | R::Input => Modifier::UNDERLINED,
        R::TabActive => Modifier::BOLD | Modifier::UNDERLINED,
        R::Strong
        | R::Title
        | R::Brand
        | R::BorderFocus
        | R::Key
        | R::High
        | R::Failed
        | R::Partial
        | R::Drift
        | R::Quarantined
        | R::Warning
        | R::Error
        | R::After
        | R::Stale
        | R::ReadOnly
        | R::DryRun => Modifier::BOLD,
        R::Dim | R::Border | R::Heading | R::Informational | R::Pending | R::Before => Modifier::DIM,
        R::Running => Modifier::ITALIC,
        R::Base | R::Header | R::Tab | R::Footer | R::Medium | R::Low | R::Ok | R::Notice | R::Live => {
            Modifier::empty()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shipped_themes_are_complete_and_readable() {
        for name in Theme::names() {
            let theme = Theme::load(name, None).unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(theme.warnings(), Vec::<String>::new(), "{name}");
        }
        assert!(Theme::load("high-contrast", None).unwrap().promised >= 7.0);
    }

    #[test]
    fn without_colours_nothing_but_modifiers_is_left() {
        for name in Theme::names() {
            let theme = Theme::load(name, None).unwrap().at_depth(ColorDepth::None);
            for role in Role::ALL {
                let style = theme.style(*role);
                assert_eq!((style.fg, style.bg), (None, None), "{name} {}", role.name());
            }
            assert!(theme.style(Role::Selection).add_modifier.contains(Modifier::REVERSED));
        }
    }

    #[test]
    fn with_256_colours_none_is_sent_as_rgb() {
        let theme = Theme::load("dark", None).unwrap().at_depth(ColorDepth::Palette256);
        for role in Role::ALL {
            let style = theme.style(*role);
            for colour in [style.fg, style.bg].into_iter().flatten() {
                assert!(matches!(colour, Color::Indexed(16..)), "{colour:?}");
            }
        }
    }

    /// What a person with no green, or no red, receptors sees (Viénot, Brettel and Mollon, 1999), roughly.
    fn seen_by(rgb: Rgb, protan: bool) -> (f64, f64, f64) {
        let linear = |c: u8| (f64::from(c) / 255.0).powf(2.2);
        let (r, g, b) = (linear(rgb.0), linear(rgb.1), linear(rgb.2));
        if protan {
            let mixed = 0.112_38 * r + 0.887_62 * g;
            (mixed, mixed, 0.004_01 * r - 0.004_01 * g + b)
        } else {
            let mixed = 0.292_75 * r + 0.707_25 * g;
            (mixed, mixed, -0.022_34 * r + 0.022_34 * g + b)
        }
    }

    #[test]
    fn the_colour_blind_safe_theme_keeps_states_apart_without_red_or_green() {
        let theme = Theme::load("colour-blind-safe", None).unwrap();
        let roles = [Role::Ok, Role::Failed, Role::Drift, Role::Partial];
        for protan in [false, true] {
            for (n, a) in roles.iter().enumerate() {
                for b in &roles[n + 1..] {
                    let (x, y) =
                        (seen_by(theme.paints[a].fg.unwrap(), protan), seen_by(theme.paints[b].fg.unwrap(), protan));
                    let distance = ((x.0 - y.0).powi(2) + (x.1 - y.1).powi(2) + (x.2 - y.2).powi(2)).sqrt();
                    assert!(distance > 0.15, "{} and {} look alike: {distance:.2}", a.name(), b.name());
                }
            }
        }
    }

    #[test]
    fn a_theme_of_ones_own_inherits_and_is_checked() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(format!("{name}.toml")), text).unwrap();
        write("mine", "inherits = \"dark\"\n[palette]\nrose = \"#ff88aa\"\n[styles]\ntitle = { fg = \"rose\" }\n");
        let mine = Theme::load("mine", Some(folder.path())).unwrap();
        assert_eq!(mine.style(Role::Title).fg, Some(Color::Rgb(255, 136, 170)));
        assert_eq!(mine.style(Role::Base), Theme::load("dark", None).unwrap().style(Role::Base));
        write("dark", "inherits = \"dark\"\n[styles]\nbase = { fg = \"#222222\", bg = \"#000000\" }\n");
        let dark = Theme::load("dark", Some(folder.path())).unwrap();
        assert!(dark.warnings().iter().any(|w| w.starts_with("`base` has a contrast of")), "{:?}", dark.warnings());
        write("a", "inherits = \"b\"");
        write("b", "inherits = \"a\"");
        assert!(Theme::load("a", Some(folder.path())).unwrap_err().to_string().contains("circle"));
        write("bare", "[styles]\nbase = { fg = \"#ffffff\", bg = \"#000000\" }\n");
        assert!(Theme::load("bare", Some(folder.path())).unwrap().warnings().contains(&"`dim` has no look".to_owned()));
    }

    #[test]
    fn a_broken_theme_says_where_and_why() {
        for (text, said) in [
            ("[styles]\ntitel = { bold = true }", "t.toml:2: `titel` is no style (did you mean `title`?)"),
            (
                "[styles]\ntitle = { fg = \"rd\" }\n[palette]\nred = \"#ff0000\"",
                "t.toml:2: `rd` is neither #rrggbb nor a colour of [palette] (did you mean `red`?)",
            ),
            ("[palette]\nred = \"red\"", "t.toml:2: `red` is not a colour (#rrggbb)"),
            ("[styles]\ntitle = { blod = true }", "t.toml:2: `blod` is not known here (did you mean `bold`?)"),
            (
                "inherits = \"drak\"",
                "t.toml:1: no such theme (dark, light, high-contrast, colour-blind-safe) (did you mean `dark`?)",
            ),
        ] {
            let error = Theme::build("t", "t.toml", text, |n| Theme::load(n, None)).unwrap_err();
            assert_eq!(error.to_string(), said);
        }
    }
}
