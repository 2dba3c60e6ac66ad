"""Reads the files of an atlas as docs/atlas.md describes them, with nothing but Python's standard library.

    python tests/reference/read_atlas.py ATLAS            checks every file and counts what is in it
    python tests/reference/read_atlas.py ATLAS SET N      prints feature N of a set as JSON, as `sae-explorer atlas show --json` has it
"""

import hashlib
import json
import struct
import sys
import zlib
from pathlib import Path

# A type is a function of the reader; records are lists of names and types, in the order of the file.


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, length):
        part = self.data[self.at : self.at + length]
        if len(part) != length:
            raise ValueError("the file ends early")
        self.at += length
        return part

    def unsigned(self):
        value = shift = 0
        while True:
            (byte,) = self.take(1)
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def signed(self):
        value = self.unsigned()
        return (value >> 1) ^ -(value & 1)

    def f32(self):
        return struct.unpack("<f", self.take(4))[0]

    def f64(self):
        return struct.unpack("<d", self.take(8))[0]

    def text(self):
        return self.take(self.unsigned()).decode("utf-8")

    def raw(self):
        return self.take(self.unsigned())

    def activations(self):
        exponent = self.signed()
        scaled = [struct.unpack("<e", self.take(2))[0] for _ in range(self.unsigned())]
        return [value * 2.0**exponent for value in scaled]


U, I, F, D, T = Reader.unsigned, Reader.signed, Reader.f32, Reader.f64, Reader.text


def many(kind):
    return lambda reader: [kind(reader) for _ in range(reader.unsigned())]


def perhaps(kind):
    return lambda reader: kind(reader) if reader.take(1) == b"\1" else None


def record(**fields):
    return lambda reader: {name: kind(reader) for name, kind in fields.items()}


def pair(one, other):
    return lambda reader: [one(reader), other(reader)]


HISTOGRAM = record(origin=F, width=F, first=I, counts=many(U))
EXAMPLE = record(
    document=U, start=U, tokens=many(U), peak=U, positions=many(U), activations=Reader.activations
)
EFFECTS = many(record(token=U, value=F))
FEATURE = record(
    latent=U,
    label=T,
    moments=record(
        fired=U, windows=U, density=D, max=F, mean=D, mean_square=D, skew=perhaps(D), kurtosis=perhaps(D)
    ),
    histogram=HISTOGRAM,
    octaves=record(first=I, counts=many(U)),
    top=many(EXAMPLE),
    intervals=many(record(low=F, high=F, windows=U, examples=many(EXAMPLE))),
    random=many(EXAMPLE),
    tokens=many(record(token=U, fired=U, occurs=U)),
    distinct_tokens=U,
    sources=many(U),
    main_source=perhaps(U),
    documents=many(record(document=U, fired=U)),
    coactive=many(record(latent=U, count=U, pmi=F)),
    logits=perhaps(record(up=EFFECTS, down=EFFECTS, histogram=HISTOGRAM)),
    similar=many(record(latent=U, cosine=F)),
    elsewhere=many(record(set=T, latent=U, cosine=F)),
    neurons=many(record(layer=U, neuron=U, cosine=F)),
    heads=many(record(layer=U, head=U, share=F)),
)
ROW = record(
    latent=U,
    label=T,
    fired=U,
    max=F,
    mean=F,
    mean_square=F,
    skew=perhaps(F),
    kurtosis=perhaps(F),
    source=perhaps(U),
    token=perhaps(U),
    up=many(U),
    down=many(U),
)
KINDS = {
    1: many(FEATURE),
    2: many(ROW),
    3: many(pair(F, F)),
    4: many(many(pair(U, U))),
    6: many(Reader.raw),
}


def read(atlas, file, kind):
    data = (atlas / file["path"]).read_bytes()
    assert len(data) == file["bytes"], file["path"]
    assert hashlib.sha256(data).hexdigest() == file["sha256"], file["path"]
    assert data[:8] == b"SAEATLAS" and struct.unpack("<II", data[8:16]) == (1, kind), file["path"]
    reader = Reader(zlib.decompress(data[16:]))
    value = KINDS[kind](reader)
    assert reader.at == len(reader.data), file["path"]
    return value


def main():
    atlas = Path(sys.argv[1])
    info = json.loads((atlas / "atlas.json").read_text())
    assert info["version"] == 1
    if len(sys.argv) == 4:
        (chosen,) = [entry for entry in info["sets"] if entry["id"] == sys.argv[2]]
        shard, at = divmod(int(sys.argv[3]), chosen["shard_size"])
        print(json.dumps(read(atlas, chosen["shards"][shard], 1)[at]))
        return
    for entry in info["sets"]:
        features = [feature for file in entry["shards"] for feature in read(atlas, file, 1)]
        assert [feature["latent"] for feature in features] == list(range(entry["n_latents"]))
        for name, kind in [("table", 2), ("map", 3), ("token_index", 4)]:
            if entry[name]:
                print(entry["id"], name, len(read(atlas, entry[name], kind)))
        print(entry["id"], "features", len(features))
    if info["vocabulary"]:
        tokens = read(atlas, info["vocabulary"], 6)
        digest = hashlib.sha256(b"".join(token.hex().encode() + b"\n" for token in tokens))
        assert digest.hexdigest() == info["model"]["tokenizer_sha256"]
        print("vocabulary", len(tokens))


main()
