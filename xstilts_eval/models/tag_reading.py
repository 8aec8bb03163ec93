"""A tagger's class names read as tags of the benchmark: entities in any scheme, universal parts of speech.

Where prefix and type part is inferred from the whole set, never name by name: every way to split it is tried, and the
one that finds persons, organisations and locations (or NOUN and VERB) is taken. None, or two that differ, is a refusal.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from xstilts_eval.benchmark import UPOS, Family
from xstilts_eval.errors import UnfitCheckpoint
from xstilts_eval.label_reading import ExtraTypes, PosMap, listed
from xstilts_eval.models.label_map import LabelMap, Meaning, folded, normalise, refusal
from xstilts_eval.models.tagsets import ENTITY_TYPES, KLUE_TYPES, NEAR_TYPES, OUTSIDE, PENN, PLACE_LIKE

_TYPES = ("PER", "ORG", "LOC")
_SCHEMES = {frozenset("BIES"): "bioes", frozenset("BILU"): "bilou"}
"""Usual names of sets of prefixes; others are called by their letters (``bie``, ``bmes``)."""
_SPECIAL = re.compile(r"<.*>|\[.*\]")
_PADDING = frozenset({"pad", "-pad-", "_pad_"})
_CORE_POS = frozenset({"NOUN", "VERB"})
"""What a part-of-speech tagger cannot lack; any other tag may be missing from a treebank."""
_CORE_PENN = frozenset({"NN", "VBZ"})


# ------------------------------------------------------------------ entities


@dataclass(frozen=True)
class _Split:
    """One way to read a set: prefix (upper case) and normalised type of each class, and the label of each type.

    Classes that are no entity by themselves (O, special tokens) have neither.
    """

    parts: tuple[tuple[str, str], ...]
    types: Mapping[str, str]

    @cached_property
    def said(self) -> tuple[tuple[str, str], ...]:
        """Prefix and label of the family by class; ("", "") where it is none."""
        return tuple((prefix, self.types[kind]) if kind in self.types else ("", "") for prefix, kind in self.parts)

    @property
    def found(self) -> set[str]:
        return {label for _, label in self.said} - {""}

    @property
    def prefixes(self) -> set[str]:
        return {prefix for prefix, label in self.said if label}


def are_entities(labels: Sequence[str]) -> bool:
    """Whether tags are those of persons, organisations and locations in IOB2."""
    return {*labels} == {"O", *(f"{prefix}-{type_}" for prefix in "BI" for type_ in _TYPES)}


def entity_labels(
    family: Family, names: Sequence[str], extra_types: ExtraTypes, gpe: Literal["loc"] | None = None
) -> LabelMap:
    """Read the names of a tagger of entities; raises `UnfitCheckpoint` with the whole list and the way out."""
    special = [_is_special(name) or folded(name) == "x" for name in names]
    outside = _outside(names)
    skipped = [is_special or index in outside for index, is_special in enumerate(special)]
    splits = _splits(names, skipped, gpe)
    fitting = list({split.said: split for split in splits if split.found == set(_TYPES)}.values())
    if len(fitting) != 1:
        raise _no_entities(family, names, splits, fitting)
    (split,) = fitting
    scheme = _scheme(split)
    if scheme is None:
        marks = ", ".join(f"{prefix}-" for prefix in sorted(split.prefixes))
        raise refusal(family, names, f"; with {marks} alone two readings fit{way_out(family)}")
    meanings = []
    for index, (prefix, kind) in enumerate(split.parts):
        if special[index]:
            meanings.append(Meaning("O", kind=folded(names[index]), is_special=True))
        elif index in outside:
            meanings.append(Meaning("O"))
        elif kind in split.types:
            meanings.append(Meaning(split.types[kind], prefix=prefix, kind=kind))
        else:
            meanings.append(Meaning("O", is_extra=True, prefix=prefix, kind=kind))
    by_option = gpe if any(kind in PLACE_LIKE for _, kind in split.parts) else None
    notes = tuple(f"{family.name}: {sentence}" for sentence in _gaps(split, scheme, outside))
    found = LabelMap(family.name, scheme, tuple(names), tuple(meanings), extra_types, notes, by_option)
    places = [name for name, (_, kind) in zip(names, split.parts, strict=True) if kind in PLACE_LIKE]
    return _with_notes(found, places)


def _gaps(split: _Split, scheme: str, outside: set[int]) -> list[str]:
    """Sentences for what the head cannot say."""
    said = [] if outside else ["the head has no class for O: it calls every word an entity or a class of its own"]
    has: dict[str, set[str]] = {}
    for prefix, label in split.said:
        has.setdefault(label, set()).add(prefix)
    expected = split.prefixes - {""} - ({"B"} if scheme == "iob1" else set())
    lacking = [f"{one}-{label}" for label in _TYPES for one in sorted(expected) if one not in has[label]]
    return [*said, f"the head never predicts {', '.join(lacking)}"] if lacking else said


def entity_claims(names: Sequence[str]) -> list[set[str]]:
    """Every label that some reading of the set gives a class; none where its name says nothing of the kind."""
    splits = _splits(names, [False] * len(names), None)
    return [{split.said[index][1] for split in splits} - {""} for index in range(len(names))]


def _is_special(name: str) -> bool:
    return bool(_SPECIAL.fullmatch(folded(name))) or folded(name) in _PADDING


def _outside(names: Sequence[str]) -> set[int]:
    """Classes of O: all that bear the surest of its names in this set; ``Other`` is one only where nothing else is."""
    for written in OUTSIDE:
        found = {index for index, name in enumerate(names) if {folded(name), normalise(name)} & set(written)}
        if found:
            return found
    return set()


def _splits(names: Sequence[str], skipped: Sequence[bool], gpe: str | None) -> list[_Split]:
    """Every way to read a set: types as they stand, or behind or before a prefix and one separator.

    Where none of them finds all types, separators may be mixed. Without any that does, all that find something.
    """
    common = ENTITY_TYPES | (dict.fromkeys(PLACE_LIKE, "LOC") if gpe else {})
    separators = sorted({letter for name in names for letter in folded(name) if not letter.isalnum()})
    single = [pattern for one in separators for pattern in _patterns(re.escape(one))]
    tried: list[_Split] = []
    for patterns in ([None, *single], _patterns(r"[\W_]")):
        for pattern in patterns:
            parts = tuple(
                ("", "") if skip else _parted(folded(name), pattern) for name, skip in zip(names, skipped, strict=True)
            )
            both = (_Split(parts, types) for types in (common, KLUE_TYPES))
            tried += [split for split in both if split.found and (pattern is None or split.prefixes - {""})]
        if any(split.found == set(_TYPES) for split in tried):
            break
    return tried


def _patterns(separator: str) -> list[str]:
    return [rf"(?P<prefix>[bieslum]){separator}(?P<kind>.+)", rf"(?P<kind>.+){separator}(?P<prefix>[bieslum])"]


def _parted(name: str, pattern: str | None) -> tuple[str, str]:
    match = re.fullmatch(pattern, name, re.DOTALL) if pattern else None
    kind = match["kind"] if match else name
    return match["prefix"].upper() if match else "", normalise(kind) or kind


def _scheme(split: _Split) -> str | None:
    """The scheme from the prefixes of the family's types; None where they do not say what they mean."""
    prefixes = split.prefixes - {""}
    if not prefixes:
        return "io"
    if not prefixes & {"B", "I"} or ("S" in prefixes and "B" not in prefixes):  # S- may be *start* or *single*
        return None
    if prefixes <= {"B", "I"}:
        own = [part for part in split.parts if part[1] in split.types]
        begun, inner = ({kind for one, kind in own if one == prefix} for prefix in "BI")
        return "iob1" if inner - begun else "iob2"
    return _SCHEMES.get(frozenset(prefixes)) or "".join(letter for letter in "BIMELSU" if letter in prefixes).lower()


