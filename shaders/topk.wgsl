// The k largest of each row of values [rows, n], exactly: sorted by value descending, ties to the lower index.
//
// Radix select on keys that order as the floats do: the row is read once for each of three digits (11, 11 and 10 bits,
// from the top), with a histogram in workgroup memory, which gives the k-th key exactly. If more values equal it than are
// wanted, two more passes select the lowest indices among them in the same way. One last pass collects the winners, which
// are sorted in workgroup memory (bitonic, k <= 512). A zero's sign does not count. A NaN never wins while there are
// numbers; their count a row goes to `nan_counts`. With n < k the rest is index 0xffffffff and value 0.
// One workgroup per row. Bytes: 4 * n per row and pass (4 passes, 6 with contested ties); n up to 2^22.

struct Parameters {
    rows: u32,
    n: u32,
    row_stride: u32,
    k: u32,
    // k, rounded up to a power of two.
    sort_length: u32,
}

// Clips the values to be at least zero on the way out, as TopK autoencoders do after the selection.
override relu: bool = false;

@group(0) @binding(0) var<uniform> parameters: Parameters;
// Values pass through as bits, so that none is changed on the way (a device may flush subnormal floats).
@group(0) @binding(1) var<storage, read> values: array<u32>;
@group(0) @binding(2) var<storage, read_write> top_indices: array<u32>;
@group(0) @binding(3) var<storage, read_write> top_values: array<u32>;
@group(0) @binding(4) var<storage, read_write> nan_counts: array<u32>;

// Invocations of a workgroup, a multiple of group_size; fewer where they run in turn.
override threads: u32 = 256u;
const max_threads = 256u;
const max_k = 512u;
const digit_bits = 11u;
const digits = 1u << digit_bits;
const group_size = 16u;
const no_index = 0xffffffffu;
const key_of_zero = 0x80000000u;
const quiet_nan = 0x7fc00000u;

var<workgroup> histogram: array<atomic<u32>, digits>;
var<workgroup> thread_counts: array<u32, max_threads>;
var<workgroup> group_counts: array<u32, max_threads / group_size>;
var<workgroup> found_digit: u32;
var<workgroup> found_before: u32;
var<workgroup> found_count: u32;
var<workgroup> winners: atomic<u32>;
var<workgroup> nans: atomic<u32>;
var<workgroup> winner_keys: array<u32, max_k>;
var<workgroup> winner_indices: array<u32, max_k>;

// Larger keys are larger floats; 0 is kept for NaN.
fn order_key(bits: u32) -> u32 {
    if ((bits & 0x7fffffffu) > 0x7f800000u) {
        return 0u;
    }
    if ((bits & 0x7fffffffu) == 0u) {
        return key_of_zero;
    }
    return select(bits | 0x80000000u, ~bits, (bits & 0x80000000u) != 0u);
}

fn bits_of_key(key: u32) -> u32 {
    if (key == 0u) {
        return quiet_nan;
    }
    if (relu && key < key_of_zero) {
        return 0u;
    }
    return select(~key, key & 0x7fffffffu, (key & 0x80000000u) != 0u);
}

fn clear_histogram(thread: u32) {
    let digits_per_thread = digits / threads;
    for (var i = 0u; i < digits_per_thread; i++) {
        atomicStore(&histogram[thread * digits_per_thread + i], 0u);
    }
    workgroupBarrier();
}

// Finds the largest digit for which at least `wanted` entries lie at it or above.
// Leaves the digit, the number of entries above it, and the number at it.
fn find_digit(thread: u32, wanted: u32) {
    let digits_per_thread = digits / threads;
    let groups = threads / group_size;
    workgroupBarrier();
    var count = 0u;
    for (var i = 0u; i < digits_per_thread; i++) {
        count += atomicLoad(&histogram[thread * digits_per_thread + i]);
    }
    thread_counts[thread] = count;
    workgroupBarrier();
    if (thread < groups) {
        var sum = 0u;
        for (var i = 0u; i < group_size; i++) {
            sum += thread_counts[thread * group_size + i];
        }
        group_counts[thread] = sum;
    }
    workgroupBarrier();
    if (thread == 0u) {
        var before = 0u;
        var group = groups - 1u;
        while (group > 0u && before + group_counts[group] < wanted) {
            before += group_counts[group];
            group--;
        }
        var member = group * group_size + group_size - 1u;
        while (member > group * group_size && before + thread_counts[member] < wanted) {
            before += thread_counts[member];
            member--;
        }
        var digit = member * digits_per_thread + digits_per_thread - 1u;
        var at_digit = atomicLoad(&histogram[digit]);
        while (digit > member * digits_per_thread && before + at_digit < wanted) {
            before += at_digit;
            digit--;
            at_digit = atomicLoad(&histogram[digit]);
        }
        found_digit = digit;
        found_before = before;
        found_count = at_digit;
    }
    workgroupBarrier();
}

