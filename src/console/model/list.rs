//! A selection in a list that is kept by identity while lines come and go around it.

/// The selected line, by key; where it stands now; and the first line that is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor<K> {
    key: Option<K>,
    index: usize,
    offset: usize,
    moved: bool,
}

impl<K> Default for Cursor<K> {
    fn default() -> Self {
        Self { key: None, index: 0, offset: 0, moved: false }
    }
}

/// What became of the selection when the list changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// It is the same line, or there is none.
    Same,
    /// Its line has gone: another is selected.
    Lost,
}

/// One move in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// The selection, by so many lines.
    Step(isize),
    /// What is shown, by so many lines.
    Wheel(isize),
    /// The selection, to this line of those that are shown.
    Line(usize),
    /// Nothing: only the room has changed.
    Stay,
}

impl<K: Clone + PartialEq> Cursor<K> {
    /// Makes a move.
    pub fn go(&mut self, order: &[K], to: Move, height: usize) {
        self.moved |= to != Move::Stay;
        match to {
            Move::Stay => self.scroll(order.len(), height),
            Move::Step(by) => self.step(order, by, height),
            Move::Wheel(by) => self.wheel(order, by, height),
            Move::Line(line) if self.offset + line < order.len() => self.select(order, self.offset + line, height),
            Move::Line(_) => {}
        }
    }

    /// Lets go of the line: the first one is selected next.
    pub fn top(&mut self) {
        *self = Self::default();
    }

    /// Lets go of the line, where no person has chosen it: the first one is selected next.
    pub fn follow_top(&mut self) {
        if !self.moved {
            *self = Self::default();
        }
    }

    /// The selected key.
    pub fn key(&self) -> Option<&K> {
        self.key.as_ref()
    }

    /// Where the selected line stands.
    pub fn index(&self) -> usize {
        self.index
    }

    /// The first line that is shown.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// Finds the selected key in the changed list. Its place on the screen stays too, where it can.
    pub fn settle(&mut self, order: &[K], height: usize) -> Kept {
        let place = self.index.saturating_sub(self.offset);
        let found = self.key.as_ref().and_then(|key| {
            // It is mostly where it was.
            if order.get(self.index) == Some(key) { Some(self.index) } else { order.iter().position(|k| k == key) }
        });
        let kept = if found.is_none() && self.key.is_some() { Kept::Lost } else { Kept::Same };
        let at_top = self.offset == 0 && place == 0;
        self.index = found.unwrap_or(self.index).min(order.len().saturating_sub(1));
        self.key = order.get(self.index).cloned();
        self.offset = if at_top && found.is_none() { 0 } else { self.index.saturating_sub(place) };
        self.scroll(order.len(), height);
        kept
    }

    /// Selects the line at this place.
    pub fn select(&mut self, order: &[K], index: usize, height: usize) {
        self.index = index.min(order.len().saturating_sub(1));
        self.key = order.get(self.index).cloned();
        self.scroll(order.len(), height);
    }

    /// Moves the selection by so many lines.
    pub fn step(&mut self, order: &[K], by: isize, height: usize) {
        self.select(order, self.index.saturating_add_signed(by), height);
    }

    /// Shows the list from so many lines later, and takes the selection along only as far as it must.
    pub fn wheel(&mut self, order: &[K], by: isize, height: usize) {
        let last = order.len().saturating_sub(height);
        self.offset = self.offset.saturating_add_signed(by).min(last);
        let bottom = self.offset + height.saturating_sub(1);
        self.select(order, self.index.clamp(self.offset, bottom.max(self.offset)), height);
    }

    fn scroll(&mut self, len: usize, height: usize) {
        let height = height.max(1);
        self.offset = self.offset.min(len.saturating_sub(height)).min(self.index);
        if self.index >= self.offset + height {
            self.offset = self.index + 1 - height;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_selection_and_its_place_stay_while_lines_arrive_above() {
        let mut cursor = Cursor::default();
        let before: Vec<u32> = (100..200).collect();
        cursor.settle(&before, 10);
        cursor.step(&before, 30, 10);
        assert_eq!((cursor.key(), cursor.offset()), (Some(&130), 21));
        let after: Vec<u32> = (95..200).collect();
        assert_eq!(cursor.settle(&after, 10), Kept::Same);
        assert_eq!((cursor.key(), cursor.index(), cursor.offset()), (Some(&130), 35, 26));
    }

    #[test]
    fn a_line_that_goes_is_said_to_be_lost() {
        let mut cursor = Cursor::default();
        cursor.settle(&[1, 2, 3], 10);
        cursor.step(&[1, 2, 3], 1, 10);
        assert_eq!(cursor.settle(&[1, 3], 10), Kept::Lost);
        assert_eq!(cursor.key(), Some(&3));
        assert_eq!(cursor.settle(&[], 10), Kept::Lost);
        assert_eq!(cursor.key(), None);
        assert_eq!(cursor.settle(&[7], 10), Kept::Same);
    }

    proptest! {
        #[test]
        fn the_selected_line_is_always_on_the_screen(
            moves in prop::collection::vec((-40isize..40, 0usize..60, 1usize..12, any::<bool>()), 1..40)
        ) {
            let mut cursor = Cursor::default();
            for (by, len, height, wheel) in moves {
                let list: Vec<usize> = (0..len).map(|n| n * 7 % 61).collect();
                cursor.settle(&list, height);
                if wheel { cursor.wheel(&list, by, height) } else { cursor.step(&list, by, height) }
                prop_assert_eq!(cursor.key(), list.get(cursor.index()));
                if len > 0 {
                    prop_assert!(cursor.offset() <= cursor.index() && cursor.index() < cursor.offset() + height);
                }
            }
        }
    }
}
