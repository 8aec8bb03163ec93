"""From a head's own label names to the family's label list, or a refusal that names both.

Everything that reads a head's names passes here once and becomes a `LabelMap`; nobody guesses after. A name is never
matched by position: three orders of the NLI labels are in common use.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from xstilts_eval.benchmark import UPOS, Family, Kind
from xstilts_eval.errors import UnfitCheckpoint
from xstilts_eval.models.tagsets import ENTITY_TYPES, EXTRA_TYPES, PENN, PLACE_LIKE

ExtraTypes = Literal["drop", "mask"]
"""What happens to classes the family lacks: predicted and then read as nothing, or taken out before the arg-max."""

_SYNONYMS = {
    "contradiction": "contradiction contradictory contradicts contradict c",
    "entailment": "entailment entail entails entailed e",
    "neutral": "neutral neither n",
    "0": "not paraphrase|not paraphrased|non paraphrase|no paraphrase|different|different meaning|not equivalent"
    "|non equivalent|not same|not duplicate|non duplicate|no|0",
    "1": "paraphrase|paraphrased|equivalent|same|same meaning|duplicate|yes|1",
}
_LABEL_OF = {
    word: label for label, words in _SYNONYMS.items() for word in words.split("|" if "|" in words else " ") if word
}
_TWO_WAY = frozenset({"not entailment", "non entailment", "not entailed"})
_LIKELY = {
    "xnli": (
        "contradiction|entailment|neutral",
        "entailment|neutral|contradiction",
        "contradiction|neutral|entailment",
    ),
    "pawsx": ("0|1", "1|0"),
}
"""Orders met in public checkpoints: cross-encoders, the data's own, models trained on MNLI in fairseq."""

_EMPTY_POS = frozenset({"O", "_", "PAD", "<PAD>", "[PAD]", "-PAD-"})
"""XTREME's own POS models carry an extra ``O`` class (`utils_tag.py:239-244`); ``_`` occurs in raw treebanks."""
_CORE_POS = frozenset({"NOUN", "VERB"})
"""What a part-of-speech tagger cannot lack; any other tag may be missing from a treebank."""

_NEEDED = {"io": {""}, "iob1": {"I"}, "iob2": {"B", "I"}, "bioes": set("BIES"), "bilou": set("BILU")}
"""Prefixes every type of the family must have in a scheme."""
_OPENING, _CLOSING = frozenset("BSU"), frozenset("ESLU")


@dataclass(frozen=True)
class Meaning:
    """What one class of a head says: `label` of the family ("O" or "X" where it has none), and how it came to it.

    For entity tags `prefix` is the head's own (``I`` of ``I-LOC``, empty in a scheme without) and `kind` its own type.
    """

    label: str
    is_extra: bool = False
    prefix: str = ""
    kind: str = ""


@dataclass(frozen=True)
class LabelMap:
    """The classes of a head read as labels of a family.

    `names` are the head's own by class index, `meanings` what each says. `scheme` is ``classes`` (pairs), ``upos`` or
    ``ptb`` (part of speech), or one of ``io``, ``iob1``, ``iob2``, ``bioes``, ``bilou`` (entities). `notes` are
    sentences for the user.
    """

    family: str
    scheme: str
    names: tuple[str, ...]
    meanings: tuple[Meaning, ...]
    extra_types: ExtraTypes = "drop"
    notes: tuple[str, ...] = ()

    def order(self, labels: Sequence[str]) -> list[int]:
        """The head's class index of each of the family's labels (pairs)."""
        found = [meaning.label for meaning in self.meanings]
        return [found.index(label) for label in labels]

    @property
    def extra(self) -> tuple[int, ...]:
        """Class indices that the family lacks."""
        return tuple(index for index, meaning in enumerate(self.meanings) if meaning.is_extra)

    def decode(self, classes: Iterable[int]) -> list[str]:
        """Tags of the family for the class indices of one whole sentence; entities come out as IOB2.

        In ``iob2`` the head's prefixes stay as they are, even where it predicts an ``I-`` that continues nothing.
        """
        meanings = [self.meanings[index] for index in classes]
        if self.scheme in ("upos", "ptb"):
            return [meaning.label for meaning in meanings]
        before = [Meaning("O"), *meanings]
        return [self._entity_tag(one, last) for one, last in zip(meanings, before, strict=False)]

    def _entity_tag(self, one: Meaning, last: Meaning) -> str:
        if one.label == "O":
            return "O"
        continues = one.kind == last.kind and last.prefix not in _CLOSING
        if self.scheme == "iob2" and one.label != last.label:
            continues = True  # the head's own prefix says nothing else; the chunk rule reads it as a beginning
        return ("B-" if one.prefix in _OPENING or not continues else "I-") + one.label

    def described(self) -> dict[str, Any]:
        """What a results file records: scheme, the head's names with their meaning, and what was left out."""
        return {
            "scheme": self.scheme,
            "map": {name: _shown(meaning) for name, meaning in zip(self.names, self.meanings, strict=True)},
            "extra": [self.names[index] for index in self.extra],
            "extra_types": self.extra_types,
        }


