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
}

impl Prompt {
    /// A question with what is most likely meant already typed.
    pub fn new(question: Question, likely: &str) -> Self {
        let mut field = Field::default();
        likely.chars().for_each(|c| field.insert(c));
        Self { question, field }
    }

    /// What stands before the text.
    pub fn words(&self) -> String {
        match &self.question {
            Question::AssignTo(_) => "assign to: ".to_owned(),
            Question::Block((_, acl)) => format!("block in {acl} (address, and for how long: 203.0.113.7 24h): "),
            Question::Extend { range, .. } => {
                format!("{} stays blocked from now for (24h, 7d, - for no end): ", shown(range))
            }
        }
    }
}
