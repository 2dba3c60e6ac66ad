//! A step as burn makes it: everything dense, gradients by automatic differentiation. The rows of a batch are divided among threads, because
//! most of the backend's operations run on one.

use burn_tensor::activation::relu;
use burn_tensor::{Device, Tensor, TensorData};
use rayon::prelude::*;
use train::{Config, Parameters};

type Failure = Box<dyn std::error::Error>;

/// Numbers of Adam that a thread takes at a time.
const PIECE: usize = 1 << 16;

/// A TopK autoencoder that is trained densely.
pub struct Dense {
    config: Config,
    /// Encoder and decoder `[latents, width]`, encoder's and decoder's bias.
    weights: [Vec<f32>; 4],
    first: [Vec<f32>; 4],
    second: [Vec<f32>; 4],
    width: usize,
    steps: i32,
}

impl Dense {
    /// From weights.
    pub fn new(config: &Config, parameters: &Parameters) -> Self {
        let Parameters {
            w_enc,
            w_dec,
            b_enc,
            b_dec,
            ..
        } = parameters.clone();
        let width = b_dec.len();
        let weights = [w_enc, w_dec, b_enc, b_dec];
        let zeros = || weights.clone().map(|values| vec![0.0; values.len()]);
        Self {
            first: zeros(),
            second: zeros(),
            config: config.clone(),
            weights,
            width,
            steps: 0,
        }
    }

