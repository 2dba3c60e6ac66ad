//! Bits that do not depend on the number of threads, and learning.

use train_model::Trainer;

use crate::{order, small};

fn trained(threads: usize) -> (Vec<Vec<f32>>, Vec<f64>) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    pool.unwrap().install(|| {
        let config = small();
        let mut order = order(&config, 29);
        let mut trainer = Trainer::new(config, 29).unwrap();
        let losses = (0..30).map(|step| trainer.step(&order.batch(step)).unwrap().loss);
        let losses = losses.collect();
        (trainer.weights().to_vec(), losses)
    })
}

#[test]
fn any_number_of_threads_makes_the_same_bits_and_the_model_learns() {
    let (weights, losses) = trained(1);
    for threads in [2, 3, 8] {
        let (others, other_losses) = trained(threads);
        assert_eq!(other_losses, losses);
        for (weights, others) in weights.iter().zip(&others) {
            let bits = |values: &[f32]| values.iter().map(|v| v.to_bits()).collect::<Vec<u32>>();
            assert_eq!(bits(weights), bits(others));
        }
    }
    assert!((losses[0] - 29_f64.ln()).abs() < 0.1, "{}", losses[0]);
    assert!(losses[29] < losses[0] - 0.3, "{losses:?}");
}
