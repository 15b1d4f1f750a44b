//! Lists with columns that come and go with the width. Only the lines on the screen are made.

use super::doc::{fit_line, scrollbar};
use crate::config::{Role, Theme};
use crate::domain::text;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Block;

/// A column.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// Its heading.
    pub title: &'static str,
    /// How narrow it may get.
    pub least: u16,
    /// How wide it is good for.
    pub most: u16,
    /// When it goes for want of room: the highest first; 0 stays.
    pub goes: u8,
    /// Whether numbers stand in it, aligned to the right.
    pub right: bool,
}

impl Column {
    /// A column of a fixed width that stays.
    pub const fn fixed(title: &'static str, width: u16) -> Self {
        Self { title, least: width, most: width, goes: 0, right: false }
    }

    /// A column that takes what it gets.
    pub const fn flexible(title: &'static str, least: u16, most: u16) -> Self {
        Self { title, least, most, goes: 0, right: false }
    }

    /// The same column, going when there is no room.
    #[must_use]
    pub const fn goes(mut self, rank: u8) -> Self {
        self.goes = rank;
        self
    }

    /// The same column, aligned to the right.
    #[must_use]
    pub const fn right(mut self) -> Self {
        self.right = true;
        self
    }
}

/// The widths of columns in a line of so many cells, with one cell between two; 0 for those that went.
pub fn widths(columns: &[Column], width: u16) -> Vec<u16> {
    let mut shown: Vec<bool> = columns.iter().map(|_| true).collect();
    let needed = |shown: &[bool]| {
        let n = shown.iter().filter(|s| **s).count();
        let least: u32 = columns.iter().zip(shown).filter(|(_, s)| **s).map(|(c, _)| u32::from(c.least)).sum();
        least + u32::try_from(n.saturating_sub(1)).unwrap_or(0)
    };
    while needed(&shown) > u32::from(width) {
        let next = columns.iter().enumerate().filter(|(n, c)| c.goes > 0 && shown.get(*n) == Some(&true));
        let Some((n, _)) = next.max_by_key(|(_, c)| c.goes) else { break };
        if let Some(slot) = shown.get_mut(n) {
            *slot = false;
        }
    }
    let mut given: Vec<u16> = columns.iter().zip(&shown).map(|(c, s)| if *s { c.least } else { 0 }).collect();
    let mut room = u32::from(width).saturating_sub(needed(&shown));
    // A cell at a time to whoever lacks most of what is good for it, so that no column starves.
    while room > 0 {
        let lacking = columns.iter().zip(&given).enumerate().filter(|(_, (c, g))| **g > 0 && **g < c.most);
        let next = lacking.min_by_key(|(_, (c, g))| u32::from(**g) * 100 / u32::from(c.most.max(1))).map(|(n, _)| n);
        let Some(slot) = next.and_then(|n| given.get_mut(n)) else { break };
        *slot += 1;
        room -= 1;
    }
    given
}

/// One cell of a line: pieces of text, safe already, each with its look.
pub type Cell = Vec<(String, Style)>;

/// How a list is drawn.
pub struct List<'a> {
    /// Its columns.
    pub columns: &'a [Column],
    /// How many lines there are.
    pub len: usize,
    /// The first one that is shown.
    pub offset: usize,
    /// The selected one.
    pub selected: Option<usize>,
    /// Whether it has the keys.
    pub focused: bool,
    /// Whether a line is marked.
    pub marked: &'a dyn Fn(usize) -> bool,
    /// What to say when there is none.
    pub empty: Vec<Line<'static>>,
}

