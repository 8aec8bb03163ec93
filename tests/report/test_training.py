"""Training in a report: curves from a bundle's stages, and bundles that cannot be read."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.report.made_runs import pattern, write_run, write_training
from xstilts_eval.report import training
from xstilts_eval.results import scored as runs


@given(st.lists(st.floats(0, 10), max_size=500))
def test_windows_are_few_and_keep_the_sum(losses: list[float]) -> None:
    found = training.windows(list(enumerate(losses, start=1)))
    assert len(found) <= training.POINTS and bool(found) == bool(losses)
    size = -(-len(losses) // training.POINTS) if losses else 1
    sizes = [min(size, len(losses) - start) for start in range(0, len(losses), size)]
    assert sum(loss * n for (_, loss), n in zip(found, sizes, strict=True)) == pytest.approx(sum(losses))


def run_of(folder: Path, bundle: Path) -> runs.Run:
    path = write_run(folder, {"xtreme.pawsx.de": pattern(8)}, checkpoint=str(bundle))
    return runs.read([f"x={path}"], ["eval"])[0]


def test_stages_of_a_bundle_are_read_in_order_with_the_chosen_scores(tmp_path: Path) -> None:
    write_training(tmp_path / "bundle", [4.0, 2.0])
    stages, problems = training.read([run_of(tmp_path / "run", tmp_path / "bundle")])
    assert not problems
    assert [(stage.name, stage.role) for stage in stages] == [("squad", "intermediate"), ("pawsx", "target")]
    assert stages[0].curve == ((1, 4.0), (2, 2.0)) and stages[0].scores == {"f1": 0.25}
    assert (stages[0].steps, stages[0].tokens, stages[0].seconds) == (2, 1234, 90.0)


def test_a_checkpoint_that_no_recipe_made_has_no_training(tmp_path: Path) -> None:
    assert training.read([run_of(tmp_path / "run", tmp_path / "nothing")]) == ([], [])


@pytest.mark.parametrize("damage", ["cut off", "gone", "another format"])
def test_a_stage_that_cannot_be_read_is_a_warning(damage: str, tmp_path: Path) -> None:
    write_training(tmp_path / "bundle", [4.0, 2.0])
    record = tmp_path / "stages" / "squad-aaaaaaaaaaaa" / "stage.json"
    if damage == "gone":
        record.unlink()
    else:
        record.write_text(record.read_text()[:50] if damage == "cut off" else '{"outcome": {}}')
    stages, problems = training.read([run_of(tmp_path / "run", tmp_path / "bundle")])
    assert stages == [] and len(problems) == 1 and problems[0].startswith("training of x: the stages of")
