"""Lists of edits of the demo model: several latents, layers, neurons and operations at once, in NumPy and float64.

Writes `tests/fixtures/demo-edits.json`: losses and KL divergences at every position, from x + scale (z_new - z) W_dec at each
edited hook point in turn. NumPy is all it needs.
"""

import json

import numpy as np

from demo_metrics import ROOT, SAES, divergence, load_sae, losses, run, safetensors
from sae_reference import forward

PROMPT = "fairy"
NEURONS = {"post": "blocks.2.mlp.hook_post", "z": "blocks.4.attn.hook_z"}
L1, L3, L5 = list(SAES)[:3]
# Feature set, latent (or "strongest N": the one that is strongest at position N), operation, value, positions (None: all
# that count).
LISTS = {
    "one latent": [(L1, 77, "set", 6.0, None)],
    "two latents of one set": [(L3, "strongest 12", "scale", 0.0, None), (L3, 900, "add", 5.5, [4, 5, 9])],
    "two layers": [(L1, "strongest 7", "set", 9.0, [6, 7, 8]), (L3, "strongest 12", "scale", -1.5, None)],
    "three layers": [(L1, 1500, "add", 4.0, [3]), (L3, 3, "set", 8.0, [10, 20]), (L5, "strongest 30", "scale", 3.0, [30])],
    "two sets at one hook": [(L3, "strongest 9", "set", 0.0, None), ("saelens.blocks.3.relu", 33, "add", 2.5, None)],
    "neurons": [("post", 700, "set", 4.0, None), ("z", 9, "add", 3.0, [2, 15]), ("post", 11, "scale", -6.0, [8])],
    "neurons and latents": [
        ("z", 100, "set", -3.0, None), ("post", 5, "add", 2.0, None), (L1, 500, "add", 3.0, None), (L5, 2047, "set", 7.0, [29, 30]),
    ],
}  # fmt: skip


def latent_of(latent, sae, x):
    if isinstance(latent, int):
        return latent
    return int(forward(sae, x)[0][int(latent.split()[1])].argmax())


def edited(w, saes, ids, edits):
    """Logits with the edits. Sets at one hook all see the activation that arrives."""
    tokens = len(ids)

    def replace(name, x):
        out = x
        for set_id, latent, operation, value, positions in edits:
            sae, hook = saes[set_id] if set_id in saes else (None, NEURONS[set_id])
            if hook != name:
                continue
            # A BOS does not count, and the ReLU SAE leaves out position 0 as well; of neurons the BOS does not either.
            chosen = np.zeros(tokens, bool)
            chosen[range(1, tokens) if positions is None else positions] = True
            z = x[:, latent] if sae is None else forward(sae, x)[0][:, latent]
            new = {"set": np.full(tokens, value), "add": z + value, "scale": z * value}[operation]
            if sae is None:
                change = (new - z)[:, None] * np.eye(x.shape[1])[latent]
            else:
                scale = x.std(-1, ddof=1, keepdims=True) if sae.normalization == "layer_norm" else 1.0
                change = scale * (new - z)[:, None] * sae.w_dec[latent]
            out = out + chosen[:, None] * change
        return out

    return run(w, ids, replace)[0]


def main():
    w = safetensors(ROOT / "web/demo/model/model.safetensors")
    saes = {id: (load_sae(ROOT / path), hook) for id, (path, hook) in SAES.items()}
    ids = json.loads((ROOT / f"tests/fixtures/{PROMPT}.json").read_text())["token_ids"]
    clean, hooks = run(w, ids)
    lists = []
    for name, edits in LISTS.items():
        # Which latents is decided on the clean run.
        edits = [
            (set_id, latent if set_id in NEURONS else latent_of(latent, saes[set_id][0], hooks[saes[set_id][1]]), *rest)
            for set_id, latent, *rest in edits
        ]
        logits = edited(w, saes, ids, edits)
        margins = {id: sae.margins.get("rank") for id, (sae, _) in saes.items()}
        print(name, edits, "KL", divergence(clean, logits).round(4)[[1, 10, -1]], margins)
        lists.append({
            "name": name,
            "edits": [
                {"set": set_id, "latent": latent, "operation": operation, "value": value, "positions": positions}
                for set_id, latent, operation, value, positions in edits
            ],
            "token_losses": losses(logits, np.array(ids)).tolist(),
            "kl": divergence(clean, logits).tolist(),
        })  # fmt: skip
    out = {"prompt": PROMPT, "ids": ids, "neurons": NEURONS, "lists": lists}
    text = json.dumps(out, indent=1, allow_nan=False)
    (ROOT / "tests/fixtures/demo-edits.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
