"""Options of the host's command with our leaves: each works, or is refused in a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.bridged_host import bridged, hf, simple_evaluate
from tests.tiny_language_models import make_llama
from xstilts_eval.errors import PredictionError, SettingError, UnfitCheckpoint
from xstilts_eval.results import record

OF_HEADS = ["xtreme.xnli.sw", "xtreme.panx.sw", "xtreme.mlqa.de", "xtreme.bucc2018.de", "xtreme.tatoeba.de"]
OF_HEADS += ["xtremer.xcopa.sw", "xtremer.lareqa.de"]
TEXT = ["xtreme.pawsx.de", "xtreme.udpos.de", "xtreme.xquad.de", "flores200.to_eng.deu_Latn"]


@pytest.fixture(scope="module", autouse=True)
def bridge() -> Iterator[None]:
    with bridged():
        yield


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_llama(tmp_path_factory.mktemp("llama"), chat=True)


def run(folder: Path, tasks: list[str], model_args: dict[str, Any] | None = None, **options: Any) -> dict[str, Any]:
    given = {"pretrained": str(folder), "show_progress": False, **(model_args or {})}
    return simple_evaluate("xstilts", tasks, given, **options)


def test_predict_only_keeps_every_answer_and_scores_none(tiny_bundle: Path, llama: Path) -> None:
    """lm_eval takes metrics and functions of the tasks away; the group's averages have nothing to average."""
    short = {"max_gen_toks": 4}
    for results, leaves in (
        (run(tiny_bundle, OF_HEADS, limit=2, predict_only=True), OF_HEADS),
        (run(llama, TEXT, limit=2, predict_only=True, gen_kwargs=short), TEXT),
        (hf(llama, ["xtreme.tatoeba.de", *TEXT], limit=2, predict_only=True, gen_kwargs=short), TEXT),
        (run(tiny_bundle, ["xtreme_bucc2018"], limit=4, predict_only=True), ["xtreme.bucc2018.zh"]),
    ):
        for leaf in leaves:
            rows = results["samples"][leaf]
            assert len(rows) == (1 if "bucc" in leaf else 2)
            assert all(row["filtered_resps"] and row["metrics"] == ["bypass"] for row in rows)
        with pytest.raises(PredictionError, match="was run with --predict_only, which scores nothing"):
            record.from_host(results)


def test_predicted_answers_are_those_that_are_scored(tiny_bundle: Path) -> None:
    leaves = ["xtreme.mlqa.de", "xtreme.tatoeba.de"]
    predicted, scored = (run(tiny_bundle, leaves, limit=3, predict_only=only) for only in (True, False))
    for leaf in leaves:
        one, other = ([row["filtered_resps"] for row in found["samples"][leaf]] for found in (predicted, scored))
        assert one == other


def test_instructions_are_for_prompts(tiny_bundle: Path, llama: Path) -> None:
    with pytest.raises(UnfitCheckpoint, match="--system_instruction has no meaning for a checkpoint with heads"):
        run(tiny_bundle, OF_HEADS[:1], limit=1, system_instruction="Be brief.")
    signatures = set()
    for instruction in (None, "Be brief.", "Be long."):
        results = run(llama, TEXT[2:3], limit=1, system_instruction=instruction, gen_kwargs={"max_gen_toks": 4})
        (row,) = results["samples"][TEXT[2]]
        assert row["arguments"][0][0].startswith(instruction or "Kontext")
        signatures |= {leaf.signature for leaf in record.from_host(results).leaves}
    assert len(signatures) == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"foo": 1}, r"cannot generate text with .*'foo': 1.*not used by the model"),
        ({"do_sample": True, "temperature": 0.0}, "has to be a strictly positive float"),
        ({"max_gen_toks": "ten"}, "max_gen_toks=ten: give a whole number above 0"),
        ({"max_gen_toks": 0}, "max_gen_toks=0: give a whole number above 0"),
        ({"max_gen_toks": 100_000}, "leaves no room for a prompt"),
    ],
)
def test_generation_that_cannot_be(llama: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        run(llama, TEXT[2:3], limit=1, gen_kwargs=options)


def test_other_stops_stand_in_the_signature(llama: Path) -> None:
    results = run(llama, TEXT[2:3], limit=1, gen_kwargs={"until": ["Q"], "max_gen_toks": 4})
    (leaf,) = record.from_host(results).leaves
    assert "until:['Q']" in leaf.signature.split("|")


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        ({"xtreme.xnli.sw": [99]}, "--samples 99: documents are numbered 0 to 23"),
        ({"xtreme.xnli.sw": ["a"]}, "--samples 'a': documents are numbered"),
        ({"xtreme.xnli.sw": []}, "gives no document"),
        ({"xtreme.xnli.sw": 3}, "give a JSON object of lists of numbers by task"),
        ("nowhere.json", "give a JSON object of lists of numbers by task"),
        ({"xtreme.xnli.sv": [0]}, r"--samples names xtreme\.xnli\.sv, which is not among the tasks of this run"),
    ],
)
def test_samples_that_are_none(tiny_bundle: Path, samples: Any, message: str) -> None:
    with pytest.raises(SettingError, match=message):
        run(tiny_bundle, ["xtreme.xnli.sw"], samples=samples)


def test_samples_in_any_order_keep_their_numbers(tiny_bundle: Path) -> None:
    """lm_eval 0.4.13 goes through the documents in order and names them by the order given."""
    leaf = "xtreme.xnli.sw"
    whole = {row["doc_id"]: row["doc"] for row in run(tiny_bundle, [leaf])["samples"][leaf]}
    rows = run(tiny_bundle, [leaf], samples={leaf: [5, 2, 5]})["samples"][leaf]
    assert {row["doc_id"]: row["doc"] for row in rows} == {number: whole[number] for number in (2, 5)}


def test_integrity_tests_are_not_installed(tiny_bundle: Path) -> None:
    with pytest.raises(SettingError, match="--check_integrity runs tests that an installed lm_eval does not have"):
        run(tiny_bundle, ["xtreme.xnli.sw"], limit=1, check_integrity=True)


def test_the_limit_reaches_every_family(tiny_bundle: Path) -> None:
    """A share, too, of which the host tells the tasks a number of documents only."""
    results = run(tiny_bundle, OF_HEADS, limit=0.25)
    counts = {leaf.leaf: leaf.selected for leaf in record.from_host(results).leaves}
    assert counts["xtreme.xnli.sw"] == 6
    (row,) = results["samples"]["xtreme.bucc2018.de"]
    whole = run(tiny_bundle, ["xtreme.bucc2018.de"])["samples"]["xtreme.bucc2018.de"][0]["doc"]
    assert row["doc"]["source_sentences"] == -(-whole["source_sentences"] // 4)
