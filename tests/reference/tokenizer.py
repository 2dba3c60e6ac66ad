"""Writes tests/fixtures/gpt2-tokenizer/reference.json: what Hugging Face's `tokenizers` makes of difficult text with
GPT-2's own vocabulary, after checking that `tiktoken` says the same.

A sample is [text, tokens, hash], where the text is a string, {"hex": bytes} of which invalid sequences are to be
replaced first, or {"repeat": [text, times]}; the hash is 64-bit FNV-1a over the ids as little-endian u32.
"""

import importlib.util
import json
import random
import unicodedata
from pathlib import Path

import tiktoken
from tokenizers import Tokenizer, models, pre_tokenizers

from tiny_model import byte_letters

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
FOLDER = FIXTURES / "gpt2-tokenizer"
END = "<|endoftext|>"
PATTERN = r"""'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"""

LANGUAGES = [
    "All human beings are born free and equal in dignity and rights.",
    "Tous les êtres humains naissent libres et égaux en dignité et en droits.",
    "Alle Menschen sind frei und gleich an Würde und Rechten geboren.",
    "Todos los seres humanos nacen libres e iguales en dignidad y derechos.",
    "Todos os seres humanos nascem livres e iguais em dignidade e em direitos.",
    "Tutti gli esseri umani nascono liberi ed eguali in dignità e diritti.",
    "Alla människor är födda fria och lika i värde och rättigheter.",
    "Hver maður er borinn frjáls og jafn öðrum að virðingu og réttindum.",
    "Wszyscy ludzie rodzą się wolni i równi pod względem swej godności i swych praw.",
    "Všichni lidé rodí se svobodní a sobě rovní co do důstojnosti a práv.",
    "Minden emberi lény szabadon születik és egyenlő méltósága és joga van.",
    "Bütün insanlar hür, haysiyet ve haklar bakımından eşit doğarlar.",
    "Tất cả mọi người sinh ra đều được tự do và bình đẳng về nhân phẩm và quyền.",
    "Все люди рождаются свободными и равными в своём достоинстве и правах.",
    "Всі люди народжуються вільними і рівними у своїй гідності та правах.",
    "Όλοι οι άνθρωποι γεννιούνται ελεύθεροι και ίσοι στην αξιοπρέπεια και τα δικαιώματα.",
    "Բոլոր մարդիկ ծնվում են ազատ ու հավասար իրենց արժանապատվությամբ ու իրավունքներով։",
    "ყველა ადამიანი იბადება თავისუფალი და თანასწორი თავისი ღირსებითა და უფლებებით.",
    "כל בני אדם נולדו בני חורין ושווים בערכם ובזכויותיהם.",
    "يولد جميع الناس أحرارًا متساوين في الكرامة والحقوق.",
    "تمام انسان‌ها آزاد به دنیا می‌آیند و از لحاظ حیثیت و حقوق با هم برابرند.",
    "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता और समानता प्राप्त है।",
    "সমস্ত মানুষ স্বাধীনভাবে সমান মর্যাদা এবং অধিকার নিয়ে জন্মগ্রহণ করে।",
    "மனிதப் பிறவியினர் சகலரும் சுதந்திரமாகவே பிறக்கின்றனர்.",
    "มนุษย์ทั้งหลายเกิดมามีอิสระและเสมอภาคกันในเกียรติศักดิ์และสิทธิ",
    "人人生而自由，在尊严和权利上一律平等。他们赋有理性和良心。",
    "人人生而自由,在尊嚴和權利上一律平等。",
    "すべての人間は、生まれながらにして自由であり、かつ、尊厳と権利とについて平等である。",
    "모든 인간은 태어날 때부터 자유로우며 그 존엄과 권리에 있어 동등하다.",
    "የሰው ልጅ ሁሉ ሲወለድ ነጻና በክብርና በመብትም እኩልነት ያለው ነው።",
    "ᎠᏂᎦᏓ ᎠᏂᏴᏫ ᏂᎨᎫᏓᎸᎾ ᎠᎴ ᎤᏂᎶᏱ ᎤᎾᏕᎿ",
    "𐌰𐌻𐌻𐌰𐌹 𐌼𐌰𐌽𐌽𐌰𐌽𐍃 𐍆𐍂𐌴𐌹𐌷𐌰𐌻𐍃 𒀀𒁀 𓀀𓂀 𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𝟘𝟙𝟚",
]
ENGLISH = [
    "I'm sure they've said we'd go; you're right, he'll stay, it's John's, isn't it? DON'T, I'LL, WE'VE, y'all'd've",
    "``Don't'' 'quoted' \u2018it\u2019s\u2019 rock 'n' roll '90s ''s 'sss 'LL 'Re 'ree 'd'd'd",
    "1 12 123 1234 12345 123456789012345678901234567890 1,234,567.89 -3.14e-10 0b1010 0xDEADBEEF 3\u00d74=12 \u00bd\u2154 x\u00b2y\u00b3 \u2167\u2168",
    "2026-11-22T03:40:53.123+00:00 192.168.0.1 +44 (0)20 7946 0958 $1,000.00 \u20ac99 50% #1 @user foo_bar fooBar FooBAR123baz",
    "def f(x):\n\treturn {k: v for k, v in x.items() if v != None}\n\n\n    # four spaces\n        eight\n\t\ttabs \t mixed\r\n",
    "<html><body class=\"a b\">&nbsp;&amp;</body></html> {\"json\": [1, 2.5e3, null, \"\\u00e9\"]} $\\frac{a}{b}$ C:\\Users\\x ~/.ssh //../",
    "https://example.org:8080/a/b.html?q=%20x&y=1#frag me+you@example.co.uk antidisestablishmentarianism SolidGoldMagikarp petertodd",
    "Mr. O'Brien\u2014who'd never\u2026 well\u2013ever\u2014been? \u00abNon\u00bb \u201eJa\u201c \u3010\u306f\u3044\u3011 \u00bfQu\u00e9? \u00a1No!",
    f"a{END}b {END} {END}{END}\n{END}", f"{END[:-1]} |> {END[1:]} <|endoftext |>",
]


