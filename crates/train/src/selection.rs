//! Active latents of a batch, row by row and latent by latent.

use crate::above::Ragged;
use crate::config::Config;
use crate::encode::Winners;

/// An active latent of a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Item {
    pub(crate) latent: u32,
    /// The first level whose reconstruction has it.
    pub(crate) level: u32,
    pub(crate) value: f32,
}

/// A row in which a latent is active.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Entry {
    pub(crate) row: u32,
    pub(crate) level: u32,
    pub(crate) value: f32,
}

/// Reconstructions of a row, each with the latents of the one before and more.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Levels {
    /// One, of all.
    One,
    /// The first `0` slots, and all.
    Ranks(usize),
    /// The latents below each bound, and all.
    Prefixes(Vec<usize>),
}

impl Levels {
    /// Of a training.
    pub(crate) fn of(config: &Config) -> Self {
        if config.multi_topk_factor > 0 {
            Self::Ranks(config.k)
        } else if config.matryoshka.is_empty() {
            Self::One
        } else {
            Self::Prefixes(config.matryoshka.clone())
        }
    }

    /// The keys at which the next level begins: ranks, or latents.
    pub(crate) fn bounds(&self) -> Vec<u32> {
        match self {
            Self::One => Vec::new(),
            Self::Ranks(k) => vec![*k as u32],
            Self::Prefixes(bounds) => bounds.iter().map(|bound| *bound as u32).collect(),
        }
    }

    pub(crate) fn count(&self) -> usize {
        match self {
            Self::One => 1,
            Self::Ranks(_) => 2,
            Self::Prefixes(bounds) => bounds.len() + 1,
        }
    }

    /// The level that is measured: that of k latents out of all.
    pub(crate) fn main(&self) -> usize {
        match self {
            Self::One | Self::Ranks(_) => 0,
            Self::Prefixes(bounds) => bounds.len(),
        }
    }
}

/// Active latents of a batch.
#[derive(Debug, Default)]
pub(crate) struct Selection {
    /// First item of each row, and the end: `[rows + 1]`.
    starts: Vec<u32>,
    /// A row's items come by level.
    items: Vec<Item>,
    /// First entry of each latent, and the end: `[latents + 1]`.
    firsts: Vec<u32>,
    /// A latent's entries come by row.
    entries: Vec<Entry>,
}

impl Selection {
    /// Takes the positive values of the slots. `names` are the latents that indices stand for; none where they are latents.
    pub(crate) fn fill(
        &mut self,
        winners: &Winners,
        latents: usize,
        levels: &Levels,
        names: Option<&[u32]>,
    ) {
        self.starts.clear();
        self.items.clear();
        self.starts.push(0);
        for row in 0..winners.rows() {
            let first = self.items.len();
            for (rank, (index, value)) in winners.row(row).enumerate() {
                if value > 0.0 {
                    let latent = names.map_or(index, |names| names[index as usize]);
                    let level = match levels {
                        Levels::One => 0,
                        Levels::Ranks(k) => u32::from(rank >= *k),
                        Levels::Prefixes(bounds) => {
                            bounds.partition_point(|bound| *bound <= latent as usize) as u32
                        }
                    };
                    self.items.push(Item {
                        latent,
                        level,
                        value,
                    });
                }
            }
            if matches!(levels, Levels::Prefixes(_)) {
                self.items[first..].sort_unstable_by_key(|item| item.latent);
            }
            self.starts.push(self.items.len() as u32);
        }
        self.transpose(latents);
    }

    /// Takes latents of rows, all of one level.
    pub(crate) fn fill_ragged(&mut self, rows: &Ragged, latents: usize) {
        self.starts.clear();
        self.items.clear();
        self.starts.push(0);
        for row in rows.rows() {
            let items = row.iter().map(|(latent, value)| Item {
                latent: *latent,
                level: 0,
                value: *value,
            });
            self.items.extend(items);
            self.starts.push(self.items.len() as u32);
        }
        self.transpose(latents);
    }

    fn transpose(&mut self, latents: usize) {
        self.firsts.clear();
        self.firsts.resize(latents + 1, 0);
        for item in &self.items {
            self.firsts[item.latent as usize + 1] += 1;
        }
        for latent in 0..latents {
            self.firsts[latent + 1] += self.firsts[latent];
        }
        self.entries.clear();
        self.entries.resize(self.items.len(), Entry::default());
        // Each latent's first entry moves on to the next latent's, and is put back below.
        for (row, bounds) in self.starts.windows(2).enumerate() {
            for item in &self.items[bounds[0] as usize..bounds[1] as usize] {
                let next = &mut self.firsts[item.latent as usize];
                self.entries[*next as usize] = Entry {
                    row: row as u32,
                    level: item.level,
                    value: item.value,
                };
                *next += 1;
            }
        }
        self.firsts.rotate_right(1);
        self.firsts[0] = 0;
    }

    pub(crate) fn rows(&self) -> usize {
        self.starts.len().saturating_sub(1)
    }

    /// A row's items, by level.
    pub(crate) fn row(&self, row: usize) -> &[Item] {
        &self.items[self.starts[row] as usize..self.starts[row + 1] as usize]
    }

    /// The rows in which a latent is active.
    pub(crate) fn latent(&self, latent: usize) -> &[Entry] {
        &self.entries[self.firsts[latent] as usize..self.firsts[latent + 1] as usize]
    }

    /// Number of items that are in a level's reconstruction.
    pub(crate) fn active(&self, level: usize) -> usize {
        let inside = |item: &&Item| item.level as usize <= level;
        self.items.iter().filter(inside).count()
    }

    /// Σ of the values of all items.
    pub(crate) fn sum(&self) -> f64 {
        self.items.iter().map(|item| f64::from(item.value)).sum()
    }

    /// Number of all items.
    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(latent: u32, level: u32, value: f32) -> Item {
        Item {
            latent,
            level,
            value,
        }
    }

    #[test]
    fn rows_and_latents_have_the_same_items() {
        let winners = Winners {
            slots: 3,
            indices: vec![4, 0, 2, 1, 4, 3],
            values: vec![3.0, 2.0, 0.0, 5.0, 1.0, 0.5],
        };
        let mut selection = Selection::default();
        selection.fill(&winners, 5, &Levels::Ranks(1), None);
        assert_eq!(selection.rows(), 2);
        assert_eq!(selection.row(0), [item(4, 0, 3.0), item(0, 1, 2.0)]);
        let entry = |row, level, value| Entry { row, level, value };
        assert_eq!(selection.latent(4), [entry(0, 0, 3.0), entry(1, 1, 1.0)]);
        assert_eq!(selection.latent(2), []);
        assert_eq!((selection.active(0), selection.len()), (2, 5));
        selection.fill(&winners, 5, &Levels::Prefixes(vec![1, 4]), None);
        assert_eq!(selection.row(0), [item(0, 0, 2.0), item(4, 2, 3.0)]);
        assert_eq!(
            selection.row(1),
            [item(1, 1, 5.0), item(3, 1, 0.5), item(4, 2, 1.0)]
        );
        let named = Winners {
            slots: 1,
            indices: vec![0, 1],
            values: vec![1.0, 2.0],
        };
        selection.fill(&named, 9, &Levels::One, Some(&[5, 8]));
        assert_eq!(selection.row(1), [item(8, 0, 2.0)]);
        assert_eq!(selection.latent(5), [entry(0, 0, 1.0)]);
    }
}
