//! Scenarios: worlds to begin with, as TOML in `assets/scenarios`, and what builds a world from them.
//!
//! A scenario may include parts (`assets/scenarios/parts`), such as the estate that all of ours share. Everything is
//! typed, unknown keys are errors, and an error names file and place.

mod build;
mod document;
mod identities;
mod inside;
mod lines;
mod network;

use super::world::World;
use crate::domain::Scope;
use chrono::{DateTime, Utc};
use document::Document;

/// The scenario to begin with where none is named.
pub const DEFAULT_SCENARIO: &str = "crypto-mining";

/// The scenarios in the program, by name.
const EMBEDDED: [(&str, &str); 4] = [
    ("crypto-mining", include_str!("../../../../assets/scenarios/crypto-mining.toml")),
    ("noisy-morning", include_str!("../../../../assets/scenarios/noisy-morning.toml")),
    ("ssh-brute-force", include_str!("../../../../assets/scenarios/ssh-brute-force.toml")),
    ("ssrf-exfiltration", include_str!("../../../../assets/scenarios/ssrf-exfiltration.toml")),
];

/// The parts that scenarios may include, by name.
const PARTS: [(&str, &str); 2] = [
    ("estate", include_str!("../../../../assets/scenarios/parts/estate.toml")),
    ("background", include_str!("../../../../assets/scenarios/parts/background.toml")),
];

/// What is wrong with a scenario, in which file and where in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}: {place}: {message}")]
pub struct ScenarioError {
    /// The file, or the name of the embedded scenario or part.
    pub file: String,
    /// Line and column, or the entry.
    pub place: String,
    /// What is wrong, and what would be right.
    pub message: String,
}

/// A scenario that was read and found right.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    name: String,
    title: String,
    about: String,
    home: Scope,
    accounts: Vec<(String, String)>,
    documents: Vec<(String, Document)>,
}

impl Scenario {
    /// The names of the scenarios in the program.
    pub fn names() -> Vec<&'static str> {
        EMBEDDED.iter().map(|(name, _)| *name).collect()
    }

    /// One of the scenarios in the program.
    ///
    /// # Errors
    /// When there is none of this name; the message lists those there are.
    pub fn load(name: &str) -> Result<Self, ScenarioError> {
        match EMBEDDED.iter().find(|(known, _)| *known == name) {
            Some((name, text)) => Self::from_toml(name, text),
            None => Err(ScenarioError {
                file: name.to_owned(),
                place: "name".to_owned(),
                message: format!("there is no scenario of this name; there are {}", Self::names().join(", ")),
            }),
        }
    }

    /// A scenario from the text of a file. It is built once, so that what is accepted can be built.
    ///
    /// # Errors
    /// When the TOML is malformed, a key is unknown, or something names what isn't there.
    pub fn from_toml(name: &str, text: &str) -> Result<Self, ScenarioError> {
        let file = format!("{name}.toml");
        let main = Document::parse(&file, text)?;
        let mut documents = Vec::new();
        for part in &main.include {
            let (known, text) = PARTS.iter().find(|(known, _)| known == part).ok_or_else(|| ScenarioError {
                file: file.clone(),
                place: "include".to_owned(),
                message: format!("there is no part `{part}`; there are {}", PARTS.map(|(name, _)| name).join(", ")),
            })?;
            let part = format!("parts/{known}.toml");
            documents.push((part.clone(), Document::parse(&part, text)?));
        }
        let (title, about) = (main.title.clone().unwrap_or_default(), main.about.clone().unwrap_or_default());
        documents.push((file, main));
        let trial = build::world(name, &documents, DateTime::UNIX_EPOCH, 0)?;
        let accounts = trial.accounts.iter().map(|(id, account)| (id.to_string(), account.name.clone())).collect();
        Ok(Self { name: name.to_owned(), title, about, home: trial.home, accounts, documents })
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// One line for people.
    pub fn title(&self) -> &str {
        &self.title
    }

    /// What happens in it.
    pub fn about(&self) -> &str {
        &self.about
    }

    /// The account and Region of the caller's own credentials: Security Hub's administrator and aggregation Region.
    pub fn home_scope(&self) -> &Scope {
        &self.home
    }

    /// The accounts: number, and name for people.
    pub fn accounts(&self) -> &[(String, String)] {
        &self.accounts
    }

    /// The world as it is when the scenario begins at `now`.
    ///
    /// # Errors
    /// None that [`Scenario::from_toml`] has not shown already.
    pub fn build(&self, now: DateTime<Utc>, seed: u64) -> Result<World, ScenarioError> {
        build::world(&self.name, &self.documents, now, seed)
    }
}
