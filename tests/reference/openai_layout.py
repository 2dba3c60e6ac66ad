"""A module whose state is laid out as in OpenAI's sparse autoencoders for GPT-2, so that `torch.save` itself writes the
files: the state is an OrderedDict with metadata, the activation's class is named in it, and three buffers go along."""

import torch
from torch import nn


class TopK(nn.Module):
    def __init__(self, k):
        super().__init__()
        self.k, self.postact_fn = k, nn.ReLU()

    def state_dict(self, destination=None, prefix="", keep_vars=False):
        state = super().state_dict(destination=destination, prefix=prefix, keep_vars=keep_vars)
        state.update({prefix + "k": self.k, prefix + "postact_fn": type(self.postact_fn).__name__})
        return state


class Autoencoder(nn.Module):
    def __init__(self, sae, dtype, *, buffers=True):
        super().__init__()
        d_in, d_sae = sae.w_enc.shape
        self.pre_bias = nn.Parameter(torch.tensor(sae.b_dec).to(dtype))
        self.latent_bias = nn.Parameter(torch.tensor(sae.b_enc).to(dtype))
        self.encoder = nn.Linear(d_in, d_sae, bias=False)
        self.encoder.weight = nn.Parameter(torch.tensor(sae.w_enc.T.copy()).to(dtype))
        self.decoder = nn.Linear(d_sae, d_in, bias=False)
        self.decoder.weight = nn.Parameter(torch.tensor(sae.w_dec.T.copy()).to(dtype))
        self.activation = TopK(sae.k) if sae.architecture == "topk" else nn.ReLU()
        if buffers:
            self.register_buffer("stats_last_nonzero", torch.arange(d_sae, dtype=torch.long))
            self.register_buffer("latents_activation_frequency", torch.linspace(0.0, 0.5, d_sae))
            self.register_buffer("latents_mean_square", torch.ones(d_sae))

    def state_dict(self, destination=None, prefix="", keep_vars=False):
        state = super().state_dict(destination=destination, prefix=prefix, keep_vars=keep_vars)
        state[prefix + "activation"] = type(self.activation).__name__
        state[prefix + "activation_state_dict"] = self.activation.state_dict()
        return state


def without_activation(state):
    """As the oldest files have it: no activation named, which means ReLU."""
    return {key: value for key, value in state.items() if not key.startswith("activation")}


def strided(state):
    """The same tensors as views that are not contiguous: a transpose, and a window into a larger storage."""
    out = dict(state)
    decoder = state["decoder.weight"]
    out["decoder.weight"] = decoder.T.contiguous().T
    encoder = state["encoder.weight"]
    wide = torch.full((encoder.shape[0] + 3, encoder.shape[1] + 5), 7.0, dtype=encoder.dtype)
    wide[2:-1, 4:-1] = encoder
    out["encoder.weight"] = wide[2:-1, 4:-1]
    return out
