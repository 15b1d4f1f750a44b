//! One severity out of several that may disagree.

use super::draft::{Draft, shown};
use super::error::quote;
use super::fields::{at, number, text, text_at};
use crate::domain::Severity;
use serde_json::Value;

/// What a finding without a readable severity is shown as: at the default filter it must stay in sight.
pub(super) const UNREADABLE: Severity = Severity::Medium;

/// ASFF's severity: `Label`, else `Normalized` by the specification's table, else `Product`, else what the provider
/// said. `Normalized` and `Product` are deprecated and disagree with the label in real findings, which is an oddity.
pub(super) fn asff(draft: &mut Draft, value: &Value, is_guardduty: bool) {
    let label = text_at(value, "Severity.Label").or_else(|| text(at(value, "Severity")?));
    let normalized = number_of(draft, value, "Severity.Normalized");
    if let Some(label) = label {
        draft.finding.severity_raw = Some(label.clone());
        match label.parse::<Severity>() {
            Ok(severity) => {
                draft.finding.severity = severity;
                if let Some(n) = normalized.filter(|&n| Severity::from_normalized(n) != severity) {
                    let other = Severity::from_normalized(n);
                    draft.odd(format!("Severity.Label {severity} but Normalized {n} ({other})"));
                }
                return;
            }
            Err(_) => draft.odd(format!("Severity.Label is not a severity: {}", quote(&label))),
        }
    }
    if let Some(n) = normalized {
        draft.finding.severity_raw.get_or_insert(format!("Normalized:{n}"));
        draft.finding.severity = Severity::from_normalized(n);
    } else if let Some(n) = number_of(draft, value, "Severity.Product") {
        draft.finding.severity_raw.get_or_insert(format!("Product:{n}"));
        // Each product has its own scale; only GuardDuty's is known.
        let severity = if is_guardduty { Severity::from_guardduty(n) } else { Severity::from_normalized(n) };
        draft.finding.severity = severity;
        draft.odd(format!("the severity was read from Severity.Product {n}"));
    } else {
        provided(draft, value);
    }
}

/// The severity that the provider gave, where Security Hub's own is missing.
fn provided(draft: &mut Draft, value: &Value) {
    for path in ["FindingProviderFields.Severity.Label", "Severity.Original"] {
        if let Some(severity) = text_at(value, path).and_then(|label| label.parse::<Severity>().ok()) {
            draft.finding.severity = severity;
            draft.finding.severity_raw.get_or_insert(severity.label().into());
            draft.odd(format!("the severity was read from {path}"));
            return;
        }
    }
    unreadable(draft, "Severity");
}

/// GuardDuty's severity: a number from 1.0 to 10.0.
pub(super) fn guardduty(draft: &mut Draft, value: &Value) {
    let written = at(value, "severity");
    draft.finding.severity_raw = written.and_then(text);
    match number(written) {
        Ok(Some(n)) => {
            draft.finding.severity = if (0.0..=10.0).contains(&n) {
                Severity::from_guardduty(n)
            } else {
                draft.odd(format!("severity {n} is outside GuardDuty's scale of 1 to 10"));
                Severity::from_normalized(n)
            };
        }
        _ => match written.and_then(text).and_then(|label| label.parse::<Severity>().ok()) {
            Some(severity) => {
                draft.finding.severity = severity;
                draft.odd(format!("severity is the label {severity}, not a number"));
            }
            None => unreadable(draft, "severity"),
        },
    }
}

/// OCSF's severity: `severity_id`, and `severity` in words.
pub(super) fn ocsf(draft: &mut Draft, value: &Value) {
    let word = text_at(value, "severity");
    let by_word = word.as_deref().and_then(ocsf_word);
    let by_id = match number(at(value, "severity_id")) {
        Ok(Some(n)) => [
            (1.0, Severity::Informational),
            (2.0, Severity::Low),
            (3.0, Severity::Medium),
            (4.0, Severity::High),
            (5.0, Severity::Critical),
            (6.0, Severity::Critical), // Fatal: OCSF has one level more than Security Hub
        ]
        .into_iter()
        .find_map(|(id, severity)| (id == n).then_some(severity)),
        _ => None,
    };
    draft.finding.severity_raw = word.or_else(|| text_at(value, "severity_id").map(|id| format!("severity_id:{id}")));
    match (by_word, by_id) {
        (Some(word), Some(id)) if word != id => {
            draft.odd(format!("severity {word} but severity_id says {id}"));
            draft.finding.severity = word;
        }
        (Some(severity), _) | (None, Some(severity)) => draft.finding.severity = severity,
        (None, None) => unreadable(draft, "severity"),
    }
}

