"""Metrics, edits and direct logit effects of the demo model, in NumPy and float64, from the formulas of docs/metrics.md.

Writes `tests/fixtures/demo-metrics.json`, which `crates/explorer/tests/explorer/metrics.rs` reads. NumPy is all it needs.
"""

import io
import json
import pathlib
import pickle
import struct
import zipfile

import numpy as np

from sae_reference import Sae, forward

ROOT = pathlib.Path(__file__).parents[2]
CONFIG = json.loads((ROOT / "web/demo/model/config.json").read_text())
BOS, D_MODEL, N_HEAD, N_LAYER = (CONFIG[name] for name in ("bos_token_id", "n_embd", "n_head", "n_layer"))
# The same for every SAE file of the demo: where it lies, and its hook.
SAES = {
    sae["id"]: (f"tests/fixtures/{sae['id'].replace('.', '/')}.pt", sae["hook"])
    for sae in json.loads((ROOT / "web/demo/demo.json").read_text())["saes"]
} | {"saelens.blocks.3.relu": ("tests/fixtures/saelens/blocks.3.hook_resid_post_relu", "blocks.3.hook_resid_post")}  # fmt: skip


def safetensors(path):
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    kinds = {"F32": np.float32, "F16": np.float16}
    out = {}
    for name, entry in json.loads(data[8 : 8 + size]).items():
        if name != "__metadata__":
            begin, end = entry["data_offsets"]
            raw = np.frombuffer(data[8 + size + begin : 8 + size + end], kinds[entry["dtype"]])
            out[name.removeprefix("transformer.")] = raw.reshape(entry["shape"]).astype(np.float64)
    return out


def torch_file(path):
    """The tensors of a `.pt` file, without torch: storages are raw little-endian numbers in the archive."""
    archive = zipfile.ZipFile(path)
    (name,) = [name for name in archive.namelist() if name.endswith("data.pkl")]
    folder = name.removesuffix("data.pkl")
    kinds = {"FloatStorage": np.float32, "HalfStorage": np.float16, "LongStorage": np.int64}

    def rebuild(storage, offset, shape, stride, *_):
        flat = storage[offset:]
        return np.lib.stride_tricks.as_strided(flat, shape, [step * flat.itemsize for step in stride]).astype(np.float64)

    class Unpickler(pickle.Unpickler):
        def find_class(self, module, name):
            return rebuild if name == "_rebuild_tensor_v2" else kinds.get(name, dict)

        def persistent_load(self, given):
            _, kind, key, _, _ = given
            return np.frombuffer(archive.read(f"{folder}data/{key}"), kind)

    return Unpickler(io.BytesIO(archive.read(name))).load()


def load_sae(path):
    if path.suffix == ".pt":
        file = torch_file(path)
        return Sae(
            architecture="topk",
            w_enc=file["encoder.weight"].T,
            w_dec=file["decoder.weight"].T,
            b_enc=file["latent_bias"],
            b_dec=file["pre_bias"],
            k=file["activation_state_dict"]["k"],
            normalization="layer_norm",
        )
    file = safetensors(path / "sae_weights.safetensors")
    return Sae(architecture="standard", w_enc=file["W_enc"], w_dec=file["W_dec"], b_enc=file["b_enc"], b_dec=file["b_dec"])


def normalised(x):
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5)


def gelu_new(x):
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


def run(w, ids, replace=None):
    """Logits `[T, V]` and every hook's activation; `replace(hook, x)` may put another one in its place."""
    hooks = {}

    def at(name, x):
        x = replace(name, x) if replace else x
        hooks[name] = x
        return x

    def linear(x, name):
        return x @ w[f"{name}.weight"] + w[f"{name}.bias"]

    def norm(x, name):
        return normalised(x) * w[f"{name}.weight"] + w[f"{name}.bias"]

    tokens = len(ids)
    x = w["wte.weight"][ids] + w["wpe.weight"][:tokens]
    for layer in range(N_LAYER):
        block, hook = f"h.{layer}", f"blocks.{layer}"
        x = at(f"{hook}.hook_resid_pre", x)
        qkv = linear(norm(x, f"{block}.ln_1"), f"{block}.attn.c_attn")
        q, k, v = (part.reshape(tokens, N_HEAD, -1).swapaxes(0, 1) for part in np.split(qkv, 3, -1))
        scores = q @ k.swapaxes(1, 2) / np.sqrt(q.shape[-1])
        scores = np.where(np.tril(np.ones((tokens, tokens))) == 1, scores, -np.inf)
        pattern = np.exp(scores - scores.max(-1, keepdims=True))
        pattern /= pattern.sum(-1, keepdims=True)
        z = at(f"{hook}.attn.hook_z", (pattern @ v).swapaxes(0, 1).reshape(tokens, -1))
        x = at(f"{hook}.hook_resid_mid", x + linear(z, f"{block}.attn.c_proj"))
        post = at(f"{hook}.mlp.hook_post", gelu_new(linear(norm(x, f"{block}.ln_2"), f"{block}.mlp.c_fc")))
        x = at(f"{hook}.hook_resid_post", x + linear(post, f"{block}.mlp.c_proj"))
    x = at("ln_final.hook_normalized", normalised(x))
    x = at("ln_final.hook_out", x * w["ln_f.weight"] + w["ln_f.bias"])
    return x @ w["wte.weight"].T, hooks


def log_softmax(logits):
    shifted = logits - logits.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def losses(logits, ids):
    return -log_softmax(logits)[np.arange(len(ids) - 1), ids[1:]]


def divergence(clean, edited):
    p, q = log_softmax(clean), log_softmax(edited)
    return (np.exp(p) * (p - q)).sum(-1)


