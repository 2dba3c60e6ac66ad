// Both forms of GELU: by tanh, which GPT-2 was trained with, and the exact one.

fn gelu_tanh(x: f32) -> f32 {
    // sqrt(2 / pi); tanh is clamped because exp overflows beyond |x| of about 44 on some devices.
    let inner = clamp(0.7978845608 * (x + 0.044715 * x * x * x), -20.0, 20.0);
    return 0.5 * x * (1.0 + tanh(inner));
}

// Phi(x) = erfc(-x / sqrt(2)) / 2, with erfc by the Chebyshev fit of Press et al., Numerical Recipes, 2nd ed., section 6.2
// (erfcc): a relative error below 1.2e-7 everywhere, so that the tails keep their digits.
fn gelu_exact(x: f32) -> f32 {
    let z = abs(x) * 0.7071067811865476;
    let t = 1.0 / (1.0 + 0.5 * z);
    let high = -1.13520398 + t * (1.48851587 + t * (-0.82215223 + t * 0.17087277));
    let low = 1.00002368 + t * (0.37409196 + t * (0.09678418 + t * (-0.18628806 + t * (0.27886807 + t * high))));
    // Beyond 80 it is 0 long before.
    let tail = 0.5 * t * exp(max(-z * z - 1.26551223 + t * low, -80.0));
    return x * select(tail, 1.0 - tail, x > 0.0);
}