def spaces(rng):
    kinds = [" ", "\t", "\n", "\r\n", "\u00a0", "\u3000", "\u2003", "\u2028", "\u0085", "\u200b", "\ufeff", "\x0b", "\x0c", "\x1c", "\u1680", "\u180e"]
    for kind in kinds:
        yield "".join(f"{kind * n}{word}" for n, word in zip((1, 2, 3, 4, 7, 16), ("a", "1", "!", "'s", "\u00e9", "")))
    for _ in range(60):
        yield "".join(rng.choice(kinds) * rng.randint(1, 3) + rng.choice(["", "x", " y", "9", "?", "'ll"]) for _ in range(rng.randint(1, 12)))


def emoji(rng):
    faces = [chr(c) for block in (range(0x1F300, 0x1F650), range(0x1F680, 0x1F700), range(0x1F900, 0x1FA00), range(0x2600, 0x27C0)) for c in block]
    tones = [chr(c) for c in range(0x1F3FB, 0x1F400)]
    flags = [chr(c) for c in range(0x1F1E6, 0x1F200)]
    tags = "\U0001f3f4" + "".join(chr(0xE0000 + ord(c)) for c in "gbsct") + "\U000e007f"
    for _ in range(40):
        parts = []
        for _ in range(rng.randint(1, 8)):
            parts.append(rng.choice([
                rng.choice(faces), rng.choice(faces) + rng.choice(tones), rng.choice(faces) + "\ufe0f",
                "\u200d".join(rng.choice(faces) for _ in range(rng.randint(2, 4))),
                rng.choice(flags) + rng.choice(flags), rng.choice("0123456789#*") + "\ufe0f\u20e3", tags, " ", "x",
            ]))
        yield "".join(parts)


def any_characters(rng):
    assigned = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000 and unicodedata.category(chr(c)) not in ("Cn", "Co")]
    for _ in range(80):
        yield "".join(chr(rng.choice(assigned)) if rng.random() < 0.8 else rng.choice(" '\n1a") for _ in range(rng.randint(1, 40)))
    for _ in range(10):
        yield "".join(chr(c) for c in (rng.randrange(0x110000) for _ in range(30)) if not 0xD800 <= c < 0xE000)


