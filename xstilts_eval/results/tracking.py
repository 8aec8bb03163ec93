"""Scores sent to trackers of experiments: TensorBoard, Weights & Biases, MLflow and whatever else accelerate knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from xstilts_eval.errors import SettingError, UnknownName
from xstilts_eval.results.scoreboard import Scoreboard

PROJECT = "xstilts-eval"
FOLDER = "tracking"
"""Below the output folder: what trackers write that write files."""
_PACKAGES = {"comet_ml": "comet_ml", "wandb": "wandb", "mlflow": "mlflow", "tensorboard": "tensorboard"}


def check(names: Sequence[str]) -> None:
    """Raise `UnknownName` for a tracker that accelerate does not know, `SettingError` for one that is not installed."""
    known = _known()
    for name in names:
        if name not in known:
            raise UnknownName.of("tracker", name, known)
        package = _PACKAGES.get(name, name)
        if find_spec(package) is None:
            raise SettingError(f"--report-to {name}: the package {package} is not installed; pip install {package}")


def report(board: Scoreboard, names: Sequence[str], output: Path, settings: Mapping[str, object]) -> None:
    """Send every score (points), means, categories and the overall score, and the settings of the run."""
    values = dict(_values(board))
    known = _known()
    folder = output / FOLDER
    for name in names:
        made = known[name]
        where = {"logging_dir": str(folder)} if made.requires_logging_directory else {}
        tracker = made(PROJECT, **where)
        if hasattr(tracker, "start"):
            tracker.start()
        tracker.store_init_configuration({key: value for key, value in settings.items() if value is not None})
        tracker.log(values, step=0)
        tracker.finish()


def _values(board: Scoreboard) -> list[tuple[str, float]]:
    found = [
        (f"{group}/{code}", cell.score) for group, row in board.families.items() for code, cell in row.cells.items()
    ]
    found += [(f"{group}/mean", row.score) for group, row in board.families.items()]
    found += [(f"categories/{name}", value) for name, value in board.categories.items() if value is not None]
    return found + ([("overall", board.overall)] if board.overall is not None else [])


def _known() -> dict[str, type[Any]]:
    from accelerate.tracking import LOGGER_TYPE_TO_CLASS

    return dict(LOGGER_TYPE_TO_CLASS)
