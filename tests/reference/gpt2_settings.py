"""Writes tests/fixtures/formats/gpt2-settings: logits of the model `bare-f32` under settings that GPT-2 itself does not have.

By NumPy in float64, from the formulas; the weights are those that `generate.py` wrote. Under GPT-2's own settings the logits
must be those that `transformers` gave for them, which is checked first. Needs numpy and safetensors.
"""

import json
import math
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

FORMATS = Path(__file__).resolve().parents[1] / "fixtures/formats"
SETTINGS = {
    "exact-gelu": {"activation_function": "gelu"},
    "inverse-layer-scale": {"scale_attn_by_inverse_layer_idx": True},
    "unscaled-attention": {"scale_attn_weights": False},
    "all": {"activation_function": "gelu", "scale_attn_by_inverse_layer_idx": True, "scale_attn_weights": False},
}


def layer_norm(x, w, name, epsilon):
    centred = x - x.mean(-1, keepdims=True)
    scale = np.sqrt((centred**2).mean(-1, keepdims=True) + epsilon)
    return centred / scale * w[f"{name}.weight"] + w[f"{name}.bias"]


def gelu(x, function):
    if function == "gelu":
        return 0.5 * x * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))
    return 0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def logits(config, w, ids):
    heads, epsilon = config["n_head"], config["layer_norm_epsilon"]
    x = w["wte.weight"][ids] + w["wpe.weight"][: len(ids)]
    causal = np.tril(np.ones((len(ids), len(ids)), bool))
    for layer in range(config["n_layer"]):
        at = f"h.{layer}"
        product = lambda x, name: x @ w[f"{at}.{name}.weight"] + w[f"{at}.{name}.bias"]
        qkv = product(layer_norm(x, w, f"{at}.ln_1", epsilon), "attn.c_attn")
        # [heads, tokens, width of a head]
        q, k, v = (part.reshape(len(ids), heads, -1).swapaxes(0, 1) for part in np.split(qkv, 3, axis=-1))
        scores = q @ k.swapaxes(1, 2)
        if config.get("scale_attn_weights", True):
            scores /= math.sqrt(q.shape[-1])
        if config.get("scale_attn_by_inverse_layer_idx", False):
            scores /= layer + 1
        scores = np.where(causal, scores, -np.inf)
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        weights /= weights.sum(-1, keepdims=True)
        z = (weights @ v).swapaxes(0, 1).reshape(len(ids), -1)
        x = x + product(z, "attn.c_proj")
        hidden = product(layer_norm(x, w, f"{at}.ln_2", epsilon), "mlp.c_fc")
        x = x + product(gelu(hidden, config["activation_function"]), "mlp.c_proj")
    return layer_norm(x, w, "ln_f", epsilon) @ w["wte.weight"].T


def byte_ids(text):
    """The ids of a tokenizer of single bytes, in GPT-2's order: printable characters first."""
    kept = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    order = kept + [byte for byte in range(256) if byte not in kept]
    return [order.index(byte) for byte in text.encode()]


def main():
    base = FORMATS / "gpt2/bare-f32"
    config = json.loads((base / "config.json").read_text())
    weights = {key: value.astype(np.float64) for key, value in load_file(base / "model.safetensors").items()}
    ids = byte_ids(json.loads((FORMATS / "index.json").read_text())["text"])
    plain = logits(config, weights, ids)
    known = load_file(base / "expected.safetensors")["logits"]
    assert np.abs(plain - known).max() < 1e-5 * np.abs(known).max(), "not transformers' logits"
    for name, settings in SETTINGS.items():
        changed = logits(config | settings, weights, ids)
        # A reader that forgets the setting must be seen.
        assert np.sqrt(((changed - plain) ** 2).mean() / (plain**2).mean()) > 1e-4, name
        folder = FORMATS / "gpt2-settings" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "config.json").write_text(json.dumps(config | settings, indent=2) + "\n")
        save_file({"logits": changed.astype(np.float32)}, folder / "expected.safetensors", metadata={"format": "np"})


if __name__ == "__main__":
    main()
