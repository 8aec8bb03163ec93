"""Translation checkpoints: batches agree with the model cards' own recipe, languages are asked for as they must be."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner

from tests.translation import tiny_translators as tiny
from tests.translation.fakes import squad_file
from xstilts_eval.cli import app
from xstilts_eval.data import translated
from xstilts_eval.data.examples import Question
from xstilts_eval.errors import MissingData, SettingError, UnfitCheckpoint, UnknownName
from xstilts_eval.languages import language, languages
from xstilts_eval.translation import translator
from xstilts_eval.translation.run import plan, run
from xstilts_eval.translation.translator import GROWTH, ROOM, HubTranslator, Options, open_model

TEXTS = [
    f"{first} {second}"
    for first in ("The mill", "An old river", "Twenty sacks of wheat")
    for second in ("rises.", "is sold today.", "came home, and then left.", "runs in 1999.")
]


@pytest.fixture(scope="module")
def nllb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.make_nllb(tmp_path_factory.mktemp("nllb") / "tiny")


def by_one(folder: Path, source: dict[str, Any], first: str | None, prefix: str = "") -> list[str | None]:
    """The model cards' recipe, one text at a time and greedy; None without an end among the tokens allowed."""
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder, **source)
    model = AutoModelForSeq2SeqLM.from_pretrained(folder).eval()
    options = {} if first is None else {"forced_bos_token_id": tokenizer.convert_tokens_to_ids(first)}
    found: list[str | None] = []
    for text in TEXTS:
        inputs = tokenizer(prefix + text, return_tensors="pt")
        limit = min(GROWTH * inputs["input_ids"].shape[1] + ROOM, tiny.POSITIONS - 1)
        output = model.generate(
            **inputs, **options, num_beams=1, do_sample=False, max_new_tokens=limit, forced_eos_token_id=None
        )
        ended = tokenizer.eos_token_id in output[0, 1:].tolist()
        found.append(tokenizer.batch_decode(output, skip_special_tokens=True)[0] if ended else None)
    return found


def agree(found: list[str | None], expected: list[str | None]) -> None:
    assert [text is None for text in found] == [text is None for text in expected]
    assert [(text or "").strip() for text in found] == [(text or "").strip() for text in expected]
    assert len(set(expected)) > 2  # the comparison says something


def test_nllb_batches_agree_with_its_own_recipe(nllb: Path) -> None:
    found = open_model(str(nllb), Options(beams=1)).translate(TEXTS, "sw")
    agree(found, by_one(nllb, {"src_lang": "eng_Latn"}, "swh_Latn"))
    assert any(text is None for text in found) and any(found)


def test_m2m_batches_agree_with_its_own_recipe(tmp_path: Path) -> None:
    pytest.importorskip("sentencepiece")
    folder = tiny.make_m2m(tmp_path / "m2m")
    found = open_model(str(folder), Options(beams=1)).translate(TEXTS, "sw")
    agree(found, by_one(folder, {"src_lang": "en"}, "__sw__"))


def test_marian_batches_agree_with_its_own_recipe(tmp_path: Path) -> None:
    pytest.importorskip("sentencepiece")
    folder = tiny.make_marian(tmp_path / "marian")
    agree(open_model(str(folder), Options(beams=1)).translate(TEXTS, "de"), by_one(folder, {}, None))


def test_marian_of_many_languages_reads_the_code_first(tmp_path: Path) -> None:
    pytest.importorskip("sentencepiece")
    codes = (">>swh<<", ">>cmn_Hans<<", ">>cmn_Hant<<", ">>deu<<")
    folder = tiny.make_marian(tmp_path / "marian", "mul", codes, seed=2, stretch=3.0)
    model = open_model(str(folder), Options(beams=1))
    for code, prefix in (("sw", ">>swh<<"), ("zh", ">>cmn_Hans<<"), ("de", ">>deu<<")):
        agree(model.translate(TEXTS, code), by_one(folder, {}, None, f"{prefix} "))
    with pytest.raises(
        SettingError, match=r"does not translate into Finnish \('fi'\); of our languages it knows de, sw, zh"
    ):
        model.check("fi")


def test_marian_of_one_pair_does_nothing_else(tmp_path: Path) -> None:
    pytest.importorskip("sentencepiece")
    folder = tiny.make_marian(tmp_path / "marian")
    with pytest.raises(SettingError, match="translates into 'de' only, not into 'fr'"):
        open_model(str(folder), Options()).check("fr")
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    for change, message in (
        ({"source_lang": "fr"}, "translates from 'fr'; what is translated here is English"),
        ({"target_lang": None}, "does not say what language it translates into; add target_lang"),
    ):
        (folder / "tokenizer_config.json").write_text(json.dumps(settings | change))
        with pytest.raises((SettingError, UnfitCheckpoint), match=message):
            open_model(str(folder), Options()).check("de")


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_repeats(nllb: Path, dtype: str) -> None:
    model = open_model(str(nllb), Options(beams=2, dtype=dtype))
    found = model.translate(TEXTS[:4], "sw")
    assert len(found) == 4 and model.translate(TEXTS[:4], "sw") == found
    assert model.settings["dtype"] == dtype


