//! The largest outputs of an affine map: the encoder of a TopK autoencoder.

use std::rc::Rc;

use crate::buffer::Buffer;
use crate::cpu::Bindings;
use crate::cpu::screen::Screen;
use crate::cpu::topk as cpu_topk;
use crate::device::Device;
use crate::kernel::linear::linear;
use crate::kernel::product::Linear;
use crate::kernel::topk::{self, TopK, topk};
use crate::pool::Counted;
use crate::{Error, Matrix, Recorder, host, kernel};

/// From so many rows on the CPU device screens: for a single row both ways take as long as the weights take to be read.
const SCREENED_ROWS: usize = 2;

/// What the CPU device prepares of an encoder's weights, so that it finds the largest outputs faster: half as many bytes as they
/// have, counted as memory of the device. Nothing on other devices, and where the processor gains nothing by it. Clones share
/// it.
#[derive(Clone, Default)]
pub struct EncoderScreen(Option<Rc<Prepared>>);

struct Prepared {
    screen: Screen,
    _counted: Counted,
}

impl EncoderScreen {
    /// Prepares weights `[outputs, inputs]` and a bias `[outputs]`, which do not change any more, for finding the `k` largest
    /// outputs.
    pub fn new(device: &Device, weights: &Matrix, bias: &Buffer, k: usize) -> Self {
        Self(prepare(device, weights, bias, k).map(Rc::new))
    }
}

fn prepare(device: &Device, weights: &Matrix, bias: &Buffer, k: usize) -> Option<Prepared> {
    let (inputs, outputs) = (weights.cols(), weights.rows());
    let memory = whole(weights)?.cpu_memory()?.borrow();
    let bias = bias.cpu_memory()?.borrow();
    let mut screen = Screen::default();
    let is_prepared = screen.prepare(
        (bytemuck::cast_slice(&memory), inputs),
        bytemuck::cast_slice(bias.get(..outputs)?),
        k,
    );
    is_prepared.then(|| Prepared {
        _counted: device.inner.state.hold(screen.bytes()),
        screen,
    })
}

/// The matrix's memory, if its rows lie one after the other in one piece.
fn whole(weights: &Matrix) -> Option<&Buffer> {
    match &weights.shards[..] {
        [shard] if weights.row_words() == weights.cols() => Some(&shard.buffer),
        _ => None,
    }
}

/// Arguments of [`linear_topk`].
pub struct LinearTopK<'a> {
    /// `[.., inputs]`.
    pub input: &'a Buffer,
    /// The first row of the input to take.
    pub input_first_row: usize,
    /// Number of rows.
    pub rows: usize,
    /// `[outputs, inputs]`.
    pub weights: &'a Matrix,
    /// `[outputs]`.
    pub bias: &'a Buffer,
    /// The screen of these weights, this bias and this `k`.
    pub screen: &'a EncoderScreen,
    /// Number of outputs to keep, 1 to 512.
    pub k: usize,
    /// `[rows, outputs]`, for all outputs where they are computed; of no use afterwards.
    pub values: &'a Buffer,
    /// `[rows, k]` u32; `u32::MAX` where there are fewer outputs than k.
    pub top_indices: &'a Buffer,
    /// `[rows, k]` f32, of which none is below 0.
    pub top_values: &'a Buffer,
    /// `[rows]` u32: NaNs seen in each row.
    pub nan_counts: &'a Buffer,
}

/// Records the `k` largest of `input · weightsᵀ + bias` in each row, by value descending, ties to the lower index, and ReLU of
/// them. The CPU device computes in f32 only the outputs that can be among them, where the processor makes that faster; a row's
/// bits then depend, as in [`linear`], neither on the number of threads nor, from two rows on, on the other rows.
///
/// # Errors
/// As [`linear`] and [`topk`].
pub fn linear_topk(recorder: &mut Recorder, args: &LinearTopK<'_>) -> Result<(), Error> {
    let prepared = args.screen.0.as_ref();
    if let Some(prepared) = prepared.filter(|_| args.rows >= SCREENED_ROWS)
        && let Some(weights) = whole(args.weights)
    {
        return screened(recorder, args, weights, prepared.clone());
    }
    linear(
        recorder,
        &Linear {
            input_first_row: args.input_first_row,
            bias: Some(args.bias),
            ..Linear::plain(args.input, args.rows, args.weights, args.values)
        },
    )?;
    topk(
        recorder,
        &TopK {
            values: args.values,
            rows: args.rows,
            n: args.weights.rows(),
            k: args.k,
            relu: true,
            top_indices: args.top_indices,
            top_values: args.top_values,
            nan_counts: args.nan_counts,
        },
    )
}

fn screened(
    recorder: &mut Recorder,
    args: &LinearTopK<'_>,
    weights: &Buffer,
    prepared: Rc<Prepared>,
) -> Result<(), Error> {
    let (inputs, outputs) = (args.weights.cols(), args.weights.rows());
    let (first, rows, k) = (args.input_first_row, args.rows, args.k);
    topk::check_sizes(outputs, k)?;
    for (role, buffer, words) in [
        ("input", args.input, (first + rows) * inputs),
        ("bias", args.bias, outputs),
        ("values", args.values, rows * outputs),
        ("top indices", args.top_indices, rows * k),
        ("top values", args.top_values, rows * k),
        ("NaN counts", args.nan_counts, rows),
    ] {
        kernel::require("linear_topk", role, buffer, words)?;
    }
    let buffers = [
        args.input,
        weights,
        args.bias,
        args.values,
        args.top_indices,
        args.top_values,
        args.nan_counts,
    ];
    let operations = 2 * (rows * inputs * outputs) as u64;
    recorder.cpu_step("linear_topk", &buffers, operations, move |bindings| {
        run(
            &prepared.screen,
            (inputs, outputs),
            (first, rows, k),
            bindings,
        );
    });
    Ok(())
}

fn run(
    screen: &Screen,
    (inputs, outputs): (usize, usize),
    (first, rows, k): (usize, usize, usize),
    bindings: &Bindings<'_>,
) {
    let input = bindings.f32(1);
    let input = &input[first * inputs..][..rows * inputs];
    let (weights, bias) = (bindings.f32(2), bindings.f32(3));
    let (weights, bias) = (&weights[..outputs * inputs], &bias[..outputs]);
    let (mut indices, mut tops) = (bindings.u32_mut(5), bindings.f32_mut(6));
    let (indices, tops) = (&mut indices[..rows * k], &mut tops[..rows * k]);
    let mut nan_counts = bindings.u32_mut(7);
    let nan_counts = &mut nan_counts[..rows];
    if screen.top_k(input, (weights, bias), k, (indices, tops)) {
        nan_counts.fill(0);
        return;
    }
    // Something is not finite: all outputs, whose NaNs are counted.
    let mut values = bindings.f32_mut(4);
    let values = &mut values[..rows * outputs];
    host::affine((input, inputs), (weights, bias), values);
    cpu_topk::rows(
        (values, outputs, outputs),
        (k, true),
        (indices, tops),
        nan_counts,
    );
}
