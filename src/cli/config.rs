//! `lazaret config`.

use super::args::{ConfigArgs, ConfigVerb, Global};
use super::exit::{Exit, Failure};
use super::out::Out;
use super::session::{config_file, config_folder, data_folder, looks, settings};
use crate::config::Settings;

pub(super) fn run(global: &Global, args: &ConfigArgs, out: &Out) -> Result<Exit, Failure> {
    match args.verb {
        ConfigVerb::Template => out.line(Settings::template().trim_end()),
        ConfigVerb::Show => {
            let settings = settings(global)?;
            if out.json {
                out.json(&settings);
            } else {
                let text = toml::to_string(&settings)
                    .map_err(|e| Failure::new(Exit::Failed, format!("the settings can't be written out: {e}")))?;
                out.line(text.trim_end());
            }
        }
        ConfigVerb::Check => {
            let settings = settings(global)?;
            let (keymap, theme) = looks(&settings)?;
            let ranges = settings.aws_ranges().map_err(|e| Failure::new(Exit::Usage, e.to_string()))?;
            let file = config_file(global)?.map_or_else(
                || {
                    format!(
                        "none (it would be {})",
                        config_folder().map(|f| f.join("config.toml").display().to_string()).unwrap_or_default()
                    )
                },
                |f| f.display().to_string(),
            );
            if out.json {
                out.json(&serde_json::json!({
                    "configuration": file, "keymap": keymap.name(), "theme": theme.name(),
                    "data": data_folder(global)?, "warnings": theme.warnings(), "good": true,
                }));
                return Ok(Exit::Done);
            }
            out.line(format!("configuration  {file}"));
            out.line(format!("keymap         {}", keymap.name()));
            out.line(format!("theme          {}", theme.name()));
            out.line(format!("data           {}", data_folder(global)?.display()));
            if let Some(ranges) = ranges {
                out.line(format!("AWS's ranges   {} of {}", ranges.len(), ranges.created));
            }
            let warnings = theme.warnings();
            warnings.iter().for_each(|w| out.note(format!("warning: {w}")));
            out.line("good");
        }
    }
    Ok(Exit::Done)
}
