"""Host results to typed records: what is kept, what the signature shows, what is refused."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.host_results import host_results
from xstilts_eval.errors import MissingData, NumericError, PredictionError
from xstilts_eval.results import record


def test_scores_intervals_and_counts() -> None:
    results = host_results({"xtreme.udpos.sw".replace("sw", "de"): {"f1": 0.25, "f1_ci95": [0.2, 0.3], "unparsed": 3}})
    (leaf,) = record.from_host(results).leaves
    assert leaf.metrics == {"f1": 0.25}
    assert leaf.intervals == {"f1": (0.2, 0.3)}
    assert (leaf.selected, leaf.scored, leaf.failed, leaf.unparsed) == (100, 100, 0, 3)


def test_counts_add_up_when_documents_failed() -> None:
    results = host_results({"xtreme.xnli.de": {"acc": 0.5}})
    results["n-samples"]["xtreme.xnli.de"] = {"original": 100, "effective": 97}
    (leaf,) = record.from_host(results).leaves
    assert leaf.selected == leaf.scored + leaf.failed == 100
    assert leaf.failed == 3


@pytest.mark.parametrize(("limit", "selected"), [(10, 10), (0.25, 25), (0.251, 26), (None, 100), (500, 100)])
def test_a_limit_selects_documents_and_shows_in_the_signature(limit: float | None, selected: int) -> None:
    results = host_results({"xtreme.xnli.de": {"acc": 0.5}}, limit=limit)
    results["n-samples"]["xtreme.xnli.de"] = {"original": 100, "effective": selected}
    (leaf,) = record.from_host(results).leaves
    assert (leaf.selected, leaf.failed) == (selected, 0)
    assert f"limit:{limit or 'none'}" in leaf.signature.split("|")


@pytest.mark.parametrize(
    ("change", "part"),
    [
        ({"revision": "ffff00001111"}, "data:local@ffff00001111"),
        ({"split": "dev"}, "split:dev"),
        ({"source": "sample", "complete": False}, "sample"),
        ({"complete": False}, "partial"),
    ],
)
def test_the_signature_names_the_data(change: dict[str, Any], part: str) -> None:
    results = host_results({"xtreme.xnli.de": {"acc": 0.5}}, data=change)
    (leaf,) = record.from_host(results).leaves
    assert part in leaf.signature.split("|")


def test_the_signature_names_what_made_the_vectors() -> None:
    (leaf,) = record.from_host(host_results({"xtreme.tatoeba.de": {"acc": 0.5}})).leaves
    parts = leaf.signature.split("|")
    assert {"layer:7", "pooling:mean", "max_length:512", "dtype:float32", "ckpt:aaaaaaaaaaaa"} <= set(parts)


def test_a_head_has_its_own_hash_in_the_signature() -> None:
    (leaf,) = record.from_host(host_results({"xtreme.xnli.de": {"acc": 0.5}})).leaves
    assert "ckpt:bbbbbbbbbbbb" in leaf.signature.split("|")


def test_other_tasks_are_passed_over() -> None:
    results = host_results({"xtreme.xnli.de": {"acc": 0.5}})
    results["results"]["hellaswag"] = {"acc,none": 0.3}
    assert [leaf.leaf for leaf in record.from_host(results).leaves] == ["xtreme.xnli.de"]


def test_results_of_other_tasks_only_are_refused() -> None:
    with pytest.raises(PredictionError, match=r"holds no result of tasks of this package \(xtreme_\*"):
        record.from_host({"results": {"hellaswag": {"acc,none": 0.3}}, "config": {}})


def test_a_record_without_data_revision_is_refused() -> None:
    results = host_results({"xtreme.xnli.de": {"acc": 0.5}})
    del results["configs"]["xtreme.xnli.de"]["metadata"]["xs_data"]["revision"]
    with pytest.raises(PredictionError, match=r"xtreme\.xnli\.de is not a result this version can read"):
        record.from_host(results)


def test_a_folder_of_several_runs_is_no_run(tmp_path: Path) -> None:
    """Whichever was scored last would otherwise stand for all of them."""
    for seed in (1, 2):
        path = tmp_path / "run" / f"seed-{seed}" / "eval" / "results.json"
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps(host_results({"xtreme.xnli.de": {"acc": 0.5 + seed / 10}})))
    with pytest.raises(PredictionError, match=r"run holds 2 runs \(.*seed-1/eval, .*seed-2/eval\); give one of them"):
        record.read(tmp_path / "run")
    assert record.read(tmp_path / "run" / "seed-1").leaves[0].metrics["acc"] == 0.6
    own = tmp_path / "run" / "results.json"
    own.write_text(json.dumps(host_results({"xtreme.xnli.de": {"acc": 0.1}})))
    assert record.results_file(tmp_path / "run") == own


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"acc,none": 84.2}, PredictionError, r"acc of xtreme\.xnli\.de is 84\.2, .* 0 to 1; is it in percent\?$"),
        ({"acc,none": -0.25}, PredictionError, r"acc of xtreme\.xnli\.de is -0\.25, .* from 0 to 1$"),
        ({"acc,none": float("nan")}, NumericError, r"acc of xtreme\.xnli\.de is nan"),
        ({"acc,none": float("inf")}, NumericError, r"acc of xtreme\.xnli\.de is inf"),
        (
            {"acc_ci95,none": [float("nan"), 0.5]},
            NumericError,
            r"the interval of acc of xtreme\.xnli\.de is not finite",
        ),
        ({"acc,none": "N/A"}, PredictionError, r"xtreme\.xnli\.de has no acc, its official metric"),
        ({"acc,none": None}, PredictionError, r"xtreme\.xnli\.de has no acc, its official metric"),
    ],
)
def test_scores_that_cannot_be(change: dict[str, Any], error: type[Exception], message: str) -> None:
    """Refused where results are read, so that no command shows, averages or compares them."""
    results = host_results({"xtreme.xnli.de": {"acc": 0.5}})
    results["results"]["xtreme.xnli.de"] |= change
    with pytest.raises(error, match=f"^a file: {message}"):
        record.from_host(results, "a file")


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda r: r["configs"].clear(), r"no 'xtreme\.xnli\.de'\); lm_eval 0\.4\.13 wrote it"),
        (
            lambda r: (r["n-samples"].clear(), r.pop("lm_eval_version")),
            "an unknown version wrote it, evaluate it again",
        ),
        (
            lambda r: r["configs"]["xtreme.xnli.de"]["metadata"]["xs_data"].pop("revision"),
            "is missing|no 'revision'",
        ),
    ],
)
def test_results_of_another_version_say_which(damage: Any, said: str) -> None:
    results = host_results({"xtreme.xnli.de": {"acc": 0.5}})
    damage(results)
    with pytest.raises(PredictionError, match=said) as error:
        record.from_host(results)
    assert "\n" not in str(error.value)


def test_the_newest_results_file_of_a_folder_is_read(tmp_path: Path) -> None:
    import os

    for age, value in ((100, 0.1), (0, 0.9)):
        path = tmp_path / "model" / f"results_{age}.json"
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(host_results({"xtreme.xnli.de": {"acc": value}})))
        os.utime(path, (1_000_000 - age, 1_000_000 - age))
    assert record.read(tmp_path).leaves[0].metrics["acc"] == 0.9


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "is not a results file"),
        ("[]", "an object was expected"),
        ('{"results": [], "config": {}}', "is not a results file"),
        ('{"results": {"xtreme.xnli.en": 3}, "config": null}', "is not a results file"),
        ('{"results": {"xtreme.xnli.en": 3}, "config": {}}', r"xtreme\.xnli\.en is not a result this version can read"),
    ],
)
def test_broken_files_are_named(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "results.json"
    path.write_text(content)
    with pytest.raises(PredictionError, match=rf"results\.json.*{message}"):
        record.read(path)
    with pytest.raises(MissingData, match="does not exist"):
        record.read(tmp_path / "absent.json")


def test_the_signature_tells_label_orders_and_versions_apart() -> None:
    results = host_results({"xtreme.xnli.de": {"acc": 0.5}})
    plain = record.from_host(results).leaves[0].signature
    results["config"]["xstilts"] |= {"label_order": {"xnli": ["a", "b", "c"]}, "versions": {"torch": "2.13.0"}}
    parts = set(record.from_host(results).leaves[0].signature.split("|")) - set(plain.split("|"))
    assert parts == {"labels:a/b/c", "torch:2.13.0"}


def test_a_selection_of_documents_is_no_whole_score() -> None:
    """The host's --samples scores some documents without a limit."""
    from xstilts_eval.benchmark import XTREME
    from xstilts_eval.results import scoreboard

    results = host_results({f.leaf(lang): dict.fromkeys(f.metrics, 0.5) for f in XTREME for lang in f.languages})
    assert scoreboard.build([record.from_host(results)]).overall is not None
    results["n-samples"]["xtreme.xnli.de"]["effective"] = 3
    board = scoreboard.build([record.from_host(results)])
    assert board.overall is None and board.categories["classification"] is None
    assert board.families["xtreme_xnli"].note == "97 selected documents without a score"
    assert "scored:3/100" in board.families["xtreme_xnli"].cells["de"].signature


