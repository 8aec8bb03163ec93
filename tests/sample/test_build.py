"""The sample in the official formats: complete, well-formed, up to date, and the same at every build."""

import json
import os
import re
import shutil
import subprocess
import sys
import unicodedata
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from xstilts_eval.benchmark import PANX_TAGS, UPOS, XTREME, XTREMER, family
from xstilts_eval.data.examples import Corpus, Tagged
from xstilts_eval.data.sources import load
from xstilts_eval.errors import SettingError
from xstilts_eval.languages import language
from xstilts_eval.sample.build import OFFICIAL, XNLI_COLUMNS, build, conllu, files, main, stale
from xstilts_eval.sample.source import SOURCE, SampleError, detokenize, sentences

UD_ADDED = ("lt", "pl", "ro", "uk", "wo")
"""XTREME-R's languages of UD v2.7 (xtreme_spec.md 1.2)."""
FEWER = {"xcopa": 6, "mewslix": 8}
"""Families with fewer than twenty examples a language: 6 questions, 8 place names."""
LEAVES = [(f.group, code) for f in (*XTREME, *XTREMER) for code in f.languages]
MINED = family("bucc2018").languages


def _rows(name: str) -> list[list[str]]:
    """Rows of a tab-separated file, read without quoting, as the official scripts do."""
    return [line.split("\t") for line in (OFFICIAL / name).read_text(encoding="utf-8").split("\n")[:-1]]


def _blocks(name: str) -> list[list[str]]:
    text = (OFFICIAL / name).read_text(encoding="utf-8")
    assert text.endswith("\n\n")
    return [block.split("\n") for block in text[:-2].split("\n\n")]


def _questions(name: str) -> list[tuple[str, dict[str, Any]]]:
    data = json.loads((OFFICIAL / name).read_text(encoding="utf-8"))["data"]
    return [
        (paragraph["context"], question)
        for article in data
        for paragraph in article["paragraphs"]
        for question in paragraph["qas"]
    ]


def _ud(code: str, split: str = "test") -> str:
    release = "2.7" if code in UD_ADDED else "2.5"
    return f"ud-treebanks-v{release}/UD_{language(code).name}-Sample/{code}_sample-ud-{split}.conllu"


def _qa(name: str, code: str) -> str:
    return {
        "xquad": f"xquad/xquad.{code}.json",
        "mlqa": f"MLQA_V1/test/test-context-{code}-question-{code}.json",
        "tydiqa": f"tydiqa-goldp-v1.1-dev/tydiqa.goldp.{code}.dev.json",
    }[name]


QA_FILES = [_qa(f, code) for f in ("xquad", "mlqa", "tydiqa") for code in family(f).languages] + [
    "squad/train-v1.1.json",
    "squad/dev-v1.1.json",
    "tydiqa-goldp-v1.1-train/tydiqa.goldp.en.train.json",
]


def _count(name: str, code: str) -> int:
    """Scored items of one leaf, counted without the package's readers."""
    if name == "xnli":
        return sum(row[0] == code for row in _rows("XNLI-1.0/xnli.test.tsv"))
    if name == "pawsx":
        return len(_rows(f"x-final/{code}/test_2k.tsv")) - 1
    if name == "udpos":
        return len(_blocks(_ud(code)))
    if name == "panx":
        return len(_blocks(f"panx_dataset/{code}/test"))
    if name == "tatoeba":
        return len(_rows(f"tatoeba/v1/tatoeba.{language(code).tatoeba}-eng.{language(code).tatoeba}"))
    if name == "xcopa":
        return (OFFICIAL / f"xcopa/data/{code}/test.{code}.jsonl").read_text(encoding="utf-8").count("\n")
    if name == "lareqa":
        return len(_questions(f"lareqa/xquad-r/{code}.json"))
    if name == "mewslix":
        lines = (OFFICIAL / "mewsli-x/wikinews_mentions-test.jsonl").read_text(encoding="utf-8").splitlines()
        rows = [json.loads(line) for line in lines]
        return sum(len(row["mentions"]) for row in rows if row["context"]["language"] == code)
    if name == "bucc2018":
        return len(_rows(f"bucc2018/{code}-en/{code}-en.training.gold"))
    return len(_questions(_qa(name, code)))


