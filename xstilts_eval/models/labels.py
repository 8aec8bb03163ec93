"""From a checkpoint's label names to the family's label list, or a refusal that names both."""

from __future__ import annotations

import re

from xstilts_eval.benchmark import UPOS, Family
from xstilts_eval.errors import UnfitCheckpoint

_SYNONYMS = {
    "contradictory": "contradiction",
    "entail": "entailment",
    "not_paraphrase": "0",
    "not_paraphrased": "0",
    "different_meaning": "0",
    "paraphrase": "1",
    "paraphrased": "1",
}
_EXTRA_POS = frozenset({"O", "_"})
"""XTREME's own POS models carry an extra ``O`` class (`utils_tag.py:239-244`); ``_`` occurs in raw treebanks."""


def ordered_names(id2label: dict[int, str], label_order: tuple[str, ...] | None) -> list[str]:
    """Label names by class index; `label_order` replaces names that say nothing (``LABEL_0``)."""
    names = [str(id2label[index]) for index in sorted(id2label)]
    if label_order is None:
        return names
    if len(label_order) != len(names):
        raise UnfitCheckpoint(f"label_order gives {len(label_order)} labels, the checkpoint has {len(names)} classes")
    return list(label_order)


def class_order(family: Family, names: list[str]) -> list[int]:
    """For each label of the family, the checkpoint's class index; raises `UnfitCheckpoint`.

    Names are compared without regard to case; order may differ.
    """
    known = {_SYNONYMS.get(name.lower(), name.lower()): index for index, name in enumerate(names)}
    wanted = [label.lower() for label in family.labels]
    if len(names) == len(wanted) and set(wanted) == set(known):
        return [known[label] for label in wanted]
    raise refusal(family, names)


def tag_names(family: Family, names: list[str]) -> list[str]:
    """Tags by class index in the family's spelling; raises `UnfitCheckpoint`.

    The checkpoint must know every tag of the family and nothing else, except that a POS head may carry ``O`` or ``_``.
    """
    upper = [name.upper() for name in names]
    allowed = set(family.labels) | (_EXTRA_POS if family.labels == UPOS else set())
    if set(family.labels) <= set(upper) <= allowed and len(set(upper)) == len(upper):
        return upper
    raise refusal(family, names)


def refusal(family: Family, names: list[str]) -> UnfitCheckpoint:
    """The sentence that names both label sets."""
    shown = ", ".join(names[:20]) + (" …" if len(names) > 20 else "")
    unnamed = all(re.fullmatch(r"LABEL_\d+", name) for name in names) and len(names) == len(family.labels)
    hint = f"; give label_order={'|'.join(family.labels)} in the order of its classes" if unnamed else ""
    return UnfitCheckpoint(f"its labels are [{shown}], {family.name} needs [{', '.join(family.labels)}]{hint}")
