"""A scan in plain PyTorch on the CPU: the demo's shapes, random weights and tokens.

What `sae-explorer scan` does with the demo's three SAEs, as one would write it: windows in batches through the model, the k largest latents of
each token, and per latent its firings, sums, largest value, histogram, counts by token and strongest windows. Nothing but torch is needed.
`cargo xtask bench --scan --torch` runs both.

    python3 tests/bench/torch_scan.py                 # prints JSON: tokens per second, median
    python3 tests/bench/torch_scan.py --json PATH     # writes it
"""

import argparse
import json
import math
import os
import statistics
import time
from pathlib import Path

import torch
import torch.nn.functional as F

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "web/demo"
CONTEXT = 64
BATCH = 16
TOP = 20
BINS = 64
RANGE = 40.0


def random(*shape, mean=0.0, deviation=0.02):
    return torch.randn(*shape) * deviation + mean


class Model:
    def __init__(self, config):
        self.width, self.heads = config["n_embd"], config["n_head"]
        self.vocabulary, width = config["vocab_size"], config["n_embd"]
        self.w_e, self.w_pos = random(self.vocabulary, width), random(config["n_ctx"], width)
        norm = lambda: (random(width, mean=1.0), random(width))
        linear = lambda rows, columns: (random(rows, columns), random(rows))
        self.blocks = [
            {"ln_1": norm(), "qkv": linear(3 * width, width), "out": linear(width, width), "ln_2": norm(), "mlp_in": linear(4 * width, width), "mlp_out": linear(width, 4 * width)}
            for _ in range(config["n_layer"])
        ]

    def streams(self, tokens, layers):
        """The residual stream behind each of some layers, `[windows * tokens, width]`; nothing behind the last of them is computed."""
        windows, length = tokens.shape
        x = self.w_e[tokens] + self.w_pos[:length]
        found = {}
        for layer, block in enumerate(self.blocks[: max(layers) + 1]):
            qkv = F.linear(F.layer_norm(x, (self.width,), *block["ln_1"]), *block["qkv"])
            query, key, value = qkv.view(windows, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
            mixed = F.scaled_dot_product_attention(query, key, value, is_causal=True)
            x = x + F.linear(mixed.transpose(1, 2).reshape(windows, length, -1), *block["out"])
            hidden = F.gelu(F.linear(F.layer_norm(x, (self.width,), *block["ln_2"]), *block["mlp_in"]), approximate="tanh")
            x = x + F.linear(hidden, *block["mlp_out"])
            if layer in layers:
                found[layer] = x[:, 1:].reshape(-1, self.width)  # the BOS does not count
        return found


class Statistics:
    def __init__(self, latents, vocabulary):
        self.fired = torch.zeros(latents, dtype=torch.int64)
        self.sums, self.squares = torch.zeros(latents, dtype=torch.float64), torch.zeros(latents, dtype=torch.float64)
        self.largest = torch.zeros(latents)
        self.histogram = torch.zeros(latents, BINS, dtype=torch.int64)
        self.tokens = torch.zeros(latents, vocabulary, dtype=torch.int32)
        self.best, self.where = torch.zeros(latents, TOP), torch.zeros(latents, TOP, dtype=torch.int64)

    def add(self, values, indices, tokens, first_window):
        """`values` and `indices` `[windows, tokens, k]`, `tokens [windows, tokens]`."""
        windows, length, k = values.shape
        flat, latents = values.reshape(-1), indices.reshape(-1)
        one = torch.ones_like(latents)
        self.fired.index_add_(0, latents, one)
        self.sums.index_add_(0, latents, flat.double())
        self.squares.index_add_(0, latents, flat.double() ** 2)
        self.largest.scatter_reduce_(0, latents, flat, "amax")
        bins = (flat * (BINS / RANGE)).long().clamp_(0, BINS - 1)
        self.histogram.view(-1).index_add_(0, latents * BINS + bins, one)
        ids = tokens.unsqueeze(-1).expand(windows, length, k).reshape(-1)
        self.tokens.view(-1).index_add_(0, latents * self.tokens.shape[1] + ids, one.int())
        for window in range(windows):
            peak = torch.zeros(len(self.fired)).scatter_reduce_(0, indices[window].reshape(-1), values[window].reshape(-1), "amax")
            active = peak.nonzero().squeeze(1)
            both = torch.cat((self.best[active], peak[active, None]), 1)
            places = torch.cat((self.where[active], torch.full((len(active), 1), first_window + window)), 1)
            self.best[active], order = both.topk(TOP, 1)
            self.where[active] = places.gather(1, order)


def scan(model, saes, tokens):
    collected = {layer: Statistics(len(sae["b_enc"]), model.vocabulary) for layer, sae in saes.items()}
    begun = time.perf_counter()
    for first in range(0, len(tokens), BATCH):
        batch = tokens[first : first + BATCH]
        for layer, x in model.streams(batch, saes.keys()).items():
            sae = saes[layer]
            x = x - x.mean(-1, keepdim=True)
            x = x / (x.norm(dim=-1, keepdim=True) / math.sqrt(x.shape[-1]) + 1e-5)
            values, indices = F.linear(x - sae["b_pre"], sae["w_enc"], sae["b_enc"]).topk(sae["k"], dim=-1)
            shape = (len(batch), batch.shape[1] - 1, sae["k"])
            collected[layer].add(values.relu().view(shape), indices.view(shape), batch[:, 1:], first)
    return tokens.shape[0] * (tokens.shape[1] - 1) / (time.perf_counter() - begun)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--tokens", type=int, default=40_000)
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    torch.manual_seed(0)
    torch.set_num_threads(len(os.sched_getaffinity(0)))
    config = json.loads((DEMO / "model/config.json").read_text())
    config.setdefault("n_ctx", config.get("n_positions"))
    model = Model(config)
    manifest = json.loads((DEMO / "demo.json").read_text())
    saes = {}
    for sae in manifest["saes"]:
        settings = json.loads((DEMO / sae["cfg"]["path"]).read_text())
        layer = int(sae["hook"].split(".")[1])
        latents, k = settings["d_sae"], settings.get("k") or settings["activation_fn_kwargs"]["k"]
        saes[layer] = {"k": k, "w_enc": random(latents, model.width), "b_enc": random(latents), "b_pre": random(model.width)}
    windows = arguments.tokens // (CONTEXT - 1)
    tokens = torch.randint(model.vocabulary, (windows, CONTEXT))
    with torch.inference_mode():
        scan(model, saes, tokens[: 2 * BATCH])  # warm
        rates = [scan(model, saes, tokens) for _ in range(arguments.runs)]
    found = {"torch": torch.__version__, "threads": torch.get_num_threads(), "tokens_per_second": statistics.median(rates), "runs": rates}
    text = json.dumps(found, indent=1)
    if arguments.json:
        arguments.json.write_text(text + "\n")
    else:
        print(text)


if __name__ == "__main__":
    main()
