//! `apply_edits` with random edits, against their definition in f64.

use kernels::rows::{POSITION, ROW_WORDS, SEQUENCE, SOURCE};
use kernels::{
    ApplyEdits, Buffer, Device, Directions, Edit, EditOperation, Error, Matrix, OldValues,
    Recorder, WeightFormat, apply_edits,
};
use proptest::prelude::*;

use crate::common::{Devices, Numbers, config, halved, run_f32};

const EMPTY: u32 = u32::MAX;
/// The set whose edits are applied.
pub const SET: u32 = 3;

#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Old {
    Sparse,
    Dense { relu: bool },
    Activation,
}

/// Conditions of the random cases.
const CONDITIONS: usize = 3;

/// A run with its row table, a reference run's old values, and edits.
#[derive(Debug, Clone)]
pub struct Case {
    pub rows: usize,
    pub width: usize,
    /// Directions: latents of an SAE, or dimensions of neurons.
    pub d: usize,
    pub k: usize,
    pub old: Old,
    pub by_source: bool,
    pub identity: bool,
    pub has_statistics: bool,
    pub format: WeightFormat,
    pub table: Vec<u32>,
    pub activation: Vec<f32>,
    /// `[old_rows, k]`.
    pub latents: Vec<u32>,
    pub activations: Vec<f32>,
    /// `[old_rows, d]`.
    pub values: Vec<f32>,
    pub statistics: Vec<f32>,
    pub w_dec: Vec<f32>,
    pub edits: Vec<Edit>,
    /// `[rows, conditions]`, and the number of conditions.
    pub gates: Option<(Vec<u32>, usize)>,
}

fn cases() -> impl Strategy<Value = Case> {
    (
        (1_usize..9, 1_usize..200, 100_usize..250, 1_usize..20),
        prop_oneof![
            Just(Old::Sparse),
            any::<bool>().prop_map(|relu| Old::Dense { relu }),
            Just(Old::Activation),
        ],
        any::<[bool; 4]>(),
        any::<u64>(),
    )
        .prop_map(|((rows, width, d, k), old, flags, seed)| {
            let mut numbers = Numbers::new(seed);
            let by_source = flags[0] && old != Old::Activation;
            let identity = flags[1] || old == Old::Activation;
            let d = if identity { width } else { d };
            let old_rows = if by_source { 4 } else { rows };
            let mut table = vec![0; rows * ROW_WORDS];
            for row in table.chunks_exact_mut(ROW_WORDS) {
                row[POSITION] = numbers.below(6) as u32;
                row[SEQUENCE] = numbers.below(3) as u32;
                row[SOURCE] = numbers.below(old_rows) as u32;
            }
            let k = k.min(d);
            let mut latents = vec![EMPTY; old_rows * k];
            for row in latents.chunks_exact_mut(k) {
                let mut free: Vec<u32> = (0..d as u32).collect();
                let used = numbers.below(k + 1);
                for latent in &mut row[..used] {
                    *latent = free.swap_remove(numbers.below(free.len()));
                }
            }
            let w_dec = numbers.floats(d * width, 1.0);
            // Distinct latents, some of which the rows list.
            let mut edited: Vec<u32> = (0..numbers.below(7))
                .map(|_| numbers.below(d) as u32)
                .collect();
            edited.extend(
                latents
                    .iter()
                    .copied()
                    .filter(|latent| *latent != EMPTY)
                    .take(2),
            );
            edited.sort_unstable();
            edited.dedup();
            let edits = edited
                .iter()
                .map(|&latent| {
                    let value = numbers.floats(1, 3.0)[0];
                    let first = numbers.below(5) as u32;
                    Edit {
                        condition: (numbers.below(3) > 0).then(|| numbers.below(CONDITIONS) as u32),
                        set: if numbers.below(5) == 0 { SET + 1 } else { SET },
                        sequence: (numbers.below(2) == 0).then(|| numbers.below(3) as u32),
                        positions: first..first + numbers.below(5) as u32,
                        latent,
                        operation: match numbers.below(3) {
                            0 => EditOperation::Set(value),
                            1 => EditOperation::Add(value),
                            _ => EditOperation::Scale(value),
                        },
                    }
                })
                .collect();
            let gates = (0..rows * CONDITIONS).map(|_| numbers.below(2) as u32);
            Case {
                rows,
                width,
                gates: Some((gates.collect(), CONDITIONS)),
                d,
                k,
                old,
                by_source,
                identity,
                has_statistics: flags[2],
                format: if flags[3] {
                    WeightFormat::F16
                } else {
                    WeightFormat::F32
                },
                table,
                activation: numbers.floats(rows * width, 2.0),
                activations: numbers.floats(latents.len(), 4.0),
                latents,
                values: numbers.floats(old_rows * d, 4.0),
                statistics: numbers.floats(old_rows * 2, 2.0),
                w_dec: if flags[3] { halved(&w_dec) } else { w_dec },
                edits,
            }
        })
}