/// Draws a list in its frame; `line` makes the cells of one line, given the widths of the columns.
pub fn draw(
    frame: &mut Frame<'_>,
    area: Rect,
    theme: &Theme,
    block: Block<'_>,
    list: &List<'_>,
    line: impl Fn(usize, &[u16]) -> Vec<Cell>,
) {
    let inner = block.inner(area);
    frame.render_widget(block, area);
    if inner.height < 2 || inner.width < 6 {
        return;
    }
    // Two cells in front for the selection's mark, one behind for the scroll bar's side.
    let widths = widths(list.columns, inner.width.saturating_sub(3));
    let heading: Vec<Cell> =
        list.columns.iter().map(|c| vec![(c.title.to_owned(), theme.style(Role::Heading))]).collect();
    let top = Rect { height: 1, ..inner };
    frame.render_widget(assemble(theme, list.columns, &widths, heading, None, false), top);
    let rows = Rect { y: inner.y + 1, height: inner.height - 1, ..inner };
    if list.len == 0 {
        for (n, line) in (0..rows.height.saturating_sub(1)).zip(&list.empty) {
            let line = fit_line(line.spans.clone(), usize::from(rows.width.saturating_sub(3)));
            let at = Rect { x: rows.x + 2, y: rows.y + 1 + n, width: rows.width.saturating_sub(2), height: 1 };
            frame.render_widget(line, at);
        }
        return;
    }
    for (n, y) in (list.offset..list.len).zip(rows.y..rows.bottom()) {
        let selected = list.selected == Some(n);
        let role = if list.focused { Role::Selection } else { Role::SelectionQuiet };
        let style = selected.then(|| theme.style(role));
        let cells = line(n, &widths);
        let at = Rect { y, height: 1, ..rows };
        let line = assemble(theme, list.columns, &widths, cells, style, (list.marked)(n));
        frame.render_widget(line, at);
        if let Some(style) = style {
            // The background goes over the whole line; what has a background of its own keeps it.
            let buffer = frame.buffer_mut();
            for x in at.left()..at.right() {
                if let Some(cell) = buffer.cell_mut((x, y))
                    && cell.bg == theme.style(Role::Base).bg.unwrap_or_default()
                {
                    let patch = Style { fg: None, ..style };
                    cell.set_style(patch);
                }
            }
        }
    }
    let height = usize::from(rows.height);
    if list.len > height {
        scrollbar(
            frame.buffer_mut(),
            Rect { y: rows.y, height: rows.height, ..area },
            theme,
            list.len,
            height,
            list.offset,
        );
    }
}

fn assemble(
    theme: &Theme,
    columns: &[Column],
    widths: &[u16],
    cells: Vec<Cell>,
    selected: Option<Style>,
    marked: bool,
) -> Line<'static> {
    let mut spans = vec![match selected {
        Some(_) => Span::styled("▌", theme.style(Role::BorderFocus)),
        None => Span::raw(" "),
    }];
    spans.push(if marked { Span::styled("*", theme.style(Role::Key)) } else { Span::raw(" ") });
    let mut first = true;
    for ((column, width), cell) in columns.iter().zip(widths).zip(cells) {
        let width = usize::from(*width);
        if width == 0 {
            continue;
        }
        if !first {
            spans.push(Span::raw(" "));
        }
        first = false;
        let pieces: Vec<Span<'static>> = cell.into_iter().map(|(t, s)| Span::styled(t, s)).collect();
        let fitted = fit_line(pieces, width);
        let gap = Span::raw(" ".repeat(width.saturating_sub(fitted.width())));
        if column.right {
            spans.push(gap);
            spans.extend(fitted.spans);
        } else {
            spans.extend(fitted.spans);
            spans.push(gap);
        }
    }
    Line::from(spans)
}

/// For lists whose lines can't be marked.
pub fn unmarked(_: usize) -> bool {
    false
}

/// A cell of one piece; made safe and cut to the width.
pub fn cell(content: &str, style: Style, width: u16) -> Cell {
    vec![(text::fit(content, usize::from(width)), style)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const COLUMNS: [Column; 5] = [
        Column::fixed("SEV", 4),
        Column::flexible("TYPE", 10, 40),
        Column::flexible("SUBJECT", 8, 30),
        Column::flexible("ACCOUNT", 8, 16).goes(2),
        Column::fixed("REGION", 12).goes(1),
    ];

    #[test]
    fn columns_go_by_rank_when_there_is_no_room() {
        assert_eq!(widths(&COLUMNS, 46), [4, 10, 8, 8, 12]);
        assert_eq!(widths(&COLUMNS, 45)[3], 0);
        assert_eq!(widths(&COLUMNS, 26)[3..], [0, 0]);
        assert_eq!(widths(&COLUMNS, 200), [4, 40, 30, 16, 12]);
    }

    proptest! {
        #[test]
        fn columns_fit_whatever_stays(width in 24u16..300) {
            let widths = widths(&COLUMNS, width);
            let shown = widths.iter().filter(|w| **w > 0).count();
            let sum: u16 = widths.iter().sum();
            prop_assert!(usize::from(sum) + shown - 1 <= usize::from(width));
        }
    }
}
