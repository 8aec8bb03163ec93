"""Published scores of the zoo as rows of the analyses."""

from __future__ import annotations

from xstilts_eval.analysis.observations import Observation, Which, from_zoo
from xstilts_eval.errors import SettingError
from xstilts_eval.zoo import manifest


def scores(model: str, which: Which, averages: bool = False) -> list[Observation]:
    """Published scores (or averages) of one model of the zoo; raises `SettingError` when it has none of these."""
    zoo = manifest.load()
    found = from_zoo(zoo.of(zoo.model(model).name), model, which, averages)
    if not found:
        what = "average" if averages else "score by language"
        raise SettingError(f"the zoo has no {what} of {model} for these --tasks, --stage, --setting and --source")
    return found