@pytest.mark.parametrize("beams", [1, 3])
def test_the_same_twice_and_alone(nllb: Path, beams: int) -> None:
    """Batches of texts of one length; with beams, the search depends on how long it may go on."""
    model = open_model(str(nllb), Options(beams=beams))
    texts = ["Ada came", "Bob went", "Ida sat.", "Eve ran!"]
    together = model.translate(texts, "sw")
    assert model.translate(texts, "sw") == together
    assert [model.translate([text], "sw")[0] for text in texts] == together
    other = [model.translate(texts, code) for code in ("de", "ru")]
    assert len({str(found) for found in (together, *other)}) > 1  # the target language reaches the model


def test_running_out_of_memory_halves_the_batch(nllb: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    model = open_model(str(nllb), Options(beams=1))
    expected = model.translate(TEXTS, "sw")
    real, sizes = HubTranslator._generate, []

    def tight(self: HubTranslator, rows: list[list[int]], route: Any) -> list[str | None]:
        if len(rows) > 6:
            raise torch.OutOfMemoryError
        sizes.append(len(rows))
        return real(self, rows, route)

    monkeypatch.setattr(HubTranslator, "_generate", tight)
    assert model.translate(TEXTS, "sw") == expected
    assert sizes == [6, 6]

    def none(*_: Any) -> list[str | None]:
        raise torch.OutOfMemoryError

    monkeypatch.setattr(HubTranslator, "_generate", none)
    with pytest.raises(SettingError, match="does not fit in the memory of cpu; use fewer --beams"):
        model.translate(TEXTS[:1], "sw")


def test_what_is_too_long_is_not_cut_in_silence(nllb: Path) -> None:
    model = open_model(str(nllb), Options(beams=1))
    assert model.longest == tiny.POSITIONS
    assert model.length("a" * 93) == tiny.POSITIONS
    assert model.translate(["a" * 94, "Ada"], "sw")[0] is None
    assert model.translate([], "sw") == []


def test_models_that_do_not_translate(tmp_path: Path, tiny_bundle: Path, nllb: Path) -> None:
    with pytest.raises(UnfitCheckpoint, match="is a bert checkpoint; translating takes NLLB, M2M-100"):
        open_model(str(tiny_bundle / "encoder"), Options())
    foreign = tmp_path / "foreign"
    shutil.copytree(nllb, foreign)
    for path in foreign.glob("*token*"):
        path.unlink()
    for path in (tiny_bundle / "encoder").glob("*token*"):
        shutil.copy(path, foreign)
    with pytest.raises(UnfitCheckpoint, match="belongs to another model"):
        open_model(str(foreign), Options())
    pickled = tmp_path / "pickled"
    shutil.copytree(nllb, pickled)
    (pickled / "model.safetensors").unlink()
    torch.save({}, pickled / "pytorch_model.bin")
    with pytest.raises(UnfitCheckpoint, match="only pickled weights"):
        open_model(str(pickled), Options())
    with pytest.raises(UnknownName, match="unknown language 'xx'"):
        open_model(str(nllb), Options()).check("xx")
    with pytest.raises(SettingError, match=r"into Basque \('eu'\); of our languages it knows de, en, ru, sw"):
        open_model(str(nllb), Options()).check("eu")


@pytest.mark.parametrize(
    "options, message",
    [
        (Options(beams=0), "--beams 0"),
        (Options(dtype="int8"), "--dtype 'int8'"),
        (Options(batch_tokens=0), "--batch-tokens"),
    ],
)
def test_bad_options(nllb: Path, options: Options, message: str) -> None:
    with pytest.raises(SettingError, match=message):
        open_model(str(nllb), options)


def test_flores_codes_are_nllbs() -> None:
    from transformers.models.nllb.tokenization_nllb import FAIRSEQ_LANGUAGE_CODES

    codes = [row.flores for row in languages().values()]
    assert set(codes) <= set(FAIRSEQ_LANGUAGE_CODES) and len(set(codes)) == len(codes)
    assert language("sw").flores == "swh_Latn" and language("zh").flores == "zho_Hans"


@pytest.mark.parametrize(
    "name, code, expected",
    [
        ("de", "de", True),
        ("deu", "de", True),
        ("cmn_Hans", "zh", True),
        ("cmn_Hant", "zh", False),
        ("zh_CN", "zh", True),
        ("pes", "fa", True),
        ("swh", "sw", True),
        ("fr", "de", False),
        ("", "gu", False),
    ],
)
def test_names_of_languages(name: str, code: str, expected: bool) -> None:
    assert translator._means(name, language(code)) is expected


def test_the_whole_way_with_a_random_model(tmp_path: Path) -> None:
    """It loses every mark: those examples are dropped and counted, none is invented."""
    nllb = tiny.make_nllb(tmp_path / "nllb", seed=3, stretch=3.0)
    squad_file(tmp_path, version="2.0")
    path = tmp_path / "squad" / "train-v2.0.json"
    content = json.loads(path.read_text())
    for article in content["data"]:  # all but one question per passage without an answer
        for number, question in enumerate(article["paragraphs"][0]["qas"]):
            question["is_impossible"] = number > 0
            question["answers"] = [] if number else question["answers"]
    path.write_text(json.dumps(content))
    model = open_model(str(nllb), Options(beams=1, batch_tokens=512))
    (made,) = run(plan("squad_v2", ["sw"]), tmp_path, tmp_path / "out", model, lambda _: None)
    manifest = translated.read_manifest(made)
    assert manifest and manifest.model == model.identity
    assert manifest.settings == {"beams": 1, "dtype": "float32", "batch_tokens": 512, "device": "cpu", "limit": None}
    kept, _ = translated.load("squad_v2", "sw", "train", tmp_path / "out")
    assert all(not example.answers for example in kept)  # type: ignore[union-attr]
    assert {f"q{number}-0" for number in range(6)} <= {name for ids in manifest.dropped.values() for name in ids}


def test_the_command(tmp_path: Path) -> None:
    """From PAWS-X's own files to files that `load` reads; a mistake is one sentence."""
    model = tiny.make_nllb(tmp_path / "nllb", seed=3, stretch=3.0)
    english = tmp_path / "pawsx" / "x-final" / "en" / "train.tsv"
    english.parent.mkdir(parents=True)
    rows = "".join(f"{n}\t{text}\t{text[:9]} {n}.\t{n % 2}\n" for n, text in enumerate(TEXTS))
    english.write_text(f"id\tsentence1\tsentence2\tlabel\n{rows}")
    command = ["translate", "pawsx", "--model", str(model), "--data", str(tmp_path), "--beams", "1"]
    found = CliRunner().invoke(app, [*command, "--to", "sw"], catch_exceptions=False)
    assert found.exit_code == 0
    examples, (path,) = translated.load("pawsx", "sw", "train", tmp_path)
    assert found.stdout.startswith(f"sw: {len(examples)} of 12 examples, ")
    assert found.stdout.endswith(f"→ {path}\n")
    labels = {str(number): number % 2 for number in range(len(TEXTS))}
    assert all(example.label == labels[example.id] for example in examples)  # type: ignore[union-attr]
    for options, error, message in (
        (["--to", "en"], SettingError, "--to names the languages"),
        (["--to", "eu"], SettingError, "does not translate into Basque"),
        (["--to", "sw", "--dtype", "int4"], SettingError, "--dtype 'int4'"),
        (["--to", "sw", "--split", "dev"], MissingData, "no dev data"),
        (["--to", "sw", "--data", "sample"], SettingError, "the bundled sample is not written into"),
    ):
        with pytest.raises(error, match=message):
            CliRunner().invoke(app, [*command, *options], catch_exceptions=False)


def test_a_missing_library_is_named(nllb: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def without(*_: Any, **__: Any) -> Any:
        raise ImportError("MarianTokenizer requires the SentencePiece library but it was not found")

    monkeypatch.setattr("transformers.AutoTokenizer.from_pretrained", without)
    with pytest.raises(UnfitCheckpoint, match="needs sentencepiece, which is not installed; pip install sentencepiece"):
        open_model(str(nllb), Options())


@pytest.mark.slow
def test_the_whole_way_with_a_model_that_translates(tmp_path: Path) -> None:
    """A model trained to say again what it reads: most answers must come through, each where the English one stands."""
    model = open_model(str(tiny.make_copier(tmp_path / "copier")), Options(beams=2))
    squad_file(tmp_path, passages=8)
    context = "Mills grind wheat here. Rivers rise in spring."
    path = tmp_path / "squad" / "train-v1.1.json"
    content = json.loads(path.read_text())
    for number, article in enumerate(content["data"]):
        paragraph = article["paragraphs"][0]
        paragraph["context"] = context
        for question, text in zip(paragraph["qas"], ("wheat", "spring", "Mills grind"), strict=True):
            question |= {"question": f"Why {number}?", "answers": [{"text": text, "answer_start": context.index(text)}]}
    path.write_text(json.dumps(content))
    (made,) = run(plan("squad", ["de"]), tmp_path, tmp_path / "out", model, lambda _: None)
    manifest = translated.read_manifest(made)
    examples, _ = translated.load("squad", "de", "train", tmp_path / "out")
    assert manifest and manifest.written == len(examples) > 12
    exact = 0
    for example in examples:
        assert isinstance(example, Question)
        (answer,) = example.answers
        exact += example.context == context and answer.text in ("wheat", "spring", "Mills grind")
    assert exact > 0.7 * len(examples)
