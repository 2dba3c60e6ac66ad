"""Writes tests/fixtures/formats: small files in every layout, and what must come of them. See README.md."""

import json
import shutil
import zlib
from pathlib import Path

import numpy as np
import torch
from safetensors.numpy import save_file as save_numpy
from safetensors.torch import save_file as save_torch

import gpt2_reference
import openai_layout
import sae_reference
import tiny_model
from sae_reference import Sae

OUT = Path(__file__).resolve().parents[1] / "fixtures/formats"
# Below this the choice of a latent could differ between f32 and f64.
SAFE = 2e-5
D_SAE = 128
WIDTHS = {"mlp.hook_post": tiny_model.CONFIG["n_inner"]}


def models():
    """The model's folders, with logits and one stream as expected values. Gives the model that autoencoders attach to."""
    tiny_model.write_tokenizer(OUT / "tokenizer")
    base = tiny_model.weights(1)
    folders = {
        "bare-f32": dict(),
        "prefixed-f32": dict(prefix="transformer.", head=True, masks=True),
        "prefixed-f16": dict(prefix="transformer.", dtype=torch.float16),
        "bare-bf16": dict(dtype=torch.bfloat16, masks=True),
        "sharded-f32": dict(prefix="transformer.", head=True, shards=3),
        "sharded-bf16": dict(dtype=torch.bfloat16, shards=2),
        "narrow-mlp-f16": dict(dtype=torch.float16, config=tiny_model.CONFIG | {"n_inner": 48, "layer_norm_epsilon": 1e-3}),
    }
    listed, reference = [], None
    for name, options in folders.items():
        config = options.get("config", tiny_model.CONFIG)
        tensors = base if "config" not in options else tiny_model.weights(2, config["n_inner"])
        stored = tiny_model.write_model(OUT / "gpt2" / name, tensors, **options)
        model = gpt2_reference.model_of(config, stored)
        logits, seen = gpt2_reference.run(model, tiny_model.token_ids(tiny_model.TEXT, bos=False))
        last = seen["blocks.1.hook_resid_post"]
        save_torch({"logits": logits.float(), "resid_post": last.float()}, OUT / "gpt2" / name / "expected.safetensors")
        listed.append(name)
        if name == "bare-f32":
            reference = model
    return listed, reference


def random_sae(seed, architecture, hook, **options):
    rng = np.random.default_rng(seed)
    d_in = next((width for end, width in WIDTHS.items() if hook.endswith(end)), 32)
    k = options.pop("k", None)
    directions = rng.normal(size=(D_SAE, d_in))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    # Norms differ, so that whatever forgets them is seen.
    w_dec = directions * rng.uniform(0.5, 2.0, size=(D_SAE, 1))
    sae = Sae(
        architecture,
        w_enc=directions.T + rng.normal(size=(d_in, D_SAE)) * 0.1,
        w_dec=w_dec,
        b_dec=rng.normal(size=d_in) * 0.3,
        k=k,
        **options,
    )
    if architecture == "gated":
        sae.b_gate, sae.b_mag = rng.normal(size=(2, D_SAE)) * 0.3 - 0.2
        sae.r_mag = rng.normal(size=D_SAE) * 0.5
    else:
        sae.b_enc = rng.normal(size=D_SAE) * 0.3 - 0.2
    if architecture == "jumprelu":
        sae.threshold = rng.uniform(-0.1, 1.0, size=D_SAE)
    return sae


TENSORS = {"W_enc": "w_enc", "W_dec": "w_dec", "b_dec": "b_dec", "b_enc": "b_enc", "threshold": "threshold",
           "b_gate": "b_gate", "b_mag": "b_mag", "r_mag": "r_mag"}


def stored_as(sae, dtype):
    """The autoencoder with its weights rounded as the file will hold them."""
    for attribute in TENSORS.values():
        value = getattr(sae, attribute)
        if value is not None:
            setattr(sae, attribute, torch.tensor(value).to(dtype).double().numpy())
    return sae


def tensors_of(sae, dtype):
    there = {name: getattr(sae, attribute) for name, attribute in TENSORS.items()}
    return {name: torch.tensor(value).to(dtype) for name, value in there.items() if value is not None}


