//! `lazaret completions` and `lazaret man`.

use super::args::{Args, CompletionsArgs};
use super::exit::{Exit, Failure};
use super::out::Out;
use clap::CommandFactory;

pub(super) fn completions(args: &CompletionsArgs, out: &Out) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "lazaret", &mut script);
    out.line(String::from_utf8_lossy(&script).trim_end());
    Ok(Exit::Done)
}

pub(super) fn man(out: &Out) -> Result<Exit, Failure> {
    let mut page = Vec::new();
    let failed = |e: std::io::Error| Failure::new(Exit::Failed, format!("the manual page could not be made: {e}"));
    clap_mangen::Man::new(Args::command()).render(&mut page).map_err(failed)?;
    for verb in Args::command().get_subcommands_mut().filter(|v| !v.is_hide_set()) {
        let named = verb.clone().name(format!("lazaret-{}", verb.get_name()));
        let mut part = Vec::new();
        clap_mangen::Man::new(named).render_options_section(&mut part).map_err(failed)?;
        let heading = format!(
            "\n.SH lazaret {}\n{}\n",
            verb.get_name(),
            verb.get_about().map(ToString::to_string).unwrap_or_default()
        );
        page.extend(heading.into_bytes());
        page.extend(String::from_utf8_lossy(&part).replace(".SH OPTIONS", "").into_bytes());
    }
    out.line(String::from_utf8_lossy(&page).trim_end());
    Ok(Exit::Done)
}
