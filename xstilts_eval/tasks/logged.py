"""Rows of what documents were asked and got, as the host logs them, from tasks that have been evaluated.

The host makes its log as it goes, always whole: three hashes a document, one of them over JSON with line breaks, which
Python writes without its C encoder. That was half of the host's own time (own measurement). Here a row is made when it
is wanted, with the fields that are wanted, and the same bytes in it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from lm_eval.utils import handle_non_serializable

from xstilts_eval.tasks.leaf import is_filler

if TYPE_CHECKING:
    from lm_eval.api.instance import Instance

    from xstilts_eval.tasks.leaf import LeafTask

Row = dict[str, object]
"""What `results.host.Row` says."""
_string: Any = json.encoder.encode_basestring
"""A string as JSON, in C where Python has that."""


def rows(task: LeafTask, is_whole: bool) -> list[Row]:
    """One row for each document that this process has scored, fillers left out; the task has `scored` them.

    A row that is not whole has what scores are made of: `doc_id`, `doc`, `filtered_resps` and the metrics.
    """
    scored = task.scored
    assert scored is not None
    found: list[Row] = []
    for asked, (doc, values) in zip(_by_document(task.instances), scored, strict=True):
        if is_filler(doc):
            continue
        (name,) = asked[0].filtered_resps
        row: Row = {"doc_id": asked[0].doc_id, "doc": doc}
        answers = [request.filtered_resps[name] for request in asked]
        if is_whole:
            target = task.doc_to_target(doc)
            row |= {
                "target": target,
                "arguments": [request.args for request in asked],
                "resps": [request.resps for request in asked],
                "filtered_resps": answers,
                "filter": name,
                "metrics": list(values),
                "doc_hash": _sha256(indented(doc)),
                "prompt_hash": _sha256(asked[0].arguments[0]),
                "target_hash": _sha256(str(target)),
            }
        else:
            row["filtered_resps"] = answers
        row.update(values)
        found.append(row)
    return found


def _by_document(requests: Sequence[Instance]) -> Iterator[list[Instance]]:
    """The requests of each document, which stand side by side, in their order."""
    for _, group in groupby(requests, key=lambda request: request.doc_id):
        yield sorted(group, key=lambda request: request.idx)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def indented(value: Any, line: str = "\n") -> str:
    """What ``json.dumps`` gives with an indent of 2 and characters as they are, and several times as fast.

    `line` is a line break and the indent of the value.
    """
    kind, deeper = type(value), line + "  "
    if kind is str:
        text: str = _string(value)
        return text
    if kind is int:
        return int.__repr__(value)
    if kind in (list, tuple) and value:
        strings = all(type(item) is str for item in value)
        items = map(_string, value) if strings else (indented(item, deeper) for item in value)
        return f"[{deeper}{(',' + deeper).join(items)}{line}]"
    if kind is dict and value and all(type(key) is str for key in value):
        fields = (f"{_string(key)}: {indented(item, deeper)}" for key, item in value.items())
        return f"{{{deeper}{(',' + deeper).join(fields)}{line}}}"
    text = json.dumps(value, indent=2, ensure_ascii=False, default=handle_non_serializable)
    return text.replace("\n", line)
