"""Sparse autoencoders from their formulas, in float64, with NumPy alone.

Weights are in SAELens's orientation: `W_enc [d_in, d_sae]`, `W_dec [d_sae, d_in]`.
"""

from dataclasses import dataclass, field

import numpy as np


@dataclass
class Sae:
    architecture: str
    w_enc: np.ndarray
    w_dec: np.ndarray
    b_dec: np.ndarray
    b_enc: np.ndarray | None = None
    k: int | None = None
    threshold: np.ndarray | None = None
    b_gate: np.ndarray | None = None
    b_mag: np.ndarray | None = None
    r_mag: np.ndarray | None = None
    normalization: str = "none"
    # Of expected_average_only_in; 1 where the file does not say.
    norm_scaling_factor: float = 1.0
    apply_b_dec_to_input: bool = True
    rescale_acts_by_decoder_norm: bool = False
    # Trained on a model whose writing weights were centred: the stream there has no mean over the width.
    centred: bool = False
    margins: dict = field(default_factory=dict)


def relu(x):
    return np.maximum(x, 0.0)


def normalised(sae, x):
    """The input as the encoder sees it, and the function that undoes it at the output."""
    if sae.centred:
        mean = x.mean(-1, keepdims=True)
        assert sae.normalization == "none"
        return x - mean, lambda out: out + mean
    if sae.normalization == "layer_norm":
        mean = x.mean(-1, keepdims=True)
        centred = x - mean
        deviation = np.sqrt((centred**2).sum(-1, keepdims=True) / (x.shape[-1] - 1))
        return centred / (deviation + 1e-5), lambda out: out * deviation + mean
    if sae.normalization == "constant_norm_rescale":
        scale = np.sqrt(x.shape[-1]) / np.linalg.norm(x, axis=-1, keepdims=True)
        return x * scale, lambda out: out / scale
    if sae.normalization == "expected_average_only_in":
        return x * sae.norm_scaling_factor, lambda out: out / sae.norm_scaling_factor
    assert sae.normalization == "none"
    return x, lambda out: out


def forward(sae, x):
    """Latents `[T, d_sae]` and the reconstruction `[T, d_in]` of the activation `x [T, d_in]`.

    `sae.margins` says how far any row is from another choice of latents, so that f32 cannot choose otherwise.
    """
    x = x.astype(np.float64)
    s, undo = normalised(sae, x)
    if sae.apply_b_dec_to_input:
        s = s - sae.b_dec
    norms = np.linalg.norm(sae.w_dec, axis=-1) if sae.rescale_acts_by_decoder_norm else 1.0
    if sae.architecture == "gated":
        gate = s @ sae.w_enc + sae.b_gate
        magnitude = relu(s @ (sae.w_enc * np.exp(sae.r_mag)) + sae.b_mag)
        z = (gate > 0) * magnitude
        sae.margins["gate"] = np.abs(gate[magnitude > 1e-6]).min()
    else:
        h = (s @ sae.w_enc + sae.b_enc) * norms
        if sae.architecture == "standard":
            z = relu(h)
        elif sae.architecture == "topk":
            order = np.argsort(-h, axis=-1, kind="stable")
            kept = np.zeros_like(h)
            np.put_along_axis(kept, order[:, : sae.k], 1.0, axis=-1)
            z = relu(h) * kept
            ranked = np.take_along_axis(h, order, axis=-1)
            if sae.k < h.shape[-1]:
                sae.margins["rank"] = (ranked[:, sae.k - 1] - ranked[:, sae.k]).min()
        elif sae.architecture == "jumprelu":
            z = relu(h) * (h > sae.threshold)
            sae.margins["threshold"] = np.abs(h - sae.threshold)[h > 0].min()
        else:
            raise ValueError(sae.architecture)
    return z, undo((z / norms) @ sae.w_dec + sae.b_dec)
