//! Documents: lines of styled text, wrapped to a width, in a frame, scrolled.

use crate::config::{Role, Theme};
use crate::domain::text;
use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, BorderType, Paragraph, Scrollbar, ScrollbarOrientation, ScrollbarState};
use unicode_segmentation::UnicodeSegmentation;

/// A document under construction. Every text is made safe on its way in.
pub struct Doc<'a> {
    theme: &'a Theme,
    width: usize,
    lines: Vec<Line<'static>>,
}

/// The width of the names in name–value lines.
const NAME: usize = 10;

impl<'a> Doc<'a> {
    /// An empty document of this width.
    pub fn new(theme: &'a Theme, width: u16) -> Self {
        Self { theme, width: usize::from(width), lines: Vec::new() }
    }

    /// The theme it is drawn in.
    pub fn theme(&self) -> &'a Theme {
        self.theme
    }

    /// How wide it is.
    pub fn width(&self) -> usize {
        self.width
    }

    /// A role's look.
    pub fn style(&self, role: Role) -> Style {
        self.theme.style(role)
    }

    /// A piece of text, safe.
    pub fn span(&self, role: Role, content: &str) -> Span<'static> {
        Span::styled(text::safe(content).into_owned(), self.theme.style(role))
    }

    /// A line of pieces, cut where it is too long.
    pub fn spans(&mut self, spans: Vec<Span<'static>>) {
        self.lines.push(fit_line(spans, self.width));
    }

    /// A line of pieces with others at its right end.
    pub fn split(&mut self, left: Vec<Span<'static>>, right: Vec<Span<'static>>) {
        let right_width: usize = right.iter().map(Span::width).sum();
        let left = fit_line(left, self.width.saturating_sub(right_width + 1));
        let gap = self.width.saturating_sub(left.width() + right_width);
        let mut spans = left.spans;
        if spans.iter().map(Span::width).sum::<usize>() + gap + right_width <= self.width {
            spans.push(Span::raw(" ".repeat(gap)));
            spans.extend(right);
        }
        self.lines.push(Line::from(spans));
    }

    /// Text behind a mark, wrapped, with pieces at the right end of its first line.
    pub fn split_text(&mut self, mark: Span<'static>, role: Role, content: &str, right: Vec<Span<'static>>) {
        let right_width: usize = right.iter().map(Span::width).sum();
        let lead = mark.width();
        let room = self.width.saturating_sub(lead + right_width + 1).max(8);
        let mut lines = wrap(content, room).into_iter();
        let first = self.span(role, &lines.next().unwrap_or_default());
        self.split(vec![mark, first], right);
        for line in lines {
            let line = Span::styled(format!("{}{line}", " ".repeat(lead)), self.theme.style(role));
            self.spans(vec![line]);
        }
    }

    /// An empty line; never two.
    pub fn gap(&mut self) {
        if self.lines.last().is_some_and(|l| l.width() > 0) {
            self.lines.push(Line::default());
        }
    }

    /// A heading.
    pub fn heading(&mut self, content: &str) {
        self.gap();
        let span = self.span(Role::Heading, content);
        self.spans(vec![span]);
    }

    /// A heading with a remark at its right end.
    pub fn heading_with(&mut self, content: &str, remark: Span<'static>) {
        self.gap();
        let span = self.span(Role::Heading, content);
        self.split(vec![span], vec![remark]);
    }

    /// Text, wrapped.
    pub fn text(&mut self, role: Role, content: &str) {
        self.indented(role, "", "", content);
    }

    /// Text, wrapped, behind a mark; further lines stand under the text.
    pub fn marked(&mut self, role: Role, mark: &str, content: &str) {
        let indent = " ".repeat(text::width(mark));
        self.indented(role, mark, &indent, content);
    }

    fn indented(&mut self, role: Role, first: &str, rest: &str, content: &str) {
        let room = self.width.saturating_sub(text::width(first)).max(8);
        let style = self.theme.style(role);
        for (n, line) in wrap(content, room).into_iter().enumerate() {
            let lead = if n == 0 { first } else { rest };
            self.lines.push(Line::from(vec![Span::styled(lead.to_owned(), style), Span::styled(line, style)]));
        }
    }

    /// A name and its value, wrapped under itself.
    pub fn field(&mut self, name: &str, role: Role, value: &str) {
        let room = self.width.saturating_sub(NAME).max(8);
        let label = format!("{name:<NAME$}");
        for (n, line) in wrap(value, room).into_iter().enumerate() {
            let lead = if n == 0 { label.clone() } else { " ".repeat(NAME) };
            let spans =
                vec![Span::styled(lead, self.theme.style(Role::Dim)), Span::styled(line, self.theme.style(role))];
            self.lines.push(Line::from(spans));
        }
    }

    /// A name, and pieces as its value, on one line.
    pub fn field_spans(&mut self, name: &str, value: Vec<Span<'static>>) {
        let mut spans = vec![Span::styled(format!("{name:<NAME$}"), self.theme.style(Role::Dim))];
        spans.extend(value);
        self.spans(spans);
    }

    /// The lines so far.
    pub fn lines(self) -> Vec<Line<'static>> {
        self.lines
    }

    /// How many lines there are so far.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }
}

