//! A line to be typed before a plan can be made: to whom, which address.

use super::field::Field;
use super::findings::RowId;

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// To whom these findings are assigned.
    AssignTo(Vec<RowId>),
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
    pub fn words(&self) -> &'static str {
        match self.question {
            Question::AssignTo(_) => "assign to: ",
        }
    }
}