impl Case {
    fn source(&self, row: usize) -> usize {
        match self.by_source {
            true => self.table[row * ROW_WORDS + SOURCE] as usize,
            false => row,
        }
    }

    fn old_value(&self, row: usize, latent: usize) -> f64 {
        let source = self.source(row);
        f64::from(match self.old {
            Old::Sparse => (source * self.k..(source + 1) * self.k)
                .find(|slot| self.latents[*slot] as usize == latent)
                .map_or(0.0, |slot| self.activations[slot]),
            Old::Dense { relu } => {
                let value = self.values[source * self.d + latent];
                if relu { value.max(0.0) } else { value }
            }
            Old::Activation => self.activation[row * self.width + latent],
        })
    }

    /// The edits that apply to a row, each with the change of its latent.
    fn changes(&self, row: usize) -> Vec<(usize, f64)> {
        let position = self.table[row * ROW_WORDS + POSITION];
        let sequence = self.table[row * ROW_WORDS + SEQUENCE];
        let applies = |edit: &&Edit| {
            edit.set == SET
                && edit.sequence.is_none_or(|of| of == sequence)
                && edit.positions.contains(&position)
                && edit.condition.is_none_or(|condition| {
                    let (gates, conditions) = self.gates.as_ref().unwrap();
                    gates[row * conditions + condition as usize] == 1
                })
        };
        let edits = self.edits.iter().filter(applies);
        edits
            .map(|edit| {
                let old = self.old_value(row, edit.latent as usize);
                let new = match edit.operation {
                    EditOperation::Set(value) => f64::from(value),
                    EditOperation::Add(value) => old + f64::from(value),
                    EditOperation::Scale(value) => old * f64::from(value),
                };
                (edit.latent as usize, new - old)
            })
            .collect()
    }

    fn expected(&self) -> Vec<f64> {
        let mut expected = Vec::new();
        for row in 0..self.rows {
            let changes = self.changes(row);
            let deviation = match self.has_statistics {
                true => f64::from(self.statistics[self.source(row) * 2 + 1]),
                false => 1.0,
            };
            for d in 0..self.width {
                let weight = |latent: usize| match self.identity {
                    true => f64::from(u8::from(latent == d)),
                    false => f64::from(self.w_dec[latent * self.width + d]),
                };
                let change: f64 = changes
                    .iter()
                    .map(|(latent, change)| change * weight(*latent))
                    .sum();
                expected
                    .push(f64::from(self.activation[row * self.width + d]) + deviation * change);
            }
        }
        expected
    }

    /// The run on a device, with the edits of a table.
    pub fn run_with(&self, device: &Device, table: &[u32]) -> Result<Vec<f32>, Error> {
        let edits = device.buffer_with("edits", table)?;
        let (recorder, activation) = self.record(device, &edits)?;
        run_f32(recorder, &activation)
    }

