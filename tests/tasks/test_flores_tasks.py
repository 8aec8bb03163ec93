"""FLORES-200 through the host: what patterns reach, what is scored, and by sacrebleu itself the same numbers."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
import sacrebleu
from lm_eval import evaluate as host_evaluate
from lm_eval.api.model import LM
from lm_eval.tasks import TaskManager

from tests import tiny_language_models
from tests.run_host import load_tasks, run_host
from xstilts_eval import selection
from xstilts_eval.benchmark import FLORES, SUITES, leaf_parts
from xstilts_eval.errors import SettingError, UnfitCheckpoint, UnknownName
from xstilts_eval.flores_groups import language_groups
from xstilts_eval.language_codes import flores_languages
from xstilts_eval.metrics import bootstrap, translation
from xstilts_eval.models.adapter import XstiltsLM
from xstilts_eval.paths import tasks_path
from xstilts_eval.results import intervals, record, scoreboard
from xstilts_eval.tasks import scoring

LEAVES = {family.leaf(language) for family in SUITES[FLORES].families for language in family.languages}
SOME = ["flores200.to_eng.swh_Latn", "flores200.to_eng.deu_Latn", "flores200.from_eng.zho_Hans"]


# ------------------------------------------------------------------------------------- names and groups


@pytest.fixture(scope="module")
def manager() -> Any:
    folders = [str(tasks_path() / name) for name in ("flores200", "flores200pair")]
    return TaskManager(include_path=folders, include_defaults=False, metadata={"data": "sample"})


def test_the_pattern_reaches_every_leaf_once(manager: Any) -> None:
    names = manager.match_tasks(["flores200_*"])
    assert names == ["flores200_other", "flores200_xtreme"]
    loaded = manager.load(names)
    assert set(loaded["tasks"]) == LEAVES and len(LEAVES) == 3 * 203
    xtreme = {leaf for name in loaded["group_map"]["flores200_xtreme"] for leaf in loaded["group_map"][name]}
    assert len(xtreme) == 3 * 49  # XTREME-R's fifty with English, which is the other side


def test_every_other_group_is_one_that_the_pattern_does_not_reach(manager: Any) -> None:
    """Read off the YAML files: each group names its languages in all three directions."""
    for name, languages in language_groups().items():
        members = manager.task_index[name].yaml_path.read_text(encoding="utf-8").splitlines()
        leaves = [line.strip().removeprefix("- ") for line in members if "- flores200." in line]
        assert sorted(leaves) == sorted(f.leaf(lang) for f in SUITES[FLORES].families for lang in languages), name
    assert {name for name in language_groups() if name.startswith("flores200_")} == {
        "flores200_xtreme",
        "flores200_other",
    }


def test_groups_by_script_family_and_level_are_whole() -> None:
    groups = language_groups()
    assert groups["flores200-script-cyrl"] == tuple(c for c in flores_languages() if c.endswith("_Cyrl"))
    assert set(groups["flores200-family-uralic"]) == {"est_Latn", "fin_Latn", "hun_Latn"}
    for kind in ("script", "family"):
        named = [code for name, codes in groups.items() if name.startswith(f"flores200-{kind}-") for code in codes]
        assert len(named) == len(set(named)) == 203
    levels = [code for name, codes in groups.items() if name.startswith("flores200-resource-") for code in codes]
    assert len(levels) == len(set(levels)) == 200  # three languages are in neither copy of the list


def test_the_host_refuses_two_groups_that_overlap(manager: Any) -> None:
    with pytest.raises(ValueError, match="Duplicate task"):
        manager.load(["flores200-script-hant", "flores200-family-sino-tibetan"])


def test_our_own_front_door_merges_them() -> None:
    selected = selection.select(["flores200-script-hant", "flores200-family-sino-tibetan", "flores200_xtreme"])
    retrieval = next(family for family in selected if family.name == "retrieval")
    assert {"yue_Hant", "bod_Tibt", "deu_Latn"} <= set(selected[retrieval])
    everything = selection.select(["flores200_*"])
    assert {family.leaf(code) for family, codes in everything.items() for code in codes} == LEAVES
    with pytest.raises(UnknownName, match="flores200-script-cyrl"):
        selection.select(["flores200-script-cyril"])


@pytest.mark.parametrize(
    "name", ["flores200", "flores200-script-hant", "flores200-family-aymaran", "flores200.*.zho_Hant"]
)
def test_each_group_and_pattern_loads_by_itself(manager: Any, name: str) -> None:
    assert manager.load(manager.match_tasks([name]))["tasks"].keys() <= LEAVES


# ------------------------------------------------------------------------------------- translation


class Forgetful(LM):  # type: ignore[misc]
    """Answers every translation request with its reference, one word in four forgotten; some answers are odd."""

    def generate_until(self, requests: Any, **_: Any) -> list[str]:
        return [self.answer(request.doc) for request in requests]

    @staticmethod
    def answer(doc: dict[str, Any]) -> str:
        number = int(doc["id"].split(".")[1])
        if number == 3:
            return ""
        if number == 4:
            return str(doc["source"])
        text = str(doc["target"])
        parts = text.split() if " " in text else list(text)
        return " " + (" " if " " in text else "").join(part for n, part in enumerate(parts) if (n + number) % 4)

    def loglikelihood(self, requests: Any, **_: Any) -> Any:
        raise NotImplementedError

    def loglikelihood_rolling(self, requests: Any, **_: Any) -> Any:
        raise NotImplementedError


def forgetful(leaves: list[str], **metadata: Any) -> dict[str, Any]:
    results: dict[str, Any] = host_evaluate(
        Forgetful(), load_tasks(leaves, **metadata), log_samples=True, bootstrap_iters=0
    )
    return results | {"config": {"limit": None}, "model_name": "forgetful"}


@pytest.fixture(scope="module")
def translated() -> dict[str, Any]:
    return forgetful(SOME)


@pytest.mark.parametrize("leaf", SOME)
def test_scores_are_those_of_sacrebleu_called_on_the_logged_samples(translated: dict[str, Any], leaf: str) -> None:
    samples = sorted(translated["samples"][leaf], key=lambda sample: sample["doc_id"])
    hypotheses = [sample["resps"][0][0].strip() for sample in samples]
    references = [sample["doc"]["target"] for sample in samples]
    expected = sacrebleu.corpus_chrf(hypotheses, [references], word_order=2).score / 100
    found = translated["results"][leaf]
    assert 0.1 < found["chrf++,none"] == pytest.approx(expected, abs=1e-12)
    assert found["chrf++_ci95,none"] is None, "five articles are too few"
    assert found["unparsed,none"] == 1 and found["copied,none"] == pytest.approx(1 / 20)


def test_without_its_tokenizer_spbleu_is_missing_not_zero(translated: dict[str, Any]) -> None:
    if translation.why_no_spbleu() is None:
        pytest.skip("FLORES-200's tokenizer is installed here")
    for leaf in SOME:
        assert not [name for name in translated["results"][leaf] if name.startswith("spbleu")]
    signature = record.from_host(translated).leaves[0].signature
    assert "nc:6|nw:2" in signature and f"sacrebleu:{sacrebleu.__version__}+spbleu:missing" in signature


def test_with_a_tokenizer_in_place_spbleu_is_sacrebleus(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, translated: dict[str, Any]
) -> None:
    """A small tokenizer trained on the spot passes for FLORES-200's."""
    sentencepiece = pytest.importorskip("sentencepiece")
    from sacrebleu.tokenizers import tokenizer_spm

    text = tmp_path / "text.txt"
    samples = translated["samples"][SOME[0]]
    text.write_text("\n".join(sample["doc"]["target"] for sample in samples), encoding="utf-8")
    sentencepiece.SentencePieceTrainer.train(
        input=str(text), model_prefix=str(tmp_path / "m"), vocab_size=90, minloglevel=2, num_threads=1
    )
    content = (tmp_path / "m.model").read_bytes()
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / translation.SPM_FILE).write_bytes(content)
    monkeypatch.setattr(tokenizer_spm, "SACREBLEU_DIR", str(tmp_path))
    monkeypatch.setattr(translation, "SPM_SHA256", hashlib.sha256(content).hexdigest())
    results = forgetful(SOME[:1])
    samples = sorted(results["samples"][SOME[0]], key=lambda sample: sample["doc_id"])
    hypotheses = [sample["resps"][0][0].strip() for sample in samples]
    references = [[sample["doc"]["target"] for sample in samples]]
    expected = sacrebleu.corpus_bleu(hypotheses, references, tokenize="flores200", force=True).score / 100
    found = results["results"][SOME[0]]
    assert 0.1 < found["spbleu,none"] == pytest.approx(expected, abs=1e-12)
    assert found["spbleu_ci95,none"] is None, "five articles are too few"
    assert "tok:flores200" in record.from_host(results).leaves[0].signature


