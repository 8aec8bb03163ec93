"""What a data folder holds of every task, and under which terms the data of each dataset comes.

Pure functions; the command line prints. "None stated" means that a look at the publishing repository found no
licence, not that there is none.
"""

import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from xstilts_eval.benchmark import FAMILIES, Family
from xstilts_eval.data import fetch, hub, sources
from xstilts_eval.data.flores import PLACEHOLDER_NOTE
from xstilts_eval.data.sources import Loaded
from xstilts_eval.errors import DataError, MissingData, NoFiles


@dataclass(frozen=True)
class Row:
    """One leaf in one folder.

    `path` is relative to the folder: the (first) file, or the folder that holds all files; "" when nothing
    usable was found, and then `rows` is 0 and `notes` holds the one sentence that says what is missing or
    wrong; `is_unusable` tells a file that is there but cannot be scored from none. `rows` counts examples
    (bucc2018: gold pairs).
    """

    family: str
    language: str
    path: str
    rows: int
    complete: bool
    licence: str
    notes: tuple[str, ...]
    is_unusable: bool = False


def status(
    folder: Path,
    split: str = "test",
    families: Iterable[Family] | None = None,
    is_sample: bool = False,
    is_hub: bool = False,
    only: Collection[str] | None = None,
) -> list[Row]:
    """One row per leaf of `families` (default: all that have data of their own) in the benchmark's order.

    `only` names the leaves that are wanted. Everything is read and checked, so a broken file shows up here and not in
    the middle of a run. In the managed folder of the hub (`is_hub`), what is not there yet names the repository and
    commit it will come from.
    """
    chosen = [family for family in families or FAMILIES.values() if not family.takes_a_pair]
    rows = [
        _row(family, language, split, folder, is_hub)
        for family in chosen
        for language in family.languages
        if only is None or family.leaf(language) in only
    ]
    if is_sample:  # its text is the project's own, and "partial" goes without saying
        rows = [
            replace(row, licence="Apache-2.0", complete=False, notes=row.notes if _is_worth_telling(row) else ())
            for row in rows
        ]
    return rows


def _is_worth_telling(row: Row) -> bool:
    return not row.rows or any(note.startswith(PLACEHOLDER_NOTE) for note in row.notes)


def _row(family: Family, language: str, split: str, folder: Path, is_hub: bool) -> Row:
    licence = family.data.licence
    try:
        loaded = sources.load(family, language, split, folder)
        source, origin = fetch.provenance(folder, loaded.files)
    except NoFiles as error:
        reason = _not_fetched(family, language, split) if is_hub else str(error)
        return Row(family.group, language, "", 0, False, licence, (reason,))
    except DataError as error:
        return Row(family.group, language, "", 0, False, licence, (str(error),), is_unusable=True)
    except Exception as error:  # a file that a reader did not foresee hides one language, not the table
        reason = f"{family.leaf(language)} cannot be read ({type(error).__name__}: {error}); please report the file"
        return Row(family.group, language, "", 0, False, licence, (reason,), is_unusable=True)
    path = _shown(loaded, folder)
    complete = loaded.complete and not (source == "hub" and family.data.rewritten)
    return Row(family.group, language, path, loaded.rows, complete, licence, (*origin, *loaded.notes))


def _not_fetched(family: Family, language: str, split: str) -> str:
    try:
        repository = hub.plan(family, language, split).repository
    except MissingData as error:
        return str(error)
    return f"not fetched yet: comes from {repository.name}@{repository.revision[:12]} when it is asked for"


def _shown(loaded: Loaded, folder: Path) -> str:
    relative = [path.relative_to(folder) for path in loaded.files]
    if len({path.parent for path in relative}) == 1:
        return relative[0].as_posix()
    return Path(os.path.commonpath(relative)).as_posix()