def _shown(meaning: Meaning) -> str:
    return f"{meaning.prefix}-{meaning.label}" if meaning.prefix and meaning.label != "O" else meaning.label


# ------------------------------------------------------------------ a head's own names


def own_names(config: Mapping[str, Any]) -> list[str] | None:
    """Label names by class index from the content of ``config.json``; None where it has none.

    Raises `UnfitCheckpoint` when `id2label`, `label2id` and `num_labels` contradict each other.
    """
    by_id, by_name = _by_id(config.get("id2label")), _by_name(config.get("label2id"))
    if by_id and by_name and by_id != by_name:
        if says_nothing(by_id.values()):
            by_id = by_name
        elif not says_nothing(by_name.values()):
            raise UnfitCheckpoint(
                f"its id2label [{_listed(by_id)}] and label2id [{_listed(by_name)}] disagree; correct its config.json"
            )
    found = by_id or by_name
    count = config.get("num_labels", config.get("_num_labels"))
    if found and isinstance(count, int) and count != len(found):
        raise UnfitCheckpoint(f"its config.json says num_labels={count} and names {len(found)}: [{_listed(found)}]")
    if found and sorted(found) != list(range(len(found))):
        raise UnfitCheckpoint(f"the class numbers of its id2label have gaps: [{_listed(found)}]")
    return [found[index] for index in range(len(found))] if found else None


def _by_id(value: Any) -> dict[int, str]:
    try:
        return {int(key): str(name) for key, name in (value or {}).items()}
    except (AttributeError, TypeError, ValueError) as error:
        raise UnfitCheckpoint(f"its id2label is not a table from class number to name: {value!r}") from error


def _by_name(value: Any) -> dict[int, str]:
    try:
        return {int(index): str(name) for name, index in (value or {}).items()}
    except (AttributeError, TypeError, ValueError) as error:
        raise UnfitCheckpoint(f"its label2id is not a table from name to class number: {value!r}") from error


def _listed(names: Mapping[int, str]) -> str:
    return ", ".join(f"{index}: {name}" for index, name in sorted(names.items()))


def normalise(name: str) -> str:
    """NFKC, lower case, runs of hyphens, underscores and spaces as one space."""
    return re.sub(r"[-_\s]+", " ", unicodedata.normalize("NFKC", name).lower()).strip()


def says_nothing(names: Iterable[str]) -> bool:
    """Whether all names are numbers (``LABEL_0``, ``2``), as the library makes them up."""
    return all(re.fullmatch(r"(label )?\d+", normalise(name)) for name in names)


def ordered_names(names: Sequence[str], label_order: Sequence[str]) -> list[str]:
    """`label_order` in the place of `names`; raises `UnfitCheckpoint` when the numbers of classes differ."""
    if len(label_order) != len(names):
        raise UnfitCheckpoint(f"label_order gives {len(label_order)} labels, the checkpoint has {len(names)} classes")
    return list(label_order)


