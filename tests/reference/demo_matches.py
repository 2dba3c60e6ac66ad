"""Nearest features across the demo's autoencoders by decoder cosine, in NumPy and float64.

Writes `tests/fixtures/demo-matches.json`. NumPy is all it needs.
"""

import json

import numpy as np

from demo_metrics import ROOT, SAES, load_sae

LATENTS = [0, 16, 903, 2047]
LISTED = 10
# Candidates closer than this could stand in another order in f32.
MARGIN = 1e-6


def cosines(sae, latent, other):
    """Cosines of row `latent` of one decoder with all rows of another, `[d_sae]`."""
    direction, others = sae[latent].astype(np.float64), other.astype(np.float64)
    return others @ direction / (np.linalg.norm(direction) * np.linalg.norm(others, axis=-1))


def main():
    saes = {id: load_sae(ROOT / path).w_dec for id, (path, _) in SAES.items()}
    # A neuron of the residual stream is its dimension.
    saes["stream"] = np.eye(saes[next(iter(saes))].shape[1])
    found = []
    for sae in saes:
        for other in saes:
            for latent in LATENTS:
                if latent >= len(saes[sae]) or sae == other == "stream":
                    continue
                cos = cosines(saes[sae], latent, saes[other])
                if sae == other:
                    cos[latent] = -np.inf
                order = np.argsort(-cos, kind="stable")[: LISTED + 1]
                gaps = -np.diff(cos[order])
                clear = int(np.argmax(gaps < MARGIN)) if (gaps < MARGIN).any() else LISTED
                assert clear > 0, (sae, latent, other)
                found.append({
                    "sae": sae,
                    "latent": latent,
                    "other": other,
                    "latents": order[:clear].tolist(),
                    "cosines": cos[order[:clear]].tolist(),
                })  # fmt: skip
    text = json.dumps(found, allow_nan=False).replace("}, {", "},\n{")
    (ROOT / "tests/fixtures/demo-matches.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