def test_the_signature_of_a_language_model_names_prompt_and_chat_template() -> None:
    results = host_results({"xtreme.xquad.de": {"f1": 0.5, "exact_match": 0.4}})
    results["configs"]["xtreme.xquad.de"] |= {
        "doc_to_text": "m.question_text",
        "generation_kwargs": {"max_gen_toks": 64},
    }
    results["config"]["xstilts"] |= {"language_model": {"families": ["xquad"]}, "chat_template": True}
    results["config"]["xstilts"]["max_length"]["language_model"] = 4096
    (leaf,) = record.from_host(results).leaves
    wanted = {"ckpt:bbbbbbbbbbbb", "prompt:m.question_text", "max_gen_toks:64", "chat_template:yes", "max_length:4096"}
    assert wanted <= set(leaf.signature.split("|"))


def test_the_hosts_own_model_names_how_it_made_its_vectors() -> None:
    results = host_results({"xtreme.tatoeba.de": {"acc": 0.5}})
    results["config"] = {"model": "hf", "limit": None}
    retrieval = {"layer": 7, "pooling": "mean", "max_length": 512, "dtype": "float32"}
    results["configs"]["xtreme.tatoeba.de"]["metadata"]["xs_retrieval"] = retrieval
    (leaf,) = record.from_host(results | {"model_name": "some/model"}).leaves
    assert {"model:some/model", "layer:7", "pooling:mean", "max_length:512"} <= set(leaf.signature.split("|"))