fn ocsf_word(word: &str) -> Option<Severity> {
    if word.trim().eq_ignore_ascii_case("fatal") { Some(Severity::Critical) } else { word.parse().ok() }
}

fn unreadable(draft: &mut Draft, place: &str) {
    draft.finding.severity = UNREADABLE;
    draft.odd(format!("{place} is missing or can't be read: shown as {UNREADABLE}, so that it stays in sight"));
}

fn number_of(draft: &mut Draft, value: &Value, path: &str) -> Option<f64> {
    let found = at(value, path);
    number(found).unwrap_or_else(|()| {
        draft.odd(format!("{path} is not a number: {}", shown(found)));
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    type Reader = fn(&mut Draft, &Value);

    fn read(with: Reader, value: Value) -> (Severity, Option<String>, Vec<String>) {
        let mut draft = Draft::default();
        with(&mut draft, &value);
        (draft.finding.severity, draft.finding.severity_raw, draft.finding.oddities)
    }

    fn asff_of(severity: Value) -> (Severity, Option<String>, Vec<String>) {
        read(|draft, value| asff(draft, value, false), json!({"Severity": severity}))
    }

    #[test]
    fn the_label_counts_and_disagreement_is_said() {
        let (severity, raw, oddities) = asff_of(json!({"Label": "HIGH", "Normalized": 40, "Product": 2}));
        assert_eq!((severity, raw.as_deref()), (Severity::High, Some("HIGH")));
        assert_eq!(oddities, ["Severity.Label HIGH but Normalized 40 (MEDIUM)"]);
        assert!(asff_of(json!({"Label": "HIGH", "Normalized": "70"})).2.is_empty());
        assert!(asff_of(json!({"Label": "HIGH", "Normalized": ""})).2.is_empty());
    }

    #[test]
    fn without_a_label_the_numbers_count() {
        let (severity, raw, oddities) = asff_of(json!({"Normalized": 50, "Product": 5}));
        assert_eq!((severity, raw.as_deref(), oddities.len()), (Severity::Medium, Some("Normalized:50"), 0));
        let (severity, raw, oddities) = asff_of(json!({"Product": "95"}));
        assert_eq!((severity, raw.as_deref(), oddities.len()), (Severity::Critical, Some("Product:95"), 1));
        let guardduty_in_asff: Reader = |draft, value| asff(draft, value, true);
        assert_eq!(read(guardduty_in_asff, json!({"Severity": {"Product": 8}})).0, Severity::High);
        let (severity, raw, oddities) = asff_of(json!({"Label": "SEVERE", "Normalized": 95}));
        assert_eq!((severity, raw.as_deref(), oddities.len()), (Severity::Critical, Some("SEVERE"), 1));
    }

    #[test]
    fn a_missing_severity_stays_in_sight() {
        for value in [json!({}), json!({"Severity": null}), json!({"Severity": []})] {
            let (severity, _, oddities) = read(|draft, value| asff(draft, value, false), value);
            assert_eq!((severity, oddities.len()), (UNREADABLE, 1));
        }
        assert_eq!(read(guardduty, json!({"severity": {}})).0, UNREADABLE);
        assert_eq!(read(ocsf, json!({})).0, UNREADABLE);
    }

    #[test]
    fn guardduty_numbers_come_as_numbers_text_and_words() {
        for (written, severity, raw) in [
            (json!(8.7), Severity::High, "8.7"),
            (json!(9), Severity::Critical, "9"),
            (json!("5"), Severity::Medium, "5"),
            (json!("High"), Severity::High, "High"),
            (json!(80), Severity::High, "80"),
        ] {
            let (read, read_raw, _) = read(guardduty, json!({"Severity": written}));
            assert_eq!((read, read_raw.as_deref()), (severity, Some(raw)));
        }
    }

    #[test]
    fn ocsf_words_and_numbers() {
        assert_eq!(read(ocsf, json!({"severity": "Informational ", "severity_id": 1})).0, Severity::Informational);
        assert_eq!(read(ocsf, json!({"severity": "Fatal", "severity_id": 6})).0, Severity::Critical);
        assert_eq!(read(ocsf, json!({"severity_id": "4"})).0, Severity::High);
        assert_eq!(read(ocsf, json!({"severity": "Low", "severity_id": 5})).2.len(), 1);
    }
}
