"""The random numbers and the tensors of `crates/random-model`, bit for bit."""

import numpy as np
import torch

SEED = 20_260_101
STEP = 0x9E3779B97F4A7C15
DEVIATION = 37837.2
FIRST_SAE_TENSOR = 1 << 20


def mix(z):
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))


def at(seed, tensor, mean, deviation, indices):
    with np.errstate(over="ignore"):
        step = np.uint64(STEP)
        key = mix(np.array([seed], np.uint64) + step * np.uint64(tensor + 1))
        bits = mix(key + step * (indices.astype(np.uint64) + np.uint64(1)))
    lanes = sum((bits >> np.uint64(shift)) & np.uint64(0xFFFF) for shift in (0, 16, 32, 48))
    total = lanes.astype(np.int64) - 131070
    return total.astype(np.float32) * np.float32(deviation / DEVIATION) + np.float32(mean)


def numbers(tensor, shape, mean, deviation, seed=SEED):
    count = int(np.prod(shape))
    out = np.empty(count, np.float32)
    for start in range(0, count, 1 << 20):
        stop = min(count, start + (1 << 20))
        out[start:stop] = at(seed, tensor, mean, deviation, np.arange(start, stop, dtype=np.uint64))
    return out.reshape(shape)


def gpt2(layers=12, width=768, vocabulary=50257, context=1024):
    """Every tensor in the order of the forward pass; its place there is its number."""
    listed = [("wte.weight", (vocabulary, width), 0.0, 0.1), ("wpe.weight", (context, width), 0.0, 0.05)]

    def norm(at):
        listed.extend([(f"{at}.weight", (width,), 1.0, 0.1), (f"{at}.bias", (width,), 0.0, 0.05)])

    def project(at, inputs, outputs, deviation):
        listed.extend([(f"{at}.weight", (inputs, outputs), 0.0, deviation), (f"{at}.bias", (outputs,), 0.0, 0.05)])

    for layer in range(layers):
        norm(f"h.{layer}.ln_1")
        project(f"h.{layer}.attn.c_attn", width, 3 * width, 0.04)
        project(f"h.{layer}.attn.c_proj", width, width, 0.04)
        norm(f"h.{layer}.ln_2")
        project(f"h.{layer}.mlp.c_fc", width, 4 * width, 0.04)
        project(f"h.{layer}.mlp.c_proj", 4 * width, width, 0.03)
    norm("ln_f")
    return {name: torch.from_numpy(numbers(i, shape, mean, std)) for i, (name, shape, mean, std) in enumerate(listed)}


def sae(latents, bias=(0.0, 0.1), width=768):
    """W_dec `[d_sae, d_in]`, whose transpose is W_enc, b_enc and b_dec."""
    first = FIRST_SAE_TENSOR
    return (
        numbers(first, (latents, width), 0.0, 0.036),
        numbers(first + 1, (latents,), *bias),
        numbers(first + 2, (width,), 0.0, 0.1),
    )