def damaged(rng):
    whole = "na\u00efve caf\u00e9 \u6771\u4eac \U0001f600 \u05e9\u05dc\u05d5\u05dd".encode()
    yield from (bytes.fromhex(b) for b in (
        "80", "bf", "c0af", "c080", "c1bf", "e080af", "eda080", "edbfbf", "eda081edb080", "f08080af", "f4908080", "f5808080",
        "f8888080af", "fe", "ff", "c3", "e282", "f09f98", "c328", "e28228", "f09f2880", "61f09f98", "f09f9861", "efbfbe", "efbbbf61",
        "61e2", "e2e2e2", "f0f0f0f0", "80808080", "feff0061", "fffe6100", "00ff00ff",
    ))
    for _ in range(60):
        text = bytearray(whole)
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(len(text))
            rng.choice([lambda: text.__setitem__(at, rng.randrange(256)), lambda: text.__delitem__(at), lambda: text.insert(at, rng.randrange(128, 256))])()
        yield bytes(text)
    for _ in range(20):
        yield rng.randbytes(rng.randint(1, 30))


LONG = [("a", 5000), ("ab", 3000), ("!", 4097), (" ", 3000), ("\n", 1001), (" \n", 700), ("\u6771", 900), ("e\u0301", 600), ("9", 1234),
        ("supercalifragilisticexpialidocious", 60), ("Lopadotemachoselachogaleo", 45), ("\U0001f468\u200d\U0001f469\u200d\U0001f467", 120),
        (" the", 2000), ("'s", 800), ("\u00e9", 2500), ("=", 2048), ("ACGT", 1500), ("0x", 900), ("\ufffd", 500), (END, 300), ("haha", 999)]


def words(rng):
    """Made-up words that share pieces with the vocabulary, so that merges compete."""
    pieces = [token.replace("\u0120", " ") for token in json.loads((FOLDER / "vocab.json").read_text()) if token.isascii() or "\u0120" in token]
    pieces = [piece for piece in pieces if piece.isascii()]
    for _ in range(250):
        yield "".join(rng.choice(pieces) for _ in range(rng.randint(2, 25)))


def fnv(ids):
    value = 0xCBF29CE484222325
    for id in ids:
        for byte in id.to_bytes(4, "little"):
            value = (value ^ byte) * 0x100000001B3 % (1 << 64)
    return f"{value:016x}"


def references():
    own = Tokenizer(models.BPE.from_file(str(FOLDER / "vocab.json"), str(FOLDER / "merges.txt")))
    own.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    own.add_special_tokens([END])
    letters = {letter: byte for byte, letter in byte_letters()}
    vocabulary = json.loads((FOLDER / "vocab.json").read_text())
    ranks = {bytes(letters[c] for c in token): id for token, id in vocabulary.items() if token != END}
    other = tiktoken.Encoding("gpt2", pat_str=PATTERN, mergeable_ranks=ranks, special_tokens={END: vocabulary[END]})
    return own, other


def main():
    spec = importlib.util.spec_from_file_location("demo_tokenizer", FIXTURES / "tokenizer/generate.py")
    demo = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(demo)
    rng = random.Random(20260101)
    texts = [*demo.HAND_WRITTEN, *LANGUAGES, *ENGLISH, demo.scripts(rng), *spaces(rng), *emoji(rng), *any_characters(rng), *words(rng)]
    texts += [demo.soup(rng, n) for n in (5, 20, 80, 320) * 10]
    listed = [(text, text) for text in texts]
    listed += [({"hex": data.hex()}, data.decode("utf-8", errors="replace")) for data in damaged(rng)]
    listed += [({"repeat": [text, times]}, text * times) for text, times in LONG]
    own, other = references()
    samples, characters, tokens = [], 0, 0
    for stored, text in listed:
        ids = own.encode(text).ids
        assert ids == other.encode(text, allowed_special="all"), text
        samples.append(json.dumps([stored, len(ids), fnv(ids)], ensure_ascii=True))
        characters, tokens = characters + len(text), tokens + len(ids)
    (FOLDER / "reference.json").write_text("[\n" + ",\n".join(samples) + "\n]\n")
    print(f"{len(samples)} samples, {characters} characters, {tokens} tokens")


if __name__ == "__main__":
    main()
