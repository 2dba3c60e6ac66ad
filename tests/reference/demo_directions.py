"""What the demo's weights say of some features: logit effects, neighbours, neurons and heads,
and how many neighbours a plane of principal axes keeps.

Writes `tests/fixtures/demo-directions.json`, from the weights alone in NumPy and float64. NumPy is all it needs.
"""

import json

import numpy as np

from demo_metrics import CONFIG, D_MODEL, N_HEAD, N_LAYER, ROOT, SAES, load_sae, safetensors

LATENTS = [0, 16, 903, 2047]
# Neurons of this block are a set as well.
NEURON_LAYER = 3
NEURONS = "neurons"
# Candidates closer than this could stand in another order in f32.
MARGIN = 2e-6
BINS = 64


def unit(rows):
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def listed(values, count, smallest=False):
    """The largest (or smallest) values with their indices, as far as their order is clear."""
    order = np.argsort(values if smallest else -values, kind="stable")[: count + 1]
    scale = max(1.0, float(np.abs(values[order]).max()))
    close = np.abs(np.diff(values[order])) < MARGIN * scale
    clear = int(np.argmax(close)) if close.any() else count
    assert clear > 0, values[order]
    return [[int(index), float(values[index])] for index in order[:clear]]


def histogram(values):
    """Counts in at most BINS bins whose width is the smallest possible power of two."""
    width = 2.0**-40
    while np.floor(values.max() / width) - np.floor(values.min() / width) + 1 > BINS:
        width *= 2
    bins = np.floor(values / width).astype(int)
    return {"width": width, "first": int(bins.min()), "counts": np.bincount(bins - bins.min()).tolist()}


def logits(w, direction):
    effects = w["wte.weight"] @ ((direction - direction.mean()) * w["ln_f.weight"])
    effects -= effects.mean()
    return {"up": listed(effects, 10), "down": listed(effects, 10, smallest=True), "histogram": histogram(effects)}


def neurons(w, direction, layers):
    """[layer, neuron, cosine] of the neurons with the nearest output directions."""
    cosines = np.concatenate([unit(w[f"h.{layer}.mlp.c_proj.weight"]) @ unit(direction) for layer in layers])
    n_inner = len(cosines) // len(layers)
    return [[index // n_inner, index % n_inner, cosine] for index, cosine in listed(cosines, 5)]


def heads(w, direction, layers):
    """[layer, head, share] of the heads that can write most of a direction."""
    shares = []
    for layer in layers:
        # Rows of c_proj are what the heads' dimensions write.
        for w_o in np.split(w[f"h.{layer}.attn.c_proj.weight"], N_HEAD):
            part = ((w_o @ direction) ** 2).sum() / (w_o**2).sum()
            shares.append(part * D_MODEL / (direction**2).sum())
    return [[index // N_HEAD, index % N_HEAD, share] for index, share in listed(np.array(shares), 3)]


def principal(directions):
    """Coordinates on the two principal axes."""
    centred = unit(directions) - unit(directions).mean(0)
    _, _, axes = np.linalg.svd(centred, full_matrices=False)
    return centred @ axes[:2].T


def kept_neighbours(directions, points):
    """Share of the ten nearest directions that are among the ten nearest points, mean over all."""
    cosines = unit(directions) @ unit(directions).T
    distances = ((points[:, None] - points) ** 2).sum(-1)
    np.fill_diagonal(cosines, -np.inf)
    np.fill_diagonal(distances, np.inf)
    near, on_plane = np.argsort(-cosines, -1)[:, :10], np.argsort(distances, -1)[:, :10]
    return float(np.mean([len(set(a) & set(b)) / 10 for a, b in zip(near, on_plane, strict=True)]))


def main():
    w = safetensors(ROOT / "web/demo/model/model.safetensors")
    assert CONFIG["n_layer"] == N_LAYER
    sets = {id: (load_sae(ROOT / path).w_dec.astype(np.float64), int(hook.split(".")[1])) for id, (path, hook) in SAES.items()}
    sets[NEURONS] = (w[f"h.{NEURON_LAYER}.mlp.c_proj.weight"], NEURON_LAYER)
    features, maps = [], []
    for id, (directions, layer) in sets.items():
        maps.append({"set": id, "kept_on_principal_axes": kept_neighbours(directions, principal(directions))})
        for latent in (latent for latent in LATENTS if latent < len(directions)):
            direction = directions[latent]
            cosines = {other: unit(rows) @ unit(direction) for other, (rows, _) in sets.items()}
            cosines[id][latent] = -np.inf
            features.append({
                "set": id,
                "latent": latent,
                "logits": logits(w, direction),
                "similar": listed(cosines.pop(id), 10),
                "elsewhere": {other: listed(found, 1)[0] for other, found in cosines.items()},
                "neurons": [] if id == NEURONS else neurons(w, direction, range(layer + 1)),
                "heads": heads(w, direction, range(layer + 1)),
            })  # fmt: skip
    text = json.dumps({"neurons": f"blocks.{NEURON_LAYER}.mlp.hook_post", "maps": maps, "features": features}, allow_nan=False)
    text = text.replace('}, {"set"', '},\n{"set"')
    (ROOT / "tests/fixtures/demo-directions.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
