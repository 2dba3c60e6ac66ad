"""Exports a GPT-2 folder in Hugging Face's layout to ONNX with a cache of keys and values, for `cargo xtask bench --peer`:

    export_onnx.py FOLDER OUT.onnx

Inputs `ids [1,t]`, `past_k` and `past_v [layers,1,heads,p,head_width]`; outputs `logits [1,V]` of the last position, and
`k` and `v` with the new ones at the end. Then the file is run and held against transformers.
"""

import sys

import numpy as np
import onnxruntime
import torch
import torch.nn.functional as F
from torch import nn
from transformers import GPT2LMHeadModel

folder, out = sys.argv[1:3]
model = GPT2LMHeadModel.from_pretrained(folder).eval().float()
config = model.config
heads, width = config.n_head, config.n_embd // config.n_head


class WithCache(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = model.transformer

    def forward(self, ids, past_k, past_v):
        past, new = past_k.shape[3], ids.shape[1]
        positions = torch.arange(new) + past
        x = self.inner.wte(ids) + self.inner.wpe(positions)
        keys, values = [], []
        later = torch.arange(past + new)[None, :] > positions[:, None]
        for i, block in enumerate(self.inner.h):
            q, k, v = block.attn.c_attn(block.ln_1(x)).view(1, new, 3, heads, width).permute(2, 0, 3, 1, 4).unbind(0)
            k, v = torch.cat([past_k[i], k], 2), torch.cat([past_v[i], v], 2)
            keys.append(k)
            values.append(v)
            weights = ((q @ k.transpose(2, 3)) / width**0.5).masked_fill(later, -1e9).softmax(-1)
            z = (weights @ v).transpose(1, 2).reshape(1, new, heads * width)
            x = x + block.attn.c_proj(z)
            x = x + block.mlp.c_proj(F.gelu(block.mlp.c_fc(block.ln_2(x)), approximate="tanh"))
        x = self.inner.ln_f(x[:, -1:])
        return (x @ self.inner.wte.weight.T)[:, 0], torch.stack(keys), torch.stack(values)


past = torch.zeros(config.n_layer, 1, heads, 5, width)
new_dim, past_dim = torch.export.Dim("t", min=1, max=1023), torch.export.Dim("p", min=0, max=1023)
torch.onnx.export(
    WithCache().eval(),
    (torch.zeros(1, 3, dtype=torch.long), past, past.clone()),
    out,
    dynamo=True,
    input_names=["ids", "past_k", "past_v"],
    output_names=["logits", "k", "v"],
    dynamic_shapes=({1: new_dim}, {3: past_dim}, {3: past_dim}),
    external_data=False,
)

session = onnxruntime.InferenceSession(out)
none = np.zeros((config.n_layer, 1, heads, 0, width), np.float32)
ids = [5, 9, 17, 33]
logits, k, v = session.run(None, {"ids": np.array([ids]), "past_k": none, "past_v": none})
with torch.no_grad():
    print("off by", np.abs(logits[0] - model(torch.tensor([ids])).logits[0, -1].numpy()).max())
    logits, _, _ = session.run(None, {"ids": np.array([[7]]), "past_k": k, "past_v": v})
    print("with the cache, off by", np.abs(logits[0] - model(torch.tensor([[*ids, 7]])).logits[0, -1].numpy()).max())
