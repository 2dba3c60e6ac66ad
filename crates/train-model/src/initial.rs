//! Weights at the start, as transformers' GPT-2 has them.

use train::{Purpose, Random};

use crate::config::Config;
use crate::layout::Layout;

/// Weights at the start: matrices normal with `init_std`, those that write into the residual stream with `init_std` / √(2·n_layer),
/// positions with `init_position_std`; LayerNorm's weights 1 and all biases 0. Each tensor has a stream of random numbers of its own.
pub fn weights_at_start(config: &Config, vocabulary: usize) -> Vec<Vec<f32>> {
    let layout = Layout::new(config, vocabulary);
    let slots = layout.slots().iter().zip(0..);
    let tensors = slots.map(|(slot, number)| {
        if !slot.is_matrix() {
            let value = if slot.name.ends_with("weight") {
                1.0
            } else {
                0.0
            };
            return vec![value; slot.count()];
        }
        let deviation = if slot.name.ends_with("c_proj.weight") {
            config.init_std / (2.0 * config.n_layer as f64).sqrt()
        } else if slot.name.ends_with("wpe.weight") {
            config.init_position_std
        } else {
            config.init_std
        };
        let mut random = Random::new(config.seed, Purpose::Weights, number);
        let mut values = random.normals(slot.count());
        for value in &mut values {
            *value *= deviation as f32;
        }
        values
    });
    tensors.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deviations_are_those_of_the_recipe() {
        let config = Config::default();
        let layout = Layout::new(&config, 512);
        let weights = weights_at_start(&config, 512);
        assert!(layout.fits(&weights));
        for (slot, values) in layout.slots().iter().zip(&weights) {
            let mean = values.iter().map(|v| f64::from(*v)).sum::<f64>() / values.len() as f64;
            let square = values.iter().map(|v| f64::from(*v).powi(2)).sum::<f64>();
            let deviation = (square / values.len() as f64 - mean * mean).sqrt();
            let (mean_there, there) = match &slot.name {
                name if name.ends_with("wpe.weight") => (0.0, 0.01),
                name if name.ends_with("c_proj.weight") => (0.0, 0.02 / 12f64.sqrt()),
                _ if slot.is_matrix() => (0.0, 0.02),
                name if name.ends_with("bias") => (0.0, 0.0),
                _ => (1.0, 0.0),
            };
            assert!((mean - mean_there).abs() < 2e-4, "{}: {mean}", slot.name);
            let is_near = (deviation - there).abs() <= 0.02 * there + 1e-9;
            assert!(is_near, "{}: {deviation}, not {there}", slot.name);
        }
    }
}
