//! `lazaret themes`.

use super::args::{Global, ThemesArgs};
use super::exit::{Exit, Failure};
use super::out::Out;
use super::session::settings;
use crate::config::Theme;
use crate::config::theme::BUILT_IN;

pub(super) fn run(global: &Global, args: &ThemesArgs, out: &Out) -> Result<Exit, Failure> {
    if let Some(name) = &args.name {
        let Some((_, text)) = BUILT_IN.iter().find(|(n, _)| n == name) else {
            return Err(Failure::new(Exit::Usage, format!("there is no theme {name}"))
                .hint(format!("the themes are {}", Theme::names().join(", "))));
        };
        out.line(text.trim_end());
        return Ok(Exit::Done);
    }
    let in_force = settings(global)?.console.theme;
    for name in Theme::names() {
        if out.json {
            out.json(&serde_json::json!({"name": name, "in_force": name == in_force}));
        } else {
            out.line(format!("{} {name}", if name == in_force { "*" } else { " " }));
        }
    }
    Ok(Exit::Done)
}
