"""Continuations of the demo model under edits, and what ablating each active latent of a prompt does, in torch and float64.

Writes `tests/fixtures/demo-steering.json`. Each continuation is greedy: every token comes of a whole pass over all tokens
before it, without a cache, with x + scale (z_new - z) W_dec at each edited hook point. torch computes the model, NumPy the
autoencoders (`sae_reference.py`).
"""

import json

import numpy as np
import torch
import torch.nn.functional as F

from demo_metrics import CONFIG, N_HEAD, N_LAYER, ROOT, SAES, load_sae, safetensors
from sae_reference import forward

PROMPT, LENGTH, NEW = "fairy", 14, 24
L1, L3, L5 = list(SAES)[:3]
NEURONS = {"post": "blocks.2.mlp.hook_post", "z": "blocks.4.attn.hook_z"}
# Feature set, latent, operation, value, positions (None: all that count; a number: from there on; a list), and a condition
# (feature set, latent, bound) on the activation that arrives at its hook point in the same run.
# "strongest N" is the latent that is strongest at position N of the clean prompt.
CONTINUATIONS = {
    "clean": [],
    "added everywhere": [(L3, 1234, "add", 11.0, None, None)],
    "from the last token on": [(L3, 77, "add", 12.0, LENGTH - 1, None)],
    "generated tokens alone": [(L5, 500, "add", 14.0, LENGTH, None)],
    "some positions": [(L1, 9, "set", 40.0, [3, 5, LENGTH + 4], None)],
    "layers and neurons": [
        (L1, "strongest 7", "set", 0.0, None, None), (L3, 2, "add", 7.0, 6, None), ("z", 100, "set", -3.0, None, None),
        ("post", 11, "scale", -6.0, 4, None), (L5, "strongest 9", "scale", 2.5, None, None),
    ],
    "under a condition": [(L3, 1234, "add", 12.0, None, (L1, "often", 0.5))],
    "under a condition of its own set": [(L3, 77, "add", 12.0, None, (L3, "often", 0.5)), (L5, 2, "set", 9.0, 8, ("post", 3, 0.0))],
}  # fmt: skip
# A choice of tokens that is closer could be another one in f32.
SAFE = 2e-3
EFFECTS = {"sae": L3, "tokens": 20}


def model(w, ids, replace=lambda name, x: x):
    """Logits `[T, V]`, and `x / deviation` of the final LayerNorm: its deviations `[T]`."""
    width = CONFIG["n_embd"]

    def linear(x, name):
        return x @ w[f"{name}.weight"] + w[f"{name}.bias"]

    def norm(x, name):
        return F.layer_norm(x, (width,), w[f"{name}.weight"], w[f"{name}.bias"], CONFIG["layer_norm_epsilon"])

    x = w["wte.weight"][ids] + w["wpe.weight"][: len(ids)]
    for layer in range(N_LAYER):
        block, hook = f"h.{layer}", f"blocks.{layer}"
        qkv = linear(norm(x, f"{block}.ln_1"), f"{block}.attn.c_attn").split(width, -1)
        q, k, v = (part.unflatten(-1, (N_HEAD, -1)).transpose(0, 1) for part in qkv)
        z = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(0, 1).flatten(1)
        x = x + linear(replace(f"{hook}.attn.hook_z", z), f"{block}.attn.c_proj")
        post = F.gelu(linear(norm(x, f"{block}.ln_2"), f"{block}.mlp.c_fc"), approximate="tanh")
        x = replace(f"{hook}.hook_resid_post", x + linear(replace(f"{hook}.mlp.hook_post", post), f"{block}.mlp.c_proj"))
    deviation = torch.sqrt(x.var(-1, correction=0) + CONFIG["layer_norm_epsilon"])
    return norm(x, "ln_f") @ w["wte.weight"].T, deviation


class Sets:
    """The feature sets: what they make of an activation `[T, width]`, and what a latent writes."""

    def __init__(self):
        self.saes = {id: (load_sae(ROOT / path), hook) for id, (path, hook) in SAES.items()}

    def hook(self, id):
        return NEURONS[id] if id in NEURONS else self.saes[id][1]

    def latents(self, id, x):
        return x if id in NEURONS else torch.from_numpy(forward(self.saes[id][0], x.numpy())[0])

    def direction(self, id, latent, x):
        """`[T, width]`: one unit of a latent at each token."""
        if id in NEURONS:
            return torch.eye(x.shape[1], dtype=x.dtype)[latent].expand_as(x)
        sae = self.saes[id][0]
        scale = x.std(-1, keepdim=True) if sae.normalization == "layer_norm" else 1.0
        return scale * torch.from_numpy(sae.w_dec[latent])

    def margin(self):
        return min(sae.margins.get("rank", 1.0) for sae, _ in self.saes.values())


def chosen(positions, tokens):
    out = torch.zeros(tokens, dtype=torch.bool)
    if positions is None:
        # A BOS does not count.
        out[1:] = True
    elif isinstance(positions, int):
        out[positions:] = True
    else:
        out[[at for at in positions if at < tokens]] = True
    return out


