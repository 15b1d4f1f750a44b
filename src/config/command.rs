//! Everything a key can do, each with the line that help shows, and where keys are looked up.

use super::document::nearest;
use std::fmt;
use std::str::FromStr;

/// Where a key is pressed; each has a table in the keymap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Context {
    /// Anywhere but in a text field or a question.
    Global,
    /// The list of findings.
    Findings,
    /// The list of what is in quarantine.
    Quarantine,
    /// The network ACLs.
    Blocks,
    /// The credentials that are cut.
    Credentials,
    /// The runs.
    Activity,
    /// The detail pane, when it has the keys.
    Detail,
    /// A plan before its commit, a run under way, and its result.
    Plan,
    /// A text field: the filter, the command line, a typed confirmation.
    Filter,
    /// The menu of what fits the selected line.
    Menu,
    /// Help.
    Help,
    /// A question with yes and no.
    Confirm,
}

impl Context {
    /// All contexts, as help lists them.
    pub const ALL: [Self; 12] = [
        Self::Global,
        Self::Findings,
        Self::Quarantine,
        Self::Blocks,
        Self::Credentials,
        Self::Activity,
        Self::Detail,
        Self::Plan,
        Self::Filter,
        Self::Menu,
        Self::Help,
        Self::Confirm,
    ];

    /// The name of its table.
    pub fn name(self) -> &'static str {
        match self {
            Self::Global => "global",
            Self::Findings => "findings",
            Self::Quarantine => "quarantine",
            Self::Blocks => "blocks",
            Self::Credentials => "credentials",
            Self::Activity => "activity",
            Self::Detail => "detail",
            Self::Plan => "plan",
            Self::Filter => "filter",
            Self::Menu => "menu",
            Self::Help => "help",
            Self::Confirm => "confirm",
        }
    }

    /// What help writes over its keys.
    pub fn title(self) -> &'static str {
        match self {
            Self::Global => "Everywhere",
            Self::Findings => "Findings",
            Self::Quarantine => "Quarantine",
            Self::Blocks => "Blocks",
            Self::Credentials => "Credentials",
            Self::Activity => "Activity",
            Self::Detail => "Detail",
            Self::Plan => "Plan and run",
            Self::Filter => "Typing",
            Self::Menu => "Menu of actions",
            Self::Help => "Help",
            Self::Confirm => "A question",
        }
    }
}

impl fmt::Display for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Context {
    type Err = String;
    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|c| c.name() == text).ok_or_else(|| format!("`{text}` is no context"))
    }
}

macro_rules! commands {
    ($( $(#[doc = $doc:literal])+ $name:ident $text:literal $label:literal [$($context:ident)*] )+) => {
        /// One thing a key can do.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Command {
            $( $(#[doc = $doc])+ $name, )+
        }

        impl Command {
            /// All commands.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// Its name in keymaps and on the command line.
            pub fn name(self) -> &'static str {
                match self { $(Self::$name => $text),+ }
            }

            /// One or two words for the footer.
            pub fn label(self) -> &'static str {
                match self { $(Self::$name => $label),+ }
            }

            /// One line for help.
            pub fn doc(self) -> &'static str {
                match self { $(Self::$name => concat!($($doc),+).trim_ascii()),+ }
            }

            /// The contexts whose tables may bind it; none named means all but text fields and questions.
            fn contexts(self) -> &'static [Context] {
                match self { $(Self::$name => &[$(Context::$context),*]),+ }
            }
        }
    };
}

