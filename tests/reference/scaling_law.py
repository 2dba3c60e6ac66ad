"""The joint scaling law fitted by SciPy from 300 random starts: tests/fixtures/scaling-law.json.

The points are losses of a grid of small trainings on the demo's model (`sae-explorer sweep`)."""

import json
import pathlib

import numpy as np
from scipy.optimize import least_squares

OUT = pathlib.Path(__file__).parents[2] / "tests/fixtures/scaling-law.json"
POINTS = [
    [64, 4, 0.832846], [64, 8, 0.705809], [64, 16, 0.598656],
    [128, 4, 0.799654], [128, 8, 0.638871], [128, 16, 0.502186],
    [256, 4, 0.775554], [256, 8, 0.58324], [256, 16, 0.433022],
    [512, 4, 0.767284], [512, 8, 0.550523], [512, 16, 0.38562],
]  # fmt: skip


def main():
    n, k, loss = np.log(np.array(POINTS)).T
    residuals = lambda q: np.log(np.exp(q[0] + q[1] * k + q[2] * n + q[3] * k * n) + np.exp(q[4] + q[5] * k)) - loss
    random = np.random.default_rng(0)
    starts = random.normal(0, 1, (300, 6)) * [2, 1, 0.5, 0.2, 2, 0.5]
    fits = [least_squares(residuals, start, xtol=1e-14, ftol=1e-14, gtol=1e-14, max_nfev=3000) for start in starts]
    best = min(fits, key=lambda fit: fit.cost)
    names = ["alpha", "beta_k", "beta_n", "gamma", "zeta", "eta"]
    out = {"points": POINTS, "law": dict(zip(names, best.x)), "rms": float(np.sqrt(2 * best.cost / len(POINTS)))}
    OUT.write_text(json.dumps(out, indent=1) + "\n")


if __name__ == "__main__":
    main()