def test_scoreboard_and_interval_of_a_direction(translated: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The sample's five articles are too few for an interval; the method is shown on them all the same."""
    board = scoreboard.build([record.from_host(translated)])
    row = board.families["flores200-to_eng"]
    values = [translated["results"][leaf]["chrf++,none"] for leaf in SOME[:2]]
    assert row.score == pytest.approx(100 * sum(values) / 2) and len(row.missing) == 201
    by_language = {leaf_parts(leaf)[1]: translated["samples"][leaf] for leaf in SOME[:2]}
    assert row.interval is None and intervals.family_interval(leaf_parts(SOME[0])[0], by_language) is None
    assert translated["results"][SOME[0]]["chrf++_ci95,none"] is None
    monkeypatch.setattr(bootstrap, "FEWEST_UNITS", 5)
    low, high = intervals.family_interval(leaf_parts(SOME[0])[0], by_language) or (0, 0)
    assert low < row.score / 100 < high
    one = {"swh_Latn": translated["samples"][SOME[0]]}
    alone = intervals.family_interval(leaf_parts(SOME[0])[0], one)
    counts = [sample["chrf++_ci95"] for sample in translated["samples"][SOME[0]]]
    assert alone == pytest.approx(scoring.chrf_interval(counts), abs=0.02)


def test_prompt_names_both_languages_and_ends_without_a_blank() -> None:
    (task,) = load_tasks(["flores200.from_eng.zho_Hant"])["tasks"].values()
    text = task.doc_to_text(task.test_docs()[0])
    assert text == "English sentence: Anna lives in Lisbon.\nChinese (Traditional) sentence:"


def test_shots_are_dev_lines_of_the_same_pair() -> None:
    loaded = load_tasks(["flores200.to_eng.swh_Latn"])
    (task,) = loaded["tasks"].values()
    task.set_config("num_fewshot", 2)
    results = host_evaluate(Forgetful(), loaded, limit=1, log_samples=True, bootstrap_iters=0)
    (sample,) = results["samples"]["flores200.to_eng.swh_Latn"]
    prompt = sample["arguments"][0][0]
    dev = [(doc["source"], doc["target"]) for doc in task.sampler.df]
    shown = [(s, t) for s, t in dev if f"Swahili sentence: {s}\nEnglish sentence: {t}\n\n" in prompt]
    assert len(dev) == 4 and len(shown) == 2 and prompt.endswith("\nEnglish sentence:")
    assert all(doc["id"].startswith("dev.") for doc in task.sampler.df)


def test_shots_are_not_taken_from_what_is_scored() -> None:
    loaded = load_tasks(["flores200.to_eng.swh_Latn"], split="dev")
    (task,) = loaded["tasks"].values()
    task.set_config("num_fewshot", 1)
    with pytest.raises(SettingError, match="dev lines"):
        host_evaluate(Forgetful(), loaded, bootstrap_iters=0)


# ------------------------------------------------------------------------------------- pairs


def test_any_pair_is_named_by_the_metadata() -> None:
    results = forgetful(["flores200pair.translation.any"], source="de", target="fra_Latn")
    (leaf,) = results["results"]
    doc = results["samples"][leaf][0]["doc"]
    assert (doc["source_language"], doc["target_language"]) == ("deu_Latn", "fra_Latn")
    assert doc["source"].startswith("Anna wohnt") and doc["target"].startswith("Anna habite")
    assert "|pair:deu_Latn-fra_Latn" in record.from_host(results).leaves[0].signature


@pytest.mark.parametrize(
    ("leaf", "metadata", "message"),
    [
        ("flores200pair.translation.any", {}, "needs a pair"),
        ("flores200pair.retrieval.any", {"source": "deu_Latn"}, r"source and target \(both\) belong to"),
        ("flores200.to_eng.fra_Latn", {"source": "deu_Latn", "target": "fra_Latn"}, "have their languages in their"),
    ],
)
def test_a_pair_that_is_half_or_elsewhere_is_refused(leaf: str, metadata: dict[str, str], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        load_tasks([leaf], **metadata)


# ------------------------------------------------------------------------------------- models


def test_encoders_are_refused_for_translation_by_name(tiny_bundle: Path) -> None:
    leaves = ["flores200.to_eng.deu_Latn", "flores200.retrieval.deu_Latn"]
    with pytest.raises(UnfitCheckpoint, match=r"flores200-to_eng: translation needs .*--tasks flores200\.retrieval"):
        run_host(leaves, tiny_bundle)


def test_retrieval_against_a_slow_reference(tiny_bundle: Path) -> None:
    """Neighbours and margins of the logged answers, from vectors embedded one sentence at a time."""
    import numpy as np

    from xstilts_eval.metrics import xsim

    leaf = "flores200.retrieval.deu_Latn"
    results = run_host([leaf], tiny_bundle)
    samples = sorted(results["samples"][leaf], key=lambda sample: sample["doc_id"])
    encoder = XstiltsLM(pretrained=str(tiny_bundle), show_progress=False)._sentence_encoder()
    source, target = (
        np.concatenate([encoder.embed([sample["doc"][side]]) for sample in samples]) for side in ("source", "target")
    )
    similarity = source @ target.T
    found = results["results"][leaf]
    lines = range(len(samples))
    assert found["acc,none"] == pytest.approx(np.mean([similarity[n].argmax() == n for n in lines]))
    assert found["acc_back,none"] == pytest.approx(np.mean([similarity[:, n].argmax() == n for n in lines]))
    assert found["xsim_error,none"] == pytest.approx(xsim.errors(source, target) / len(samples))
    assert found["xsim_error_back,none"] == pytest.approx(xsim.errors(target, source) / len(samples))


def test_language_models_translate_and_retrieve(tmp_path: Path) -> None:
    """A random mT5 through both kinds of leaves, one direction written with placeholders."""
    folder = tiny_language_models.make_mt5(tmp_path / "mt5")
    loaded = load_tasks(["flores200-script-laoo"])
    for task in loaded["tasks"].values():
        if not task.is_retrieval:
            task.set_config("generation_kwargs", {"max_gen_toks": 8}, update=True)
    model = XstiltsLM(pretrained=str(folder), show_progress=False, source="de", target="fr")  # as the host merges them
    results = host_evaluate(model, loaded, limit=3, log_samples=True, bootstrap_iters=0)
    assert results["results"]["flores200-script-laoo::to_eng"]["chrf++,none"] >= 0
    assert 0 <= results["results"]["flores200-script-laoo::retrieval"]["xsim_error,none"] <= 1
    data = results["configs"]["flores200.to_eng.lao_Laoo"]["metadata"]["xs_data"]
    assert data["notes"] == ["placeholder lines, not Lao"] and not data["complete"]
    board = scoreboard.build([record.from_host(results | {"config": {"limit": 3} | model.get_model_info()})])
    assert "placeholder lines only, in 1 language of" in board.families["flores200-to_eng"].note