/// The pieces cut to a width, with `…` where something was cut.
pub fn fit_line(spans: Vec<Span<'static>>, width: usize) -> Line<'static> {
    let total: usize = spans.iter().map(Span::width).sum();
    if total <= width {
        return Line::from(spans);
    }
    let mut room = width;
    let mut kept = Vec::new();
    for span in spans {
        let wide = span.width();
        if wide < room {
            room -= wide;
            kept.push(span);
            continue;
        }
        // More follows: what is left of the room ends with the mark.
        kept.push(Span::styled(text::fit(&format!("{} ", span.content), room), span.style));
        break;
    }
    Line::from(kept)
}

/// Text broken into lines of at most so many cells, between words where it can be. Safe.
pub fn wrap(content: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let content = text::safe(content);
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    for word in content.split(' ') {
        let wide = text::width(word);
        if used > 0 && used + 1 + wide > width {
            lines.push(std::mem::take(&mut line));
            used = 0;
        } else if used > 0 {
            line.push(' ');
            used += 1;
        }
        if wide <= width {
            line.push_str(word);
            used += wide;
            continue;
        }
        for grapheme in word.graphemes(true) {
            // One sign may be wider than a very narrow line: nothing of it fits.
            let grapheme = if text::width(grapheme) > width { "…" } else { grapheme };
            let wide = text::width(grapheme);
            if used + wide > width && used > 0 {
                lines.push(std::mem::take(&mut line));
                used = 0;
            }
            line.push_str(grapheme);
            used += wide;
        }
    }
    lines.push(line);
    lines
}

/// A frame in the console's manner.
pub fn frame_block<'a>(theme: &Theme, title: Line<'a>, focused: bool) -> Block<'a> {
    let border = if focused { Role::BorderFocus } else { Role::Border };
    Block::bordered()
        .border_type(BorderType::Rounded)
        .border_style(theme.style(border))
        .style(theme.style(Role::Base))
        .title_top(title)
}

/// Draws lines in a frame from the scrolled one on, with a bar where there are more. Says how far they scroll.
pub fn draw_framed(
    frame: &mut Frame<'_>,
    area: Rect,
    theme: &Theme,
    block: Block<'_>,
    lines: Vec<Line<'static>>,
    scroll: usize,
) -> usize {
    let inner = padded(block.inner(area));
    frame.render_widget(block, area);
    draw_scrolled(frame, inner, area, theme, lines, scroll)
}

/// A rectangle with one column less at either side.
pub fn padded(area: Rect) -> Rect {
    let pad = u16::from(area.width > 4);
    Rect { x: area.x + pad, width: area.width.saturating_sub(2 * pad), ..area }
}

/// Draws lines into `inner` from the scrolled one on; the bar stands on the right edge of `edge`.
pub fn draw_scrolled(
    frame: &mut Frame<'_>,
    inner: Rect,
    edge: Rect,
    theme: &Theme,
    lines: Vec<Line<'static>>,
    scroll: usize,
) -> usize {
    let height = usize::from(inner.height);
    let last = lines.len().saturating_sub(height);
    let scroll = scroll.min(last);
    let total = lines.len();
    let shown: Vec<Line<'static>> = lines.into_iter().skip(scroll).take(height).collect();
    frame.render_widget(Paragraph::new(shown).style(theme.style(Role::Base)), inner);
    if last > 0 && inner.height > 2 {
        scrollbar(frame.buffer_mut(), Rect { y: inner.y, height: inner.height, ..edge }, theme, total, height, scroll);
    }
    last
}

/// A scroll bar on the right edge.
pub fn scrollbar(buffer: &mut Buffer, edge: Rect, theme: &Theme, total: usize, height: usize, scroll: usize) {
    let mut state = ScrollbarState::new(total.saturating_sub(height)).position(scroll).viewport_content_length(height);
    let bar = Scrollbar::new(ScrollbarOrientation::VerticalRight)
        .begin_symbol(None)
        .end_symbol(None)
        .track_symbol(Some("│"))
        .thumb_symbol("┃")
        .track_style(theme.style(Role::Border))
        .thumb_style(theme.style(Role::Dim));
    ratatui::widgets::StatefulWidget::render(bar, edge, buffer, &mut state);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_stay_whole_where_they_can() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefghij k", 4), ["abcd", "efgh", "ij k"]);
        assert_eq!(wrap("", 4), [""]);
        assert_eq!(wrap("日本語", 4), ["日本", "語"]);
        assert_eq!(wrap("a\u{1aff0}\u{d4a}b", 2), ["a…", "b"], "a sign of three cells");
    }

    #[test]
    fn cut_lines_show_that_they_are_cut() {
        let line =
            |texts: &[&'static str], width| fit_line(texts.iter().map(|t| Span::raw(*t)).collect(), width).to_string();
        assert_eq!(line(&["abc", "def"], 6), "abcdef");
        assert_eq!(line(&["abc", "def"], 5), "abcd…");
        assert_eq!(line(&["abc", "def"], 4), "abc…");
        assert_eq!(line(&["abc", "def"], 3), "ab…");
    }

    proptest! {
        #[test]
        fn wrapped_lines_fit(text in any::<String>(), width in 2usize..60) {
            for line in wrap(&text, width) {
                prop_assert!(crate::domain::text::width(&line) <= width, "{line:?}");
            }
        }

        #[test]
        fn cut_lines_fit(texts in prop::collection::vec("[a-z日 ]{0,9}", 0..6), width in 0usize..40) {
            let line = fit_line(texts.into_iter().map(Span::raw).collect(), width);
            prop_assert!(line.width() <= width);
        }
    }
}
