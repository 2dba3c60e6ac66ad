// Levels: reconstructions of a row, each with the latents of the one before and more. Reads the binding `level_table` [2, levels]:
// the keys at which the next level begins (the last one is not read), then the levels' weights; and `parameters` with `levels`.
// A latent's key is its place among the row's, or its number.

// import shared/active.wgsl

override by_rank: bool = false;

// The first level that has the latent.
fn level_of(latent: u32, rank: u32) -> u32 {
    let key = select(latent, rank, by_rank);
    var level = 0u;
    while (level + 1u < parameters.levels && level_table[level] <= key) {
        level++;
    }
    return level;
}
