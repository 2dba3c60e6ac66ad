//! `edit_conditions` with random values, ties and NaN, against its definition.

use kernels::rows::{ROW_WORDS, SOURCE};
use kernels::{Device, EditCondition, EditConditions, Error, OldValues, Recorder, edit_conditions};
use proptest::prelude::*;

use crate::common::{Devices, Numbers, config};

const SET: u32 = 3;
const EMPTY: u32 = u32::MAX;

#[derive(Debug, Clone)]
struct Case {
    rows: usize,
    /// Rows of values.
    from: usize,
    d: usize,
    k: usize,
    dense: bool,
    relu: bool,
    by_source: bool,
    table: Vec<u32>,
    latents: Vec<u32>,
    activations: Vec<f32>,
    values: Vec<f32>,
    conditions: Vec<EditCondition>,
    capacity: usize,
}

fn cases() -> impl Strategy<Value = Case> {
    let sizes = (1_usize..9, 1_usize..150, 1_usize..12, 0_usize..90);
    (sizes, any::<[bool; 3]>(), any::<u64>()).prop_map(|((rows, d, k, count), flags, seed)| {
        let mut numbers = Numbers::new(seed);
        let [dense, relu, by_source] = flags;
        let from = if by_source { 4 } else { rows };
        let mut table = vec![0; rows * ROW_WORDS];
        for row in table.chunks_exact_mut(ROW_WORDS) {
            // Now and then a source that is not there.
            row[SOURCE] = numbers.below(from + 1) as u32;
        }
        let k = k.min(d);
        let mut latents = vec![EMPTY; from * k];
        for row in latents.chunks_exact_mut(k) {
            let mut free: Vec<u32> = (0..d as u32).collect();
            let used = numbers.below(k + 1);
            for latent in &mut row[..used] {
                *latent = free.swap_remove(numbers.below(free.len()));
            }
        }
        // Few different values, so that some are equal to a bound; and NaN.
        let mut value = || match numbers.below(12) {
            0 => f32::NAN,
            other => other as f32 / 4.0 - 1.0,
        };
        let activations = latents.iter().map(|_| value()).collect();
        let values = (0..from * d).map(|_| value()).collect();
        let conditions = (0..count).map(|_| EditCondition {
            set: if numbers.below(4) == 0 { SET + 1 } else { SET },
            latent: numbers.below(d) as u32,
            above: numbers.below(8) as f32 / 4.0 - 1.0,
        });
        Case {
            conditions: conditions.collect(),
            capacity: count + numbers.below(3),
            rows,
            from,
            d,
            k,
            dense,
            relu,
            by_source,
            table,
            latents,
            activations,
            values,
        }
    })
}

const UNTOUCHED: u32 = 77;

impl Case {
    fn expected(&self) -> Vec<u32> {
        let mut gates = vec![UNTOUCHED; self.rows * self.capacity];
        for row in 0..self.rows {
            let source = match self.by_source {
                true => self.table[row * ROW_WORDS + SOURCE] as usize,
                false => row,
            };
            for (c, condition) in self.conditions.iter().enumerate() {
                if condition.set != SET {
                    continue;
                }
                let latent = condition.latent as usize;
                let value = if source >= self.from {
                    f32::NAN
                } else if self.dense {
                    let value = self.values[source * self.d + latent];
                    if self.relu && value < 0.0 { 0.0 } else { value }
                } else {
                    let slots = source * self.k..(source + 1) * self.k;
                    let slot = slots
                        .clone()
                        .find(|slot| self.latents[*slot] == condition.latent);
                    slot.map_or(0.0, |slot| self.activations[slot])
                };
                gates[row * self.capacity + c] = match value.partial_cmp(&condition.above) {
                    None => 2,
                    Some(order) => u32::from(order.is_gt()),
                };
            }
        }
        gates
    }

    fn run(&self, device: &Device) -> Result<Vec<u32>, Error> {
        let mut words = Vec::new();
        EditCondition::write_table(&self.conditions, &mut words);
        words.resize(
            kernels::EDIT_HEADER + self.capacity * kernels::CONDITION_WORDS,
            0,
        );
        let conditions = device.buffer_with("conditions", &words)?;
        let rows_table = device.buffer_with("row table", &self.table)?;
        let latents = device.buffer_with("latents", &self.latents)?;
        let activations = device.buffer_with("activations", &self.activations)?;
        let values = device.buffer_with("values", &self.values)?;
        let before = vec![UNTOUCHED; (self.rows * self.capacity).max(1)];
        let gates = device.buffer_with("gates", &before)?;
        let mut recorder = Recorder::new(device);
        edit_conditions(
            &mut recorder,
            &EditConditions {
                conditions: &conditions,
                rows_table: &rows_table,
                rows: self.rows,
                set: SET,
                values: match self.dense {
                    true => OldValues::Dense {
                        values: &values,
                        relu: self.relu,
                    },
                    false => OldValues::Sparse {
                        latents: &latents,
                        activations: &activations,
                        k: self.k,
                    },
                },
                latents: self.d,
                by_source: self.by_source,
                gates: &gates,
            },
        )?;
        let words = self.rows * self.capacity;
        let read = recorder.read_back(&gates, words.max(1))?;
        let readings = pollster::block_on(recorder.finish().run())?;
        Ok(readings.words(read)[..words].to_vec())
    }
}

#[test]
fn gates_are_what_the_values_say() {
    let devices = Devices::new();
    proptest!(config(), |(case in cases())| {
        for device in devices.each() {
            let found = case.run(device).unwrap_or_else(|error| panic!("{error}"));
            prop_assert_eq!(found, case.expected(), "{:?}", device.kind());
        }
    });
}

#[test]
fn what_does_not_fit_is_refused() {
    let device = Device::cpu();
    let buffer = device.buffer("words", 64).unwrap();
    let small = device.buffer("words", 4).unwrap();
    let own = device.buffer("words", 64).unwrap();
    let refused = |values: OldValues<'_>, gates| {
        let args = EditConditions {
            conditions: &buffer,
            rows_table: &buffer,
            rows: 2,
            set: 0,
            values,
            latents: 3,
            by_source: false,
            gates,
        };
        edit_conditions(&mut Recorder::new(&device), &args).is_err()
    };
    let dense = |values| OldValues::Dense {
        values,
        relu: false,
    };
    assert!(!refused(dense(&buffer), &own));
    assert!(refused(dense(&small), &own));
    assert!(refused(dense(&buffer), &small));
    assert!(refused(OldValues::Activation, &own));
}
