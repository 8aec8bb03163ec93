"""Scores sent to trackers: every number of the scoreboard, once, under names that say what it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import pytest
from accelerate import tracking as accelerates

from tests.commanded import xstilts
from xstilts_eval.results import tracking


class Noted:
    """A tracker that keeps what it is told, in the shape of accelerate's."""

    requires_logging_directory = True
    told: ClassVar[list[Any]] = []

    def __init__(self, run_name: str, logging_dir: str) -> None:
        self.told.append((run_name, logging_dir))

    def store_init_configuration(self, values: dict[str, Any]) -> None:
        self.told.append(values)

    def log(self, values: dict[str, float], step: int) -> None:
        self.told.append(values)

    def finish(self) -> None:
        self.told.append("finished")


@pytest.fixture(autouse=True)
def noted(monkeypatch: pytest.MonkeyPatch) -> None:
    Noted.told.clear()
    monkeypatch.setitem(accelerates.LOGGER_TYPE_TO_CLASS, "noted", Noted)
    monkeypatch.setitem(tracking._PACKAGES, "noted", "accelerate")


def test_every_number_of_the_scoreboard(tiny_bundle: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = xstilts("eval", tiny_bundle, "--data", "sample", "-t", "xtreme.pawsx.de,xtreme.pawsx.en", "-o", out,
                   "-a", "max_length=64", "--report-to", "noted")  # fmt: skip
    assert done.returncode == 0, done.stderr
    place, settings, values, end = Noted.told
    assert place == ("xstilts-eval", str(out / "tracking")) and end == "finished"
    assert settings == {"checkpoint": str(settings["checkpoint"]), "data": "sample", "max_length": "64"}
    assert set(values) == {"xtreme_pawsx/de", "xtreme_pawsx/en", "xtreme_pawsx/mean"}
    assert values["xtreme_pawsx/mean"] == pytest.approx((values["xtreme_pawsx/de"] + values["xtreme_pawsx/en"]) / 2)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("notd", "unknown tracker 'notd'; did you mean noted"),
        ("lacking", "--report-to lacking: the package no_such_thing is not installed; pip install no_such_thing"),
    ],
)
def test_a_tracker_that_is_not_there_is_named_before_anything_runs(
    tiny_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, sentence: str
) -> None:
    monkeypatch.setitem(accelerates.LOGGER_TYPE_TO_CLASS, "lacking", Noted)
    monkeypatch.setitem(tracking._PACKAGES, "lacking", "no_such_thing")
    done = xstilts("eval", tiny_bundle, "-o", tmp_path / "out", "--report-to", name)
    assert done.returncode == 2 and sentence in done.stderr and not (tmp_path / "out").exists()
