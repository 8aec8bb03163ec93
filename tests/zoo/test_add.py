"""Scores of a run become records with signatures; what nobody could repeat and what is there already is refused."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.host_results import host_results
from xstilts_eval.benchmark import FAMILIES
from xstilts_eval.errors import NumericError, PredictionError, SettingError
from xstilts_eval.results import record as results
from xstilts_eval.zoo.add import add
from xstilts_eval.zoo.check import check
from xstilts_eval.zoo.manifest import load, read_file

PAWSX = dict(zip(FAMILIES["xtreme_pawsx"].languages, (0.5, 0.75, 0.625, 0.25, 0.5, 0.5, 0.375), strict=True))


def pawsx(scores: dict[str, float] = PAWSX) -> dict[str, dict[str, Any]]:
    return {f"xtreme.pawsx.{language}": {"acc": score} for language, score in scores.items()}


def run(folder: Path, scores: dict[str, dict[str, Any]] | None = None, **more: Any) -> Path:
    path = folder / "results.json"
    path.write_text(json.dumps(host_results(scores or pawsx(), **more)), encoding="utf-8")
    return path


def test_scores_come_back_as_they_were_measured(tmp_path: Path) -> None:
    file = tmp_path / "zoo" / "mine.yaml"
    added = add(run(tmp_path), "My paper", file, url="https://example.org", model="Mine")
    assert len(added) == 8 and {(r.family, r.metric, r.scale, r.confidence) for r in added} == {
        ("xtreme_pawsx", "acc", "fraction", "seen")
    }
    zoo = load(file)
    mine = {record.language: record for record in zoo.of("Mine")}
    assert {code: mine[code].value for code in PAWSX} == PAWSX
    assert (mine["avg"].value, mine["avg"].derived, mine["avg"].n) == (0.5, True, None)
    assert all(mine[code].n == 100 for code in PAWSX)
    signatures = {leaf.language: leaf.signature for leaf in results.read(tmp_path).leaves}
    assert {code: mine[code].signature for code in PAWSX} == signatures
    assert zoo.sources[mine["de"].source].title == "My paper"
    assert zoo.model("Mine").licence == "unknown"
    # The shipped numbers are there too, and the whole is in order.
    assert len(zoo.records) == len(load().records) + 8 and check(zoo).errors == ()


def test_the_average_needs_every_language(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    added = add(run(tmp_path, pawsx({"de": 0.5, "en": 0.75})), "My paper", file)
    assert [record.language for record in added] == ["de", "en"]
    # Without --model the checkpoint's own name; it may have been a folder, so no hub id is claimed.
    assert (added[0].model, load(file).model("checkpoint").hub_id) == ("checkpoint", "unknown")


def test_a_commit_says_that_the_checkpoint_is_the_hubs(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    add(run(tmp_path, checkpoint="some/checkpoint@0123abc"), "My paper", file)
    model = load(file).model("checkpoint")
    assert (model.hub_id, model.revision) == ("some/checkpoint", "0123abc")


def test_one_family_has_several_metrics(tmp_path: Path) -> None:
    scores = {"bitext.tatoeba.tzl": {"acc": 0.5, "f1": 0.25, "precision": 0.125, "recall": 0.5}}
    added = add(run(tmp_path, scores), "My paper", tmp_path / "mine.yaml", model="LaBSE", setting="embedding, mine")
    assert [(r.metric, r.value) for r in added] == [("acc", 0.5), ("f1", 0.25), ("precision", 0.125), ("recall", 0.5)]
    assert not any(model.name == "LaBSE" for model in read_file(tmp_path / "mine.yaml").models)


def test_a_second_run_is_added_to_the_first(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    first = add(run(tmp_path), "My paper", file, model="Mine")
    second = add(run(tmp_path), "My paper", file, model="Mine", stage="intermediate: squad")
    assert len(load(file).of("Mine")) == len(first) + len(second) == 16
    assert len(load(file).of("Mine", "intermediate: squad")) == 8
    assert len(read_file(file).sources) == 1 and len(read_file(file).models) == 1


def test_what_is_there_already_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    add(run(tmp_path), "My paper", file, model="Mine")
    before = file.read_bytes()
    with pytest.raises(
        SettingError, match=r"acc of Mine on PAWS-X, de is there already \(0.5 from 'my_paper', now 0.5"
    ):
        add(run(tmp_path), "My paper", file, model="Mine")
    with pytest.raises(SettingError, match=r"now 0.125\); give another --stage"):
        add(run(tmp_path, pawsx({"de": 0.125})), "Another paper", file, model="Mine")
    assert file.read_bytes() == before
    assert list(tmp_path.glob(".*.tmp")) == []
    # The same number from another source confirms it.
    assert len(add(run(tmp_path), "Another paper", file, model="Mine")) == 8
    assert check(load(file)).errors == ()


def test_a_file_that_somebody_wrote_keeps_its_comments(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("# why I chose these\ninclude: [shipped]\n", encoding="utf-8")
    with pytest.raises(SettingError, match="was not written by xstilts zoo add"):
        add(run(tmp_path), "My paper", file)
    assert file.read_text().startswith("# why")


@pytest.mark.parametrize(
    ("more", "error", "says"),
    [
        ({"limit": 10.0}, PredictionError, r"was scored with --limit 10"),
        ({"data": {"source": "sample"}}, PredictionError, r"bundled sample \(xtreme.pawsx.de …\)"),
        ({"scores": pawsx({"de": 56.5})}, PredictionError, r"acc of xtreme.pawsx.de is 56.5, but results hold fract"),
        ({"scores": pawsx({"de": float("nan")})}, NumericError, r"acc of xtreme.pawsx.de is nan"),
    ],
)
def test_scores_that_nobody_can_repeat(more: dict[str, Any], error: type[Exception], says: str, tmp_path: Path) -> None:
    with pytest.raises(error, match=says):
        add(run(tmp_path, **more), "My paper", tmp_path / "mine.yaml")
    assert not (tmp_path / "mine.yaml").exists()


def test_documents_without_a_score(tmp_path: Path) -> None:
    path = run(tmp_path)
    content = json.loads(path.read_text())
    content["n-samples"]["xtreme.pawsx.de"]["effective"] = 97
    path.write_text(json.dumps(content))
    with pytest.raises(PredictionError, match=r"xtreme.pawsx.de has 3 unscored documents"):
        add(path, "My paper", tmp_path / "mine.yaml")


def test_a_file_cut_off(tmp_path: Path) -> None:
    path = run(tmp_path)
    path.write_text(path.read_text()[:200])
    with pytest.raises(PredictionError, match="is not a results file"):
        add(path, "My paper", tmp_path / "mine.yaml")


def test_an_empty_title(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="--source is empty"):
        add(run(tmp_path), " ", tmp_path / "mine.yaml")


def test_titles_with_the_same_words_get_keys_of_their_own(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    for number, title in enumerate(("My paper!", "My paper?", "我们的论文", "。")):
        add(run(tmp_path), title, file, model="Mine", stage=f"stage {number}")
    assert set(read_file(file).sources) == {"my_paper", "my_paper_2", "我们的论文", "source"}


def test_partial_data_is_said(tmp_path: Path) -> None:
    partial = {"complete": False, "notes": ["partial: 1,000 of 1,680 sentences"]}
    (record,) = add(run(tmp_path, pawsx({"de": 0.5}), data=partial), "My paper", tmp_path / "mine.yaml")
    assert record.note == "not all of the official data: de" and "|partial|" in (record.signature or "")


def test_the_file_is_plain_yaml(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    add(run(tmp_path, pawsx({"de": 1e-05})), "My paper", file)
    assert yaml.safe_load(file.read_text())["tables"][0]["rows"][0]["values"] == {"de": 1e-05}
