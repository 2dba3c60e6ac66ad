// A sum over the invocations of a workgroup, the same in each of them. Needs the workgroup's size as `threads`, and the
// constant `max_threads`, the most that it can be.

var<workgroup> partial_sums: array<f32, max_threads>;

fn sum_over_workgroup(value: f32, thread: u32) -> f32 {
    workgroupBarrier();
    partial_sums[thread] = value;
    workgroupBarrier();
    var total = 0.0;
    for (var i = 0u; i < threads; i++) {
        total += partial_sums[i];
    }
    return total;
}
