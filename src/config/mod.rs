//! What a person has written down about how lazaret is to behave: settings, keymap, theme.
//!
//! May import `domain` and `policy`. Every file is TOML and read strictly: an unknown name is an error that names the
//! file, the line and the nearest right word, and nothing falls back silently. Where files lie, and what the command
//! line overrides, is decided by who calls; the environment is read only through a function that is passed in.

pub mod color;
pub mod command;
pub mod document;
pub mod key;
pub mod keymap;
pub mod settings;
pub mod style;
pub mod theme;

pub use color::ColorDepth;
pub use command::{Command, Context};
pub use document::ConfigError;
pub use key::Key;
pub use keymap::{Keymap, Lookup};
pub use settings::Settings;
pub use style::Role;
pub use theme::Theme;
