// Weights of a stored row: f32, or f16 packed two to a word with the even column in the low 16 bits.

override weights_f16: bool = false;

// The word of a row that holds column d.
fn word_of(d: u32) -> u32 {
    if (weights_f16) {
        return d / 2u;
    }
    return d;
}

// Column d from its word.
fn weight_in(word: u32, d: u32) -> f32 {
    if (weights_f16) {
        return unpack2x16float(word)[d % 2u];
    }
    return bitcast<f32>(word);
}

// The first four of eight f16 weights.
fn low_half(words: vec4<u32>) -> vec4<f32> {
    return vec4<f32>(unpack2x16float(words.x), unpack2x16float(words.y));
}

// The last four of eight f16 weights.
fn high_half(words: vec4<u32>) -> vec4<f32> {
    return vec4<f32>(unpack2x16float(words.z), unpack2x16float(words.w));
}