commands! {
    /// Leave lazaret.
    Quit "quit" "quit" []
    /// Show the keys that work here.
    Help "help" "help" []
    /// Go back: close what is open, give up what is half done.
    Back "back" "back" [Global Findings Quarantine Blocks Credentials Activity Detail Plan Menu Help Confirm]
    /// Show what was said at the bottom, whole, and what can't be read now.
    Messages "messages" "messages" []
    /// Type a command by its name.
    Palette "palette" "command" []
    /// Show the findings.
    ViewFindings "view-findings" "findings" []
    /// Show what is in quarantine.
    ViewQuarantine "view-quarantine" "quarantine" []
    /// Show network ACLs and their denies.
    ViewBlocks "view-blocks" "blocks" []
    /// Show which credentials are cut.
    ViewCredentials "view-credentials" "credentials" []
    /// Show the runs.
    ViewActivity "view-activity" "activity" []
    /// Show the next view.
    NextView "next-view" "next view" []
    /// Show the view before.
    PreviousView "previous-view" "previous view" []
    /// One line down.
    Down "down" "down" []
    /// One line up.
    Up "up" "up" []
    /// One page down.
    PageDown "page-down" "page down" []
    /// One page up.
    PageUp "page-up" "page up" []
    /// To the first line.
    Top "top" "top" []
    /// To the last line.
    Bottom "bottom" "bottom" []
    /// Open the detail of the selected line, with the keys in it; in a menu, its plan.
    Open "open" "detail" [Global Findings Quarantine Blocks Credentials Activity Detail Menu]
    /// Show or hide the detail pane beside the list.
    ToggleDetail "toggle-detail" "detail pane" [Global Findings Quarantine Blocks Credentials Activity Detail]
    /// Read everything here again, now.
    Refresh "refresh" "refresh" []
    /// Draw the whole screen again.
    Redraw "redraw" "redraw" []
    /// Stop the program and give the shell back (`fg` returns).
    Suspend "suspend" "suspend" []
    /// Show only the lines that match a text.
    Filter "filter" "filter" [Findings Quarantine Blocks Credentials Activity]
    /// Sort by the next column.
    Sort "sort" "sort" [Findings]
    /// Turn the order around.
    ReverseSort "reverse-sort" "reverse" [Findings]
    /// Show or hide findings that are archived, suppressed or resolved; network ACLs without denies.
    ToggleClosed "toggle-closed" "closed" [Findings Blocks]
    /// Show less severe findings too.
    LowerSeverity "lower-severity" "less severe" [Findings]
    /// Hide the least severe findings.
    RaiseSeverity "raise-severity" "more severe" [Findings]
    /// Mark the selected line, or take its mark away, and go on to the next.
    Mark "mark" "mark" [Findings]
    /// Show what fits the selected line, best first, each with its own plan.
    Actions "actions" "actions" [Findings Detail]
    /// Plan the quarantine of the instance; nothing happens before the commit.
    Quarantine "quarantine" "quarantine" [Findings Quarantine Detail Menu]
    /// Plan the restore of what is selected; nothing happens before the commit.
    Restore "restore" "restore" [Findings Quarantine Credentials Activity Detail Plan Menu]
    /// Plan the whole answer to stolen instance credentials; nothing happens before the commit.
    Exfiltration "exfiltration" "exfiltration" [Findings Detail Menu]
    /// Plan to cut the key, user or role; nothing happens before the commit.
    Revoke "revoke" "revoke" [Findings Detail Menu]
    /// Plan to delete the selected role for good, after a whole export of it; wants its name typed.
    DeleteRole "delete-role" "delete role" [Credentials]
    /// Plan to deny an address in network ACLs; nothing happens before the commit.
    Block "block" "block" [Findings Blocks Detail Menu]
    /// Plan to take the selected block away.
    Unblock "unblock" "unblock" [Blocks]
    /// Plan to move the end of the selected block; asks for how long.
    Extend "extend" "extend" [Blocks]
    /// Plan to take away every block whose time is over.
    Sweep "sweep" "sweep" [Blocks]
    /// Plan to take evidence of the instance; nothing happens before the commit.
    Forensics "forensics" "forensics" [Findings Quarantine Detail Menu]
    /// Plan to say that somebody knows of the marked findings, or of the selected one: NOTIFIED.
    Acknowledge "acknowledge" "acknowledge" [Findings Detail Menu]
    /// Plan to note whose they are; asks for the name.
    Assign "assign" "assign" [Findings Detail Menu]
    /// Plan to say that they need no action: SUPPRESSED.
    Suppress "suppress" "suppress" [Findings Detail Menu]
    /// Plan to say that they are dealt with: RESOLVED.
    Resolve "resolve" "resolve" [Findings Detail Menu]
    /// Plan to say that they are to be looked at again: NEW.
    Reopen "reopen" "reopen" [Findings Detail Menu]
    /// Plan to take back everything that still stands of the incident, newest first, one plan after the other.
    Undo "undo" "undo incident" [Findings Quarantine Credentials Activity Detail Plan]
    /// Write the incident's report to a file: what happened, by whom, how it was proved, what is left to do.
    Report "report" "report" [Findings Quarantine Credentials Activity Detail Plan]
    /// Take over the selected run, whose process has gone.
    Recover "recover" "recover" [Activity]
    /// Commit the plan that is shown.
    Commit "commit" "commit" [Plan]
    /// The same plan another way: with another profile for the instances, for fewer sessions.
    Variant "variant" "another way" [Plan]
    /// The same quarantine with another try at flows in flight: none, by an open group, by network ACLs, by both.
    CutFlows "cut-flows" "cut flows" [Plan]
    /// The same quarantine with evidence before isolation, or beside it.
    EvidenceFirst "evidence-first" "evidence first" [Plan]
    /// Put the selected field back though somebody else changed it; shows the new plan.
    ToggleForce "toggle-force" "force" [Plan]
    /// Accept what was typed.
    Accept "accept" "accept" [Filter]
    /// Forget what was typed.
    Cancel "cancel" "cancel" [Filter]
    /// Delete the character before.
    DeleteChar "delete-char" "delete" [Filter]
    /// Delete the word before.
    DeleteWord "delete-word" "delete word" [Filter]
    /// Delete everything typed.
    DeleteAll "delete-all" "clear" [Filter]
    /// The next line while typing.
    NextLine "next-line" "next" [Filter]
    /// The line before while typing.
    PreviousLine "previous-line" "previous" [Filter]
    /// Say yes to the question.
    Confirm "confirm" "yes" [Confirm]
}

impl Command {
    /// The commands that open a plan: a commit must not be on a key of theirs.
    pub const PLANS: [Self; 18] = [
        Self::Actions,
        Self::Quarantine,
        Self::Restore,
        Self::Exfiltration,
        Self::Revoke,
        Self::Block,
        Self::Forensics,
        Self::DeleteRole,
        Self::Unblock,
        Self::Extend,
        Self::Sweep,
        Self::Acknowledge,
        Self::Assign,
        Self::Suppress,
        Self::Resolve,
        Self::Reopen,
        Self::Undo,
        Self::Recover,
    ];

    /// Whether this context's table may bind it.
    pub fn works_in(self, context: Context) -> bool {
        match self.contexts() {
            [] => !matches!(context, Context::Filter | Context::Confirm),
            some => some.contains(&context),
        }
    }

    /// Whether it belongs to some contexts and not to all of them.
    pub fn is_special(self) -> bool {
        (1..=6).contains(&self.contexts().len())
    }

    /// Where it may be bound, in words.
    pub(crate) fn where_in_words(self) -> String {
        let list: Vec<&str> = Context::ALL.into_iter().filter(|c| self.works_in(*c)).map(Context::name).collect();
        list.join(", ")
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Command {
    type Err = Option<&'static str>;
    /// The command of this name, or the nearest one.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .iter()
            .copied()
            .find(|c| c.name() == text)
            .ok_or_else(|| nearest(text, Self::ALL.iter().map(|c| c.name())))
    }
}
