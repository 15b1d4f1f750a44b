//! A line to be typed before a plan can be made: to whom, which address.

use super::blocks::AclKey;
use super::field::Field;
use super::findings::RowId;
use crate::domain::Scope;
use crate::engine::WhichBlocks;
use crate::playbook::block::shown;
use ipnet::IpNet;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// To whom these findings are assigned.
    AssignTo(Vec<RowId>),
    /// Which address is blocked in this table, and for how long.
    Block(AclKey),
    /// For how long a block stands from now.
    Extend {
        /// Where.
        scope: Scope,
        /// What is denied.
        range: IpNet,
        /// Which of its blocks.
        which: WhichBlocks,
    },
}

/// A line that is being typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// What is asked for.
    pub question: Question,
    /// What was typed.
    pub field: Field,
    /// What is wrong with it, until something else is typed.
    pub wrong: Option<String>,
}

impl Prompt {
    /// A question with what is most likely meant already typed.
    pub fn new(question: Question, likely: &str) -> Self {
        let mut field = Field::default();
        likely.chars().for_each(|c| field.insert(c));
        Self { question, field, wrong: None }
    }

    /// What stands before the text: what is asked for, or what is wrong with what was typed.
    pub fn words(&self) -> String {
        if let Some(wrong) = &self.wrong {
            return format!("{wrong}: ");
        }
        match &self.question {
            Question::AssignTo(_) => "assign to: ".to_owned(),
            Question::Block((_, acl)) => format!("block in {acl} (like 203.0.113.7 24h): "),
            Question::Extend { range, .. } => {
                format!("{} stays blocked from now for (- for no end): ", shown(range))
            }
        }
    }
}
