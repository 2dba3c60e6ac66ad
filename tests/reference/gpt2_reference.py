"""GPT-2 by `transformers`, in float64, with the activations at TransformerLens's hook points."""

import torch
from transformers import GPT2Config, GPT2LMHeadModel


def model_of(config: dict, tensors: dict) -> GPT2LMHeadModel:
    """A model with these weights, whose keys go without `transformer.`; every weight must be there."""
    torch.set_default_dtype(torch.float64)
    model = GPT2LMHeadModel(GPT2Config(**config))
    torch.set_default_dtype(torch.float32)
    state = {f"transformer.{key}": tensor.double() for key, tensor in tensors.items()}
    missing, surplus = model.load_state_dict(state, strict=False)
    assert set(missing) <= {"lm_head.weight"} and not surplus, (missing, surplus)
    model.tie_weights()
    return model.eval().double()


@torch.no_grad()
def run(model: GPT2LMHeadModel, ids: list[int]) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
    """Logits `[T, V]`, and the activation `[T, width]` at every hook point."""
    seen = {}
    handles = []

    def before(module, name):
        handles.append(module.register_forward_pre_hook(lambda _, args: seen.__setitem__(name, args[0])))

    def after(module, name):
        take = lambda out: out[0] if isinstance(out, tuple) else out
        handles.append(module.register_forward_hook(lambda _, __, out: seen.__setitem__(name, take(out))))

    for layer, block in enumerate(model.transformer.h):
        at = f"blocks.{layer}"
        before(block.ln_1, f"{at}.hook_resid_pre")
        before(block.attn.c_proj, f"{at}.attn.hook_z")
        after(block.attn, f"{at}.hook_attn_out")
        before(block.ln_2, f"{at}.hook_resid_mid")
        before(block.mlp.c_proj, f"{at}.mlp.hook_post")
        after(block.mlp, f"{at}.hook_mlp_out")
        after(block, f"{at}.hook_resid_post")
    logits = model(torch.tensor([ids])).logits[0]
    for handle in handles:
        handle.remove()
    return logits, {name: value.reshape(len(ids), -1) for name, value in seen.items()}
