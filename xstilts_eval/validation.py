"""What is wrong with data that does not fit a pydantic model, in one sentence: the one formatter of such errors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xstilts_eval.wording import bounded, shortened

if TYPE_CHECKING:
    from pydantic import ValidationError

LONGEST = 60
"""Characters of the value that came."""
_SAID = {"missing": "is missing", "extra_forbidden": "is not known here"}
"""pydantic's own words for these, ``Field required`` and ``Extra inputs are not permitted``, name nothing."""


def complaint(error: ValidationError, whole: str = "", more: bool = True) -> str:
    """``place: what is wrong, got VALUE (and 2 more)`` of the first complaint.

    `whole` names the place of a complaint about all of it. The value is shown where it is a plain one; `more` counts
    the other complaints.
    """
    first = error.errors(include_url=False)[0]
    own = _SAID.get(first["type"], str(first["msg"]))
    said = " ".join(own.removeprefix("Value error, ").replace("a valid tuple", "a list").split())
    parts = [shortened(place(error) or whole, LONGEST), shortened(bounded(said), 300) + _came(first)]
    others = error.error_count() - 1
    return ": ".join(part for part in parts if part) + (f" (and {others} more)" if more and others else "")


def said(error: Exception) -> str:
    """What an error of `reading.UNFIT` is about, in one line."""
    from pydantic import ValidationError

    if isinstance(error, ValidationError):
        return complaint(error)
    return f"no {error}" if isinstance(error, KeyError) else " ".join(str(error).split())


def place(error: ValidationError) -> str:
    """Where the first complaint is, keys and numbers joined by points: ``heads.xnli.path``."""
    return ".".join(map(str, error.errors(include_url=False)[0]["loc"]))


def _came(first: Any) -> str:
    value = first["input"]
    is_plain = isinstance(value, str | int | float | bool) or value is None
    if first["type"] in ("missing", "value_error") or not is_plain:
        return ""
    return f", got {shortened(str(value), LONGEST)!r}" if isinstance(value, str) else f", got {value!r}"
