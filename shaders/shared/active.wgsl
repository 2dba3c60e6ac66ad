// Slots of a sparse encoding: empty where the activation is not above 0.

// True for a number above 0, by its bits.
fn is_active(bits: u32) -> bool {
    return bits != 0u && bits <= 0x7f800000u;
}
