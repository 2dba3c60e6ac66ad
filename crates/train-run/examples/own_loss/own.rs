//! An autoencoder that is trained with a loss of one's own, differentiated by burn, on activations that the engine harvests.
//!
//! [`loss`] is what to change. The rest takes batches in the order of every other training here, steps with Adam, and hands back an
//! autoencoder that can be written in SAELens's layout.

use burn_tensor::activation::relu;
use burn_tensor::{Device, Tensor, TensorData};
use explorer::Session;
use formats::sae::{Architecture, Gate, Normalization, Sae, SaeConfig};
use train::{Order, Purpose, Random};
use train_run::Harvest;

type Failure = Box<dyn std::error::Error>;

/// Batches of a block, whose activations are computed at a time.
const BLOCK: usize = 8;

/// Sizes and rates.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Number of latents.
    pub latents: usize,
    /// Tokens per step.
    pub batch: usize,
    /// Steps.
    pub steps: u64,
    /// Adam's learning rate.
    pub lr: f64,
    /// Weight of sparsity.
    pub sparsity: f64,
}

/// Weights in the order W_enc and W_dec `[latents, width]`, b_enc, b_dec.
struct Weights(Tensor<2>, Tensor<2>, Tensor<1>, Tensor<1>);

/// Measurements of a step.
#[derive(Debug, Clone, Copy)]
pub struct Measured {
    /// The loss.
    pub loss: f64,
    /// Squared errors over squared distances from the batch's mean.
    pub fvu: f64,
    /// Active latents per token.
    pub l0: f64,
}

/// The loss of one's own: the mean squared error, and Σ ln(1 + z/0.1) over the latents, which presses less on what is large than L1 does.
/// Directions count with their length, so that activations do not shrink while those grow.
fn loss(error: Tensor<2>, z: Tensor<2>, w_dec: Tensor<2>, sparsity: f64) -> Tensor<1> {
    let [rows, width] = error.dims();
    let lengths = (w_dec.clone() * w_dec).sum_dim(1).sqrt().transpose();
    let pressed = (z * lengths).mul_scalar(10.0).add_scalar(1.0).log();
    let squares = (error.clone() * error).sum();
    (squares + pressed.sum().mul_scalar(sparsity)).mul_scalar(1.0 / (rows * width) as f64)
}

/// Trains at the hook of a harvest. `told` gets the measurements of each step.
///
/// # Errors
/// Those of the engine; too little text.
pub async fn train(
    session: &Session,
    harvest: &Harvest,
    settings: Settings,
    mut told: impl FnMut(u64, Measured),
) -> Result<Sae, Failure> {
    let (width, latents, batch) = (harvest.width(), settings.latents, settings.batch);
    let mut order = Order::new(0, harvest.lengths(), batch)?;
    let mut block = vec![0.0; BLOCK * batch * width];
    let directions = Random::new(0, Purpose::Directions, 0).normals(latents * width);
    let w_dec: Vec<f32> = directions
        .iter()
        .map(|value| value / (width as f32).sqrt())
        .collect();
    let mut weights = [w_dec.clone(), w_dec, vec![0.0; latents], vec![0.0; width]];
    let mut moments = weights.clone().map(|values| vec![(0.0, 0.0); values.len()]);
    let mut factor = 1.0_f32;
    for step in 0..settings.steps {
        let place = (step % BLOCK as u64) as usize;
        if place == 0 {
            let takes = order.block(step / BLOCK as u64, BLOCK * batch);
            let filled = harvest.fill(session, &takes, &mut block, || Ok::<_, explorer::Error>(()));
            filled.await?;
            if step == 0 {
                // Inputs of mean square 1; the factor goes into the weights that are written.
                let squares: f64 = block.iter().map(|value| f64::from(*value).powi(2)).sum();
                factor = (block.len() as f64 / squares).sqrt() as f32;
            }
        }
        let rows = &block[place * batch * width..][..batch * width];
        let rows: Vec<f32> = rows.iter().map(|value| value * factor).collect();
        let (measured, gradients) = differentiate(&weights, &rows, (latents, width), settings)?;
        let rate = settings.lr * (1.0 - step as f64 / settings.steps as f64);
        adam(
            step as i32 + 1,
            rate,
            &mut weights,
            &gradients,
            &mut moments,
        );
        told(step + 1, measured);
    }
    let origin = harvest.origin();
    let normalization = Normalization::ExpectedAverageOnlyIn {
        norm_scaling_factor: Some(factor),
    };
    let [w_enc, w_dec, b_enc, b_dec] = weights;
    Ok(Sae {
        config: SaeConfig {
            hook_name: origin.hook_name.clone(),
            prepend_bos: origin.prepend_bos,
            model_name: origin.model_name.clone(),
            context_size: origin.context_size,
            ..SaeConfig::new(Architecture::Standard, (width, latents), normalization)
        },
        w_enc,
        b_enc,
        gate: Gate::None,
        w_dec,
        b_dec,
        firing_frequency: None,
    })
}