def today(sae, hook, dtype, bos):
    """`cfg.json` as SAELens 6 writes it."""
    cfg = {
        "d_in": sae.w_enc.shape[0],
        "d_sae": D_SAE,
        "dtype": {torch.float32: "float32", torch.float16: "float16", torch.bfloat16: "bfloat16"}[dtype],
        "device": "cpu",
        "apply_b_dec_to_input": sae.apply_b_dec_to_input,
        "normalize_activations": sae.normalization,
        "reshape_activations": "hook_z" if hook.endswith("hook_z") else "none",
        "metadata": {
            "sae_lens_version": "6.22.1",
            "sae_lens_training_version": "6.22.1",
            "model_name": "tiny",
            "model_class_name": "HookedTransformer",
            "hook_name": hook,
            "hook_head_index": None,
            "prepend_bos": bos,
            "context_size": 32,
        },
        "architecture": sae.architecture,
    }
    if sae.architecture == "topk":
        cfg |= {"k": sae.k, "rescale_acts_by_decoder_norm": sae.rescale_acts_by_decoder_norm}
    if sae.normalization == "expected_average_only_in":
        cfg["norm_scaling_factor"] = sae.norm_scaling_factor
    return cfg


def legacy(sae, hook, dtype, bos):
    """`cfg.json` as SAELens wrote it up to version 3, with what published folders carry along."""
    cfg = {
        "model_name": "tiny",
        "hook_point": hook,
        "hook_point_layer": int(hook.split(".")[1]),
        "hook_point_head_index": None,
        "d_in": sae.w_enc.shape[0],
        "d_sae": D_SAE,
        "activation_fn_str": "topk" if sae.architecture == "topk" else "relu",
        "apply_b_dec_to_input": sae.apply_b_dec_to_input,
        "finetuning_scaling_factor": False,
        "sae_lens_training_version": None,
        "prepend_bos": bos,
        "dataset_path": "nowhere/nothing",
        "dataset_trust_remote_code": True,
        "context_size": 32,
        "normalize_activations": sae.normalization,
        "dtype": "torch.float32",
        "device": "cpu",
    }
    if sae.architecture in ("gated", "jumprelu"):
        cfg["architecture"] = sae.architecture
    if sae.architecture == "topk":
        cfg["activation_fn_kwargs"] = {"k": sae.k}
    if hook.endswith("hook_z"):
        cfg["reshape_activations"] = "hook_z"
    return cfg


def saelens(folder, sae, hook, cfg_of, *, dtype=torch.float32, bos=False, change=None, change_metadata=None, tensors=None, sparsity=False):
    stored_as(sae, dtype)
    cfg = cfg_of(sae, hook, dtype, bos) | (change or {})
    cfg.get("metadata", {}).update(change_metadata or {})
    folder.mkdir(parents=True)
    (folder / "cfg.json").write_text(json.dumps(cfg, indent=1) + "\n")
    save_torch(tensors_of(sae, dtype) | (tensors or {}), folder / "sae_weights.safetensors")
    if sparsity:
        save_numpy({"sparsity": np.linspace(-10, -0.3, D_SAE, dtype=np.float32)}, folder / "sparsity.safetensors")
    return {"layout": "saelens", "bos": bos}


def openai(folder, sae, hook, *, dtype=torch.float32, change=lambda state: state, buffers=True):
    stored_as(sae, dtype)
    folder.mkdir(parents=True)
    state = openai_layout.Autoencoder(sae, dtype, buffers=buffers).state_dict()
    torch.save(change(state), folder / "sae.pt")
    return {"layout": "openai", "hook": hook, "bos": False}