    /// A batch's parts, one a thread.
    fn parts<'a>(&self, batch: &'a [f32]) -> Vec<&'a [f32]> {
        let rows = (batch.len() / self.width).div_ceil(rayon::current_num_threads());
        batch.chunks(rows * self.width).collect()
    }

    fn tensors(&self) -> (Tensor<2>, Tensor<2>, Tensor<1>, Tensor<1>) {
        let [w_enc, w_dec, b_enc, b_dec] = &self.weights;
        let shape = [self.config.latents, self.width];
        let vector = |values: &Vec<f32>| tensor(values, [values.len()]);
        (
            tensor(w_enc, shape),
            tensor(w_dec, shape),
            vector(b_enc),
            vector(b_dec),
        )
    }

    /// 1 for the latents of each row that are chosen, by parts: what [`Dense::step`] can be spared.
    pub fn choose(&self, batch: &[f32]) -> Vec<Tensor<2>> {
        let (w_enc, _, b_enc, b_dec) = self.tensors();
        let part = |part: &&[f32]| {
            let x = tensor(part, [part.len() / self.width, self.width]);
            let centred = x - b_dec.clone().unsqueeze();
            let h = centred.matmul(w_enc.clone().transpose()) + b_enc.clone().unsqueeze();
            chosen(&h, self.config.k)
        };
        self.parts(batch).par_iter().map(part).collect()
    }

    /// A step on a batch of activations that are normalised. Where `given` has no choice of latents, burn makes it.
    ///
    /// # Errors
    /// Where a weight has no gradient.
    pub fn step(&mut self, batch: &[f32], given: Option<&[Tensor<2>]>) -> Result<f64, Failure> {
        let tensors = self.tensors();
        let parts = self.parts(batch);
        let part = |(number, part): (usize, &&[f32])| {
            let mask = given.map(|given| given[number].clone());
            self.part(&tensors, part, mask, batch.len())
        };
        let found: Result<Vec<_>, String> = parts.par_iter().enumerate().map(part).collect();
        let mut loss = 0.0;
        let mut gradients: Option<[Vec<f32>; 4]> = None;
        for (of_part, found) in found? {
            loss += of_part;
            match &mut gradients {
                None => gradients = Some(found),
                Some(sums) => {
                    for (sums, found) in sums.iter_mut().zip(found) {
                        let pairs = sums.par_chunks_mut(PIECE).zip(found.par_chunks(PIECE));
                        pairs.for_each(|(sums, found)| {
                            sums.iter_mut()
                                .zip(found)
                                .for_each(|(sum, more)| *sum += more);
                        });
                    }
                }
            }
        }
        self.adam(&gradients.ok_or("there is no part")?);
        Ok(loss)
    }

    fn part(
        &self,
        (w_enc, w_dec, b_enc, b_dec): &(Tensor<2>, Tensor<2>, Tensor<1>, Tensor<1>),
        part: &[f32],
        mask: Option<Tensor<2>>,
        count: usize,
    ) -> Result<(f64, [Vec<f32>; 4]), String> {
        let (w_enc, w_dec) = (leaf(w_enc), leaf(w_dec));
        let (b_enc, b_dec) = (leaf(b_enc), leaf(b_dec));
        let x = Tensor::from_inner(tensor(part, [part.len() / self.width, self.width]));
        let centred = x.clone() - b_dec.clone().unsqueeze();
        let h = centred.matmul(w_enc.clone().transpose()) + b_enc.clone().unsqueeze();
        let mask = mask.unwrap_or_else(|| chosen(&h.clone().inner(), self.config.k));
        let z = relu(h) * Tensor::from_inner(mask);
        let error = z.matmul(w_dec.clone()) + b_dec.clone().unsqueeze() - x;
        let loss = (error.clone() * error).sum().mul_scalar(1.0 / count as f64);
        let found = loss.backward();
        let missing = || "a weight has no gradient".to_owned();
        let gradients = [
            numbers(w_enc.grad(&found).ok_or_else(missing)?),
            numbers(w_dec.grad(&found).ok_or_else(missing)?),
            numbers(b_enc.grad(&found).ok_or_else(missing)?),
            numbers(b_dec.grad(&found).ok_or_else(missing)?),
        ];
        Ok((loss.inner().into_scalar::<f32>().into(), gradients))
    }

    fn adam(&mut self, gradients: &[Vec<f32>; 4]) {
        self.steps += 1;
        let (beta1, beta2) = (self.config.adam_beta1, self.config.adam_beta2);
        let rate = self.config.learning_rate() / (1.0 - beta1.powi(self.steps));
        let root = (1.0 - beta2.powi(self.steps)).sqrt() as f32;
        let (beta1, beta2, rate) = (beta1 as f32, beta2 as f32, rate as f32);
        let epsilon = self.config.adam_epsilon as f32;
        let moments = self.first.iter_mut().zip(&mut self.second);
        let tensors = self.weights.iter_mut().zip(gradients).zip(moments);
        for ((weights, gradients), (first, second)) in tensors {
            weights
                .par_chunks_mut(PIECE)
                .zip(gradients.par_chunks(PIECE))
                .zip(first.par_chunks_mut(PIECE))
                .zip(second.par_chunks_mut(PIECE))
                .for_each(|(((weights, gradients), first), second)| {
                    let moments = first.iter_mut().zip(second);
                    let values = weights.iter_mut().zip(gradients).zip(moments);
                    for ((weight, gradient), (first, second)) in values {
                        *first = beta1 * *first + (1.0 - beta1) * gradient;
                        *second = beta2 * *second + (1.0 - beta2) * gradient * gradient;
                        *weight -= rate * *first / (second.sqrt() / root + epsilon);
                    }
                });
        }
    }
}

/// 1 for the k largest of each row.
fn chosen(h: &Tensor<2>, k: usize) -> Tensor<2> {
    let kth = h.clone().topk(k, 1).min_dim(1);
    h.clone().greater_equal(kth).float()
}

fn tensor<const D: usize>(values: &[f32], shape: [usize; D]) -> Tensor<D> {
    Tensor::from_data(TensorData::new(values.to_vec(), shape), &Device::flex())
}

fn leaf<const D: usize>(tensor: &Tensor<D>) -> Tensor<D> {
    Tensor::from_inner(tensor.clone()).require_grad()
}

fn numbers<const D: usize>(tensor: Tensor<D>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}
