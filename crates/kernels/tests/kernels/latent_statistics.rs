//! `latent_statistics`.

use kernels::{Device, Error, LATENT_STATISTICS, LatentStatistics, Recorder, latent_statistics};
use proptest::prelude::*;

use crate::common::{Devices, Numbers, assert_close, config, floats, run, widen};

const EMPTY: u32 = u32::MAX;

struct Encoding {
    rows: usize,
    k: usize,
    d_sae: usize,
    latents: Vec<u32>,
    activations: Vec<f32>,
}

impl Encoding {
    /// Distinct latents per row, empty slots anywhere, and activations of few distinct values, so that there are ties.
    fn random(rows: usize, k: usize, d_sae: usize, numbers: &mut Numbers) -> Self {
        let mut latents = vec![EMPTY; rows * k];
        let mut activations = vec![0.0; rows * k];
        for slot in 0..rows * k {
            let row = slot / k * k;
            let latent = numbers.below(d_sae) as u32;
            if numbers.below(5) > 0 && !latents[row..slot].contains(&latent) {
                latents[slot] = latent;
                activations[slot] = match numbers.below(3) {
                    0 => numbers.floats(1, 4.0)[0],
                    1 => numbers.below(3) as f32 - 0.5,
                    _ => numbers.below(4) as f32,
                };
            }
        }
        Self {
            rows,
            k,
            d_sae,
            latents,
            activations,
        }
    }

    /// Of each latent its rows and activations, in the order of the rows.
    fn listed(&self, latent: usize) -> Vec<(u32, f32)> {
        let slots = self.latents.iter().zip(&self.activations).enumerate();
        slots
            .filter(|(_, (listed, _))| **listed == latent as u32)
            .map(|(slot, (_, z))| ((slot / self.k) as u32, *z))
            .collect()
    }

    fn statistics(&self) -> Vec<f64> {
        (0..self.d_sae)
            .flat_map(|latent| {
                let listed = self.listed(latent);
                let values = widen(&listed.iter().map(|(_, z)| *z).collect::<Vec<_>>());
                [
                    values.iter().filter(|z| **z > 0.0).count() as f64,
                    values.iter().sum(),
                    values.iter().map(|z| z * z).sum(),
                    values.iter().copied().fold(0.0, f64::max),
                ]
            })
            .collect()
    }

    /// The rows and activations that are to be kept.
    fn top(&self, top: usize) -> (Vec<u32>, Vec<f32>) {
        let (mut rows, mut values) = (Vec::new(), Vec::new());
        for latent in 0..self.d_sae {
            let mut active = self.listed(latent);
            active.retain(|(_, z)| *z > 0.0);
            active.sort_by(|(row_a, a), (row_b, b)| b.total_cmp(a).then(row_a.cmp(row_b)));
            active.resize(top.max(active.len()), (EMPTY, 0.0));
            rows.extend(active[..top].iter().map(|(row, _)| *row));
            values.extend(active[..top].iter().map(|(_, z)| *z));
        }
        (rows, values)
    }

    fn run(&self, device: &Device, top: usize) -> Result<[Vec<u32>; 3], Error> {
        let latents = device.buffer_with("latents", &self.latents)?;
        let activations = device.buffer_with("activations", &self.activations)?;
        let statistics = device.buffer("statistics", self.d_sae * LATENT_STATISTICS)?;
        // What was there before does not count.
        let top_values = device.buffer_with("top values", &vec![9.0_f32; self.d_sae * top])?;
        let top_rows = device.buffer_with("top rows", &vec![9_u32; self.d_sae * top])?;
        let mut recorder = Recorder::new(device);
        latent_statistics(
            &mut recorder,
            &LatentStatistics {
                latents: &latents,
                activations: &activations,
                rows: self.rows,
                k: self.k,
                d_sae: self.d_sae,
                top,
                statistics: &statistics,
                top_values: &top_values,
                top_rows: &top_rows,
            },
        )?;
        let words = run(recorder, &[&statistics, &top_values, &top_rows])?;
        Ok(words.try_into().unwrap_or_default())
    }

