"""Which piece of a word has its tag: the first one (XTREME), or the first one with text; the same in every place."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, cast

import pytest

from tests.host_results import host_results
from tests.models.test_xlmr_shape import load, xlmr  # noqa: F401
from tests.run_host import run_host
from tests.zoo.small_zoo import MODEL, table, write_zoo
from xstilts_eval import bundle
from xstilts_eval.analysis.relatedness import heads as analysis_heads
from xstilts_eval.benchmark import UPOS, family
from xstilts_eval.bundle import Bundle, Head
from xstilts_eval.data import sources
from xstilts_eval.data.examples import document
from xstilts_eval.errors import SettingError
from xstilts_eval.models import arguments, bundle_report, tagging
from xstilts_eval.models.encoder import Loaded
from xstilts_eval.models.source import Source
from xstilts_eval.paths import sample_path
from xstilts_eval.results import record
from xstilts_eval.training import rows
from xstilts_eval.training.heads import Settings, fit
from xstilts_eval.training.recipe import Mixture
from xstilts_eval.training.settings import Resolved, StageSettings
from xstilts_eval.training.stage import Parent, Plan
from xstilts_eval.zoo import manifest, regression
from xstilts_eval.zoo.gating import Choice


class Pieces:
    """A tokenizer of fixed words; ids are places in `names`."""

    names = ("▁", "▁the", "re", "は", "Ġ", "Ġ▁", "x", "<unk>")
    words: ClassVar = {"there": [1, 2], "は": [0, 3], "▁▁": [0, 0], "Ġx": [4, 5, 6], "": []}
    unk_token_id = 7

    def __call__(self, words: list[str], **_: Any) -> dict[str, list[list[int]]]:
        return {"input_ids": [self.words[word] for word in words]}

    def convert_ids_to_tokens(self, index: int) -> str:
        return self.names[index]


@pytest.mark.parametrize(
    ("word", "any_", "text", "blank"),
    [("there", 0, 0, 0), ("は", 0, 1, 1), ("▁▁", 0, 0, 0), ("Ġx", 0, 2, 2), ("", 0, 0, 0)],
)
def test_places_by_hand(word: str, any_: int, text: int, blank: int) -> None:
    """A word that is nothing but marks, or unknown, has no better piece than its first."""
    for rule, place in (("any", any_), ("text", text)):
        known = tagging.WordTokenizer(Pieces(), 10, rule)  # type: ignore[arg-type]
        known.learn(iter([word]))
        assert (known.place(word), known.blank(word)) == (place, blank)


def test_pieces_are_cut_alike(tmp_path: Path) -> None:
    """The rule moves where a tag stands, never which sub-words a piece of the sentence has."""
    words = ["there", "は", "Ġx"]
    found = {}
    for rule in ("any", "text"):
        known = tagging.WordTokenizer(Pieces(), 4, rule)
        known.learn(iter(words))
        found[rule] = list(tagging.cut(0, words, known, 4))
    assert [piece.ids for piece in found["any"]] == [piece.ids for piece in found["text"]] == [[1, 2, 0, 3], [4, 5, 6]]
    assert [piece.first for piece in found["any"]] == [[0, 2], [0]]
    assert [piece.first for piece in found["text"]] == [[0, 3], [2]]


def documents(language: str) -> list[Any]:
    examples = sources.load(family("udpos"), language, "test", sample_path()).examples
    return [document(example, "udpos", language) for example in examples]


def head_of(folder: Path, rule: Any, length: int = 128) -> Loaded:
    loaded = load(folder / "udpos", "AutoModelForTokenClassification", length)
    return Loaded(loaded.model, loaded.tokenizer, loaded.runtime, length, "", rule)


@pytest.mark.parametrize("language", ["zh", "de"])
@pytest.mark.parametrize("length", [128, 16])
def test_training_labels_stand_where_tags_are_read(xlmr: Path, language: str, length: int) -> None:  # noqa: F811
    """Against a plain loop over single words, which knows nothing of pieces and places; long sentences cut too."""
    docs = documents(language)
    head = head_of(xlmr, "text", length)
    tokenizer = head.tokenizer
    labelled = [
        (row["input_ids"][place], label)
        for row in rows.tagged_rows(head, docs, UPOS)
        for place, label in enumerate(row["labels"])
        if label != rows.IGNORED
    ]
    expected = []
    for doc in docs:
        for word, tag in zip(doc["tokens"], doc["tags"], strict=True):
            names = tokenizer.tokenize(word)
            with_text = [name for name in names if name.replace("▁", "")]
            expected.append((tokenizer.convert_tokens_to_ids((with_text or names)[0]), UPOS.index(tag)))
    assert labelled == expected
    assert any(tokenizer.tokenize(word)[0] == "▁" for doc in docs for word in doc["tokens"])  # it makes a difference


def test_the_tag_is_read_at_that_piece(xlmr: Path) -> None:  # noqa: F811
    """One sentence alone through the model by hand: arg-max at the first piece with text."""
    import torch

    doc = documents("zh")[0]
    head = head_of(xlmr, "text")
    ids, places = [0], []
    for word in doc["tokens"]:
        own = head.tokenizer(word, add_special_tokens=False)["input_ids"]
        names = head.tokenizer.convert_ids_to_tokens(own)
        places.append(len(ids) + next((n for n, name in enumerate(names) if name != "▁"), 0))
        ids += own
    with torch.inference_mode():
        logits = head.model(torch.tensor([[*ids, 2]])).logits[0]
    found, counts = tagging.tag(head, [doc], UPOS)
    assert found == [[UPOS[int(logits[place].argmax())] for place in places]]
    blank = sum(head.tokenizer.tokenize(word)[0] == "▁" and len(head.tokenizer.tokenize(word)) > 1
                for word in doc["tokens"])  # fmt: skip
    assert counts["blank_first_pieces"] == [blank] and blank > 0


def signature(results: dict[str, Any]) -> str:
    (leaf,) = record.from_host(results).leaves
    return leaf.signature


def test_signature_and_bundle(xlmr: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:  # noqa: F811
    """A head is read as its bundle says it was trained; another wish is done, shown and warned about."""
    text = tmp_path / "text"
    bundle.make(text, None, {"udpos": str(xlmr / "udpos")}, first_pieces={"udpos": "text"})
    assert json.loads((text / "bundle.json").read_text(encoding="utf-8"))["heads"]["udpos"]["first_piece"] == "text"
    plain = xlmr / "udpos"
    leaf = ["xtreme.udpos.zh"]
    assert "first_piece" not in signature(run_host(leaf, plain))
    assert "|first_piece:text|" in signature(run_host(leaf, plain, first_piece="text"))
    assert not caplog.records
    assert "|first_piece:text|" in signature(run_host(leaf, text))
    assert not caplog.records
    assert "first_piece" not in signature(run_host(leaf, text, first_piece="any"))
    assert "read with first_piece=any; its bundle says it was trained with text" in caplog.text


def test_a_manifest_of_before_stays_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "udpos").mkdir()
    trained = {"udpos": bundle.TrainedHead(path="udpos", head="udpos")}
    bundle.write(Bundle(heads={"udpos": Head(path="udpos")}, trained=trained), tmp_path)
    assert "first_piece" not in (tmp_path / "bundle.json").read_text(encoding="utf-8")
    assert bundle.read(tmp_path).heads["udpos"].first_piece == "any"


def test_wrong_words_are_refused(xlmr: Path, tmp_path: Path) -> None:  # noqa: F811
    with pytest.raises(SettingError, match="first_piece: Input should be 'any' or 'text', got 'last'"):
        arguments.read({"pretrained": "x", **arguments.parse("first_piece=last")})
    for wrong in ({"udpos": "last"}, {"xnli": "text"}):
        with pytest.raises(SettingError, match="taggers"):
            bundle.make(tmp_path / "new", None, {"udpos": str(xlmr / "udpos")}, first_pieces=wrong)
    assert not (tmp_path / "new").exists()


def test_fit_head_keeps_the_rule_and_refuses_it_elsewhere(tiny_bundle: Path, tmp_path: Path) -> None:
    """The bundle of a fitted tagger says how it was trained; answers have no first piece."""
    base = str(tiny_bundle / "encoder")
    report = fit(Settings(base, data="sample", limit=8, epochs=1, first_piece="text"), tmp_path / "new")
    made = bundle.read(tmp_path / "new")
    assert made.heads["udpos"].first_piece == "text"
    assert "first piece text" in report
    found = bundle_report.report(tmp_path / "new")
    assert [part.get("first_piece") for part in found["parts"] if part["serves"] in ("retrieval", "udpos")] == [
        None,
        "text",
    ]
    assert "udpos: first_piece text" in str(bundle_report.table(found).renderables)
    for wrong, said in ((Settings(base, family="xquad", first_piece="text"), "is for taggers"),
                        (Settings(base, first_piece="last"), "any or text")):  # fmt: skip
        with pytest.raises(SettingError, match=said):
            fit(wrong, tmp_path / "other")


def test_analyses_read_a_head_by_its_rule(xlmr: Path, tmp_path: Path) -> None:  # noqa: F811
    """LEEP's probabilities are the softmax at the piece the head was trained on, as one sentence alone gives it."""
    import torch

    folder = tmp_path / "stage"
    shutil.copytree(xlmr, folder)
    trained = {"udpos": bundle.TrainedHead(path="udpos", head="udpos", first_piece="text")}
    bundle.write(Bundle(encoder="encoder", trained=trained), folder)
    (folder / "stage.json").write_text("{}", encoding="utf-8")
    (head,) = analysis_heads.of(folder)
    assert head.folder and head.first_piece == "text"
    examples = [one for one in sources.load(family("udpos"), "zh", "test", sample_path()).examples][:1]
    target = analysis_heads.English(family("udpos"), "test", tuple(examples))  # type: ignore[arg-type]
    by_rule = {
        rule: analysis_heads.from_head(replace(head, first_piece=rule), target)[analysis_heads.LEEP]
        for rule in ("any", "text")
    }
    assert by_rule["any"] != by_rule["text"]
    loaded = head_of(folder, "text")
    ids, places = [0], []
    for word in documents("zh")[0]["tokens"]:
        own = loaded.tokenizer(word, add_special_tokens=False)["input_ids"]
        names = loaded.tokenizer.convert_ids_to_tokens(own)
        places.append(len(ids) + next((n for n, name in enumerate(names) if name != "▁"), 0))
        ids += own
    with torch.inference_mode():
        logits = loaded.model(torch.tensor([[*ids, 2]])).logits[0, places]
    expected = analysis_heads.from_probabilities(torch.softmax(logits.double(), -1).numpy(), target.labels)
    assert analysis_heads.from_head(head, target) == pytest.approx(expected, abs=1e-5)