/// The loss of a batch and its gradients.
fn differentiate(
    weights: &[Vec<f32>; 4],
    rows: &[f32],
    (latents, width): (usize, usize),
    settings: Settings,
) -> Result<(Measured, [Vec<f32>; 4]), Failure> {
    let [w_enc, w_dec, b_enc, b_dec] = weights;
    let leaves = Weights(
        tensor(w_enc, [latents, width]).require_grad(),
        tensor(w_dec, [latents, width]).require_grad(),
        tensor(b_enc, [latents]).require_grad(),
        tensor(b_dec, [width]).require_grad(),
    );
    let Weights(w_enc, w_dec, b_enc, b_dec) = &leaves;
    let count = rows.len() / width;
    let x = tensor(rows, [count, width]);
    let centred = x.clone() - b_dec.clone().unsqueeze();
    let h = centred.matmul(w_enc.clone().transpose()) + b_enc.clone().unsqueeze();
    let z = relu(h);
    let error = z.clone().matmul(w_dec.clone()) + b_dec.clone().unsqueeze() - x.clone();
    let loss = loss(error.clone(), z.clone(), w_dec.clone(), settings.sparsity);
    let found = loss.backward();
    let missing = "the loss does not depend on a weight";
    let gradients = [
        numbers(w_enc.grad(&found).ok_or(missing)?),
        numbers(w_dec.grad(&found).ok_or(missing)?),
        numbers(b_enc.grad(&found).ok_or(missing)?),
        numbers(b_dec.grad(&found).ok_or(missing)?),
    ];
    let squares = |tensor: Tensor<2>| -> f64 {
        let numbers = numbers(tensor);
        numbers.iter().map(|value| f64::from(*value).powi(2)).sum()
    };
    let spread = squares(x.clone() - x.mean_dim(0));
    let active = numbers(z).iter().filter(|value| **value > 0.0).count();
    let measured = Measured {
        loss: numbers(loss).iter().map(|value| f64::from(*value)).sum(),
        fvu: squares(error) / spread,
        l0: active as f64 / count as f64,
    };
    Ok((measured, gradients))
}

fn adam(
    number: i32,
    rate: f64,
    weights: &mut [Vec<f32>; 4],
    gradients: &[Vec<f32>; 4],
    moments: &mut [Vec<(f32, f32)>; 4],
) {
    let size = (rate / (1.0 - 0.9_f64.powi(number))) as f32;
    let root = (1.0 - 0.999_f64.powi(number)).sqrt() as f32;
    for ((weights, gradients), moments) in weights.iter_mut().zip(gradients).zip(moments) {
        for ((weight, gradient), (first, second)) in weights.iter_mut().zip(gradients).zip(moments)
        {
            *first = 0.9 * *first + 0.1 * gradient;
            *second = 0.999 * *second + 0.001 * gradient * gradient;
            *weight -= size * *first / (second.sqrt() / root + 1e-8);
        }
    }
}

fn tensor<const D: usize>(values: &[f32], shape: [usize; D]) -> Tensor<D> {
    let data = TensorData::new(values.to_vec(), shape);
    Tensor::from_inner(Tensor::from_data(data, &Device::flex()))
}

fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}