    fn check(&self, devices: &Devices, top: usize) {
        let (rows, values) = self.top(top);
        for device in devices.each() {
            let [statistics, top_values, top_rows] = self
                .run(device, top)
                .unwrap_or_else(|error| panic!("{error}"));
            let what = format!("{:?}", device.kind());
            assert_close(&what, &floats(&statistics), &self.statistics(), 1e-6);
            assert_eq!(top_rows, rows, "{what}");
            assert_eq!(floats(&top_values), values, "{what}");
        }
    }
}

#[test]
fn statistics_agree() {
    let devices = Devices::new();
    proptest!(config(), |(rows in 1_usize..150, k in 1_usize..20, d_sae in 1_usize..700, top in 1_usize..33, seed: u64)| {
        Encoding::random(rows, k, d_sae, &mut Numbers::new(seed)).check(&devices, top);
    });
}

/// Few latents in many rows: more rows than are kept, and many ties.
#[test]
fn busy_latents_agree() {
    let devices = Devices::new();
    proptest!(config(), |(rows in 300_usize..900, k in 1_usize..6, d_sae in 1_usize..9, top in 1_usize..33, seed: u64)| {
        Encoding::random(rows, k, d_sae, &mut Numbers::new(seed)).check(&devices, top);
    });
}

#[test]
fn nothing_listed_is_all_zeros() {
    let encoding = Encoding {
        rows: 3,
        k: 2,
        d_sae: 5,
        latents: vec![EMPTY; 6],
        activations: vec![3.0; 6],
    };
    encoding.check(&Devices::new(), 4);
}

#[test]
fn a_nan_shows_in_the_sums_and_is_never_chosen() {
    let encoding = Encoding {
        rows: 4,
        k: 2,
        d_sae: 3,
        latents: vec![0, 1, 1, 0, 0, 2, 0, 1],
        activations: vec![1.0, 5.0, 2.0, f32::NAN, 3.0, -f32::NAN, -1.0, 2.0],
    };
    for device in Devices::new().each() {
        let [statistics, top_values, top_rows] = encoding
            .run(device, 3)
            .unwrap_or_else(|error| panic!("{error}"));
        let statistics = floats(&statistics);
        let what = format!("{:?}: {statistics:?}", device.kind());
        for latent in [0, 2] {
            assert!(statistics[latent * 4 + 1].is_nan(), "{what}");
            assert!(statistics[latent * 4 + 2].is_nan(), "{what}");
        }
        assert_eq!(statistics[4..8], [3.0, 9.0, 33.0, 5.0], "{what}");
        assert_eq!((statistics[0], statistics[3]), (2.0, 3.0), "{what}");
        assert_eq!((statistics[8], statistics[11]), (0.0, 0.0), "{what}");
        let expected = [3.0, 1.0, 0.0, 5.0, 2.0, 2.0, 0.0, 0.0, 0.0];
        assert_eq!(floats(&top_values), expected, "{what}");
        let expected = [2, 0, EMPTY, 0, 1, 3, EMPTY, EMPTY, EMPTY];
        assert_eq!(top_rows, expected, "{what}");
    }
}

/// On the CPU the sums keep what a plain sum of f32 rounds away.
#[test]
fn long_sums_are_compensated() {
    let rows = 300_000;
    let encoding = Encoding {
        rows,
        k: 1,
        d_sae: 1,
        latents: vec![0; rows],
        activations: vec![0.1; rows],
    };
    let [statistics, _, _] = encoding
        .run(&Device::cpu(), 1)
        .unwrap_or_else(|error| panic!("{error}"));
    let sum = f64::from(floats(&statistics)[1]);
    let expected = f64::from(0.1_f32) * rows as f64;
    assert!((sum - expected).abs() < 1e-6 * expected, "{sum}");
}

#[test]
fn more_rows_than_can_be_kept_are_refused() {
    let encoding = Encoding::random(1, 1, 1, &mut Numbers::new(1));
    for device in Devices::new().each() {
        for top in [0, 33] {
            let message = encoding.run(device, top).map_err(|error| error.to_string());
            assert_eq!(
                message,
                Err(format!("latent_statistics: top = {top} is not in 1..=32"))
            );
        }
    }
}