def attention(folder, sae, hook):
    """A `.pt` of SAELens's names with its configuration beside it, as the attention autoencoders of GPT-2 small are
    published."""
    stored_as(sae, torch.float32)
    folder.mkdir(parents=True)
    d_in = sae.w_enc.shape[0]
    cfg = {
        "seed": 49, "batch_size": 4096, "buffer_mult": 384, "lr": 0.0012, "num_tokens": 2000000000, "l1_coeff": 1.8,
        "beta1": 0.9, "beta2": 0.99, "dict_mult": D_SAE // d_in, "seq_len": 128, "enc_dtype": "fp32",
        "model_name": "gpt2-small", "site": "z", "layer": 1, "device": "cuda", "reinit": "reinit", "head": "cat",
        "concat_heads": True, "resample_scheme": "anthropic", "anthropic_neuron_resample_scale": 0.2,
        "dead_direction_cutoff": 1e-06, "re_init_every": 25000, "anthropic_resample_last": 12500,
        "resample_factor": 0.01, "num_resamples": 4, "wandb_project_name": "tiny", "wandb_entity": "nobody",
        "model_batch_size": 512, "buffer_size": 1572864, "buffer_batches": 12288, "act_name": hook, "act_size": d_in,
        "dict_size": D_SAE, "name": "tiny_L1_Hcat_z",
    }
    (folder / "sae_cfg.json").write_text(json.dumps(cfg) + "\n")
    state = torch.nn.ParameterDict(tensors_of(sae, torch.float32)).state_dict()
    torch.save(state, folder / "sae.pt")
    return {"layout": "attention", "hook": hook, "bos": True}


RESID, Z, POST = "blocks.1.hook_resid_post", "blocks.1.attn.hook_z", "blocks.0.mlp.hook_post"
PRE, MID, ATTN, MLP = "blocks.1.hook_resid_pre", "blocks.0.hook_resid_mid", "blocks.1.hook_attn_out", "blocks.1.hook_mlp_out"


def cases():
    """Name, the autoencoder, its hook, and who writes it how."""
    ones = {"scaling_factor": torch.ones(D_SAE)}
    yield "v6-standard", ("standard", RESID, {}), saelens, dict(cfg_of=today)
    yield "v6-standard-bos", ("standard", PRE, {}), saelens, dict(cfg_of=today, bos=True, sparsity=True)
    yield "v6-standard-no-b-dec", ("standard", MID, dict(apply_b_dec_to_input=False)), saelens, dict(cfg_of=today)
    yield "v6-standard-constant-norm", ("standard", RESID, dict(normalization="constant_norm_rescale")), saelens, dict(cfg_of=today)
    yield "v6-standard-centred", ("standard", RESID, dict(centred=True)), saelens, dict(cfg_of=today, change_metadata={"model_from_pretrained_kwargs": {"center_writing_weights": True}})
    yield "v6-standard-f16", ("standard", RESID, {}), saelens, dict(cfg_of=today, dtype=torch.float16)
    yield "v6-standard-hook-z", ("standard", Z, {}), saelens, dict(cfg_of=today, bos=True)
    yield "v6-standard-expected-average", ("standard", RESID, dict(normalization="expected_average_only_in", norm_scaling_factor=2.5)), saelens, dict(cfg_of=today)
    yield "v6-topk", ("topk", RESID, dict(k=8)), saelens, dict(cfg_of=today)
    yield "v6-topk-layer-norm", ("topk", ATTN, dict(k=8, normalization="layer_norm")), saelens, dict(cfg_of=today)
    yield "v6-topk-rescale", ("topk", RESID, dict(k=8, rescale_acts_by_decoder_norm=True)), saelens, dict(cfg_of=today)
    yield "v6-topk-rescale-expected-average", ("topk", RESID, dict(k=8, rescale_acts_by_decoder_norm=True, normalization="expected_average_only_in", norm_scaling_factor=0.4)), saelens, dict(cfg_of=today)
    yield "v6-topk-bf16", ("topk", MLP, dict(k=8)), saelens, dict(cfg_of=today, dtype=torch.bfloat16)
    yield "v6-topk-few-positive", ("topk", RESID, dict(k=100)), saelens, dict(cfg_of=today)
    yield "v6-jumprelu", ("jumprelu", RESID, {}), saelens, dict(cfg_of=today)
    yield "v6-jumprelu-layer-norm", ("jumprelu", RESID, dict(normalization="layer_norm")), saelens, dict(cfg_of=today)
    yield "v6-jumprelu-expected-average", ("jumprelu", RESID, dict(normalization="expected_average_only_in", norm_scaling_factor=1.7)), saelens, dict(cfg_of=today)
    yield "v6-batchtopk", ("jumprelu", RESID, dict(threshold="one for all")), saelens, dict(cfg_of=today)
    yield "v6-gated", ("gated", RESID, {}), saelens, dict(cfg_of=today)
    yield "v6-gated-constant-norm", ("gated", RESID, dict(normalization="constant_norm_rescale")), saelens, dict(cfg_of=today)
    yield "v6-gated-expected-average", ("gated", RESID, dict(normalization="expected_average_only_in", norm_scaling_factor=1.3)), saelens, dict(cfg_of=today)
    yield "legacy-standard", ("standard", PRE, {}), saelens, dict(cfg_of=legacy, bos=True, tensors=ones, sparsity=True)
    yield "legacy-standard-hook-z", ("standard", Z, {}), saelens, dict(cfg_of=legacy, bos=True)
    yield "legacy-standard-average-unknown", ("standard", RESID, {}), saelens, dict(cfg_of=legacy, change={"normalize_activations": True})
    yield "legacy-topk-layer-norm", ("topk", RESID, dict(k=8, normalization="layer_norm")), saelens, dict(cfg_of=legacy)
    yield "legacy-jumprelu", ("jumprelu", RESID, {}), saelens, dict(cfg_of=legacy, bos=True)
    yield "legacy-gated", ("gated", RESID, {}), saelens, dict(cfg_of=legacy)
    yield "pt-topk", ("topk", RESID, dict(k=8, normalization="layer_norm")), openai, {}
    yield "pt-topk-f16", ("topk", MID, dict(k=8, normalization="layer_norm")), openai, dict(dtype=torch.float16)
    yield "pt-topk-bf16", ("topk", MLP, dict(k=8, normalization="layer_norm")), openai, dict(dtype=torch.bfloat16)
    yield "pt-topk-strided", ("topk", ATTN, dict(k=8, normalization="layer_norm")), openai, dict(change=openai_layout.strided)
    yield "pt-relu", ("standard", MLP, {}), openai, {}
    yield "pt-relu-unnamed", ("standard", POST, {}), openai, dict(change=openai_layout.without_activation, buffers=False)
    yield "pt-relu-unnamed-f16", ("standard", POST, {}), openai, dict(change=openai_layout.without_activation, dtype=torch.float16)
    yield "attention", ("standard", Z, {}), attention, {}