def metrics(w, sae, hook, ids, clean, x, counted):
    z, recon = forward(sae, x)
    kept = np.array(counted)
    spliced, _ = run(w, ids, lambda name, value: np.where(kept[:, None], recon, value) if name == hook else value)
    # FVU's space is the one of training.
    a, b = x[kept], recon[kept]
    if sae.normalization == "layer_norm":
        mean, deviation = x.mean(-1, keepdims=True), x.std(-1, ddof=1, keepdims=True)
        a, b = ((x - mean) / (deviation + 1e-5))[kept], ((recon - mean) / deviation)[kept]
    return {
        "l0": float((z > 0).sum(-1)[kept].mean()),
        "fvu": float(((a - b) ** 2).sum() / ((a - a.mean(0)) ** 2).sum()),
        "relative_error": float((((x - recon) ** 2).sum(-1) / (x**2).sum(-1))[kept].mean()),
        "cosine": float(((x * recon).sum(-1) / np.linalg.norm(x, axis=-1) / np.linalg.norm(recon, axis=-1))[kept].mean()),
        "spliced_loss": float(losses(spliced, ids).mean()),
        "delta_ce": float(losses(spliced, ids).mean() - losses(clean, ids).mean()),
        "kl": float(divergence(clean, spliced)[kept].mean()),
        "positions": int(kept.sum()),
    }


def edits(w, sae, hook, ids, clean, x):
    """Edits that change little and much: the latent that is strongest at the last token, by steps of its activation."""
    z, _ = forward(sae, x)
    latent = int(z[-1].argmax())
    scale = x.std(-1, ddof=1, keepdims=True) if sae.normalization == "layer_norm" else 1.0
    out = []
    for step in (1e-4, 1e-3, 1e-2, 1.0):
        # At the last token alone, whose activation is written out, so that both sides change by the same amount.
        value = float(np.float32(z[-1, latent] * (1 + step)))
        last = np.arange(len(ids))[:, None] == len(ids) - 1
        edited, _ = run(
            w, ids, lambda name, v: v + last * scale * (value - z[-1, latent]) * sae.w_dec[latent] if name == hook else v
        )
        out.append({"latent": latent, "value": value, "kl": float(divergence(clean, edited)[-1])})
    return out


def effect(w, hook, direction):
    """Tokens pushed up and down the most by one unit of a latent, by the direct path."""
    if hook.endswith("attn.hook_z"):
        direction = direction @ w[f"h.{hook.split('.')[1]}.attn.c_proj.weight"]
    elif hook.endswith("mlp.hook_post"):
        direction = direction @ w[f"h.{hook.split('.')[1]}.mlp.c_proj.weight"]
    if hook == "ln_final.hook_out":
        scaled = direction
    elif hook == "ln_final.hook_normalized":
        scaled = direction * w["ln_f.weight"]
    else:
        scaled = (direction - direction.mean()) * w["ln_f.weight"]
    logits = w["wte.weight"] @ scaled
    logits -= logits.mean()
    order = np.argsort(-logits, kind="stable")
    listed = lambda ids: [[int(i), float(logits[i])] for i in ids]
    return {"top": listed(order[:10]), "bottom": listed(order[::-1][:10]), "output_norm": float(np.linalg.norm(direction))}


def main():
    w = safetensors(ROOT / "web/demo/model/model.safetensors")
    saes = {id: (load_sae(ROOT / path), hook) for id, (path, hook) in SAES.items()}
    prompts, effects = [], []
    for name in ("fairy", "odd", "rust"):
        fixture = json.loads((ROOT / f"tests/fixtures/{name}.json").read_text())
        for bos in (True, False):
            ids = fixture["token_ids"] if bos else fixture["token_ids"][1:]
            assert (ids[0] == BOS) == bos
            clean, hooks = run(w, ids)
            # The settings of the ReLU SAE leave out position 0, whatever stands there.
            counted = {id: [p > 0 or not (bos or id.endswith("relu")) for p in range(len(ids))] for id in saes}
            found = {
                id: metrics(w, sae, hook, ids, clean, hooks[hook], counted[id]) for id, (sae, hook) in saes.items()
            }
            changed = {}
            if bos:
                changed = {id: edits(w, sae, hook, ids, clean, hooks[hook]) for id, (sae, hook) in saes.items()}
            prompts.append({"name": name, "bos": bos, "loss": float(losses(clean, ids).mean()), "saes": found, "edits": changed})
    for id, (sae, hook) in saes.items():
        for latent in (3, 903, 2047, 4000 % sae.w_dec.shape[0]):
            effects.append({"sae": id, "latent": latent} | effect(w, hook, sae.w_dec[latent]))
    inner = w["h.0.mlp.c_fc.bias"].shape[0]
    for hook in ("hook_embed", "blocks.2.hook_resid_pre", "blocks.2.attn.hook_z", "blocks.2.hook_attn_out", "blocks.4.mlp.hook_post",
                 "blocks.4.hook_mlp_out", "ln_final.hook_normalized", "ln_final.hook_out"):  # fmt: skip
        width = inner if hook.endswith("mlp.hook_post") else D_MODEL
        for neuron in (0, 11, 200):
            effects.append({"neurons": hook, "latent": neuron} | effect(w, hook, np.eye(width)[neuron]))
    # The sample text in the demo's tokens: `cargo xtask demo` writes it.
    ids = json.loads((ROOT / "tests/fixtures/demo-sample.json").read_text())["token_ids"]
    sample = float(losses(run(w, ids)[0], ids).mean())
    out = {"prompts": prompts, "effects": effects, "sample_loss": sample}
    text = json.dumps(out, indent=1, allow_nan=False)
    (ROOT / "tests/fixtures/demo-metrics.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
