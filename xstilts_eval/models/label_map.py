"""What the classes of a head mean in a dataset's labels, and the sentence when they mean nothing.

A tagger's classes become tags of the family by one rule for all schemes, read off the prefixes of its own names.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from xstilts_eval.benchmark import Family
from xstilts_eval.errors import UnfitCheckpoint
from xstilts_eval.label_reading import ExtraTypes, LabelReading, joined_order, listed

OPENING, CLOSING = frozenset("BSU"), frozenset("ESLU")
"""Prefixes that begin an entity, and that end one: B(egin), S(ingle), U(nit), E(nd), L(ast); I and M stand inside."""

_WITHOUT_ENTITIES = ("classes", "own", "upos", "ptb", "compound")


@dataclass(frozen=True)
class Meaning:
    """What one class of a head says: `label` of the family ("O" or "X" where it has none), and how it came to it.

    For entity tags `prefix` is the head's own (``I`` of ``I-LOC``, empty in a scheme without) and `kind` its own type.
    Classes with equal `prefix` and `kind` are one. A special token is never predicted.
    """

    label: str
    is_extra: bool = False
    prefix: str = ""
    kind: str = ""
    is_special: bool = False


@dataclass(frozen=True)
class LabelMap:
    """The classes of a head read as labels of a family.

    `names` are the head's own by class index, `meanings` what each says. `scheme` is ``classes`` (pairs, texts),
    ``own`` (tags of no set that is known here), ``upos``, ``ptb`` or ``compound`` (part of speech), or the scheme of
    entities: ``io``, ``iob1``, ``iob2``, ``bioes``, ``bilou``, ``bie``, ``bmes`` or its prefixes in that manner. `gpe`
    is set where a class was read by that option. `notes` are sentences for the user.
    """

    family: str
    scheme: str
    names: tuple[str, ...]
    meanings: tuple[Meaning, ...]
    extra_types: ExtraTypes = "drop"
    notes: tuple[str, ...] = ()
    gpe: Literal["loc"] | None = None

    def order(self, labels: Sequence[str]) -> list[int]:
        """The head's class index of each of the family's labels (pairs)."""
        found = [meaning.label for meaning in self.meanings]
        return [found.index(label) for label in labels]

    @cached_property
    def extra(self) -> tuple[int, ...]:
        """Indices of classes that the family lacks; they can be predicted and are read as nothing."""
        return tuple(index for index, meaning in enumerate(self.meanings) if meaning.is_extra)

    @cached_property
    def special(self) -> tuple[int, ...]:
        """Indices of special tokens, which are never predicted."""
        return tuple(index for index, meaning in enumerate(self.meanings) if meaning.is_special)

    @cached_property
    def same(self) -> tuple[tuple[int, ...], ...]:
        """Groups of classes that have one name; empty where every class has its own."""
        found: dict[Meaning, list[int]] = {}
        for index, meaning in enumerate(self.meanings):
            if not meaning.is_special:
                found.setdefault(meaning, []).append(index)
        return tuple(tuple(indices) for indices in found.values() if len(indices) > 1)

    def decode(self, classes: Iterable[int]) -> list[str]:
        """Tags of the family for the class indices of one whole sentence; entities come out as IOB2.

        An entity begins where the type changes, at an opening prefix and behind a closing one. In ``iob2`` the head's
        prefixes stay as they are, even where it predicts an ``I-`` that continues nothing.
        """
        meanings = [self.meanings[index] for index in classes]
        if self.scheme in _WITHOUT_ENTITIES:
            return [meaning.label for meaning in meanings]
        before = [Meaning("O"), *meanings]
        return [self._entity_tag(one, last) for one, last in zip(meanings, before, strict=False)]

    def _entity_tag(self, one: Meaning, last: Meaning) -> str:
        if one.label == "O":
            return "O"
        continues = one.kind == last.kind and last.prefix not in CLOSING
        if self.scheme == "iob2" and one.prefix and one.label != last.label:
            continues = True  # the head's own prefix says nothing else; the chunk rule reads it as a beginning
        return ("B-" if one.prefix in OPENING or not continues else "I-") + one.label

    def reading(self) -> LabelReading:
        """What a results file records."""
        return LabelReading(
            scheme=self.scheme,
            map={name: _shown(meaning) for name, meaning in zip(self.names, self.meanings, strict=True)},
            extra=self._named(self.extra),
            masked=self._named(self.special),
            repeated=self._named(indices[0] for indices in self.same),
            extra_types=self.extra_types,
            gpe=self.gpe,
            notes=self.notes,
        )

    def _named(self, indices: Iterable[int]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(self.names[index] for index in indices))


def _shown(meaning: Meaning) -> str:
    if meaning.is_special:
        return "never predicted"
    return f"{meaning.prefix}-{meaning.label}" if meaning.prefix and meaning.label != "O" else meaning.label


def folded(name: str) -> str:
    """NFKC, lower case, no blanks around."""
    return unicodedata.normalize("NFKC", name).lower().strip()


def normalise(name: str) -> str:
    """`folded`, with runs of hyphens, underscores and spaces as one space."""
    return re.sub(r"[-_\s]+", " ", folded(name)).strip()


def says_nothing(names: Iterable[str]) -> bool:
    """Whether all names are one word and a number, or numbers: ``LABEL_0`` (the library's own), ``2``, ``class 3``."""
    found = [re.fullmatch(r"(.*?) ?\d+", normalise(name)) for name in names]
    stems = {match[1] for match in found if match}
    return all(found) and (stems <= {"", "label"} or (len(stems) == 1 and len(found) > 1))


def refusal(family: Family, names: Sequence[str], why: str = "") -> UnfitCheckpoint:
    """The sentence that names both label sets, and where the names say nothing the orders that are likely."""
    orders: tuple[tuple[str, ...], ...] = ()
    if says_nothing(names):
        why = f"; names that say nothing need the order of the {len(names)} classes: "
        if len(names) == len(family.labels):
            orders = family.likely_orders or (family.labels,)
            why += " or ".join(f"label_order={joined_order(order)}" for order in orders)
        else:
            why += f"label_order={joined_order(family.labels[:2])}|…"
    said = f"its labels are [{listed_all(names)}], {family.name} needs [{listed(family.labels)}]{why}"
    return UnfitCheckpoint(said, label_orders=orders)


def listed_all(names: Sequence[str]) -> str:
    """Every class's name, also one that stands twice."""
    return ", ".join(listed([name]) for name in names)