def edited(w, sets, ids, edits):
    arrived = {}

    def replace(name, x):
        arrived[name] = x
        out = x
        for set_id, latent, operation, value, positions, when in edits:
            if sets.hook(set_id) != name:
                continue
            at = chosen(positions, len(ids))
            if when is not None:
                other, of, above = when
                at = at & (sets.latents(other, arrived[sets.hook(other)])[:, of] > above)
            z = sets.latents(set_id, x)[:, latent]
            new = {"set": torch.full_like(z, value), "add": z + value, "scale": z * value}[operation]
            out = out + at[:, None] * (new - z)[:, None] * sets.direction(set_id, latent, x)
        return out

    return model(w, ids, replace)[0]


def continued(w, sets, ids, edits):
    ids, smallest = list(ids), float("inf")
    for _ in range(NEW):
        top = edited(w, sets, ids, edits)[-1].topk(2)
        smallest = min(smallest, float(top.values[0] - top.values[1]))
        ids.append(int(top.indices[0]))
    return ids[-NEW:], smallest


def resolved(sets, w, ids, edits):
    """Edits with the latents that are named by what they do on the clean prompt."""
    seen = {}
    model(w, ids, lambda name, x: seen.setdefault(name, x))

    def latent(set_id, name):
        if isinstance(name, int):
            return name
        z = sets.latents(set_id, seen[sets.hook(set_id)])
        if name == "often":
            # Active on some tokens, silent on others.
            share = (z[1:] > 0.5).double().mean(0)
            return int((share - 0.4).abs().argmin())
        return int(z[int(name.split()[1])].argmax())

    return [
        (set_id, latent(set_id, name), operation, value, positions, when and (when[0], latent(when[0], when[1]), when[2]))
        for set_id, name, operation, value, positions, when in edits
    ]


def text(edits):
    """The edits in the grammar of `docs/edits.md`."""
    out = []
    for set_id, latent, operation, value, positions, when in edits:
        value = {"set": f"{value:g}", "add": f"+{value:g}x", "scale": f"*{value:g}"}[operation]
        at = "" if positions is None else f"@{positions}.." if isinstance(positions, int) else "@" + ",".join(map(str, positions))
        condition = "" if when is None else f"?{when[0]}:{when[1]}>{when[2]:g}"
        out.append(f"{set_id}:{latent}={value}{at}{condition}")
    return "; ".join(out)


def effects(w, sets, ids):
    """Every active latent of a set ablated at all positions that count."""
    sae = EFFECTS["sae"]
    seen = {}
    clean, deviation = model(w, ids, lambda name, x: seen.setdefault(name, x))
    x = seen[sets.hook(sae)]
    z = sets.latents(sae, x)
    losses = lambda logits: F.cross_entropy(logits[:-1], torch.tensor(ids[1:]), reduction="none")
    target, distractor = (int(id) for id in clean[-1].topk(2).indices)
    gap = lambda logits: float(logits[-1, target] - logits[-1, distractor])
    unembedded = w["wte.weight"][target] - w["wte.weight"][distractor]
    listed = []
    for latent in torch.unique(z[1:].nonzero()[:, 1]).tolist():
        logits = edited(w, sets, ids, [(sae, latent, "set", 0.0, None, None)])
        p, q = clean.log_softmax(-1), logits.log_softmax(-1)
        kl = (p.exp() * (p - q)).sum(-1)
        written = -z[-1, latent] * sets.direction(sae, latent, x)[-1]
        centred = (written - written.mean()) / deviation[-1] * w["ln_f.weight"]
        listed.append({
            "latent": latent,
            "loss": float((losses(logits) - losses(clean)).mean()),
            "kl": float(kl[1:].mean()),
            "logit_difference": gap(logits) - gap(clean),
            "direct": float(centred @ unembedded),
            "up": int((logits[-1] - clean[-1]).argmax()),
            "down": int((logits[-1] - clean[-1]).argmin()),
        })  # fmt: skip
    return {
        "sae": sae, "ids": ids, "target": target, "distractor": distractor,
        "loss": float(losses(clean).mean()), "logit_difference": gap(clean), "effects": listed,
    }  # fmt: skip


@torch.no_grad()
def main():
    w = {name: torch.from_numpy(np.ascontiguousarray(tensor)) for name, tensor in safetensors(ROOT / "web/demo/model/model.safetensors").items()}
    sets = Sets()
    all_ids = json.loads((ROOT / f"tests/fixtures/{PROMPT}.json").read_text())["token_ids"]
    ids = all_ids[:LENGTH]
    listed = []
    for name, edits in CONTINUATIONS.items():
        edits = resolved(sets, w, ids, edits)
        new, margin = continued(w, sets, ids, edits)
        print(f"{name}: {text(edits)}\n  {new}, margin {margin:.4f}, of latents {sets.margin():.2e}")
        if margin < SAFE:
            print("  too close: another edit is needed")
        listed.append({"name": name, "edits": text(edits), "ids": new, "margin": margin})
    found = effects(w, sets, all_ids[: EFFECTS["tokens"]])
    out = {"prompt": PROMPT, "ids": ids, "neurons": NEURONS, "continuations": listed, "effects": found}
    (ROOT / "tests/fixtures/demo-steering.json").write_text(json.dumps(out, indent=1, allow_nan=False) + "\n")


if __name__ == "__main__":
    main()