def plan_of(**settings: Any) -> Plan:
    source = Source("base")
    resolved = Resolved(StageSettings(**settings), {})
    return Plan("udpos", Parent(source, "0" * 12), (), resolved, Mixture(), None, 1, "never", "r")


def test_stages_trained_before_are_found_again() -> None:
    """The official rule is no part of a stage's hash, as before there was a choice; the other one is."""
    official, other = (cast(Any, plan.identity["settings"]) for plan in (plan_of(), plan_of(first_piece="text")))
    assert "first_piece" not in official and other["first_piece"] == "text"
    assert plan_of(first_piece="text").key != plan_of().key


def test_published_numbers_are_by_the_official_rule(tmp_path: Path) -> None:
    zoo = write_zoo(tmp_path / "zoo.yaml", table({"de": 66.0}, family="xtreme_udpos", metric="f1"))
    results = host_results({"xtreme.udpos.de": {"f1": 0.66, "precision": 0.66, "recall": 0.66, "token_acc": 0.66}})
    results["config"]["xstilts"]["first_piece"] = {"udpos": "text"}
    (verdict,) = regression.regress(manifest.load(zoo), Choice(MODEL), [record.from_host(results)]).verdicts
    assert (verdict.status.value, verdict.reason) == ("not comparable", "first_piece text, not any")
