"""From a head's own label names to the dataset's label list, or a refusal that names both.

Everything that reads a head's names passes here once and becomes a `LabelMap`; nobody guesses after. A name is never
matched by position: three orders of the NLI labels are in common use.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from xstilts_eval import reading
from xstilts_eval.benchmark import UPOS, Family
from xstilts_eval.errors import UnfitCheckpoint
from xstilts_eval.label_reading import ExtraTypes, PosMap, joined_order, printable
from xstilts_eval.models import tag_reading
from xstilts_eval.models.label_map import (
    CLOSING,
    OPENING,
    LabelMap,
    Meaning,
    listed_all,
    normalise,
    refusal,
    says_nothing,
)
from xstilts_eval.reading import Json
from xstilts_eval.wording import counted

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


# ------------------------------------------------------------------ a head's own names


def own_names(config: Mapping[str, Json]) -> list[str] | None:
    """Label names by class index from the content of ``config.json``; None where it has none.

    Raises `UnfitCheckpoint` when `id2label`, `label2id` and `num_labels` contradict each other.
    """
    by_id, by_name = _by_id(config.get("id2label")), _by_name(config.get("label2id"))
    if by_id and by_name and not _agree(by_id, by_name):
        if speaks_by_label2id(config):
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


def speaks_by_label2id(config: Mapping[str, Json]) -> bool:
    """Whether `id2label` says nothing (``LABEL_0``) and `label2id` names the same classes."""
    by_id, by_name = _by_id(config.get("id2label")), _by_name(config.get("label2id"))
    return by_id.keys() == by_name.keys() and says_nothing(by_id.values()) and not says_nothing(by_name.values())


def _agree(by_id: Mapping[int, str], by_name: Mapping[int, str]) -> bool:
    """Whether both tables say the same; of classes with one name `label2id` can hold a single one."""
    return set(by_id.values()) == set(by_name.values()) and all(by_id.get(n) == name for n, name in by_name.items())


def _by_id(value: Any) -> dict[int, str]:
    try:
        return {int(key): str(name) for key, name in (value or {}).items()}
    except reading.UNFIT as error:
        raise UnfitCheckpoint(f"its id2label is not a table from class number to name: {value!r}") from error


def _by_name(value: Any) -> dict[int, str]:
    try:
        return {int(index): str(name) for name, index in (value or {}).items()}
    except reading.UNFIT as error:
        raise UnfitCheckpoint(f"its label2id is not a table from name to class number: {value!r}") from error


def _listed(names: Mapping[int, str]) -> str:
    return ", ".join(f"{index}: {printable(name)}" for index, name in sorted(names.items()))


def given_names(family: Family, names: Sequence[str], given: Sequence[str], origin: str = "") -> list[str]:
    """The order somebody gives for the classes of a head whose own names `names` say nothing, the same, or too little.

    Too little: a tagger's names that cannot be read. The order may then say what they leave open. `origin` is where the
    order came from, by default the argument. Raises `UnfitCheckpoint` when the numbers of classes differ or the head's
    own names say something else.
    """
    origin = origin or f"{family.name}_label_order"
    if len(given) != len(names):
        classes = counted(len(names), "class", "classes")
        raise UnfitCheckpoint(f"{origin} gives {counted(len(given), 'label')}, the checkpoint has {classes}")
    if says_nothing(names) or [*map(normalise, names)] == [*map(normalise, given)]:
        return list(given)
    other = _contradiction(family, names, given)
    if other is None:
        return list(given)
    raise UnfitCheckpoint(
        f"{origin}={joined_order(given)} contradicts the head's own names [{listed_all(names)}]{other}; it is for "
        "heads whose names say nothing or cannot be read"
    )


def differ(names: Sequence[str], given: Sequence[str]) -> bool:
    """Whether as many names are given as the head has, and others than its own."""
    return len(names) == len(given) and [*map(normalise, names)] != [*map(normalise, given)]


def _contradiction(family: Family, names: Sequence[str], given: Sequence[str]) -> str | None:
    """Where the head's own names say something else than `given` (empty for all in all); None where they do not."""
    own, said = _meanings(family, names), _meanings(family, given)
    if own or not family.kind.by_word:
        return None if own and [*map(_sense, own)] == [*map(_sense, said)] else ""
    if family.labels == UPOS:
        claims = tag_reading.pos_claims(names)
    elif tag_reading.are_entities(family.labels):
        claims = tag_reading.entity_claims(names)
    else:
        claims = [{one} - {""} for one in _own(family, names)]
    for name, other, claimed, meaning in zip(names, given, claims, said, strict=False):  # `said` may be ()
        if claimed and meaning.label not in {*claimed, "O"}:
            return f" (it calls {printable(name)} {printable(other)})"
    return None


def _meanings(family: Family, names: Sequence[str]) -> tuple[Meaning, ...]:
    """What the classes mean; () where they cannot be read."""
    try:
        return understand(family, names).meanings
    except UnfitCheckpoint:
        return ()


def _sense(one: Meaning) -> tuple[str, bool, bool]:
    return one.label, one.prefix in OPENING, one.prefix in CLOSING


# ------------------------------------------------------------------ what they mean


def understand(
    family: Family,
    names: Sequence[str],
    extra_types: ExtraTypes = "drop",
    udpos_map: PosMap | None = None,
    gpe: Literal["loc"] | None = None,
) -> LabelMap:
    """Read a head's label names for a family with classes or tags; raises `UnfitCheckpoint` naming both label sets.

    Tags of universal parts of speech, and of persons, organisations and locations, are read in all their ways to be
    written; those of any other set are a dataset's own, and mean themselves.
    """
    if not family.kind.by_word:
        return _class_labels(family, names)
    if family.labels == UPOS:
        return tag_reading.pos_labels(family, names, extra_types, udpos_map)
    if tag_reading.are_entities(family.labels):
        return tag_reading.entity_labels(family, names, extra_types, gpe)
    return _own_tags(family, names)


def _own_tags(family: Family, names: Sequence[str]) -> LabelMap:
    found = _own(family, names)
    if sorted(found) != sorted(family.labels):
        raise refusal(family, names, tag_reading.way_out(family))
    return LabelMap(family.name, "own", tuple(names), tuple(Meaning(tag) for tag in found))


def _own(family: Family, names: Sequence[str]) -> list[str]:
    """The family's label that each name is, written in one way or another; "" for none."""
    own = {normalise(label): label for label in family.labels} | {label: label for label in family.labels}
    return [own.get(name, own.get(normalise(name), "")) for name in names]


def _class_labels(family: Family, names: Sequence[str]) -> LabelMap:
    own = {normalise(label): label for label in family.labels}
    found = [own.get(normalise(name), _LABEL_OF.get(normalise(name), "")) for name in names]
    if sorted(found) == sorted(family.labels):
        return LabelMap(family.name, "classes", tuple(names), tuple(Meaning(label) for label in found))
    if _TWO_WAY & {normalise(name) for name in names}:
        raise refusal(family, names, "; a two-way head cannot tell neutral from contradiction")
    raise refusal(family, names)


def refuse_crf(config: Mapping[str, Json]) -> None:
    """Raise `UnfitCheckpoint` for a tagger whose configuration speaks of a conditional random field."""
    found = [key for key, value in config.items() if "crf" in key.lower() and value]
    if found:
        raise UnfitCheckpoint(
            f"it is a CRF tagger ({found[0]} in its config.json); a plain arg-max would give other tags than its "
            "authors', and CRFs are not read"
        )
