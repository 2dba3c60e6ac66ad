//! The tiled GEMM, in tiles of two sizes. Called through [`crate::linear`].

use crate::cpu::linear::{Flags, Parameters};
use crate::kernel::product::Linear;
use crate::{Buffer, Error, Recorder, cpu, kernel};

pub(crate) static SHADER: kernel::Shader = kernel::shader!("matmul", Read Read Read Read Write);
pub(crate) static SMALL_SHADER: kernel::Shader =
    kernel::shader!("matmul_small", Read Read Read Read Write);

/// Rows and outputs of a tile, which one workgroup computes.
const TILE: u32 = 64;
/// Rows and outputs of a small tile.
const SMALL_TILE: u32 = 16;
/// Fewer tiles than this leave a GPU idle, which has 20 to 130 cores and hides its memory's latency behind several
/// workgroups on each.
const FEW_TILES: u64 = 64;
/// The workgroups that every WebGPU device takes in one dimension.
const MOST_WORKGROUPS: u32 = 65_535;

/// The shader for a product of so many rows and outputs, and its workgroups (tiles of rows, tiles of outputs).
///
/// Up to 16 rows, small tiles read the weights once as well, and compute less padding.
fn tiles(rows: u32, outputs: u32) -> (&'static kernel::Shader, [u32; 3]) {
    let of = |tile: u32| [rows.div_ceil(tile), outputs.div_ceil(tile), 1];
    let (small, large) = (of(SMALL_TILE), of(TILE));
    let few = rows <= SMALL_TILE || u64::from(large[0]) * u64::from(large[1]) < FEW_TILES;
    if few && small[1] <= MOST_WORKGROUPS {
        (&SMALL_SHADER, small)
    } else {
        (&SHADER, large)
    }
}

/// Records the product of `input` with one shard of the weights.
pub(crate) fn dispatch(
    recorder: &mut Recorder,
    args: &Linear<'_>,
    weights: &Buffer,
    parameters: Parameters,
) -> Result<(), Error> {
    let (shader, workgroups) = tiles(parameters.rows, parameters.outputs);
    dispatch_as(
        recorder,
        args,
        weights,
        parameters,
        (shader, workgroups),
        None,
    )
}

/// Records a product by a shader with this one's bindings.
pub(crate) fn dispatch_as(
    recorder: &mut Recorder,
    args: &Linear<'_>,
    weights: &Buffer,
    parameters: Parameters,
    (shader, workgroups): (&'static kernel::Shader, [u32; 3]),
    constant: Option<(&'static str, f64)>,
) -> Result<(), Error> {
    let dummy = recorder.device().dummy()?;
    let flags = Flags::of(args);
    let mut constants = vec![
        kernel::flag("weights_f16", flags.weights_f16),
        flags.activation.constant(),
        kernel::flag("has_bias", flags.has_bias),
        kernel::flag("has_residual", flags.has_residual),
    ];
    constants.extend(constant);
    recorder.dispatch(
        shader,
        &constants,
        parameters,
        &[
            args.input,
            weights,
            args.bias.unwrap_or(&dummy),
            args.residual.unwrap_or(&dummy),
            args.output,
        ],
        workgroups,
        move |bindings| cpu::matmul::run(&parameters, flags, bindings),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workgroups(rows: u32, outputs: u32) -> u32 {
        tiles(rows, outputs).1.iter().product()
    }

    #[test]
    fn short_prompts_make_many_workgroups() {
        for rows in 5..=64 {
            // GPT-2 small's products: attention and MLP out, MLP in, queries with keys and values.
            for outputs in [768, 3072, 2304] {
                let count = workgroups(rows, outputs);
                assert!(count >= 48, "{rows} rows, {outputs} outputs: {count}");
            }
        }
        assert_eq!(tiles(5, 768).1, [1, 48, 1]);
        assert_eq!(tiles(64, 768).1, [4, 48, 1]);
    }

    #[test]
    fn large_products_take_large_tiles() {
        for (rows, outputs, expected) in [
            (64, 24_576, [1, 384, 1]),
            (1024, 768, [16, 12, 1]),
            (1024, 50_257, [16, 786, 1]),
        ] {
            let (shader, workgroups) = tiles(rows, outputs);
            assert_eq!((shader.name, workgroups), ("matmul", expected));
        }
        // With few rows most of a large tile is padding, however many outputs there are.
        let (shader, workgroups) = tiles(16, 50_257);
        assert_eq!((shader.name, workgroups), ("matmul_small", [1, 3142, 1]));
        // More small tiles than a device takes in one dimension.
        assert_eq!(tiles(16, 16 * 65_535 + 1).1, [1, 16_384, 1]);
    }

    #[test]
    fn tiles_cover_every_row_and_output() {
        for rows in [1, 15, 16, 17, 63, 64, 65, 4097] {
            for outputs in [1, 16, 17, 767, 768, 769, 4032, 4033] {
                let (shader, [row_tiles, output_tiles, 1]) = tiles(rows, outputs) else {
                    panic!("{rows} × {outputs}");
                };
                let tile = if shader.name == "matmul" { 64 } else { 16 };
                assert!(row_tiles * tile >= rows && (row_tiles - 1) * tile < rows);
                assert!(output_tiles * tile >= outputs && (output_tiles - 1) * tile < outputs);
            }
        }
    }
}