@compute @workgroup_size(threads)
fn main(@builtin(workgroup_id) group: vec3<u32>, @builtin(local_invocation_index) thread: u32) {
    let row = group.x;
    let n = parameters.n;
    let first = row * parameters.row_stride;
    let k = min(parameters.k, n);

    // The k-th largest key, digit by digit.
    var prefix = 0u;
    var prefix_mask = 0u;
    var wanted = k;
    for (var pass_index = 0u; pass_index < 3u; pass_index++) {
        let shift = select(0u, 21u - pass_index * 11u, pass_index < 2u);
        let digit_mask = select(0x3ffu, 0x7ffu, pass_index < 2u);
        clear_histogram(thread);
        for (var i = thread; i < n; i += threads) {
            let key = order_key(values[first + i]);
            if ((key & prefix_mask) == prefix) {
                atomicAdd(&histogram[(key >> shift) & digit_mask], 1u);
            }
            if (pass_index == 0u && key == 0u) {
                atomicAdd(&nans, 1u);
            }
        }
        find_digit(thread, wanted);
        prefix |= workgroupUniformLoad(&found_digit) << shift;
        prefix_mask |= digit_mask << shift;
        wanted -= workgroupUniformLoad(&found_before);
    }
    let threshold = prefix;
    let equals = workgroupUniformLoad(&found_count);

    // Among the equals, the `wanted` lowest indices: the largest of the inverted ones.
    var index_threshold = 0u;
    if (equals > wanted) {
        var index_prefix = 0u;
        var index_mask = 0u;
        for (var pass_index = 0u; pass_index < 2u; pass_index++) {
            let shift = digit_bits * (1u - pass_index);
            clear_histogram(thread);
            for (var i = thread; i < n; i += threads) {
                let inverted = 0x3fffffu - i;
                if (order_key(values[first + i]) == threshold && (inverted & index_mask) == index_prefix) {
                    atomicAdd(&histogram[(inverted >> shift) & 0x7ffu], 1u);
                }
            }
            find_digit(thread, wanted);
            index_prefix |= workgroupUniformLoad(&found_digit) << shift;
            index_mask |= 0x7ffu << shift;
            wanted -= workgroupUniformLoad(&found_before);
        }
        index_threshold = index_prefix;
    }

    for (var i = thread; i < max_k; i += threads) {
        winner_keys[i] = 0u;
        winner_indices[i] = no_index;
    }
    workgroupBarrier();
    for (var i = thread; i < n; i += threads) {
        let key = order_key(values[first + i]);
        if (key > threshold || (key == threshold && 0x3fffffu - i >= index_threshold)) {
            let place = atomicAdd(&winners, 1u);
            // Never more than k by construction; the check keeps a wrong device from writing elsewhere.
            if (place < max_k) {
                winner_keys[place] = key;
                winner_indices[place] = i;
            }
        }
    }
    workgroupBarrier();

    // Bitonic sort: key descending, then index ascending.
    let length = parameters.sort_length;
    for (var size = 2u; size <= length; size *= 2u) {
        for (var distance = size / 2u; distance > 0u; distance /= 2u) {
            for (var i = thread; i < length; i += threads) {
                let partner = i ^ distance;
                if (partner > i) {
                    let key_a = winner_keys[i];
                    let key_b = winner_keys[partner];
                    let index_a = winner_indices[i];
                    let index_b = winner_indices[partner];
                    let b_first = key_b > key_a || (key_b == key_a && index_b < index_a);
                    if (b_first == ((i & size) == 0u)) {
                        winner_keys[i] = key_b;
                        winner_keys[partner] = key_a;
                        winner_indices[i] = index_b;
                        winner_indices[partner] = index_a;
                    }
                }
            }
            workgroupBarrier();
        }
    }

    for (var i = thread; i < parameters.k; i += threads) {
        let index = winner_indices[i];
        var value = 0u;
        if (index != no_index) {
            value = bits_of_key(winner_keys[i]);
        }
        top_indices[row * parameters.k + i] = index;
        top_values[row * parameters.k + i] = value;
    }
    if (thread == 0u) {
        nan_counts[row] = atomicLoad(&nans);
    }
}