def autoencoders(model):
    runs = {bos: gpt2_reference.run(model, tiny_model.token_ids(tiny_model.TEXT, bos))[1] for bos in (False, True)}
    listed = []
    for name, (architecture, hook, options), write, how in cases():
        folder = OUT / "sae" / name
        options = dict(options)
        one_for_all = options.pop("threshold", None) is not None
        # By its name, so that another case changes nothing here.
        first = zlib.crc32(name.encode())
        for seed in range(first, first + 100):
            sae = random_sae(seed, architecture, hook, **options)
            if one_for_all:
                sae.threshold = np.full(D_SAE, 0.4)
            shutil.rmtree(folder, ignore_errors=True)
            case = write(folder, sae, hook, **how)
            z, out = sae_reference.forward(sae, runs[case["bos"]][hook].numpy())
            if all(margin > SAFE for margin in sae.margins.values()):
                break
        else:
            raise AssertionError(f"{name}: no seed keeps clear of ties")
        active = (z > 0).sum(-1)
        assert 0 < active.min() and (active.max() < 0.8 * D_SAE), (name, active)
        save_numpy(
            {"latents": z.astype(np.float32), "reconstruction": out.astype(np.float32)},
            folder / "expected.safetensors",
        )
        listed.append({"name": name, "hook": hook} | {key: case[key] for key in ("layout", "bos")} | {"architecture": architecture})
        print(f"{name:34} active {active.min()}–{active.max()}  margins {({k: float(v) for k, v in sae.margins.items()})}")
    return listed


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    listed, model = models()
    index = {"text": tiny_model.TEXT, "models": listed, "saes": autoencoders(model)}
    lines = ["{", f' "text": {json.dumps(index["text"])},', f' "models": {json.dumps(index["models"])},', ' "saes": [']
    lines.append(",\n".join(f"  {json.dumps(case)}" for case in index["saes"]))
    (OUT / "index.json").write_text("\n".join([*lines, " ]", "}"]) + "\n")


if __name__ == "__main__":
    main()
