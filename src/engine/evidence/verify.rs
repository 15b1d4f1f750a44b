//! Holding evidence against the ledger: the manifest's hash first, then every piece's.

use super::super::{Engine, EngineError};
use super::vault::{self, Place};
use super::{CloudError, kept_in};
use crate::domain::{Kept, RunId, text};
use crate::ledger::{RunState, Store};
use crate::playbook::PlanRefusal;
use crate::playbook::evidence::{MANIFEST, Manifest};
use serde::Serialize;
use std::collections::BTreeSet;

/// One thing that was checked and is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Its name in the run's folder, escaped.
    pub name: String,
    /// What is wrong: `changed`, `missing`, `extra`, `unreadable`, and what was found.
    pub wrong: String,
}

/// What checking a run's evidence found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// The run.
    pub run: RunId,
    /// Where its evidence is.
    pub place: String,
    /// How many pieces the ledger knows, the manifest not counted.
    pub pieces: usize,
    /// The manifest's SHA-256 as the ledger has it; none where the run never wrote one.
    pub manifest: Option<String>,
    /// What is wrong, the manifest first; empty when all is as it was kept.
    pub bad: Vec<Check>,
}

impl Verdict {
    /// Whether everything is as it was kept.
    pub fn is_good(&self) -> bool {
        self.bad.is_empty()
    }
}

impl Engine {
    /// Reads a run's evidence again, and holds it against what the ledger has recorded.
    ///
    /// # Errors
    /// When the run has taken none, or the ledger or the vault's list can't be read.
    pub async fn verify_evidence(&self, run: RunId) -> Result<Verdict, EngineError> {
        let state = self.run_state(run).await?;
        let place = place_of(&state)?;
        Shelf { engine: Some(self), place }.verify(self.ledger().as_ref(), &state).await
    }
}

/// The same for evidence in a folder of this machine, for which nobody has to be asked; none where it is in a bucket.
///
/// # Errors
/// When the run has taken none, or the ledger or the folder can't be read.
pub async fn verify_folder(ledger: &dyn Store, run: RunId) -> Result<Option<Verdict>, EngineError> {
    let state = ledger.run(run).await?.ok_or(EngineError::NoSuchRun(run))?;
    let place = place_of(&state)?;
    if !place.is_a_folder() {
        return Ok(None);
    }
    Shelf { engine: None, place }.verify(ledger, &state).await.map(Some)
}

/// Where a run's evidence is.
fn place_of(state: &RunState) -> Result<Place, PlanRefusal> {
    let (vault, instance) = kept_in(state)
        .ok_or_else(|| PlanRefusal::Nothing(format!("run {} takes no evidence: nothing to verify", state.run)))?;
    Ok(Place::of(state, vault, instance))
}

/// A run's evidence, and who asks for it where it is in a bucket.
struct Shelf<'a> {
    engine: Option<&'a Engine>,
    place: Place,
}

impl Shelf<'_> {
    async fn verify(&self, ledger: &dyn Store, state: &RunState) -> Result<Verdict, EngineError> {
        let (manifest, pieces): (Vec<&Kept>, Vec<&Kept>) = state.kept().into_iter().partition(|k| k.name == MANIFEST);
        let mut verdict = Verdict {
            run: state.run,
            place: text::safe(&self.place.describe()).into_owned(),
            pieces: pieces.len(),
            manifest: manifest.first().map(|k| k.sha256.clone()),
            bad: vec![],
        };
        let chain = ledger.verify().await?;
        if let Some((position, what)) = chain.bad {
            let wrong = format!("record {position} is bad: {what}. What it says of evidence proves nothing");
            verdict.bad.push(Check { name: "the ledger".into(), wrong });
        }
        let names = vault::list(self.engine, &self.place).await?;
        verdict.bad.extend(self.check_manifest(state, manifest.first().copied(), &pieces).await);
        for kept in &pieces {
            verdict.bad.extend(self.check(kept).await);
        }
        let known: BTreeSet<&str> = state.kept().iter().map(|k| k.name.as_str()).collect();
        let extra = names.iter().filter(|n| !known.contains(n.as_str()));
        let wrong = || "extra: this run did not keep it".to_owned();
        verdict.bad.extend(extra.map(|n| Check { name: text::fit(n, 200), wrong: wrong() }));
        Ok(verdict)
    }

    /// What is wrong with one piece.
    async fn check(&self, kept: &Kept) -> Option<Check> {
        let bad = |wrong: String| Some(Check { name: text::fit(&kept.name, 200), wrong });
        let unreadable = |e: CloudError| bad(format!("unreadable: {e}"));
        // What has grown is not read into memory to find out that it has.
        match vault::size(self.engine, &self.place, &kept.name).await {
            Err(error) => return unreadable(error),
            Ok(None) => return bad("missing".into()),
            Ok(Some(bytes)) if bytes != kept.bytes => {
                return bad(format!("changed: {bytes} bytes, kept were {}", kept.bytes));
            }
            Ok(Some(_)) => {}
        }
        match vault::get(self.engine, &self.place, &kept.name).await {
            Err(error) => unreadable(error),
            Ok(None) => bad("missing".into()),
            Ok(Some(bytes)) => match vault::sha256(&bytes) {
                now if now == kept.sha256 => None,
                now => bad(format!("changed: SHA-256 {now}, kept was {}", kept.sha256)),
            },
        }
    }

    /// What is wrong with the manifest: against the ledger, and against the pieces that the ledger knows.
    async fn check_manifest(&self, state: &RunState, manifest: Option<&Kept>, pieces: &[&Kept]) -> Option<Check> {
        let bad = |wrong: String| Some(Check { name: MANIFEST.into(), wrong });
        let Some(kept) = manifest else {
            let how = if state.is_open() { "the run has not ended" } else { "the run never wrote one" };
            return bad(format!("missing: {how}"));
        };
        if let Some(wrong) = self.check(kept).await {
            return Some(wrong);
        }
        let bytes = match vault::get(self.engine, &self.place, MANIFEST).await {
            Ok(bytes) => bytes.unwrap_or_default(),
            Err(error) => return bad(format!("unreadable: {error}")),
        };
        match serde_json::from_slice::<Manifest>(&bytes) {
            Ok(list) if list.objects.iter().eq(pieces.iter().copied()) => None,
            Ok(_) => bad("it lists other pieces than the ledger".into()),
            Err(error) => bad(format!("unreadable: {error}")),
        }
    }
}
