"""Every error this package raises on purpose.

    XstiltsError
    ├── UnknownName (LookupError)      a task, family, language or model that does not exist; offers close matches
    ├── DataError (ValueError)         a data file that breaks its format; names file and line
    │   └── MissingData (FileNotFoundError)   data that is not there; names the folder searched and the remedy
    │       └── NoFiles                       not one of its files is there, or nobody published any
    ├── FetchError (OSError)           a hub or an archive that gives nothing, or other than what is pinned
    ├── UnfitCheckpoint (ValueError)   a checkpoint that cannot serve the selected tasks
    ├── NumericError (ArithmeticError) NaN or infinite numbers where a score was expected
    ├── PredictionError (ValueError)   prediction or result files that do not fit their labels
    ├── WriteError (OSError)           a file that cannot be written: a full disk
    └── SettingError (ValueError)      an option whose value is not allowed

A message is one sentence or two: what came, what was allowed, what to do. To add a class, inherit from
`XstiltsError` and from the built-in it refines, so that callers may catch either.
"""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from xstilts_eval.wording import bounded


class XstiltsError(Exception):
    """Root of the package's own errors; the command line prints its message and exits with code 2.

    A message quotes at most 200 characters of what came, however long that is.
    """

    def __init__(self, *args: object) -> None:
        super().__init__(*(bounded(arg) if isinstance(arg, str) else arg for arg in args))


class UnknownName(XstiltsError, LookupError):
    """A name that does not exist."""

    @classmethod
    def of(cls, kind: str, name: str, known: Iterable[str]) -> "UnknownName":
        """Name the `kind`, what came, and up to three close matches among `known`."""
        names = sorted(known)
        close = get_close_matches(name, names, n=3, cutoff=0.5)
        hint = f"; did you mean {' or '.join(close)}?" if close else ""
        some = "" if close else f"; known: {', '.join(names[:12])}{' …' if len(names) > 12 else ''}"
        return cls(f"unknown {kind} {name!r}{hint}{some}")


class DataError(XstiltsError, ValueError):
    """A data file that breaks its format."""


class MissingData(DataError, FileNotFoundError):
    """Data that is not where it was looked for."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


class NoFiles(MissingData):
    """Data of which no file is there, other than a file without its labels, answers or text."""


class FetchError(XstiltsError, OSError):
    """A hub or an archive that cannot be reached, or that gives other than what is pinned."""


class UnfitCheckpoint(XstiltsError, ValueError):
    """A checkpoint that cannot serve the selected tasks.

    `label_orders` are those that the classes of its head are likely to have, where their names say nothing.
    """

    def __init__(self, *args: object, label_orders: Sequence[Sequence[str]] = ()) -> None:
        super().__init__(*args)
        self.label_orders = label_orders


class NumericError(XstiltsError, ArithmeticError):
    """NaN or infinite numbers where a score was expected."""


class PredictionError(XstiltsError, ValueError):
    """Prediction or result files that do not fit their labels."""


class WriteError(XstiltsError, OSError):
    """A file that cannot be written."""


class SettingError(XstiltsError, ValueError):
    """An option whose value is not allowed."""