def given_names(family: Family, names: Sequence[str], given: Sequence[str]) -> list[str]:
    """The order the user gives for one family, for a head whose own names say nothing or the same.

    Raises `UnfitCheckpoint` when the numbers of classes differ or the head's own names say something else.
    """
    if says_nothing(names) or [*map(normalise, names)] == [*map(normalise, given)]:
        return ordered_names(names, given)
    raise UnfitCheckpoint(
        f"{family.name}_label_order={'|'.join(given)} contradicts the head's own names [{', '.join(names)}]; "
        "it is for heads without names"
    )


# ------------------------------------------------------------------ what they mean


def understand(
    family: Family, names: Sequence[str], extra_types: ExtraTypes = "drop", udpos_map: str | None = None
) -> LabelMap:
    """Read a head's label names for a family of pairs or tags; raises `UnfitCheckpoint` naming both label sets."""
    if family.kind is Kind.PAIR:
        return _pair_labels(family, names)
    if family.labels == UPOS:
        return _pos_labels(family, names, extra_types, udpos_map)
    return _entity_labels(family, names, extra_types)


def _pair_labels(family: Family, names: Sequence[str]) -> LabelMap:
    found = [_LABEL_OF.get(normalise(name), "") for name in names]
    if sorted(found) == sorted(family.labels):
        return LabelMap(family.name, "classes", tuple(names), tuple(Meaning(label) for label in found))
    if _TWO_WAY & {normalise(name) for name in names}:
        raise refusal(family, names, "; a two-way head cannot tell neutral from contradiction")
    raise refusal(family, names)


def _pos_labels(family: Family, names: Sequence[str], extra_types: ExtraTypes, udpos_map: str | None) -> LabelMap:
    upper = [unicodedata.normalize("NFKC", name).strip().upper() for name in names]
    real = set(upper) - _EMPTY_POS
    if len(set(upper)) < len(upper):
        raise refusal(family, names, "; a name occurs twice")
    if real <= set(UPOS) and real >= _CORE_POS:
        missing = [tag for tag in UPOS if tag not in real]
        notes = (f"{family.name}: the head never predicts {', '.join(missing)}",) if missing else ()
        meanings = tuple(_pos_meaning(tag, {}) for tag in upper)
        return LabelMap(family.name, "upos", tuple(names), meanings, extra_types, notes)
    if real <= set(PENN) and {"NN", "VBZ"} <= real:
        if udpos_map != "ptb":
            raise refusal(family, names, "; Penn Treebank tags are read only on request: udpos_map=ptb (with losses)")
        meanings = tuple(_pos_meaning(tag, PENN) for tag in upper)
        lost = [tag for tag in UPOS if tag not in {meaning.label for meaning in meanings}]
        note = f"{family.name}: Penn Treebank tags mapped to UPOS; never predicted: {', '.join(lost)}"
        return LabelMap(family.name, "ptb", tuple(names), meanings, extra_types, (note,))
    raise refusal(family, names)


def _pos_meaning(tag: str, mapped: Mapping[str, str]) -> Meaning:
    if tag == "O":  # as the benchmark scores its own heads: no chunk, and never right
        return Meaning("O", is_extra=True)
    return Meaning("X", is_extra=True) if tag in _EMPTY_POS else Meaning(mapped.get(tag, tag))


def _entity_labels(family: Family, names: Sequence[str], extra_types: ExtraTypes) -> LabelMap:
    outside = _outside(family, names)
    parts = [("", "") if index == outside else part for index, part in enumerate(split_tags(names))]
    tagged = [part for index, part in enumerate(parts) if index != outside]
    strange = [names[index] for index, (_, kind) in enumerate(parts) if index != outside and not _is_type(kind)]
    if strange:
        raise refusal(family, names, f"; not understood: {', '.join(strange[:10])}")
    if len(set(tagged)) < len(tagged):
        raise refusal(family, names, "; a name occurs twice")
    scheme = _scheme(tagged)
    meanings = tuple(_entity_meaning(*part) for part in parts)
    for label in ("PER", "ORG", "LOC"):
        kinds = {kind for _, kind in tagged if ENTITY_TYPES.get(kind) == label}
        has = [{prefix for prefix, other in tagged if other == kind} for kind in kinds]
        if scheme is None or not any(prefixes >= _NEEDED[scheme] for prefixes in has):
            raise refusal(family, names, "; the head lacks some of them")
    assert scheme is not None
    places = sorted({names[index] for index, (_, kind) in enumerate(parts) if kind in PLACE_LIKE})
    notes = (f"{family.name}: {', '.join(places)} read as LOC",) if places else ()
    return LabelMap(family.name, scheme, tuple(names), meanings, extra_types, notes)