# --- the folder ---------------------------------------------------------------------------------------------


def test_official_folder_is_up_to_date(tmp_path: Path) -> None:
    """Repair with ``python -m xstilts_eval.sample.build``."""
    assert stale() == []
    names = build(SOURCE, tmp_path / "official")
    found = sorted(p.relative_to(OFFICIAL).as_posix() for p in OFFICIAL.rglob("*") if p.is_file())
    assert found == names
    for name in names:
        assert (OFFICIAL / name).read_bytes() == (tmp_path / "official" / name).read_bytes(), name


@pytest.mark.parametrize("seed", ["1", "2"])
def test_build_does_not_depend_on_the_process(seed: str) -> None:
    """Sets are ordered by a seed, text files are read in a locale: neither may reach the files."""
    run = subprocess.run(
        [sys.executable, "-X", "utf8=0", "-m", "xstilts_eval.sample.build", "--check"],
        env={**os.environ, "PYTHONHASHSEED": seed, "LC_ALL": "C"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        check=False,
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_folder_is_small_and_says_what_it_is() -> None:
    assert sum(p.stat().st_size for p in OFFICIAL.rglob("*")) < 3_000_000
    readme = (OFFICIAL / "README.md").read_text(encoding="utf-8")
    for statement in ("written for xstilts-eval", "Apache-2.0", "not XTREME data", "not XTREME scores"):
        assert statement in readme


def test_all_text_is_clean() -> None:
    for name, text in files().items():
        assert "\ufffd" not in text and "\r" not in text, name
        assert text == unicodedata.normalize("NFC", text), name
        # Other line separators would make `splitlines` and a loop over the file disagree.
        assert not re.search("[\u0085\u2028\u2029\x0b\x0c\x1c-\x1e]", text), name


def test_stale_files_are_named(tmp_path: Path) -> None:
    target = tmp_path / "official"
    build(SOURCE, target)
    (target / "xquad" / "xquad.de.json").unlink()
    (target / "panx_dataset" / "de" / "test").write_text("de:x\tO\n\n", encoding="utf-8")
    (target / "notes.txt").write_text("", encoding="utf-8")
    assert stale(SOURCE, target) == ["notes.txt", "panx_dataset/de/test", "xquad/xquad.de.json"]
    build(SOURCE, target)
    assert stale(SOURCE, target) == []
    assert [path.name for path in tmp_path.iterdir()] == ["official"], "a scratch folder was left behind"


def test_folder_that_is_not_a_build_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(SettingError, match="not an earlier build"):
        build(SOURCE, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["precious.txt"]


def test_failed_build_leaves_the_old_one(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "official"
    shutil.copytree(SOURCE, source)
    build(source, target)
    (source / "sentences" / "fr.txt").write_text("Non|INTJO\n", encoding="utf-8")
    with pytest.raises(SampleError, match=re.escape("sentences/fr.txt:1")):
        build(source, target)
    assert stale(SOURCE, target) == []


def test_command_checks(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"]) == 0
    assert "is up to date" in capsys.readouterr().out


# --- contents -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "code"), LEAVES)
def test_every_leaf_has_twenty_examples(name: str, code: str) -> None:
    assert _count(family(name).name, code) == FEWER.get(family(name).name) or _count(family(name).name, code) >= 20


def test_xnli() -> None:
    test, dev = _rows("XNLI-1.0/xnli.test.tsv"), _rows("XNLI-1.0/xnli.dev.tsv")
    assert test[0] == dev[0] == XNLI_COLUMNS.split()
    assert {len(row) for row in (*test, *dev)} == {19}
    assert [row[0] for row in test[1:]] == sorted(row[0] for row in test[1:]), "language blocks are apart"
    assert {row[0] for row in test[1:]} == set(family("xnli").languages)
    assert {row[0] for row in dev[1:]} == {"en"}
    for code in family("xnli").languages:
        labels = Counter(row[1] for row in test if row[0] == code)
        assert labels == dict.fromkeys(family("xnli").labels, 8)
        assert [row[9] for row in test if row[0] == code] == [str(n) for n in range(1, 25)]


def test_multinli_spells_contradiction_its_own_way() -> None:
    rows = _rows("XNLI-MT-1.0/multinli/multinli.train.en.tsv")
    assert rows[0] == ["premise", "hypo", "label"]
    assert len(rows) > 100
    assert {row[2] for row in rows[1:]} == {"entailment", "neutral", "contradictory"}


@pytest.mark.parametrize("name", ["en/train", "en/dev_2k", *(f"{code}/test_2k" for code in family("pawsx").languages)])
def test_pawsx(name: str) -> None:
    rows = _rows(f"x-final/{name}.tsv")
    assert rows[0] == ["id", "sentence1", "sentence2", "label"]
    assert [row[0] for row in rows[1:]] == [str(number) for number in range(1, len(rows))]
    assert {row[3] for row in rows[1:]} == {"0", "1"}
    assert {len(row) for row in rows} == {4}


@pytest.mark.parametrize("name", QA_FILES)
def test_answers_lie_where_they_say(name: str) -> None:
    items = _questions(name)
    assert len({question["id"] for _, question in items}) == len(items)
    for context, question in items:
        for answer in question["answers"]:
            start = answer["answer_start"]
            assert context[start : start + len(answer["text"])] == answer["text"]


def test_question_ids_and_english_training_sizes() -> None:
    assert _questions("xquad/xquad.hi.json")[0][1]["id"] == "sample-p1-q1"
    assert _questions(_qa("mlqa", "vi"))[-1][1]["id"] == "sample-p5-q4"
    assert _questions(_qa("tydiqa", "ar"))[0][1]["id"].startswith("arabic-")
    assert len(_questions("squad/train-v1.1.json")) == 60
    assert len(_questions("tydiqa-goldp-v1.1-train/tydiqa.goldp.en.train.json")) == 60
    assert len(_blocks("panx_dataset/en/train")) == len(_blocks(_ud("en", "train"))) == 200


@pytest.mark.parametrize("name", [*(f"{code}/test" for code in family("panx").languages), "en/train", "en/dev"])
def test_panx(name: str) -> None:
    code = name.split("/", maxsplit=1)[0]
    for block in _blocks(f"panx_dataset/{name}"):
        rows = [line.split("\t") for line in block]
        assert {len(row) for row in rows} == {2}
        assert all(row[0].startswith(f"{code}:") and row[0] != f"{code}:" for row in rows)
        assert {row[1] for row in rows} <= set(PANX_TAGS)


@pytest.mark.parametrize(
    ("code", "split"),
    [*((code, "test") for code in family("udpos").languages), ("en", "train"), ("en", "dev")],
)
def test_conllu_is_well_formed(code: str, split: str) -> None:
    for block in _blocks(_ud(code, split)):
        assert block[0].startswith("# sent_id = ") and block[1].startswith("# text = ")
        rows = [line.split("\t") for line in block[2:]]
        assert all(len(row) == 10 and all(row) for row in rows)
        words = [row for row in rows if row[0].isdigit()]
        assert [row[0] for row in words] == [str(number) for number in range(1, len(words) + 1)]
        assert [row[7] for row in words if row[6] == "0"] == ["root"]
        assert all(0 <= int(row[6]) <= len(words) and row[6] != row[0] for row in words)
        assert {row[3] for row in words} <= set(UPOS)

        text, last, covered = "", 0, 0
        for row in rows:
            if not row[0].isdigit():
                first, last = map(int, row[0].split("-"))
                assert first < last and first == covered + 1 and row[2:9] == ["_"] * 7
            elif int(row[0]) <= last:
                covered = int(row[0])
                assert row[9] == "_", "spacing of a fused token is told on its range line"
                continue
            else:
                covered = int(row[0])
            text += row[1] + ("" if row[9] == "SpaceAfter=No" else " ")
        assert text.strip() == block[1].removeprefix("# text = ")


def _conllu_of(line: str, code: str, tmp_path: Path) -> str:
    path = tmp_path / f"{code}.txt"
    path.write_text(line + "\n", encoding="utf-8")
    return conllu(path, code, "test")


def test_fused_token_becomes_a_range(tmp_path: Path) -> None:
    made = _conllu_of("Eau|NOUN du|ADP(de|ADP,le|DET) lac|NOUN ~.|PUNCT", "fr", tmp_path)
    assert made.split("\n")[1:-1] == [
        "# text = Eau du lac.",
        "1\tEau\t_\tNOUN\t_\t_\t0\troot\t_\t_",
        "2-3\tdu\t_\t_\t_\t_\t_\t_\t_\t_",
        "2\tde\t_\tADP\t_\t_\t1\tdep\t_\t_",
        "3\tle\t_\tDET\t_\t_\t1\tdep\t_\t_",
        "4\tlac\t_\tNOUN\t_\t_\t1\tdep\t_\tSpaceAfter=No",
        "5\t.\t_\tPUNCT\t_\t_\t1\tdep\t_\t_",
        "",
    ]


def test_part_that_would_give_the_wrong_tag_is_not_made_root(tmp_path: Path) -> None:
    """Georgian copula: the auxiliary part would otherwise be the root and decide the tag."""
    made = _conllu_of("ის|PRON იაფია|ADJ(იაფი|ADJ,ა|AUX)", "ka", tmp_path)
    assert "1\tის\t_\tPRON\t_\t_\t0\troot" in made


@pytest.mark.parametrize(
    ("code", "line", "message"),
    [
        ("fr", "va|VERB du|DET(de|ADP,le|DET)", "'du' is declared DET, the benchmark's rule gives ADP"),
        ("fr", "va|VERB x|NUM(de|ADP,un|NUM)", "no precedence for NUM in fr"),
        ("es", "va|VERB x|NOUN(de|ADP,pan|NOUN)", "no precedence for NOUN in es"),
        ("it", "va|VERB x|PRON(più|ADV,lo|PRON)", "'x' is declared PRON, the benchmark's rule gives ADV"),
        ("de", "geht|VERB x|ADV(so|ADV,er|PRON)", "'x' is declared ADV, the benchmark's rule gives PRON"),
    ],
)
def test_fused_token_that_the_benchmark_would_tag_otherwise(code: str, line: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(SampleError, match=re.escape(message)) as error:
        _conllu_of(line, code, tmp_path)
    assert f"/{code}.txt:1: " in str(error.value)


@pytest.mark.parametrize("code", sorted(path.stem for path in (SOURCE / "sentences").iterdir()))
def test_fused_tokens_follow_the_rule_in_every_language(code: str) -> None:
    """Also in languages that are not in UD-POS, so that the files may serve there later."""
    conllu(SOURCE / "sentences" / f"{code}.txt", code, "test")


@pytest.mark.parametrize("code", family("tatoeba").languages)
def test_tatoeba_sides_are_parallel(code: str) -> None:
    foreign = language(code).tatoeba
    ours, english = (_rows(f"tatoeba/v1/tatoeba.{foreign}-eng.{side}") for side in (foreign, "eng"))
    assert [row[0] for row in ours] == _sentences(code)
    assert [row[0] for row in english] == _sentences("en")
    assert len(ours) == len(english)


def _sentences(code: str) -> list[str]:
    return [detokenize(tokens) for tokens in sentences(SOURCE / "sentences" / f"{code}.txt")]


@pytest.mark.parametrize("code", MINED)
def test_bucc(code: str) -> None:
    pairs = set(zip(_sentences(code), _sentences("en"), strict=True))
    for split, size in (("training", 24), ("sample", 12)):
        stem = f"bucc2018/{code}-en/{code}-en.{split}"
        sides = [_rows(f"{stem}.{side}") for side in (code, "en")]
        gold = _rows(f"{stem}.gold")
        assert len(gold) == size
        for side, rows in zip((code, "en"), sides, strict=True):
            assert [row[0] for row in rows] == [f"{side}-{number:09d}" for number in range(1, len(rows) + 1)]
            assert len(rows) > size + 8, "too few distractors"
        ours, theirs = ({key: text for key, text in rows} for rows in sides)
        if split == "training":
            assert {(ours[a], theirs[b]) for a, b in gold} == pairs
        # Exactly one text per side is there twice, and no gold pair is lost with it.
        for texts, chosen in ((ours, {a for a, _ in gold}), (theirs, {b for _, b in gold})):
            repeated = {text for text, count in Counter(texts.values()).items() if count > 1}
            assert len(repeated) == 1 and len(texts) == len(set(texts.values())) + 1
            assert not repeated & {texts[key] for key in chosen}
        assert [row[0] for row in gold] != sorted(ours)[:size], "the order gives the pairs away"


@pytest.mark.parametrize("code", MINED)
def test_bucc_dev_and_test_share_no_sentence(code: str) -> None:
    for side in (code, "en"):
        test, dev = (
            {row[1] for row in _rows(f"bucc2018/{code}-en/{code}-en.{split}.{side}")}
            for split in ("training", "sample")
        )
        assert not test & dev


def test_text_that_would_be_dropped_as_repeated_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(SOURCE, source)
    path = source / "xnli" / "de.txt"
    lines = path.read_text(encoding="utf-8").split("\n")
    lines[0] = "P: " + _sentences("de")[0]
    path.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(SampleError, match=re.escape("de-en.training.de: ") + ".* would occur twice"):
        files(source)


# --- through the package's readers --------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "code"), LEAVES)
def test_every_leaf_loads(name: str, code: str) -> None:
    loaded = load(family(name), code, "test", OFFICIAL)
    assert loaded.rows == _count(family(name).name, code)
    # What is not known to lack anything counts as whole; `tasks.documents` calls no sample complete.
    assert not loaded.complete or "the official number is not known" in loaded.notes[0]
    assert all(path.is_relative_to(OFFICIAL) for path in loaded.files)
    if isinstance(first := loaded.examples[0], Corpus):
        assert all(a in first.source and b in first.target for a, b in first.gold)


@pytest.mark.parametrize(
    ("name", "split", "code", "size"),
    [
        ("xnli", "train", "en", 102),
        ("pawsx", "train", "en", 100),
        ("udpos", "train", "en", 200),
        ("panx", "train", "en", 200),
        ("xquad", "train", "en", 60),
        ("mlqa", "train", "en", 60),
        ("tydiqa", "train", "en", 60),
        ("xnli", "dev", "en", 24),
        ("pawsx", "dev", "en", 20),
        ("udpos", "dev", "en", 30),
        ("panx", "dev", "en", 30),
        ("xquad", "dev", "en", 12),
        *(("bucc2018", "dev", code, 12) for code in MINED),
    ],
)
def test_training_and_development_data_load(name: str, split: str, code: str, size: int) -> None:
    assert load(family(name), code, split, OFFICIAL).rows == size


@pytest.mark.parametrize("name", ["udpos", "panx"])
def test_readers_give_back_the_declared_tokens_and_tags(name: str) -> None:
    """For UD-POS this compares two independent accounts of the rule for fused tokens."""
    for code in family(name).languages:
        loaded = load(family(name), code, "test", OFFICIAL)
        declared = sentences(SOURCE / "sentences" / f"{code}.txt")
        for example, tokens in zip(loaded.examples, declared, strict=True):
            assert isinstance(example, Tagged)
            # XTREME removes the zero-width non-joiner (Persian) from UD tokens, not from PAN-X.
            forms = [t.form.replace("\u200c", "") if name == "udpos" else t.form for t in tokens]
            assert list(example.tokens) == forms
            assert list(example.tags) == [t.upos if name == "udpos" else t.ner for t in tokens]
