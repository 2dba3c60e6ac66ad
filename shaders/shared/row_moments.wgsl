// Mean and (biased) variance of the `width` values of `input` from word `first` on, the same in every invocation of the
// workgroup. Two passes, the second from cache: the squares of what is left without the mean do not cancel.

// import shared/sum_over_workgroup.wgsl

struct RowMoments {
    mean: f32,
    variance: f32,
}

fn row_moments(first: u32, width: u32, thread: u32) -> RowMoments {
    var sum = 0.0;
    for (var d = thread; d < width; d += threads) {
        sum += input[first + d];
    }
    let mean = sum_over_workgroup(sum, thread) / f32(width);
    var squares = 0.0;
    for (var d = thread; d < width; d += threads) {
        let centred = input[first + d] - mean;
        squares += centred * centred;
    }
    return RowMoments(mean, sum_over_workgroup(squares, thread) / f32(width));
}
