//! The part of a long list that is in view. Only those rows are in the document.

/// Rows beyond the visible ones on either side, so that scrolling by a little shows no gap.
const BEYOND: usize = 8;

/// A list of rows of one height in a box that scrolls.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Window {
    /// Number of rows.
    pub rows: usize,
    /// Height of a row, in CSS pixels.
    pub row: f64,
    /// Height of the box.
    pub height: f64,
    /// Position of the box's upper edge in the list.
    pub top: f64,
}

impl Window {
    /// The rows to draw: those in view and some beyond.
    pub fn visible(self) -> std::ops::Range<usize> {
        if !(self.row > 0.0 && self.height > 0.0) {
            return 0..self.rows.min(BEYOND);
        }
        let top = self.top.max(0.0);
        let first = (top / self.row) as usize;
        let end = ((top + self.height) / self.row).ceil() as usize;
        let first = first.min(self.rows).saturating_sub(BEYOND);
        first..end.saturating_add(BEYOND).min(self.rows)
    }

    /// Rows that are wholly in view, at least one: a page.
    pub fn page(self) -> usize {
        ((self.height / self.row) as usize).max(1)
    }

    /// Position of the upper edge that brings a row into view, by the shortest way.
    pub fn top_to_show(self, row: usize) -> f64 {
        let (start, end) = (row as f64 * self.row, (row + 1) as f64 * self.row);
        if start < self.top {
            start
        } else if end > self.top + self.height {
            end - self.height
        } else {
            self.top
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(top: f64) -> Window {
        Window {
            rows: 131_072,
            row: 30.0,
            height: 600.0,
            top,
        }
    }

    #[test]
    fn only_what_is_in_view_is_drawn() {
        assert_eq!(window(0.0).visible(), 0..28);
        assert_eq!(window(3000.0).visible(), 92..128);
        assert_eq!(window(1e9).visible(), 131_064..131_072);
        assert_eq!(window(-50.0).visible(), 0..28);
        let few = Window {
            rows: 3,
            ..window(0.0)
        };
        assert_eq!(few.visible(), 0..3);
        // Before the box has a height.
        let none = Window {
            height: 0.0,
            ..window(0.0)
        };
        assert_eq!(none.visible(), 0..8);
        assert_eq!(
            Window {
                row: f64::NAN,
                ..window(0.0)
            }
            .visible(),
            0..8
        );
    }

    #[test]
    fn a_row_comes_into_view_by_the_shortest_way() {
        assert_eq!(window(0.0).page(), 20);
        assert_eq!(window(300.0).top_to_show(15), 300.0);
        assert_eq!(window(300.0).top_to_show(2), 60.0);
        assert_eq!(window(300.0).top_to_show(40), 630.0);
    }
}
