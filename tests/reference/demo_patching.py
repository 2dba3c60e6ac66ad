"""The residual stream of one prompt carried into another, at each layer and position by itself, in torch and float64.

Writes `tests/fixtures/demo-patching.json`: the logit of a target minus that of a distractor after the last token, and
KL(clean ‖ patched) there. Target and distractor are the likeliest tokens after the source and after the prompt.
"""

import json

import numpy as np
import torch
import torch.nn.functional as F

from demo_metrics import CONFIG, N_HEAD, N_LAYER, ROOT, safetensors
# The prompt ends with the second of two tokens, the source has them exchanged: both end differently, and differ before.
PROMPT, EXCHANGED = "fairy", (8, 12)


def logits(w, ids, patch=None):
    """Logits after the last token, and the stream `[layers + 1, T, d]`; `patch` is (layer, position, vector)."""
    width = CONFIG["n_embd"]

    def linear(x, name):
        return x @ w[f"{name}.weight"] + w[f"{name}.bias"]

    def norm(x, name):
        return F.layer_norm(x, (width,), w[f"{name}.weight"], w[f"{name}.bias"], CONFIG["layer_norm_epsilon"])

    def replaced(x, layer):
        if patch is not None and patch[0] == layer:
            x = x.clone()
            x[patch[1]] = patch[2]
        return x

    stream = []
    x = w["wte.weight"][ids] + w["wpe.weight"][: len(ids)]
    for layer in range(N_LAYER):
        x = replaced(x, layer)
        stream.append(x)
        block = f"h.{layer}"
        qkv = linear(norm(x, f"{block}.ln_1"), f"{block}.attn.c_attn").split(width, -1)
        q, k, v = (part.unflatten(-1, (N_HEAD, -1)).transpose(0, 1) for part in qkv)
        z = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(0, 1).flatten(1)
        x = x + linear(z, f"{block}.attn.c_proj")
        post = F.gelu(linear(norm(x, f"{block}.ln_2"), f"{block}.mlp.c_fc"), approximate="tanh")
        x = x + linear(post, f"{block}.mlp.c_proj")
    x = replaced(x, N_LAYER)
    stream.append(x)
    return norm(x, "ln_f")[-1] @ w["wte.weight"].T, stream


@torch.no_grad()
def main():
    tensors = safetensors(ROOT / "web/demo/model/model.safetensors")
    w = {name: torch.from_numpy(np.ascontiguousarray(tensor)).double() for name, tensor in tensors.items()}
    first, last = EXCHANGED
    ids = json.loads((ROOT / f"tests/fixtures/{PROMPT}.json").read_text())["token_ids"][: last + 1]
    source = list(ids)
    source[first], source[last] = ids[last], ids[first]
    clean, _ = logits(w, ids)
    there, stream = logits(w, source)
    target, distractor = int(there.argmax()), int(clean.argmax())
    assert target != distractor
    difference = lambda found: float(found[target] - found[distractor])
    p = clean.log_softmax(-1)
    hooks = []
    for layer in range(N_LAYER + 1):
        name = f"blocks.{layer}.hook_resid_pre" if layer < N_LAYER else f"blocks.{N_LAYER - 1}.hook_resid_post"
        found = [logits(w, ids, (layer, position, stream[layer][position]))[0] for position in range(len(ids))]
        kl = [float((p.exp() * (p - one.log_softmax(-1))).sum()) for one in found]
        hooks.append({"name": name, "logit_differences": [difference(one) for one in found], "kl": kl})
    out = {
        "prompt": ids, "source": source, "target": target, "distractor": distractor,
        "clean": difference(clean), "source_difference": difference(there), "hooks": hooks,
    }  # fmt: skip
    (ROOT / "tests/fixtures/demo-patching.json").write_text(json.dumps(out, indent=1, allow_nan=False) + "\n")


if __name__ == "__main__":
    main()
