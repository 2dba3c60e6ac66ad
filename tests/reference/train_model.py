#!/usr/bin/env python3
"""What PyTorch and transformers compute for a tiny GPT-2: steps of AdamW with clipping by the norm of all gradients, and a tokenizer.

Usage: python3 tests/reference/train_model.py

Writes tests/fixtures/train-model/: `steps.safetensors` holds the weights at the start and after every step, with the rows of every
step; `cases.json` the settings, and of every step loss, norm of the gradients, learning rate, and the loss of a text afterwards;
`tokenizer.json` the merges of a tokenizer made of docs/scan.md. Needs torch, transformers, tokenizers and safetensors.
"""

import json
import math
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import GPT2Config, GPT2LMHeadModel

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "tests/fixtures/train-model"

CONFIG = dict(
    n_layer=2, n_embd=12, n_head=3, n_positions=8, steps=6, batch=4, part=1, lr=0.01, warmup_steps=2, decay_fraction=0.5,
    final_lr_fraction=0.02, adam_beta1=0.9, adam_beta2=0.95, adam_epsilon=1e-8, weight_decay=0.1, clip_norm=0.5,
)
VOCABULARY = 31


def learning_rate(step):
    c = CONFIG
    rise = min(1.0, (step + 1) / c["warmup_steps"])
    fall = min(1.0, (1 - step / c["steps"]) / c["decay_fraction"])
    return c["lr"] * rise * (fall * (1 - c["final_lr_fraction"]) + c["final_lr_fraction"])


def steps():
    torch.manual_seed(0)
    c = CONFIG
    model = GPT2LMHeadModel(GPT2Config(
        vocab_size=VOCABULARY, n_positions=c["n_positions"], n_embd=c["n_embd"], n_layer=c["n_layer"], n_head=c["n_head"],
        resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0, activation_function="gelu_new", tie_word_embeddings=True,
    ))
    # Large weights, so that nothing is nearly linear; biases and scales that differ from 0 and 1.
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.normal_(0, 0.3)
            if "ln_" in name and name.endswith("weight"):
                p.add_(1.0)
    model.train()
    named = {n: p for n, p in model.named_parameters()}
    matrices = [p for p in named.values() if p.dim() >= 2]
    vectors = [p for p in named.values() if p.dim() < 2]
    optimizer = torch.optim.AdamW(
        [dict(params=matrices, weight_decay=c["weight_decay"]), dict(params=vectors, weight_decay=0.0)],
        lr=c["lr"], betas=(c["adam_beta1"], c["adam_beta2"]), eps=c["adam_epsilon"],
    )
    length = c["n_positions"] + 1
    rows = torch.randint(0, VOCABULARY, (c["steps"], c["batch"], length))
    text = torch.randint(0, VOCABULARY, (3, length))
    tensors = {"rows": rows.to(torch.int32).float(), "text": text.float()}

    def loss_of(x):
        logits = model(input_ids=x[:, :-1], use_cache=False).logits
        return torch.nn.functional.cross_entropy(logits.reshape(-1, VOCABULARY), x[:, 1:].reshape(-1))

    def keep(group):
        for name, p in named.items():
            tensors[f"{group}.{name}"] = p.detach().clone()

    keep("0")
    done = []
    for step in range(c["steps"]):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step)
        loss = loss_of(rows[step])
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), c["clip_norm"])
        if step == 0:
            scale = (c["clip_norm"] / (norm + 1e-6)).clamp(max=1.0)
            for name, p in named.items():
                tensors[f"gradient.{name}"] = (p.grad / scale).clone()
        optimizer.step()
        keep(str(step + 1))
        with torch.no_grad():
            after = loss_of(text).item()
        done.append(dict(loss=loss.item(), gradient_norm=norm.item(), lr=learning_rate(step), text_loss=after))
    assert done[0]["gradient_norm"] > 2 * c["clip_norm"] and all(math.isfinite(s["loss"]) for s in done)
    save_file(tensors, OUT / "steps.safetensors")
    return dict(config=CONFIG, vocabulary=VOCABULARY, steps=done)


def tokenizer(vocabulary=400):
    text = (ROOT / "docs/scan.md").read_text(encoding="utf8")
    documents = text.split("\n\n")
    tok = Tokenizer(models.BPE())
    tok.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tok.decoder = decoders.ByteLevel()
    tok.post_processor = processors.ByteLevel(trim_offsets=False)
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary - 1, special_tokens=[], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False,
        min_frequency=2,
    )
    tok.train_from_iterator(documents, trainer, length=len(documents))
    tok.add_special_tokens(["<|endoftext|>"])
    assert tok.token_to_id("<|endoftext|>") == vocabulary - 1
    model = json.loads(tok.to_str())["model"]
    return dict(vocabulary=vocabulary, documents=documents, merges=model["merges"], ids=tok.encode(documents[0]).ids)


OUT.mkdir(parents=True, exist_ok=True)
(OUT / "cases.json").write_text(json.dumps(steps(), indent=1) + "\n")
(OUT / "tokenizer.json").write_text(json.dumps(tokenizer(), ensure_ascii=False) + "\n", encoding="utf8")
