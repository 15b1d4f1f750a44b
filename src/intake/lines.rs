//! Bytes to JSON: one document, several one after the other, or JSON Lines with broken lines among them.

use super::draft::{Context, fingerprint, fingerprint_bytes};
use super::envelope::{self, Findings};
use super::error::DecodeError;
use crate::domain::Finding;
use serde_json::Value;

/// Decodes the findings in a text. Each step goes once over what is left of it, and nesting is bounded by serde_json
/// (128 levels), so neither time nor stack grow faster than the input.
pub(super) fn decode(bytes: &[u8]) -> Result<Vec<Finding>, DecodeError> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err(DecodeError::Syntax { line: 1, column: 1, message: "this is UTF-16; UTF-8 is wanted".into() });
    }
    let mut documents: Vec<Value> = Vec::new();
    let mut stream = serde_json::Deserializer::from_slice(bytes).into_iter::<Value>();
    let mut failure = None;
    let mut read = 0;
    for document in stream.by_ref() {
        match document {
            Ok(document) => documents.push(document),
            Err(error) => {
                failure = Some(error);
                break;
            }
        }
        read += 1;
    }
    let Some(error) = failure else { return all(&documents) };
    // The documents before the broken one are good; so may be those on the lines after it.
    let broken_from = line_start(bytes, stream.byte_offset());
    let first_line = bytes.get(..broken_from).map_or(0, |before| before.iter().filter(|byte| **byte == b'\n').count());
    let error = DecodeError::syntax(&error, 0);
    let rest = bytes.get(broken_from..).unwrap_or_default();
    if read == 0 && !is_lines(rest) {
        return Err(error);
    }
    let mut out = Findings::default();
    decode_documents(&documents, &mut out);
    decode_lines(rest, first_line, &mut out);
    if out.any_understood() { Ok(out.finish()) } else { Err(error) }
}

/// Decodes whole documents: one is decoded for itself, several are the elements of a page.
fn all(documents: &[Value]) -> Result<Vec<Finding>, DecodeError> {
    let mut out = Findings::default();
    match documents {
        [] => return Err(DecodeError::Syntax { line: 1, column: 1, message: "the input is empty".into() }),
        [one] => envelope::decode(one, "$", &mut out)?,
        several => {
            decode_documents(several, &mut out);
            if !out.any_understood()
                && let Some(first) = several.first()
            {
                // Not one finding among them: then this is some other kind of text.
                envelope::decode(first, "$[0]", &mut Findings::default())?;
            }
        }
    }
    Ok(out.finish())
}

fn decode_documents(documents: &[Value], out: &mut Findings) {
    for (n, document) in documents.iter().enumerate() {
        if let Err(error) = envelope::decode(document, &format!("$[{n}]"), out) {
            out.add_unreadable(&error, || fingerprint(document), &Context::default());
        }
    }
}

/// Decodes each line for itself; a broken one becomes a finding that says so.
fn decode_lines(text: &[u8], lines_before: usize, out: &mut Findings) {
    for (n, line) in text.split(|byte| *byte == b'\n').enumerate() {
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        let place = format!("line {}: $", lines_before + n + 1);
        let decoded = match serde_json::from_slice::<Value>(line) {
            Ok(document) => envelope::decode(&document, &place, out),
            Err(error) => Err(DecodeError::syntax(&error, lines_before + n)),
        };
        if let Err(error) = decoded {
            out.add_unreadable(&error, || fingerprint_bytes(line), &Context::default());
        }
    }
}

/// Where the line that holds a byte begins.
fn line_start(bytes: &[u8], offset: usize) -> usize {
    let offset = bytes.iter().skip(offset).position(|byte| !byte.is_ascii_whitespace()).map_or(offset, |n| offset + n);
    let before = bytes.get(..offset).unwrap_or(bytes);
    before.iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1)
}

/// Whether a text whose first document is broken looks like JSON Lines all the same: its next line is an object of
/// its own. In a document spread over lines it would not be.
fn is_lines(text: &[u8]) -> bool {
    let mut lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    let first = lines.next().is_some_and(|line| line.starts_with(b"{") && line.len() > 1);
    let second = lines.next().is_some_and(|line| serde_json::from_slice::<Value>(line).is_ok_and(|v| v.is_object()));
    first && second
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Source;

    const ONE: &str = r#"{"id":"a","type":"Recon:EC2/Portscan","severity":5}"#;
    const TWO: &str = r#"{"id":"b","type":"Recon:EC2/Portscan","severity":5}"#;

    fn ids(text: &str) -> Vec<String> {
        decode(text.as_bytes()).unwrap().into_iter().map(|finding| finding.id.0).collect()
    }

    fn error(bytes: &[u8]) -> String {
        decode(bytes).unwrap_err().to_string()
    }

    #[test]
    fn one_document_lines_and_documents_one_after_the_other() {
        assert_eq!(ids(ONE), ["a"]);
        assert_eq!(ids(&format!("\u{feff}{ONE}\r\n")), ["a"]);
        assert_eq!(ids(&format!("{ONE}\n{TWO}\n\n")), ["a", "b"]);
        assert_eq!(ids(&format!("{ONE}{TWO}")), ["a", "b"]);
        assert_eq!(ids(&format!("{}\n{TWO}", ONE.replace(',', ",\n"))), ["a", "b"]);
    }

    #[test]
    fn a_broken_line_does_not_lose_the_others() {
        for text in [
            format!("{ONE}\n{{broken\n{TWO}\n"),
            format!("{{broken\n{ONE}\n{TWO}\n"),
            format!("{ONE}\n{TWO}\n{{\"id\": "),
        ] {
            let found = decode(text.as_bytes()).unwrap();
            assert_eq!(found.len(), 3, "{text}");
            let broken: Vec<_> = found.iter().filter(|f| f.source == Source::Unknown).collect();
            let [broken] = broken.as_slice() else { panic!("{found:?}") };
            let line = 1 + text.lines().position(|line| line != ONE && line != TWO).unwrap();
            assert!(broken.oddities.concat().starts_with(&format!("line {line}, column ")), "{:?}", broken.oddities);
        }
        let found = decode(format!("{ONE}\n{{broken\n7\n").as_bytes()).unwrap();
        assert_eq!(found.last().unwrap().oddities, ["line 3: $: a number, not a finding"]);
    }

    #[test]
    fn what_is_not_json_is_an_error_with_its_place() {
        assert_eq!(error(b""), "line 1, column 1: the input is empty");
        assert_eq!(error(b" \n "), "line 1, column 1: the input is empty");
        assert_eq!(error(b"{\n  \"Findings\": [\n    {}\n"), "line 4, column 0: EOF while parsing a list");
        assert_eq!(error(b"hello"), "line 1, column 1: expected value");
        assert_eq!(error(b"1\n2\n3"), "$[0]: a number, not a finding");
        assert_eq!(error(b"\xff\xfe{\0"), "line 1, column 1: this is UTF-16; UTF-8 is wanted");
        assert!(error(b"{\"a\": \"\xff\"}").starts_with("line 1, column "));
    }

    #[test]
    fn deep_nesting_is_an_error() {
        assert!(error("[".repeat(100_000).as_bytes()).contains("recursion limit"));
        assert!(error("{\"a\":".repeat(100_000).as_bytes()).contains("recursion limit"));
        assert!(error("[\n".repeat(100_000).as_bytes()).contains("recursion limit"));
    }
}
