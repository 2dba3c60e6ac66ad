"""Values inside the demo model's pass over a prompt, in PyTorch and float64, from the formulas of GPT-2.

Writes `tests/fixtures/demo-taps.json`: attention patterns, LayerNorm scales, rows of activations, and the logit lens of the
embedding and of every block. It needs torch alone, and reads the model's file itself.
"""

import json
import pathlib
import struct

import torch

ROOT = pathlib.Path(__file__).parents[2]
PROMPT = "gloss"
CONFIG = json.loads((ROOT / "web/demo/model/config.json").read_text())
N_HEAD, N_LAYER, EPSILON = (CONFIG[name] for name in ("n_head", "n_layer", "layer_norm_epsilon"))
PATTERNS = ("blocks.0.attn.hook_pattern", "blocks.4.attn.hook_pattern")
# Hook points of which some rows are written out, and the rows.
ROWS = {"blocks.2.hook_resid_mid": (0, 1, 20), "blocks.3.mlp.hook_post": (10,), "blocks.5.attn.hook_z": (20,)}
STREAMS = ("blocks.0.hook_resid_pre", *(f"blocks.{layer}.hook_resid_post" for layer in range(N_LAYER)))
# One more than the tests compare, so that the gap behind the last one is known.
LISTED = 6


def weights(path):
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    kinds = {"F32": torch.float32, "F16": torch.float16}
    out = {}
    for name, entry in json.loads(data[8 : 8 + size]).items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            raw = torch.frombuffer(bytearray(data[8 + size + begin : 8 + size + end]), dtype=kinds[entry["dtype"]])
            out[name.removeprefix("transformer.")] = raw.reshape(entry["shape"]).double()
    return out


def scale(x):
    """LayerNorm's divisor of every row."""
    return ((x - x.mean(-1, keepdim=True)) ** 2).mean(-1, keepdim=True).add(EPSILON).sqrt()


def norm(w, x, name):
    return (x - x.mean(-1, keepdim=True)) / scale(x) * w[f"{name}.weight"] + w[f"{name}.bias"]


def linear(w, x, name):
    return x @ w[f"{name}.weight"] + w[f"{name}.bias"]


def run(w, ids):
    """Every value of the pass by TransformerLens's name; a pattern is `[query, head, key]`."""
    tokens = len(ids)
    values = {}
    causal = torch.ones(tokens, tokens, dtype=torch.bool).tril()
    x = w["wte.weight"][ids] + w["wpe.weight"][:tokens]
    values["blocks.0.hook_resid_pre"] = x
    for layer in range(N_LAYER):
        h, name = f"h.{layer}", f"blocks.{layer}"
        values[f"{name}.ln1.hook_scale"] = scale(x).squeeze(-1)
        qkv = linear(w, norm(w, x, f"{h}.ln_1"), f"{h}.attn.c_attn")
        q, k, v = (part.reshape(tokens, N_HEAD, -1).transpose(0, 1) for part in qkv.chunk(3, -1))
        scores = (q @ k.transpose(1, 2) / q.shape[-1] ** 0.5).masked_fill(~causal, float("-inf"))
        pattern = scores.softmax(-1)
        values[f"{name}.attn.hook_pattern"] = pattern.transpose(0, 1)
        z = (pattern @ v).transpose(0, 1).reshape(tokens, -1)
        values[f"{name}.attn.hook_z"] = z
        x = x + linear(w, z, f"{h}.attn.c_proj")
        values[f"{name}.hook_resid_mid"] = x
        values[f"{name}.ln2.hook_scale"] = scale(x).squeeze(-1)
        post = torch.nn.functional.gelu(linear(w, norm(w, x, f"{h}.ln_2"), f"{h}.mlp.c_fc"), approximate="tanh")
        values[f"{name}.mlp.hook_post"] = post
        x = x + linear(w, post, f"{h}.mlp.c_proj")
        values[f"{name}.hook_resid_post"] = x
    values["ln_final.hook_scale"] = scale(x).squeeze(-1)
    return values


def lens(w, x, ids):
    logits = norm(w, x, "ln_f") @ w["wte.weight"].T
    losses = torch.nn.functional.cross_entropy(logits[:-1], torch.tensor(ids[1:]), reduction="none")
    top = logits.topk(LISTED, -1)
    return {"token_losses": rounded(losses), "ids": top.indices.tolist(), "logits": rounded(top.values)}


def rounded(values):
    """Nine digits: more than f32 has."""
    flat = [float(f"{value:.9g}") for value in values.flatten().tolist()]
    if values.dim() == 1:
        return flat
    width = values.shape[-1]
    return [flat[at : at + width] for at in range(0, len(flat), width)]


def main():
    w = weights(ROOT / "web/demo/model/model.safetensors")
    ids = json.loads((ROOT / f"tests/fixtures/{PROMPT}.json").read_text())["token_ids"]
    values = run(w, ids)
    out = {
        "prompt": PROMPT,
        "ids": ids,
        # A row per query and head.
        "patterns": {name: rounded(values[name]) for name in PATTERNS},
        "scales": {name: rounded(value) for name, value in values.items() if name.endswith("hook_scale")},
        "rows": {name: {str(row): rounded(values[name][row]) for row in rows} for name, rows in ROWS.items()},
        "norms": {name: rounded(values[name].norm(dim=-1)) for name in ROWS},
        # Of the embedding, and then of every block.
        "lens": [lens(w, values[name], ids) for name in STREAMS],
    }
    text = json.dumps(out, allow_nan=False, separators=(",", ":"))
    (ROOT / "tests/fixtures/demo-taps.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
