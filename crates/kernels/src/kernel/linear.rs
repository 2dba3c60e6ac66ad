//! Products with a weight matrix: GEMV for few rows, the tiled GEMM for many.

use crate::cpu::linear::{Flags, Parameters};
use crate::kernel::layer_norm::{LayerNorm, layer_norm};
use crate::kernel::product::Linear;
use crate::{Buffer, Error, Recorder, cpu, kernel};

pub(crate) static SHADER: kernel::Shader =
    kernel::shader!("linear", Read Read Read Read Read Write);

/// Up to this many rows the GEMV kernel is used, which reads the weights once per row (in software: one row).
const GEMV_ROWS: usize = 4;
/// Outputs one lane of the GEMV computes.
const OUTPUTS_PER_LANE: u32 = 4;

/// Records `output = activation(norm(input) · weightsᵀ + bias) + residual`, each part where requested; one dispatch per
/// shard of the weights, and one more for LayerNorm where there are many rows.
///
/// # Errors
/// [`Error::Shape`] where buffers and sizes do not fit.
pub fn linear(recorder: &mut Recorder, args: &Linear<'_>) -> Result<(), Error> {
    let (inputs, outputs) = (args.weights.cols(), args.weights.rows());
    kernel::require(
        "linear",
        "input",
        args.input,
        (args.input_first_row + args.rows) * inputs,
    )?;
    kernel::require("linear", "output", args.output, args.rows * outputs)?;
    if let Some(bias) = args.bias {
        kernel::require("linear", "bias", bias, outputs)?;
    }
    if let Some(residual) = args.residual {
        kernel::require("linear", "residual", residual, args.rows * outputs)?;
    }
    if let Some(norm) = &args.norm {
        kernel::require("linear", "norm", norm.weight_bias, 2 * inputs)?;
    }
    let Some(norm) = &args.norm else {
        return products(recorder, args);
    };
    // The GEMV normalises on the way in, which saves a dispatch but costs every workgroup two barriers more.
    if args.rows <= GEMV_ROWS && !recorder.device().has_software_profile() {
        return products(recorder, args);
    }
    layer_norm(
        recorder,
        &LayerNorm {
            input: args.input,
            input_first_row: args.input_first_row,
            rows: args.rows,
            width: inputs,
            weight_bias: norm.weight_bias,
            epsilon: norm.epsilon,
            output: norm.scratch,
        },
    )?;
    products(
        recorder,
        &Linear {
            input: norm.scratch,
            input_first_row: 0,
            norm: None,
            ..*args
        },
    )
}

/// One product per shard, with the kernel that suits the number of rows and the device.
fn products(recorder: &mut Recorder, args: &Linear<'_>) -> Result<(), Error> {
    let in_software = recorder.device().has_software_profile();
    for shard in &args.weights.shards {
        let parameters = parameters(args, &shard.rows)?;
        let dispatch = match args.rows {
            2.. if in_software => kernel::matmul_direct::dispatch,
            ..=GEMV_ROWS => gemv,
            _ => kernel::matmul::dispatch,
        };
        dispatch(recorder, args, &shard.buffer, parameters)?;
        recorder.weigh(2 * (args.rows * args.weights.cols() * shard.rows.len()) as u64);
    }
    Ok(())
}

fn gemv(
    recorder: &mut Recorder,
    args: &Linear<'_>,
    weights: &Buffer,
    parameters: Parameters,
) -> Result<(), Error> {
    let device = recorder.device();
    let dummy = device.dummy()?;
    // Sixteen lanes share a row of weights, which a GPU then reads in long runs; without neighbours that run beside
    // it, a lane takes whole rows and needs no barrier.
    let (threads, lanes) = if device.has_software_profile() {
        (8, 1)
    } else {
        (64, 16)
    };
    let flags = Flags::of(args);
    recorder.dispatch(
        &SHADER,
        &[
            ("threads", f64::from(threads)),
            ("lanes", f64::from(lanes)),
            kernel::flag("weights_f16", flags.weights_f16),
            kernel::flag("aligned", args.weights.fills_vectors()),
            kernel::flag("normalise", flags.normalise),
            flags.activation.constant(),
            kernel::flag("has_bias", flags.has_bias),
            kernel::flag("has_residual", flags.has_residual),
        ],
        parameters,
        &[
            args.input,
            args.norm.map_or(&dummy, |norm| norm.weight_bias),
            weights,
            args.bias.unwrap_or(&dummy),
            args.residual.unwrap_or(&dummy),
            args.output,
        ],
        [
            parameters
                .outputs
                .div_ceil(threads / lanes * OUTPUTS_PER_LANE),
            parameters.rows,
            1,
        ],
        move |bindings| cpu::linear::run(&parameters, flags, bindings),
    )
}

fn parameters(args: &Linear<'_>, shard: &std::ops::Range<usize>) -> Result<Parameters, Error> {
    let weights = args.weights;
    Ok(Parameters {
        rows: kernel::dimension("linear", "rows", args.rows)?,
        inputs: kernel::dimension("linear", "inputs", weights.cols())?,
        outputs: kernel::dimension("linear", "outputs", shard.len())?,
        row_vectors: kernel::dimension("linear", "row vectors", weights.row_words() / 4)?,
        input_first_row: kernel::dimension("linear", "first row", args.input_first_row)?,
        output_stride: kernel::dimension("linear", "output stride", weights.rows())?,
        output_offset: kernel::dimension("linear", "output offset", shard.start)?,
        bias_offset: kernel::dimension("linear", "bias offset", shard.start)?,
        epsilon: args.norm.map_or(0.0, |norm| norm.epsilon),
    })
}