def _no_entities(
    family: Family, names: Sequence[str], splits: Sequence[_Split], fitting: Sequence[_Split]
) -> UnfitCheckpoint:
    """The refusal of a set in which the family's types cannot be found, or in which two readings find them."""
    if fitting:
        one, other = fitting[:2]
        torn = [name for name, first, second in zip(names, one.said, other.said, strict=True) if first != second]
        return refusal(family, names, f"; two readings fit, which differ in {listed(torn)}{way_out(family)}")
    best = max(splits, key=lambda split: len(split.found), default=_Split((("", ""),) * len(names), {}))
    said = []
    for label in _TYPES:
        if label in best.found:
            found = [name for name, (_, other) in zip(names, best.said, strict=True) if other == label]
            said.append(f"{label} is {listed(found)}")
        else:
            near = [name for name in names if _is_near(name, label)]
            said.append(f"{label} cannot be found{f' (near it: {listed(near)})' if near else ''}")
    if "LOC" not in best.found and any(_words(name) & {"gpe", "geopolitical"} for name in names):
        said.append("GPE counts as LOC only with gpe=loc")
    return refusal(family, names, f"; {', '.join(said)}{way_out(family)}")


def _words(name: str) -> set[str]:
    return set(re.findall(r"[^\W_]+", folded(name)))


def _is_near(name: str, label: str) -> bool:
    types = {kind for kind, other in (ENTITY_TYPES | KLUE_TYPES).items() if other == label}
    return bool(_words(name) & (types | set(NEAR_TYPES[label].split())))


def way_out(family: Family) -> str:
    """What to do about names that cannot be read."""
    shown = "|".join(family.labels[:3])
    return f"; to say what the classes are, name all of them in their order: {family.name}_label_order={shown}|…"


