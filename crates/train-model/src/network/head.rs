//! The head: logits from the embedding's own weights, cross-entropy, and its gradient in closed form.
//!
//! A batch's logits would be hundreds of megabytes, several times over in what differentiation keeps. So they are made for a few places at
//! a time, and what is left of them are a loss and two gradients: softmax minus the target, times the other factor of the product.

use burn_tensor::activation::log_softmax;
use burn_tensor::{Int, Tensor, TensorData};

/// Places whose logits are in memory at a time.
const PLACES: usize = 256;

/// Results of the head.
pub struct Head {
    /// Sum of cross-entropies, in nats.
    pub loss: f64,
    /// Gradient in the stream behind the last LayerNorm, `[places, n_embd]`.
    pub in_last: Tensor<2>,
    /// Gradient in the embedding as the head's weights, `[vocabulary, n_embd]`.
    pub in_wte: Tensor<2>,
}

/// Sum of cross-entropies of targets, and gradients of it times `scale`. Nothing is recorded.
pub fn backward(last: Tensor<2>, wte: &Tensor<2>, targets: &[i64], scale: f64) -> Head {
    let [places, _] = last.dims();
    let mut loss = 0.0;
    let mut in_last = Vec::with_capacity(places.div_ceil(PLACES));
    let mut in_wte = wte.zeros_like();
    for (number, targets) in targets.chunks(PLACES).enumerate() {
        let some = last.clone().narrow(0, number * PLACES, targets.len());
        let (logs, index) = logs(some.clone(), wte, targets);
        loss -= wide(logs.clone().gather(1, index.clone()))
            .iter()
            .sum::<f64>();
        let one = Tensor::ones([targets.len(), 1], &wte.device());
        let errors = logs.exp();
        let errors = errors.scatter(1, index, -one, burn_tensor::IndexingUpdateOp::Add);
        let errors = errors.mul_scalar(scale);
        in_last.push(errors.clone().matmul(wte.clone()));
        in_wte = in_wte + errors.transpose().matmul(some);
    }
    Head {
        loss,
        in_last: Tensor::cat(in_last, 0),
        in_wte,
    }
}

/// Cross-entropy of each target, in nats.
pub fn losses(last: Tensor<2>, wte: &Tensor<2>, targets: &[i64]) -> Vec<f64> {
    let chunks = targets.chunks(PLACES).enumerate();
    let losses = chunks.flat_map(|(number, targets)| {
        let some = last.clone().narrow(0, number * PLACES, targets.len());
        let (logs, index) = logs(some, wte, targets);
        wide(logs.gather(1, index))
    });
    losses.map(|log| -log).collect()
}

/// Logarithms of probabilities `[places, vocabulary]`, and the targets `[places, 1]`.
fn logs(some: Tensor<2>, wte: &Tensor<2>, targets: &[i64]) -> (Tensor<2>, Tensor<2, Int>) {
    let logits = some.matmul(wte.clone().transpose());
    let index = TensorData::new(targets.to_vec(), [targets.len(), 1]);
    (
        log_softmax(logits, 1),
        Tensor::from_data(index, &wte.device()),
    )
}

/// Numbers in f64.
fn wide(tensor: Tensor<2>) -> Vec<f64> {
    let data = tensor.into_data();
    data.iter::<f32>().map(f64::from).collect()
}
