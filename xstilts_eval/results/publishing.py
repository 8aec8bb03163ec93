"""What of a run may be shown elsewhere as a benchmark's scores: whole test sets, and never the bundled sample."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from xstilts_eval.errors import SettingError
from xstilts_eval.results import run as runs
from xstilts_eval.results.record import RunResult


def read(results: Path, only: Collection[str] | None = None) -> RunResult:
    """The one run in a folder, with the tasks in `only`.

    Raises `SettingError` for several seeds, for scores of the sample, of a part of the documents, and of other splits
    than test.
    """
    found = runs.read(results, only=only)
    if found.has_seeds or len(found.folders) > 1:
        raise SettingError(f"{results} holds {len(found.places)} runs; give one of them: {found.places[0]}")
    ((run,),) = found.results.values()
    for leaf in run.leaves:
        if leaf.data.source == "sample":
            raise SettingError(
                f"{leaf.leaf} was scored on the bundled sample: others would take it for the benchmark; "
                "score real data (xstilts eval --data)"
            )
        if run.limit or leaf.scored < leaf.data.documents:
            raise SettingError(
                f"{leaf.leaf}: {leaf.scored:,} of {leaf.data.documents:,} documents were scored; score all"
            )
        if leaf.data.split != "test":
            raise SettingError(
                f"{leaf.leaf} was scored on the split {leaf.data.split}: others would take it for test; score test"
            )
    return run
