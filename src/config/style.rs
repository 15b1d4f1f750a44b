//! What the screen is made of, by meaning: views ask for a role, never for a colour.

use crate::domain::Severity;

/// What a role is shown on, which decides how much contrast it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Text to be read: the theme's full contrast.
    Text,
    /// Text that may stand back: two thirds of it.
    Quiet,
    /// Lines and other ornament: enough to be seen.
    Line,
}

macro_rules! roles {
    ($( $(#[doc = $doc:literal])+ $name:ident $text:literal $kind:ident )+) => {
        /// One meaning that a theme gives a look.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Role {
            $( $(#[doc = $doc])+ $name, )+
        }

        impl Role {
            /// All roles.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// Its name in themes.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }

            pub(crate) fn kind(self) -> Kind {
                match self { $(Self::$name => Kind::$kind),+ }
            }
        }
    };
}

roles! {
    /// Everything that nothing else is said about, and the screen's background.
    Base "base" Text
    /// What may be overlooked.
    Dim "dim" Quiet
    /// What may not.
    Strong "strong" Text
    /// Titles of panes.
    Title "title" Text
    /// Headings of columns and sections.
    Heading "heading" Quiet
    /// Frames.
    Border "border" Line
    /// The frame of what has the keys.
    BorderFocus "border.focus" Text
    /// The line at the top.
    Header "header" Text
    /// The program's name in it.
    Brand "header.brand" Text
    /// What says that this is not the real world, such as `sandbox`.
    Banner "header.banner" Text
    /// A view's tab.
    Tab "tab" Quiet
    /// The tab of the view that is shown.
    TabActive "tab.active" Text
    /// The line of keys at the bottom.
    Footer "footer" Quiet
    /// A key.
    Key "key" Text
    /// The key that commits.
    Commit "key.commit" Text
    /// The selected line.
    Selection "selection" Text
    /// The selected line of a list that does not have the keys.
    SelectionQuiet "selection.quiet" Text
    /// What is typed.
    Input "input" Text
    /// Severity critical.
    Critical "severity.critical" Text
    /// Severity high.
    High "severity.high" Text
    /// Severity medium.
    Medium "severity.medium" Text
    /// Severity low.
    Low "severity.low" Text
    /// Severity informational.
    Informational "severity.informational" Quiet
    /// Done, verified, isolated.
    Ok "status.ok" Text
    /// Failed.
    Failed "status.failed" Text
    /// Done in part, or without an answer.
    Partial "status.partial" Text
    /// Under way.
    Running "status.running" Text
    /// Not begun, skipped.
    Pending "status.pending" Quiet
    /// Changed by somebody else.
    Drift "status.drift" Text
    /// In quarantine.
    Quarantined "quarantined" Text
    /// What should be known before going on.
    Warning "warning" Text
    /// What went wrong.
    Error "error" Text
    /// What was done well, or is merely told.
    Notice "notice" Text
    /// What stands there.
    Before "before" Text
    /// What will.
    After "after" Text
    /// The feed is live.
    Live "feed.live" Text
    /// The feed is not.
    Stale "feed.stale" Text
    /// The session can act.
    Armed "mode.armed" Text
    /// The session can't act.
    ReadOnly "mode.read-only" Text
    /// The session only rehearses.
    DryRun "mode.dry-run" Text
}

impl Role {
    /// The role of a severity.
    pub fn severity(severity: Severity) -> Self {
        match severity {
            Severity::Critical => Self::Critical,
            Severity::High => Self::High,
            Severity::Medium => Self::Medium,
            Severity::Low => Self::Low,
            Severity::Informational => Self::Informational,
        }
    }
}