    /// The kernel recorded, and the activation that it changes.
    pub fn record(&self, device: &Device, edits: &Buffer) -> Result<(Recorder, Buffer), Error> {
        let activation = device.buffer_with("activation", &self.activation)?;
        let rows_table = device.buffer_with("row table", &self.table)?;
        let latents = device.buffer_with("latents", &self.latents)?;
        let activations = device.buffer_with("activations", &self.activations)?;
        let values = device.buffer_with("values", &self.values)?;
        let statistics = device.buffer_with("statistics", &self.statistics)?;
        let shape = (self.d, self.width);
        let w_dec = Matrix::from_rows(device, "W_dec", shape, self.format, &self.w_dec)?;
        let gates = match &self.gates {
            None => None,
            Some((gates, conditions)) => Some((device.buffer_with("gates", gates)?, *conditions)),
        };
        let mut recorder = Recorder::new(device);
        apply_edits(
            &mut recorder,
            &ApplyEdits {
                activation: &activation,
                width: self.width,
                edits,
                rows_table: &rows_table,
                rows: self.rows,
                set: SET,
                old: match self.old {
                    Old::Sparse => OldValues::Sparse {
                        latents: &latents,
                        activations: &activations,
                        k: self.k,
                    },
                    Old::Dense { relu } => OldValues::Dense {
                        values: &values,
                        relu,
                    },
                    Old::Activation => OldValues::Activation,
                },
                by_source: self.by_source,
                statistics: self.has_statistics.then_some(&statistics),
                directions: match self.identity {
                    true => Directions::Identity,
                    false => Directions::Rows(&w_dec),
                },
                gates: gates
                    .as_ref()
                    .map(|(gates, conditions)| (gates, *conditions)),
            },
        )?;
        Ok((recorder, activation))
    }

    pub fn run(&self, device: &Device) -> Result<Vec<f32>, Error> {
        self.run_with(device, &Edit::table(&self.edits))
    }

    /// Rows that no edit changes keep every bit.
    fn check(&self, devices: &Devices) {
        devices.agree(&self.expected(), 1e-5, |device| self.run(device));
        for device in devices.each() {
            let found = self.run(device).unwrap_or_else(|error| panic!("{error}"));
            for row in 0..self.rows {
                if self.changes(row).iter().all(|(_, change)| *change == 0.0) {
                    let values = row * self.width..(row + 1) * self.width;
                    assert_eq!(bits(&found[values.clone()]), bits(&self.activation[values]));
                }
            }
        }
    }
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

#[test]
fn edits_agree() {
    let devices = Devices::new();
    proptest!(config(), |(case in cases())| case.check(&devices));
}

#[test]
fn edits_agree_over_shards() {
    let devices = Devices::binding_at_most(8192);
    proptest!(config(), |(case in cases())| {
        let case = Case { identity: false, old: Old::Sparse, d: case.w_dec.len() / case.width, ..case };
        case.check(&devices);
    });
}

/// One edit that sets a latent computes, bit for bit on the CPU, `activation + deviation · (value − z) · w_dec[latent]` with
/// every operation rounded to f32.
#[test]
fn one_set_edit_is_its_formula_to_the_bit() {
    let device = Device::cpu();
    proptest!(config(), |(case in cases(), value in -3.0_f32..3.0, seed: u64)| {
        let case = Case { identity: false, old: Old::Sparse, by_source: false, has_statistics: true, ..case };
        // The rows of the sparse encoding and of the statistics are the run's own.
        let mut numbers = Numbers::new(seed);
        let old_rows = case.latents.len() / case.k;
        let rows = case.rows.min(old_rows);
        let latent = match case.latents.iter().find(|latent| **latent != EMPTY) {
            Some(latent) if numbers.below(2) == 0 => *latent,
            _ => numbers.below(case.d) as u32,
        };
        let (first, end) = (numbers.below(3) as u32, 2 + numbers.below(4) as u32);
        let edits = vec![Edit { condition: None, set: SET, sequence: None, positions: first..end, latent, operation: EditOperation::Set(value) }];
        let case = Case { rows, edits, activation: case.activation[..rows * case.width].to_vec(), ..case };
        let direction = &case.w_dec[latent as usize * case.width..][..case.width];
        let mut expected = case.activation.clone();
        for (row, output) in expected.chunks_exact_mut(case.width).enumerate() {
            if !(first..end).contains(&case.table[row * ROW_WORDS + POSITION]) {
                continue;
            }
            let z = (row * case.k..(row + 1) * case.k)
                .find(|slot| case.latents[*slot] == latent)
                .map_or(0.0, |slot| case.activations[slot]);
            let change = (value - z) * case.statistics[row * 2 + 1];
            if change != 0.0 {
                for (output, weight) in output.iter_mut().zip(direction) {
                    *output += change * weight;
                }
            }
        }
        let found = case.run(&device).map_err(|error| error.to_string());
        prop_assert_eq!(found.map(|found| bits(&found)), Ok(bits(&expected)));
    });
}
