"""Draws the sample of the demo's corpus that the demo's atlas is made from.

    python tests/reference/demo_corpus.py CORPUS_FOLDER

CORPUS_FOLDER has what the demo's model was trained on: `train.txt.zst` (documents in the order of `documents.jsonl.zst`, each
followed by a line `<|endoftext|>`), `SOURCES.md` and `licenses/`. Writes `demo/corpus`: `sample.jsonl.zst`, `SOURCES.md` and
`licenses/`. Needs `zstandard` and `tokenizers`.

The rule: whole documents; those of each source in the order of the SHA-256 of their ids, until they have SHARE of the
source's bytes. In the file they are sorted by id, so that chapters of one book are neighbours and pack well.
"""

import collections
import hashlib
import json
import pathlib
import shutil
import sys

import tokenizers
import zstandard

ROOT = pathlib.Path(__file__).parents[2]
SHARE = 0.255
END = "\n<|endoftext|>\n"
LEVEL = 19


def unpacked(path):
    with path.open("rb") as file:
        return zstandard.ZstdDecompressor().stream_reader(file).read().decode()


def read_corpus(folder):
    """The training documents: id, source, title, text."""
    described = [json.loads(line) for line in unpacked(folder / "documents.jsonl.zst").splitlines()]
    described = [document for document in described if document["split"] == "train"]
    texts = unpacked(folder / "train.txt.zst").split(END)
    assert texts.pop() == "" and len(texts) == len(described), (len(texts), len(described))
    for document, text in zip(described, texts, strict=True):
        assert document["bytes"] == len(text.encode()), document
    return [
        {"id": document["id"], "source": document["source"], "title": document["title"], "text": text}
        for document, text in zip(described, texts, strict=True)
    ]


def draw(documents):
    by_source = collections.defaultdict(list)
    for document in documents:
        by_source[document["source"]].append(document)
    drawn = []
    for members in by_source.values():
        wanted = SHARE * sum(len(document["text"].encode()) for document in members)
        for document in sorted(members, key=lambda document: hashlib.sha256(document["id"].encode()).digest()):
            if wanted <= 0:
                break
            wanted -= len(document["text"].encode())
            drawn.append(document)
    # In an order that has nothing to do with sources, so that any beginning of the sample is a sample, too.
    return sorted(drawn, key=lambda document: hashlib.sha256(b"order " + document["id"].encode()).digest())


def works(sources):
    """Rows of the table of works: source, work, where, licence."""
    rows = [[cell.strip() for cell in line.strip("|\n").split("|")] for line in sources.splitlines() if line.startswith("|")]
    start = rows.index(["part", "work", "where", "licence", "documents", "bytes"]) + 2
    return [row[:4] for row in rows[start:]]


def describe(drawn, all_works, tokenizer):
    def of(documents):
        documents = list(documents)
        encoded = tokenizer.encode_batch([document["text"] for document in documents])
        return (
            len(documents),
            sum(len(document["text"].encode()) for document in documents),
            sum(len(one.ids) for one in encoded),
        )

    lines = [
        "# Sources of the sample, and their licences",
        "",
        "Whole documents of the corpus that the demo's model was trained on (`web/demo/SOURCES.md`); `tests/reference/demo_corpus.py`",
        "drew them. Tokens are those of the demo's tokenizer. The licences' texts are in `licenses/`.",
        "",
        "| source | documents | bytes | tokens |",
        "|---|---|---|---|",
    ]
    names = list(dict.fromkeys(work[0] for work in all_works))
    total = [0, 0, 0]
    for name in names:
        counts = of(document for document in drawn if document["source"] == name)
        assert counts[0] > 0, name
        total = [a + b for a, b in zip(total, counts, strict=True)]
        lines.append(f"| {name} | {counts[0]} | {counts[1]} | {counts[2]} |")
    lines.append(f"| all | {total[0]} | {total[1]} | {total[2]} |")
    lines += ["", "| source | work | where | licence | documents |", "|---|---|---|---|---|"]
    counted = 0
    for source, work, where, licence in all_works:
        # A book's documents have its repository's name in their ids.
        part = f"se/{where.rsplit('/', 1)[-1]}/" if source == "standardebooks" else ""
        count = sum(document["source"] == source and document["id"].startswith(part) for document in drawn)
        counted += count
        if count:
            lines.append(f"| {source} | {work} | {where} | {licence} | {count} |")
    assert counted == len(drawn), (counted, len(drawn))
    return "\n".join(lines) + "\n", total


def main(folder):
    documents = read_corpus(folder)
    drawn = draw(documents)
    target = ROOT / "demo/corpus"
    target.mkdir(parents=True, exist_ok=True)
    lines = "".join(json.dumps(document, ensure_ascii=False) + "\n" for document in drawn).encode()
    packed = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True).compress(lines)
    (target / "sample.jsonl.zst").write_bytes(packed)
    tokenizer = tokenizers.Tokenizer.from_file(str(ROOT / "web/demo/model/tokenizer.json"))
    text, total = describe(drawn, works((folder / "SOURCES.md").read_text()), tokenizer)
    (target / "SOURCES.md").write_text(text)
    (target / "licenses").mkdir(exist_ok=True)
    for licence in (folder / "licenses").iterdir():
        shutil.copyfile(licence, target / "licenses" / licence.name)
    print(f"{len(drawn)} documents, {total[2]} tokens, {len(lines)} bytes, {len(packed)} packed")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
