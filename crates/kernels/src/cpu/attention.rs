//! CPU reference of `attention.wgsl`.

use crate::cpu::Bindings;
#[cfg(target_arch = "wasm32")]
use crate::cpu::attention_inputs::Scratch;
use crate::cpu::attention_inputs::{Flags, Inputs, Keys, Parameters};

pub(crate) fn run(parameters: &Parameters, flags: Flags, bindings: &Bindings<'_>) {
    let rows = bindings.u32(1);
    let qkv = bindings.f32(2);
    let mut cache = bindings.f32_mut(3);
    let mut output = bindings.f32_mut(4);
    let inputs = Inputs {
        parameters,
        rows: &rows,
        qkv: &qkv,
        cache: &cache,
        use_cache: flags.use_cache,
    };
    #[cfg(not(target_arch = "wasm32"))]
    crate::cpu::query_tiles::run(&inputs, &mut output);
    #[cfg(target_arch = "wasm32")]
    {
        let mut scratch = Scratch::default();
        let (d_model, head_dim) = (inputs.d_model(), inputs.head_dim());
        for row in 0..parameters.rows as usize {
            for head in 0..parameters.n_heads as usize {
                let out = &mut output[row * d_model + head * head_dim..][..head_dim];
                inputs.attend(row, head, &mut scratch, out);
            }
        }
    }
    if flags.append {
        let d_model = parameters.n_heads as usize * parameters.head_dim as usize;
        for row in 0..parameters.rows as usize {
            let keys = Keys::of(&rows, row, d_model, flags.use_cache);
            let place = keys.cache_first + keys.past + row - keys.first_row;
            cache[place * 2 * d_model..][..2 * d_model]
                .copy_from_slice(&qkv[row * 3 * d_model + d_model..][..2 * d_model]);
        }
    }
}
