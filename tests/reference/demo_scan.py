"""Statistics of features over the fixtures' texts, divided into windows as a scan divides them, in NumPy and float64.

Writes `tests/fixtures/demo-scan.json`, which `crates/scan/tests/scan/reference.rs` reads. NumPy is all it needs. Activations are
dense here: every latent at every token, of which those above 0 are counted.
"""

import json

import numpy as np

from demo_metrics import BOS, ROOT, SAES, load_sae, run, safetensors
from sae_reference import forward

PROMPTS = ("fairy", "bible", "rust", "pydoc", "gloss", "odd")
CONTEXT = 16
SHORTEST = 8
LAYER = "openai.layer_3"
NEURONS = "blocks.4.mlp.hook_post"
LATENTS, LISTED_NEURONS = 60, 40
# A latent this near to the boundary of the k largest, or a neuron this near to 0, may fall on its other side in f32.
MARGIN, NEURON_MARGIN = 1e-3, 1e-5


def windows(ids):
    """A document's tokens in windows, each with its first token's index; a short end is left out."""
    room = CONTEXT - 1
    parts = [(start, ids[start : start + room]) for start in range(0, len(ids), room)]
    return [(start, part) for start, part in parts if len(part) >= SHORTEST]


def statistics(values, tokens, places):
    """Of one latent: `values [tokens]`; `places` are each token's document and window."""
    fired = values > 0
    best = int(values.argmax())
    return {
        "fired": int(fired.sum()),
        "windows": len({places[at] for at in np.flatnonzero(fired)}),
        "max": float(f"{values[best]:.9g}") if fired.any() else 0.0,
        "where": list(places[best]) if fired.any() else None,
        "sum": float(f"{values.sum():.12g}"),
        "squares": float(f"{(values**2).sum():.12g}"),
        "tokens": sorted([int(id), int((tokens[fired] == id).sum())] for id in set(tokens[fired].tolist())),
    }


def main():
    w = safetensors(ROOT / "web/demo/model/model.safetensors")
    path, hook = SAES[LAYER]
    sae = load_sae(ROOT / path)
    documents = []
    latents, neurons, unsure, tokens, places = [], [], set(), [], []
    for number, name in enumerate(PROMPTS):
        fixture = json.loads((ROOT / f"tests/fixtures/{name}.json").read_text())
        documents.append({"name": name, "text": fixture["text"]})
        assert fixture["token_ids"][0] == BOS
        for start, part in windows(fixture["token_ids"][1:]):
            _, hooks = run(w, [BOS, *part])
            z, _ = forward(sae, hooks[hook])
            # The BOS does not count.
            z = z[1:]
            for row, x in zip(z, hooks[hook][1:]):
                unsure |= near_boundary(sae, x, row)
            latents.append(z)
            neurons.append(hooks[NEURONS][1:])
            tokens += part
            places += [(number, start)] * len(part)
    latents, neurons, tokens = np.concatenate(latents), np.concatenate(neurons), np.array(tokens)
    order = np.argsort(-(latents > 0).sum(0), kind="stable")
    sure = [int(latent) for latent in order if int(latent) not in unsure][:LATENTS]
    near_zero = (np.abs(neurons) < NEURON_MARGIN).any(0)
    steady = [int(neuron) for neuron in np.flatnonzero(~near_zero)][:LISTED_NEURONS]
    out = {
        "documents": documents,
        "context": CONTEXT,
        "sets": {
            LAYER: {str(latent): statistics(latents[:, latent], tokens, places) for latent in sure},
            NEURONS: {str(neuron): statistics(neurons[:, neuron], tokens, places) for neuron in steady},
        },
        "tokens": len(tokens),
        "windows": len(set(places)),
    }
    text = json.dumps(out, allow_nan=False, separators=(",", ":"))
    (ROOT / "tests/fixtures/demo-scan.json").write_text(text + "\n")


def near_boundary(sae, x, z):
    """Latents that are selected or left out by less than the margin."""
    centred = x - x.mean()
    scaled = centred / (centred.std(ddof=1) + 1e-5)
    pre = (scaled - sae.b_dec) @ sae.w_enc + sae.b_enc
    assert np.allclose(pre[z > 0], z[z > 0])
    ordered = np.sort(pre)[::-1]
    last, first_out = ordered[sae.k - 1], ordered[sae.k]
    near = (np.abs(pre - last) < MARGIN) & (pre <= last) | (np.abs(pre - first_out) < MARGIN) & (pre >= first_out)
    return set(np.flatnonzero(near).tolist()) if last - first_out < MARGIN else set()


if __name__ == "__main__":
    main()
