// matrix[row, column] = strip[column, row]: writes columns of a weight matrix that is stored transposed.
//
// `strip` holds four words (the first column, the number of columns, the first row in this shard, the number of rows)
// and then [columns, rows] f32. The matrix is one shard, `row_words` words per row, f32 or packed f16. With f16 weights the
// first column is even, so that no two strips share a word.
// Called while a model is loaded, once a strip. Bytes: 2 * columns * rows * 4.

struct Parameters {
    row_words: u32,
}

override weights_f16: bool = false;

@group(0) @binding(0) var<uniform> parameters: Parameters;
@group(0) @binding(1) var<storage, read> strip: array<u32>;
@group(0) @binding(2) var<storage, read_write> matrix: array<u32>;

const threads = 64u;
const header = 4u;

@compute @workgroup_size(threads)
fn main(@builtin(global_invocation_id) invocation: vec3<u32>) {
    let row = invocation.x;
    let first_column = strip[0];
    let columns = strip[1];
    let rows = strip[3];
    if (row >= rows) {
        return;
    }
    let first_word = (strip[2] + row) * parameters.row_words;
    if (weights_f16) {
        for (var column = 0u; column < columns; column += 2u) {
            let low = bitcast<f32>(strip[header + column * rows + row]);
            var high = 0.0;
            if (column + 1u < columns) {
                high = bitcast<f32>(strip[header + (column + 1u) * rows + row]);
            }
            matrix[first_word + (first_column + column) / 2u] = pack2x16float(vec2<f32>(low, high));
        }
    } else {
        for (var column = 0u; column < columns; column += 1u) {
            matrix[first_word + first_column + column] = strip[header + column * rows + row];
        }
    }
}
