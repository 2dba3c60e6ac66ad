// The keys of a row, by the row table: rows cache_first .. cache_first + past of the cache, then rows first_row ..= row of this
// run. Reads the bindings `rows` and `qkv`, and `parameters` with n_heads, head_dim and scale; needs the workgroup's size as
// `threads`.

override use_cache: bool = false;

const row_words = 8u;
const max_head_dim = 256u;

struct RowKeys {
    first_row: u32,
    cache_first: u32,
    past: u32,
    // Of both together.
    count: u32,
}

fn row_keys(row: u32) -> RowKeys {
    let first_row = rows[row * row_words + 2u];
    var past = 0u;
    if (use_cache) {
        past = rows[row * row_words + 4u];
    }
    return RowKeys(first_row, rows[row * row_words + 3u], past, past + row - first_row + 1u);
}

var<workgroup> query: array<f32, max_head_dim>;

// Puts the row's scaled query of a head into workgroup memory; a barrier has to follow.
fn load_query(row: u32, column: u32, thread: u32) {
    let d_model = parameters.n_heads * parameters.head_dim;
    for (var d = thread; d < parameters.head_dim; d += threads) {
        query[d] = qkv[row * 3u * d_model + column + d] * parameters.scale;
    }
}
