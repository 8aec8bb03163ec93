"""Scores in the form of MTEB's results and of the hub's model cards; what nobody may mistake for a benchmark."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from huggingface_hub import ModelCard

from tests.commanded import xstilts
from tests.result_folders import write_run

EVIL = "me/<script>alert(1)</script> | `x`"


def tatoeba(folder: Path) -> Path:
    run = write_run(folder, {"bitext.tatoeba.deu": [1, 1, 1, 0], "bitext.tatoeba.cmn": [1, 0, 0, 0]})
    results = json.loads((run / "results.json").read_text())
    for leaf, f1 in (("bitext.tatoeba.deu", 0.7), ("bitext.tatoeba.cmn", 0.2)):
        results["results"][leaf] |= {"f1,none": f1, "precision,none": f1 - 0.1, "recall,none": f1 + 0.05}
    (run / "results.json").write_text(json.dumps(results))
    return run


def test_tatoeba_as_mteb_keeps_it(tmp_path: Path) -> None:
    """The fields that mteb 2.26.24's `TaskResult` asks for, and F1 as its main score; checked with its own loader by
    hand: docs/sharing.md."""
    run = tatoeba(tmp_path / "run")
    done = xstilts("export", run, "--format", "mteb", "-o", tmp_path / "out", "--name", "me/mine")
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "out" / "me__mine" / "no_revision_available"
    found = json.loads((folder / "Tatoeba.json").read_text())
    rows = {row.pop("hf_subset"): row for row in found["scores"]["test"]}
    assert rows["deu-eng"]["languages"] == ["deu-Latn", "eng-Latn"]
    assert rows["cmn-eng"]["languages"] == ["cmn-Hans", "eng-Latn"]
    named = ("accuracy", "f1", "precision", "recall", "main_score")
    assert [rows["deu-eng"][name] for name in named] == pytest.approx([0.75, 0.7, 0.6, 0.75, 0.7])
    assert (found["task_name"], found["mteb_version"]) == ("Tatoeba", None)
    assert json.loads((folder / "model_meta.json").read_text())["name"] == "me/mine"
    again = xstilts("export", run, "--format", "mteb", "-o", tmp_path / "out", "--name", "me/mine")
    assert again.returncode == 2 and "Tatoeba.json exists; give another folder or --overwrite" in again.stderr


def test_a_model_card_is_what_the_hubs_library_reads(tmp_path: Path) -> None:
    run = write_run(
        tmp_path / "run", {f"xtreme.pawsx.{c}": [1] * n + [0] * (20 - n) for c, n in (("en", 18), ("de", 7))}
    )
    card = tmp_path / "README.md"
    assert xstilts("export", run, "--format", "model-card", "-o", card, "--name", EVIL).returncode == 0
    found = ModelCard.load(card)
    values = {one.dataset_config: one for one in found.data.eval_results}
    assert {code: (one.metric_type, one.metric_value) for code, one in values.items()} == {
        "en": ("accuracy", 90.0), "de": ("accuracy", 35.0),
    }  # fmt: skip
    assert (
        values["de"].task_type == "text-classification"
        and values["de"].dataset_type == "google-research-datasets/paws-x"
    )
    assert values["de"].metric_args["signature"].startswith("xtreme.pawsx.de|data:local@")
    assert "<script>" not in found.text and "PAWS-X" in found.text


def test_a_card_that_is_there_keeps_what_it_says(tmp_path: Path) -> None:
    card = tmp_path / "README.md"
    card.write_text("---\nlicense: mit\nlanguage: [en, de]\n---\n\n# My model\n\nIt reads.\n", encoding="utf-8")
    before, after = (write_run(tmp_path / name, {"xtreme.pawsx.de": answers}) for name, answers in (
        ("a", [1, 0] * 10), ("b", [1] * 20)))  # fmt: skip
    options = ("--format", "model-card", "-o", card, "--name", "me/mine")
    refused = xstilts("export", before, *options)
    assert refused.returncode == 2 and "--overwrite puts the scores into it and keeps the rest" in refused.stderr
    for run in (before, after):
        assert xstilts("export", run, *options, "--overwrite").returncode == 0
    found = ModelCard.load(card)
    assert (found.data.license, found.data.language) == ("mit", ["en", "de"])
    assert [one.metric_value for one in found.data.eval_results] == [100.0], "the older scores of ours have gone"
    assert found.text.count("## Scores") == 1 and "It reads." in found.text and "| 50.0" not in found.text
    card.write_text("---\nlicense: [\n---\n", encoding="utf-8")
    assert "the model card cannot be read" in xstilts("export", after, *options, "--overwrite").stderr


@pytest.mark.parametrize(
    ("options", "format_", "name", "sentence"),
    [
        ({"data": {"source": "sample"}}, "model-card", "", "was scored on the bundled sample: others would take it"),
        ({"data": {"split": "dev"}}, "model-card", "", "was scored on the split dev"),
        ({"documents": 100}, "model-card", "", "xtreme.pawsx.de: 20 of 100 documents were scored; score all"),
        ({}, "mteb", "me/mine", "holds nothing that MTEB measures in the same way; that is: bitext_tatoeba (Tatoeba)"),
        ({}, "mteb", "mine", "MTEB calls models owner/model, and this one is 'mine'; give --name owner/model"),
        ({}, "mtbe", "", "unknown format 'mtbe'; did you mean mteb"),
    ],
)
def test_what_others_would_misread_is_refused(
    tmp_path: Path, options: dict[str, object], format_: str, name: str, sentence: str
) -> None:
    run = write_run(tmp_path / "run", {"xtreme.pawsx.de": [1] * 15 + [0] * 5}, **options)  # type: ignore[arg-type]
    done = xstilts("export", run, "--format", format_, "-o", tmp_path / "out", *(("--name", name) if name else ()))
    assert done.returncode == 2 and sentence in done.stderr, done.stderr
    assert not (tmp_path / "out").exists()


def test_a_run_in_the_hosts_layout(tmp_path: Path) -> None:
    """Names as lm_eval 0.4.13 gives them; read back, it is the same run. An error is half an interval over 1.96."""
    run = write_run(tmp_path / "run", {f"xtreme.pawsx.{code}": [1] * 15 + [0] * 5 for code in ("en", "de")})
    results = json.loads((run / "results.json").read_text())
    for values in results["results"].values():
        values |= {"acc_stderr,none": "N/A", "acc_ci95,none": [0.55, 0.95]}
    results["date"] = 1_800_000_000.5
    (run / "results.json").write_text(json.dumps(results))
    done = xstilts("export", run, "--format", "lm-eval", "-o", tmp_path / "out", "--name", "me/mine")
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "out" / "me__mine"
    assert sorted(path.name for path in folder.iterdir()) == [
        "results_2027-01-15T08-00-00.500000.json",
        "samples_xtreme.pawsx.de_2027-01-15T08-00-00.500000.jsonl",
        "samples_xtreme.pawsx.en_2027-01-15T08-00-00.500000.jsonl",
    ]
    found = json.loads((folder / "results_2027-01-15T08-00-00.500000.json").read_text())
    assert found["results"]["xtreme.pawsx.de"]["acc_stderr,none"] == pytest.approx(0.2 / 1.96, abs=1e-5)
    tables = [xstilts("score", where, "--csv", "-").stdout for where in (run, folder)]
    assert tables[0].replace("\nrun,", "\nme__mine,") == tables[1] and "75" in tables[0]
    again = xstilts("export", run, "--format", "lm-eval", "-o", tmp_path / "out", "--name", "me/mine")
    assert again.returncode == 2 and "holds results already" in again.stderr