def split_tags(names: Sequence[str]) -> list[tuple[str, str]]:
    """Prefix (upper case; empty without) and normalised type of each tag, ``B-PER`` or ``PER-B``, decided together."""
    front = [re.fullmatch(r"\s*([BIESLU])[-_](.+)", name, re.IGNORECASE) for name in names]
    back = [re.fullmatch(r"(.+)[-_]([BIESLU])\s*", name, re.IGNORECASE) for name in names]
    if any(front):
        return [(m[1].upper(), _type(m[2])) if m else ("", _type(name)) for m, name in zip(front, names, strict=True)]
    return [(m[2].upper(), _type(m[1])) if m else ("", _type(name)) for m, name in zip(back, names, strict=True)]


def _type(text: str) -> str:
    return normalise(text).replace(" ", "")


def _is_type(kind: str) -> bool:
    return kind in ENTITY_TYPES or kind in EXTRA_TYPES


def _outside(family: Family, names: Sequence[str]) -> int:
    """Class index of O; ``Other`` is one only where nothing else is."""
    stripped = [unicodedata.normalize("NFKC", name).strip().lower() for name in names]
    for written in (("o", "0", "-"), ("other",)):
        found = [index for index, name in enumerate(stripped) if name in written]
        if len(found) == 1:
            return found[0]
        if found:
            raise refusal(family, names, "; more than one of them could be O")
    raise refusal(family, names, "; none of them is O")


def _scheme(tagged: Sequence[tuple[str, str]]) -> str | None:
    """The tagging scheme from the whole set; None for one that is not covered."""
    prefixes = {prefix for prefix, _ in tagged}
    if prefixes == {""}:
        return "io"
    if prefixes == {"I"}:
        return "iob1"
    if prefixes == {"B", "I"}:
        begun, inner = ({kind for prefix, kind in tagged if prefix == one} for one in "BI")
        return "iob1" if inner - begun else "iob2"
    if prefixes == set("BIES"):
        return "bioes"
    return "bilou" if prefixes == set("BILU") else None


def _entity_meaning(prefix: str, kind: str) -> Meaning:
    if kind in ENTITY_TYPES:
        return Meaning(ENTITY_TYPES[kind], prefix=prefix, kind=kind)
    return Meaning("O", is_extra=bool(kind), prefix=prefix, kind=kind)


def refusal(family: Family, names: Sequence[str], why: str = "") -> UnfitCheckpoint:
    """The sentence that names both label sets, and where the names say nothing the orders that are likely."""
    shown = ", ".join(names[:20]) + (" …" if len(names) > 20 else "")
    if says_nothing(names) and len(names) == len(family.labels):
        likely = " or ".join(f"label_order={order}" for order in _LIKELY.get(family.name, ("|".join(family.labels),)))
        why = f"; names that say nothing need the order of the classes: {likely}"
    return UnfitCheckpoint(f"its labels are [{shown}], {family.name} needs [{', '.join(family.labels)}]{why}")


def refuse_crf(config: Mapping[str, Any]) -> None:
    """Raise `UnfitCheckpoint` for a tagger whose configuration speaks of a conditional random field."""
    found = [key for key, value in config.items() if "crf" in key.lower() and value]
    if found:
        raise UnfitCheckpoint(
            f"it is a CRF tagger ({found[0]} in its config.json); a plain arg-max would give other tags than its "
            "authors', and CRFs are not read"
        )