def _with_notes(found: LabelMap, places: Sequence[str] = ()) -> LabelMap:
    """The map with a sentence for everything in it that the family does not have."""
    reading = found.reading()
    said = []
    if reading.extra and found.extra_types == "mask":
        said.append(f"{listed(reading.extra)} never predicted (extra_types=mask)")
    else:
        for label in ("O", "X"):
            if names := [name for name in reading.extra if reading.map[name] == label]:
                said.append(f"{listed(names)} read as {label} and counted where predicted")
    if reading.masked:
        said.append(f"{listed(reading.masked)} never predicted (special tokens)")
    if reading.repeated:
        said.append(f"several classes are called {listed(reading.repeated)}; their probabilities add")
    if places:
        by_option = f"{listed(places)} read as LOC (gpe=loc)"
        said.append(by_option if found.gpe else f"gpe=loc would read {listed(places)} as LOC")
    return replace(found, notes=(*(f"{found.family}: {sentence}" for sentence in said), *found.notes))


# ------------------------------------------------------------------ parts of speech


def pos_labels(
    family: Family, names: Sequence[str], extra_types: ExtraTypes, udpos_map: PosMap | None = None
) -> LabelMap:
    """Read the names of a part-of-speech tagger; raises `UnfitCheckpoint` with the whole list and the way out.

    Penn Treebank tags, and compound names that hold the tag in one field, are read on request only (`udpos_map`).
    """
    upper = [folded(name).upper() for name in names]
    compound = _compound(names)
    readings = {
        "upos": upper if set(upper) >= _CORE_POS else None,
        "ptb": [PENN.get(name, "") for name in upper] if set(upper) >= _CORE_PENN else None,
        "compound": compound[0] if compound else None,
    }
    fitting = [name for name, tags in readings.items() if tags]
    if len(compound) > 1:
        raise refusal(family, names, f"; two readings fit: the tag may stand in either of two fields{way_out(family)}")
    if udpos_map in fitting:
        scheme = str(udpos_map)
    elif fitting == ["upos"]:
        scheme = "upos"
    elif fitting:
        raise refusal(family, names, _on_request(family, fitting))
    else:
        missing = " and ".join(sorted(_CORE_POS - set(upper)))
        raise refusal(family, names, f"; {missing} cannot be found{way_out(family)}")
    tags = readings[scheme] or []
    meanings = tuple(_pos_meaning(name, tag) for name, tag in zip(names, tags, strict=True))
    lost = [tag for tag in UPOS if tag not in {meaning.label for meaning in meanings if not meaning.is_extra}]
    how = {"ptb": "Penn Treebank tags mapped to UPOS; ", "compound": "the UPOS field of compound names is read; "}
    said = how.get(scheme, "") + (f"the head never predicts {', '.join(lost)}" if lost else "")
    notes = (f"{family.name}: {said.removesuffix('; ')}",) if said else ()
    return _with_notes(LabelMap(family.name, scheme, tuple(names), meanings, extra_types, notes))


def pos_claims(names: Sequence[str]) -> list[set[str]]:
    """The universal tag that each class's name is; none for other names."""
    return [{folded(name).upper()} & set(UPOS) for name in names]


def _pos_meaning(name: str, tag: str) -> Meaning:
    own = folded(name)
    if _is_special(name):
        return Meaning("O", kind=own, is_special=True)
    if tag in UPOS:
        return Meaning(tag, kind=own)
    # XTREME's own heads have a class ``O`` (`utils_tag.py:239-244`), which it scores as no chunk, never right.
    return Meaning("O" if own == "o" else "X", kind=own, is_extra=True)


def _compound(names: Sequence[str]) -> list[list[str]]:
    """Universal tags of compound names (``NOUN|Case=Nom|nsubj``, ``B-NOUN``), one list for each way that differs.

    The tag is the first or the last field at one separator, in all names alike; names without it stand for themselves,
    and one whose fields are all tags (a contraction, ``ADP_DET``) is none. NOUN and VERB must be among the compound.
    """
    found: dict[tuple[str, ...], list[str]] = {}
    separators = sorted({letter for name in names for letter in name.strip() if not letter.isalnum()})
    for separator in separators:
        fields = [name.strip().split(separator) for name in names]
        for place in (0, -1):
            tags = ["" if _all_tags(parts) else folded(parts[place]).upper() for parts in fields]
            tags = [tag if tag in UPOS else "" for tag in tags]
            if {tag for tag, parts in zip(tags, fields, strict=True) if len(parts) > 1} >= _CORE_POS:
                found[tuple(tags)] = tags
    return list(found.values())


def _all_tags(fields: Sequence[str]) -> bool:
    return len(fields) > 1 and all(field in UPOS for field in fields)


def _on_request(family: Family, fitting: Sequence[str]) -> str:
    ways = {
        "ptb": "Penn Treebank tags are read only on request: udpos_map=ptb (with losses)",
        "compound": "tags inside of compound names are read only on request: udpos_map=compound",
    }
    told = "; ".join(ways[name] for name in fitting if name in ways)
    return f"; {'two readings fit; ' if len(fitting) > 1 else ''}{told}{way_out(family)}"
