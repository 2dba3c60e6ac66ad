"""PyTorch on the CPU, with the shapes of GPT-2 small and an SAE of 32,768 latents, all weights random.

The rows have the names of those of `crates/explorer/examples/bench/full_size`, which computes the same with this project's
CPU device; `cargo xtask bench --native --torch` runs both. Weights are plain tensors; nothing but torch is needed.

    python3 tests/bench/torch_cpu.py                 # prints JSON: medians in seconds
    python3 tests/bench/torch_cpu.py --json PATH     # writes it
"""

import argparse
import json
import os
import statistics
import time

import torch
import torch.nn.functional as F

LAYERS, HEADS, WIDTH, VOCABULARY, CONTEXT = 12, 12, 768, 50257, 1024
LATENTS, K = 32_768, 32
SAE_LAYER = 6
WARM_UP = 2


def random(*shape, mean=0.0, deviation=0.02):
    return torch.randn(*shape) * deviation + mean


class Block:
    def __init__(self):
        self.ln_1 = random(WIDTH, mean=1.0), random(WIDTH)
        self.attn_qkv = random(3 * WIDTH, WIDTH), random(3 * WIDTH)
        self.attn_out = random(WIDTH, WIDTH), random(WIDTH)
        self.ln_2 = random(WIDTH, mean=1.0), random(WIDTH)
        self.mlp_in = random(4 * WIDTH, WIDTH), random(4 * WIDTH)
        self.mlp_out = random(WIDTH, 4 * WIDTH), random(WIDTH)


def layer_norm(x, norm):
    return F.layer_norm(x, (WIDTH,), *norm, eps=1e-5)


class Model:
    def __init__(self):
        self.w_e = random(VOCABULARY, WIDTH)
        self.w_pos = random(CONTEXT, WIDTH)
        self.blocks = [Block() for _ in range(LAYERS)]
        self.ln_final = random(WIDTH, mean=1.0), random(WIDTH)

    def stream(self, tokens, cache=None, position=0, hook=None):
        """The last residual stream `[tokens, width]`. `cache` holds keys and values of each block, `[2, heads, context,
        head width]`; tokens after the first of a sequence are given one at a time."""
        rows = len(tokens)
        x = self.w_e[tokens] + self.w_pos[position : position + rows]
        for layer, block in enumerate(self.blocks):
            qkv = F.linear(layer_norm(x, block.ln_1), *block.attn_qkv)
            query, key, value = qkv.view(rows, 3, HEADS, -1).permute(1, 2, 0, 3)
            if cache is not None:
                keys, values = cache[layer]
                keys[:, position : position + rows] = key
                values[:, position : position + rows] = value
                key, value = keys[:, : position + rows], values[:, : position + rows]
            z = F.scaled_dot_product_attention(
                query[None], key[None], value[None], is_causal=rows > 1
            )
            z = z[0].transpose(0, 1).reshape(rows, WIDTH)
            x = x + F.linear(z, *block.attn_out)
            inner = F.gelu(F.linear(layer_norm(x, block.ln_2), *block.mlp_in), approximate="tanh")
            x = x + F.linear(inner, *block.mlp_out)
            if hook is not None and layer == SAE_LAYER:
                hook(x)
        return x

    def logits(self, stream):
        return F.linear(layer_norm(stream, self.ln_final), self.w_e)

    def cache(self):
        return [torch.zeros(2, HEADS, CONTEXT, WIDTH // HEADS) for _ in self.blocks]


class Sae:
    def __init__(self):
        self.w_enc = random(LATENTS, WIDTH, deviation=0.05)
        self.b_enc = random(LATENTS, deviation=0.05)
        self.w_dec = random(LATENTS, WIDTH, deviation=0.05)
        self.b_dec = random(WIDTH, deviation=0.05)

    def encode(self, x):
        mean = x.mean(-1, keepdim=True)
        deviation = x.std(-1, keepdim=True)
        x = (x - mean) / (deviation + 1e-5) - self.b_dec
        top = F.linear(x, self.w_enc, self.b_enc).topk(K, dim=-1)
        return top.indices, top.values.relu(), mean, deviation

    def decode(self, latents, activations, mean, deviation):
        bag = F.embedding_bag(latents, self.w_dec, per_sample_weights=activations, mode="sum")
        return (bag + self.b_dec) * deviation + mean


def median(runs, run):
    for _ in range(WARM_UP):
        run()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def tokens(count):
    return torch.arange(count) * 37 % VOCABULARY


def measure():
    model, sae = Model(), Sae()

    def trace():
        model.logits(model.stream(tokens(64), hook=lambda x: sae.decode(*sae.encode(x))))

    def prefill(cache=model.cache()):
        model.logits(model.stream(tokens(512), cache)[-1:])

    cache = model.cache()
    model.stream(tokens(60), cache)
    position = iter(range(60, CONTEXT))

    def decode():
        model.logits(model.stream(torch.tensor([1]), cache, next(position)))

    x = torch.randn(64, WIDTH)
    return {
        "trace of 64 tokens": median(9, trace),
        "prefill of 512 tokens": median(5, prefill),
        "one token at position 64": median(31, decode),
        "SAE encoding of 64 tokens": median(15, lambda: sae.encode(x)),
    }


def main():
    parser = argparse.ArgumentParser(description="PyTorch on the CPU, with the shapes of GPT-2 small and an SAE")
    parser.add_argument("--json", metavar="PATH", help="write the medians there instead of printing them")
    path = parser.parse_args().json
    # All that this process may run on.
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    torch.set_num_threads(cores)
    torch.manual_seed(0)
    with torch.inference_mode():
        rows = measure()
    report = {"torch": torch.__version__, "threads": torch.get_num_threads(), "rows": rows}
    text = json.dumps(report, indent=1)
    if path is None:
        print(text)
    else:
        with open(path, "w") as file:
            file.write(text + "\n")


if __name__ == "__main__":
    main()
