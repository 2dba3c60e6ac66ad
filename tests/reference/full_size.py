"""Writes tests/fixtures/full-size.json: what `transformers` and the formulas make of the random GPT-2 small and of the
random 32k autoencoder. With folders, also checks that the files there hold these very numbers:

    full_size.py [--model FOLDER] [--pt FILE] [--saelens FOLDER]
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer, models, pre_tokenizers

import gpt2_reference
import random_model
import sae_reference

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
TEXT = "The quick brown fox jumps over the lazy dog, while 42 owls aren't watching; naïve café."
POSITIONS = [0, 1, 5, 10, -1]
TOP = 20
HOOK = "blocks.8.hook_resid_post"
LATENTS, K = 32_768, 32
CONFIG = {"n_layer": 12, "n_head": 12, "n_embd": 768, "n_positions": 1024, "vocab_size": 50257}


def ids_of(text):
    folder = FIXTURES / "gpt2-tokenizer"
    tokenizer = Tokenizer(models.BPE.from_file(str(folder / "vocab.json"), str(folder / "merges.txt")))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    return tokenizer.encode(text).ids


def rounded(values, digits=7):
    return [float(f"{float(value):.{digits}g}") for value in values]


def model_part(tensors):
    ids = ids_of(TEXT)
    model = gpt2_reference.model_of(CONFIG, tensors)
    logits, seen = gpt2_reference.run(model, ids)
    single, _ = gpt2_reference.run(model.float(), ids)
    print("float32 by transformers is off by", float((single - logits).abs().max()), "of", float(logits.abs().max()))
    sample = sorted(np.random.default_rng(1).choice(CONFIG["vocab_size"], 200, replace=False).tolist())
    positions = [position % len(ids) for position in POSITIONS]
    top = [logits[position].topk(TOP) for position in positions]
    for position, best in zip(positions, top):
        print(f"position {position}: best {float(best.values[0]):.3f}, last {float(best.values[-1]):.3f}, "
              f"deviation {float(logits[position].std()):.3f}, smallest gap {float(-best.values.diff().max()):.1e}")
    part = {
        "text": TEXT,
        "token_ids": ids,
        "positions": positions,
        "top": [[best.indices.tolist(), rounded(best.values)] for best in top],
        "sample_ids": sample,
        "sample": [rounded(logits[position][sample]) for position in positions],
    }
    return part, seen[HOOK].numpy()


def sae_part(x):
    w_dec, b_enc, b_dec = (tensor.astype(np.float64) for tensor in random_model.sae(LATENTS))
    sae = sae_reference.Sae("topk", w_enc=w_dec.T, w_dec=w_dec, b_dec=b_dec, b_enc=b_enc, k=K, normalization="layer_norm")
    z, out = sae_reference.forward(sae, x)
    order = np.argsort(-z, axis=-1, kind="stable")[:, :K]
    values = np.take_along_axis(z, order, axis=-1)
    print("active", (z > 0).sum(-1).min(), "margin", sae.margins, "values", values.min(), values.max())
    print("FVU", ((x - out) ** 2).sum() / ((x - x.mean(0)) ** 2).sum())
    return {
        "hook": HOOK,
        "k": K,
        # Of the likeliest that is not chosen: where they lie closer than f32 can tell, either is right.
        "margin": float(sae.margins["rank"]),
        "latents": order.tolist(),
        "activations": [rounded(row) for row in values],
        # The first four inputs of every token.
        "reconstruction": [rounded(row[:4]) for row in out],
        "norms": rounded(np.linalg.norm(out, axis=-1)),
    }


def check(arguments, tensors):
    if arguments.model:
        file = load_file(Path(arguments.model) / "model.safetensors")
        assert file.keys() == tensors.keys()
        assert all(torch.equal(file[name], tensors[name]) for name in tensors)
        print("the model's file holds these numbers")
    w_dec, b_enc, b_dec = (torch.from_numpy(tensor) for tensor in random_model.sae(LATENTS))
    for path, (rows, columns, bias, before) in (
        (arguments.pt, ("encoder.weight", "decoder.weight", "latent_bias", "pre_bias")),
        (arguments.saelens, ("W_dec", "W_enc", "b_enc", "b_dec")),
    ):
        if not path:
            continue
        file = torch.load(path, weights_only=True) if path.endswith(".pt") else load_file(Path(path) / "sae_weights.safetensors")
        assert torch.equal(file[rows], w_dec) and torch.equal(file[columns], w_dec.T)
        assert torch.equal(file[bias], b_enc) and torch.equal(file[before], b_dec)
        print(path, "holds these numbers;", {k: v for k, v in file.items() if not isinstance(v, torch.Tensor)})


def main():
    parser = argparse.ArgumentParser()
    for name in ("--model", "--pt", "--saelens"):
        parser.add_argument(name)
    arguments = parser.parse_args()
    tensors = random_model.gpt2()
    check(arguments, tensors)
    part, x = model_part(tensors)
    lines = [f" {json.dumps(name)}: {json.dumps(value)}" for name, value in {"model": part, "sae": sae_part(x)}.items()]
    (FIXTURES / "full-size.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    main()
