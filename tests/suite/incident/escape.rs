//! I8: what others wrote stands in a report as text, and as nothing else.

use lazaret::domain::text;
use lazaret::engine::incident::markdown::{code, prose};
use proptest::prelude::*;
use pulldown_cmark::{Event, Options, Parser, Tag};

/// What a Markdown reader makes of a text.
pub(super) fn read(markdown: &str) -> Vec<Event<'_>> {
    Parser::new_ext(markdown, Options::all() - Options::ENABLE_SMART_PUNCTUATION).collect()
}

/// Whether an event is more than text within the report's own frame.
pub(super) fn means_something(event: &Event<'_>) -> bool {
    match event {
        Event::Html(_)
        | Event::InlineHtml(_)
        | Event::InlineMath(_)
        | Event::DisplayMath(_)
        | Event::FootnoteReference(_)
        | Event::SoftBreak
        | Event::HardBreak
        | Event::Rule
        | Event::TaskListMarker(_) => true,
        Event::Start(tag) => !matches!(
            tag,
            Tag::Paragraph
                | Tag::Heading { .. }
                | Tag::List(None)
                | Tag::Item
                | Tag::Table(_)
                | Tag::TableHead
                | Tag::TableRow
                | Tag::TableCell
        ),
        Event::End(_) | Event::Text(_) | Event::Code(_) => false,
    }
}

/// Text that somebody who knows Markdown would write.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[ -~]{0,6}",
        any::<char>().prop_map(String::from),
        prop::sample::select(vec![
            "`",
            "``",
            "```",
            "|",
            "\\",
            "\\|",
            "\\`",
            "](http://evil)",
            "[x](javascript:alert(1))",
            "![",
            "<script>",
            "<!--",
            "&lt;",
            "&#x3c;",
            "https://evil.example/x",
            "www.evil.example",
            "ana@evil.example",
            "@team",
            "**",
            "__",
            "~~",
            "# ",
            "- ",
            "1. ",
            "> ",
            "\n\n",
            "\r\n| a | b |\n|---|---|",
            "[^1]",
            "[[x]]",
            "$x$",
            "$$",
            "\u{202e}",
            "\u{1b}[2J",
            "\u{0}",
            "---",
            "===",
            "- [ ] ",
            ":smile:",
            "::: x",
            "{.cls}",
            "^a^",
            "~b~",
            "+++",
        ])
        .prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

/// The text of a cell as a reader shows it.
fn shown(events: &[Event<'_>]) -> String {
    events
        .iter()
        .filter_map(|e| match e {
            Event::Text(t) | Event::Code(t) => Some(t.as_ref()),
            _ => None,
        })
        .collect()
}

/// As `markdown` spells out what no parser agrees on.
fn spelled(value: &str, these: &[char]) -> String {
    value.chars().map(|c| if these.contains(&c) { c.escape_unicode().to_string() } else { c.to_string() }).collect()
}

proptest! {
    #[test]
    fn i8_hostile_text_is_text_in_a_table(a in hostile(), b in hostile()) {
        let table = format!("| A | B | C |\n|---|---|---|\n| is: {} | {} | end |\n", prose(&a), code(&b));
        let events = read(&table);
        prop_assert!(!events.iter().any(means_something), "{table}\n{events:?}");
        let rows = events.iter().filter(|e| matches!(e, Event::Start(Tag::TableRow))).count();
        let cells = events.iter().filter(|e| matches!(e, Event::Start(Tag::TableCell))).count();
        prop_assert_eq!((rows, cells), (1, 6), "{}", table);
        let body = events.iter().position(|e| matches!(e, Event::Start(Tag::TableRow))).unwrap();
        let mut cells = Vec::new();
        for event in &events[body..] {
            match event {
                Event::Start(Tag::TableCell) => cells.push(Vec::new()),
                event => if let Some(cell) = cells.last_mut() { cell.push(event.clone()) },
            }
        }
        prop_assert_eq!(shown(&cells[2]), "end");
        let seen = text::safe(&b);
        if !seen.is_empty() {
            // A code span drops one space at each end where it has them at both.
            let (cell, spelled) = (shown(&cells[1]), spelled(&seen, &['`', '|']));
            prop_assert_eq!(cell.trim(), spelled.trim());
        }
    }

    #[test]
    fn i8_hostile_text_is_text_in_a_list_and_a_heading(a in hostile()) {
        let page = format!("# Run 1: {0}\n\n- next: {0}\n  - {1}\n\nEnded so: {0}\n", prose(&a), code(&a));
        let events = read(&page);
        prop_assert!(!events.iter().any(means_something), "{page}\n{events:?}");
        let items = events.iter().filter(|e| matches!(e, Event::Start(Tag::Item))).count();
        let paragraphs = events.iter().filter(|e| matches!(e, Event::Start(Tag::Paragraph))).count();
        let headings = events.iter().filter(|e| matches!(e, Event::Start(Tag::Heading { .. }))).count();
        prop_assert_eq!((items, paragraphs, headings), (2, 1, 1), "{}", page);
    }

    #[test]
    fn i8_nothing_becomes_a_link_by_itself_or_calls_anybody(a in hostile()) {
        // Readers that make links of bare addresses look at the text, escapes or not.
        let text: String = shown(&read(&format!("is: {}", prose(&a)))).to_lowercase();
        prop_assert!(!text.contains("://") && !text.contains("www.") && !text.contains('@'), "{text}");
    }
}

#[test]
fn i8_what_is_written_out_can_be_read() {
    assert_eq!(
        prose("a|b https://x.example www.x @ana"),
        "a\\\\u\\{7c\\}b https\\\\u\\{3a\\}//x.example www\\\\u\\{2e\\}x \\\\u\\{40\\}ana"
    );
    assert_eq!(code("a|b`c\u{202e}"), "`a\\u{7c}b\\u{60}c\\u{202e}`");
    assert_eq!(code(""), "`\"\"`");
    assert_eq!(prose("Quarantine i-0ab (web-1): done"), "Quarantine i-0ab \\(web-1\\): done");
}
