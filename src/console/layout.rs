//! Which part of the screen is whose: the same answer for drawing, for paging and for the mouse.

use ratatui::layout::Rect;

/// The smallest screen that shows anything.
pub const MIN_WIDTH: u16 = 30;
/// The smallest screen that shows anything.
pub const MIN_HEIGHT: u16 = 8;

/// From this width on, list and detail stand beside each other: below it the list would lose its subject or state.
pub const WIDE: u16 = 116;

/// The parts of the screen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Screen {
    /// The line at the top.
    pub header: Rect,
    /// The views' tabs.
    pub tabs: Rect,
    /// Everything between tabs and status.
    pub body: Rect,
    /// The list with its frame; empty where the detail is a page of its own.
    pub list: Rect,
    /// The lines of the list, without frame and headings.
    pub rows: Rect,
    /// The detail with its frame, where it is shown.
    pub detail: Option<Rect>,
    /// The lines for what has to be said; empty on low screens.
    pub status: Rect,
    /// The line of keys.
    pub footer: Rect,
}

/// What decides the parts besides the screen's size.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Want {
    /// Whether the detail is open with the keys in it.
    pub detail_open: bool,
    /// Whether the detail is wanted beside the list.
    pub detail_beside: bool,
    /// How many lines what has to be said wants.
    pub said: u16,
}

/// The most lines that what has to be said gets.
pub const MOST_SAID: u16 = 3;

/// Whether a screen is too low for a line of its own for what has to be said: it takes the place of the keys then.
pub fn is_low(height: u16) -> bool {
    height < 16
}

/// How many lines a list has in an area, without its frame and headings.
pub fn rows(area: Rect) -> u16 {
    area.height.saturating_sub(3)
}

/// Divides a screen.
pub fn screen(area: Rect, want: Want) -> Screen {
    let line =
        |y: u16| Rect { x: area.x, y: area.y + y.min(area.height.saturating_sub(1)), width: area.width, height: 1 };
    let status_height = if is_low(area.height) { 0 } else { want.said.clamp(1, MOST_SAID) };
    let body = Rect {
        x: area.x,
        y: area.y + 2.min(area.height),
        width: area.width,
        height: area.height.saturating_sub(3 + status_height),
    };
    let mut list = body;
    let mut detail = None;
    if area.width >= WIDE && (want.detail_beside || want.detail_open) {
        let width = (area.width * 2 / 5).clamp(46, 62);
        list.width -= width;
        detail = Some(Rect { x: list.x + list.width, width, ..body });
    } else if want.detail_open {
        list = Rect { width: 0, height: 0, ..body };
        detail = Some(body);
    }
    let lines = Rect {
        x: list.x + 1.min(list.width),
        y: list.y + 2.min(list.height),
        width: list.width.saturating_sub(2),
        height: rows(list),
    };
    Screen {
        header: line(0),
        tabs: line(1),
        body,
        list,
        rows: lines,
        detail,
        status: Rect { height: status_height, ..line(area.height.saturating_sub(1 + status_height)) },
        footer: line(area.height.saturating_sub(1)),
    }
}

/// Where a plan, a run or help stands: over the whole body, so that nothing beside it draws the eye.
pub fn pane(screen: &Screen) -> Rect {
    screen.body
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_part_lies_on_the_screen(w in 0u16..400, h in 0u16..200, open: bool, beside: bool, said in 0u16..9) {
            let area = Rect::new(0, 0, w, h);
            let screen = screen(area, Want { detail_open: open, detail_beside: beside, said });
            if w < MIN_WIDTH || h < MIN_HEIGHT {
                return Ok(());
            }
            let parts = [screen.header, screen.tabs, screen.body, screen.list, screen.status, screen.footer, pane(&screen)];
            for part in parts.into_iter().chain(screen.detail) {
                prop_assert!(part.right() <= w && part.bottom() <= h, "{part:?} on {w}x{h}");
            }
            prop_assert!(screen.body.bottom() <= screen.status.top() && screen.status.bottom() <= screen.footer.top());
            prop_assert!(screen.rows.height == 0 || screen.rows.bottom() < screen.list.bottom());
        }
    }
}
