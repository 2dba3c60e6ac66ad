"""A GPT-2 small enough to commit, its tokenizer of single bytes, and the folders in which it is written."""

import json

import torch
from safetensors.torch import save_file

TEXT = "Tiny text, é"
END_OF_TEXT = 256
CONFIG = {
    "model_type": "gpt2",
    "architectures": ["GPT2LMHeadModel"],
    "activation_function": "gelu_new",
    "n_layer": 2,
    "n_head": 4,
    "n_embd": 32,
    "n_positions": 16,
    "n_inner": 64,
    "vocab_size": 257,
    "layer_norm_epsilon": 1e-5,
    "bos_token_id": END_OF_TEXT,
    "eos_token_id": END_OF_TEXT,
}


def byte_letters():
    """The letters under which byte-level BPE writes bytes, in the order in which GPT-2 numbers them."""
    kept = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    rest = [byte for byte in range(256) if byte not in kept]
    return [(byte, chr(byte)) for byte in kept] + [(byte, chr(256 + i)) for i, byte in enumerate(rest)]


def token_ids(text, bos):
    number = {byte: id for id, (byte, _) in enumerate(byte_letters())}
    return [END_OF_TEXT] * bos + [number[byte] for byte in text.encode()]


def write_tokenizer(folder):
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = {letter: id for id, (_, letter) in enumerate(byte_letters())} | {"<|endoftext|>": END_OF_TEXT}
    (folder / "vocab.json").write_text(json.dumps(vocabulary, ensure_ascii=False) + "\n")
    (folder / "merges.txt").write_text("#version: 0.2\n")


def weights(seed, inner=CONFIG["n_inner"]):
    """Keys without `transformer.`, f32. Larger than a trained model's start, so that attention is not uniform."""
    draw = torch.Generator().manual_seed(seed)
    d = CONFIG["n_embd"]

    def normal(*shape, std, mean=0.0):
        return torch.randn(*shape, generator=draw) * std + mean

    out = {
        "wte.weight": normal(CONFIG["vocab_size"], d, std=0.5),
        "wpe.weight": normal(CONFIG["n_positions"], d, std=0.3),
        "ln_f.weight": normal(d, std=0.2, mean=1.0),
        "ln_f.bias": normal(d, std=0.2),
    }
    for layer in range(CONFIG["n_layer"]):
        at = f"h.{layer}"
        for norm in ("ln_1", "ln_2"):
            out[f"{at}.{norm}.weight"] = normal(d, std=0.2, mean=1.0)
            out[f"{at}.{norm}.bias"] = normal(d, std=0.2)
        for name, inputs, outputs in (
            ("attn.c_attn", d, 3 * d),
            ("attn.c_proj", d, d),
            ("mlp.c_fc", d, inner),
            ("mlp.c_proj", inner, d),
        ):
            out[f"{at}.{name}.weight"] = normal(inputs, outputs, std=0.2)
            out[f"{at}.{name}.bias"] = normal(outputs, std=0.2)
    return out


def write_model(folder, tensors, *, dtype=torch.float32, prefix="", head=False, masks=False, shards=1, config=CONFIG):
    """Writes `config.json` and the weights as Hugging Face lays them out; gives the weights as they were stored."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    stored = {key: tensor.to(dtype) for key, tensor in tensors.items()}
    file = {prefix + key: tensor for key, tensor in stored.items()}
    if masks:
        for layer in range(config["n_layer"]):
            c = config["n_positions"]
            file[f"{prefix}h.{layer}.attn.bias"] = torch.tril(torch.ones(c, c, dtype=torch.uint8)).view(1, 1, c, c)
            file[f"{prefix}h.{layer}.attn.masked_bias"] = torch.tensor(-1e4)
    if head:
        file["lm_head.weight"] = stored["wte.weight"].clone()
    if shards == 1:
        save_file(file, folder / "model.safetensors", metadata={"format": "pt"})
        return stored
    keys = sorted(file)
    where = {}
    for shard in range(shards):
        name = f"model-{shard + 1:05}-of-{shards:05}.safetensors"
        part = {key: file[key] for key in keys[shard::shards]}
        save_file(part, folder / name, metadata={"format": "pt"})
        where |= dict.fromkeys(part, name)
    size = sum(tensor.numel() * tensor.element_size() for tensor in file.values())
    index = {"metadata": {"total_size": size}, "weight_map": where}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index, indent=2) + "\n")
    return stored
