"""The evaluation of two of the demo's autoencoders over a small corpus, in NumPy and float64, from the formulas of docs/metrics.md.

Writes `tests/fixtures/demo-evaluation.json`, which `crates/cli/tests/cli/evaluate_corpus.rs` reads. It needs NumPy and SciPy: magnitudes are
refined by `scipy.optimize.nnls`, the chosen latents' probes are fitted once more by `scipy.optimize.minimize`. Random choices are those of
`crates/evaluation/src/random.rs`.
"""

import json

import numpy as np
from scipy.optimize import minimize, nnls

from demo_metrics import BOS, CONFIG, ROOT, SAES, divergence, load_sae, losses, run, safetensors
from sae_reference import forward, normalised

# Fixtures with a text, and its source in the corpus.
TEXTS = {"bible": "mixed", "fairy": "mixed", "gloss": "mixed", "pydoc": "mixed", "rust": "mixed", "demo-sample": "story"}
CONTEXT, SHORTEST, ABLATIONS, SEED = 40, 8, 6, 5
IDS = ["openai.layer_3", "saelens.blocks.3.relu"]
MASK = 2**64 - 1


class Random:
    """splitmix64."""

    def __init__(self, seed, purpose):
        self.state = seed
        self.state = self.next() ^ (purpose * 0x9E3779B97F4A7C15 & MASK)

    def next(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        z = self.state
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9 & MASK
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB & MASK
        return z ^ (z >> 31)

    def below(self, bound):
        return self.next() * bound >> 64

    def choose(self, items, count):
        if count >= len(items):
            return list(items)
        order = list(range(len(items)))
        for place in range(count):
            other = place + self.below(len(items) - place)
            order[place], order[other] = order[other], order[place]
        return [items[place] for place in sorted(order[:count])]


def fixture(text):
    return json.loads((ROOT / f"tests/fixtures/{text}.json").read_text())


def documents():
    """The windows of each text."""
    for text, source in TEXTS.items():
        ids = fixture(text)["token_ids"]
        assert ids[0] == BOS
        chunks = [ids[first : first + CONTEXT - 1] for first in range(1, len(ids), CONTEXT - 1)]
        yield source, [[BOS] + chunk for chunk in chunks if len(chunk) >= SHORTEST]


def windows():
    return [window for _, windows in documents() for window in windows]


def mean(values):
    return float(np.mean(values))


def pre_activations(sae, x):
    s, _ = normalised(sae, x)
    return (s - sae.b_dec) @ sae.w_enc + sae.b_enc


class Space:
    """The space in which an autoencoder was trained."""

    def __init__(self, sae, x):
        self.layer = sae.normalization == "layer_norm"
        self.mean, self.deviation = x.mean(-1, keepdims=True), x.std(-1, ddof=1, keepdims=True)
        self.x = (x - self.mean) / (self.deviation + 1e-5) if self.layer else x

    def back(self, recon):
        return (recon - self.mean) / self.deviation if self.layer else recon


def evaluate(w, sae, hook, reconstruct):
    """Metrics over all windows; `reconstruct(x)` gives the latents and the reconstruction."""
    found = {name: [] for name in ("l0", "error", "kl", "loss", "spliced", "zero")}
    inputs, backs, active = [], [], []
    for ids in windows():
        clean, hooks = run(w, ids)
        x = hooks[hook]
        z, recon = reconstruct(x)
        counted = np.arange(len(ids)) > 0
        put = lambda new: run(w, ids, lambda name, value: np.where(counted[:, None], new, value) if name == hook else value)[0]
        spliced = put(recon)
        found["loss"] += list(losses(clean, ids))
        found["spliced"] += list(losses(spliced, ids))
        found["zero"] += list(losses(put(np.zeros_like(x)), ids))
        found["kl"] += list(divergence(clean, spliced)[counted])
        found["l0"] += list((z > 0).sum(-1)[counted])
        found["error"] += list((((x - recon) ** 2).sum(-1) / (x**2).sum(-1))[counted])
        space = Space(sae, x)
        inputs.append(space.x[counted])
        backs.append(space.back(recon)[counted])
        active.append((z > 0)[counted])
    a, b, active = np.concatenate(inputs), np.concatenate(backs), np.concatenate(active)
    loss, spliced, zero = (mean(found[name]) for name in ("loss", "spliced", "zero"))
    density = active.mean(0)
    return {
        "fvu": float(((a - b) ** 2).sum() / ((a - a.mean(0)) ** 2).sum()),
        "relative_error": mean(found["error"]),
        "l0": mean(found["l0"]),
        "kl": mean(found["kl"]),
        "loss": loss,
        "spliced_loss": spliced,
        "delta_ce": spliced - loss,
        "zero_loss": zero,
        "ce_recovered": (zero - spliced) / (zero - loss),
        "positions": len(a),
        "dead": int((density == 0).sum()),
        "rare": int(((density > 0) & (density < 10**-1.75)).sum()),
    }


def with_k(sae, k):
    return lambda x: forward(type(sae)(**{**vars(sae), "k": k}), x)


def jump_relu(sae, threshold):
    changed = type(sae)(**{**vars(sae), "architecture": "jumprelu", "threshold": np.full(len(sae.b_enc), threshold)})
    return lambda x: forward(changed, x)


def threshold(w, sae, hook):
    """So that as many pre-activations are above it as TopK keeps."""
    h, kept = [], 0
    for ids in windows():
        x = run(w, ids)[1][hook][1:]
        h.append(pre_activations(sae, x).ravel())
        kept += int((forward(sae, x)[0] > 0).sum())
    h = np.sort(np.concatenate(h))[::-1]
    return float((h[kept - 1] + h[kept]) / 2)


def refined(w, sae, hook):
    inputs, before, after = [], 0.0, 0.0
    for ids in windows():
        x = run(w, ids)[1][hook][1:]
        z, _ = forward(sae, x)
        for row, latents in zip(Space(sae, x).x, z):
            on = np.flatnonzero(latents > 0)
            target = row - sae.b_dec
            before += ((target - latents[on] @ sae.w_dec[on]) ** 2).sum()
            after += nnls(sae.w_dec[on].T, target)[1] ** 2
            inputs.append(row)
    inputs = np.array(inputs)
    variance = ((inputs - inputs.mean(0)) ** 2).sum()
    return {"before": float(before / variance), "after": float(after / variance)}


def probe(w, sae, hook):
    """The best latent's two-parameter probe for the source `story`, on a balanced sample of all tokens."""
    h = np.concatenate([pre_activations(sae, run(w, ids)[1][hook])[1:] for ids in windows()])
    labels = np.array([source == "story" for source, windows in documents() for window in windows for _ in window[1:]])
    rows = [[int(row) for row in np.flatnonzero(labels == label)] for label in (True, False)]
    # Sources have their tasks behind the twelve of the text, those with more tokens first.
    order = sorted(set(TEXTS.values()), key=lambda source: -len(rows[source != "story"]))
    random = Random(SEED, 100 + 12 + order.index("story"))
    each = min(map(len, rows))
    chosen = sorted(row for part in rows for row in random.choose(part, each))
    x, y = h[chosen], labels[chosen]
    x = (x - x.mean(0)) / x.std(0)
    # Newton for all latents at once, in float64.
    weights, bias = np.zeros(x.shape[1]), np.zeros(x.shape[1])
    for _ in range(60):
        p = 1 / (1 + np.exp(-np.clip(x * weights + bias, -30, 30)))
        error, curve = p - y[:, None], np.maximum(p * (1 - p), 1e-9)
        g, b = (error * x).sum(0), error.sum(0)
        aa, ab, bb = (curve * x * x).sum(0), (curve * x).sum(0), curve.sum(0)
        determinant = aa * bb - ab * ab
        weights, bias = weights - 0.7 * (bb * g - ab * b) / determinant, bias - 0.7 * (aa * b - ab * g) / determinant
    loss = lambda z, y: np.logaddexp(0, np.where(y, -z, z)).mean(0)
    all_losses = loss(x * weights + bias, y[:, None])
    best = int(all_losses.argmin())
    exact = minimize(lambda q: loss(x[:, best] * q[0] + q[1], y), [0.0, 0.0], method="BFGS", options={"gtol": 1e-9})
    assert abs(exact.fun - all_losses[best]) < 1e-7, (exact.fun, all_losses[best])
    return {"latent": best, "loss": float(exact.fun), "next": float(np.sort(all_losses)[1]), "samples": len(chosen)}


def ablations(w, sae, hook):
    """Sparsities where one active latent is zeroed at one position, the error term kept."""
    random = Random(SEED, 2)
    all_windows = windows()
    places = [(number, token) for number, ids in enumerate(all_windows) for token in range(len(ids) - 1 - 15)]
    found = []
    for number, token in random.choose(places, ABLATIONS):
        ids, position = all_windows[number], token + 1
        ids = ids[: position + 16]
        clean, hooks = run(w, ids)
        z, _ = forward(sae, hooks[hook])
        # The strongest first.
        on = [latent for latent in np.argsort(-z[position], kind="stable") if z[position, latent] > 0]
        latent = on[random.below(len(on))]
        space = Space(sae, hooks[hook])
        change = np.zeros_like(hooks[hook])
        change[position] = -z[position, latent] * sae.w_dec[latent] * (space.deviation[position] if space.layer else 1)
        ablated, _ = run(w, ids, lambda name, value: value + change if name == hook else value)
        delta = (ablated - clean)[position:]
        delta = delta - np.median(delta, axis=-1, keepdims=True)
        found.append(np.abs(delta).sum() ** 2 / (delta**2).sum() / delta.size)
    return {"count": len(found), "mean": mean(found), "standard_error": float(np.std(found, ddof=1) / np.sqrt(len(found)))}


def main():
    w = safetensors(ROOT / "web/demo/model/model.safetensors")
    records = [{"text": fixture(text)["text"], "source": source} for text, source in TEXTS.items()]
    out = {"records": records, "context": CONTEXT, "ablations": ABLATIONS, "seed": SEED, "windows": len(windows()), "saes": {}}
    for name in IDS:
        file, hook = SAES[name]
        sae = load_sae(ROOT / file)
        entry = evaluate(w, sae, hook, lambda x: forward(sae, x)) 
        entry |= {"refinement": refined(w, sae, hook), "probe": probe(w, sae, hook), "ablation": ablations(w, sae, hook)}
        if sae.architecture == "topk":
            for k in (sae.k // 2, 2 * sae.k):
                entry[f"k{k}"] = evaluate(w, sae, hook, with_k(sae, k))
            entry["threshold"] = threshold(w, sae, hook)
            entry["jump_relu"] = evaluate(w, sae, hook, jump_relu(sae, entry["threshold"]))
        out["saes"][name] = entry
    text = json.dumps(out, indent=1, allow_nan=False, ensure_ascii=False)
    (ROOT / "tests/fixtures/demo-evaluation.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
