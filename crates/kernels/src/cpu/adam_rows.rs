//! CPU reference of `adam_rows.wgsl`.

use crate::cpu::Bindings;

#[repr(C)]
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
pub(crate) struct Parameters {
    pub rows: u32,
    pub width: u32,
    pub row_words: u32,
    pub length: u32,
    pub beta1: f32,
    pub beta2: f32,
    pub epsilon: f32,
    pub ema: f32,
}

#[derive(Clone, Copy)]
pub(crate) struct Flags {
    pub normalise_before: bool,
    pub normalise_after: bool,
    pub remove_parallel: bool,
    pub has_mean: bool,
    pub mean_before: bool,
}

pub(crate) fn run(parameters: &Parameters, flags: Flags, bindings: &Bindings<'_>) {
    let numbers = bindings.f32(1);
    let (rate, root) = (numbers[0], numbers[1]);
    let gradient = bindings.f32(2);
    let mut values = bindings.f32_mut(3);
    let mut first = bindings.f32_mut(4);
    let mut second = bindings.f32_mut(5);
    let mut mean = flags.has_mean.then(|| bindings.f32_mut(6));
    let Parameters {
        beta1,
        beta2,
        epsilon,
        ema,
        ..
    } = *parameters;
    for row in 0..parameters.rows as usize {
        let begin = row * parameters.row_words as usize;
        let end = (begin + parameters.width as usize).min(parameters.length as usize);
        let values = &mut values[begin..end];
        let gradient = &gradient[begin..end];
        if flags.normalise_before {
            normalise(values);
        }
        let products = gradient.iter().zip(&*values).map(|(g, value)| g * value);
        let parallel: f32 = if flags.remove_parallel {
            products.sum()
        } else {
            0.0
        };
        let mut update_mean = |values: &[f32], is_now: bool| {
            if let Some(mean) = mean.as_mut().filter(|_| is_now) {
                for (mean, value) in mean[begin..end].iter_mut().zip(values) {
                    *mean = ema * *mean + (1.0 - ema) * value;
                }
            }
        };
        update_mean(values, flags.mean_before);
        let moments = first[begin..end].iter_mut().zip(&mut second[begin..end]);
        for ((value, gradient), (first, second)) in values.iter_mut().zip(gradient).zip(moments) {
            let g = gradient - parallel * *value;
            *first = beta1 * *first + (1.0 - beta1) * g;
            *second = beta2 * *second + (1.0 - beta2) * g * g;
            *value -= rate * *first / (second.sqrt() / root + epsilon);
        }
        if flags.normalise_after {
            normalise(values);
        }
        update_mean(values, !flags.mean_before);
    }
}

fn normalise(values: &mut [f32]) {
    let length = values.iter().map(|value| value * value).sum::<f32>().sqrt();
    if length > 0.0 {
        values.iter_mut().for_each(|value| *value /= length);
    }
}
