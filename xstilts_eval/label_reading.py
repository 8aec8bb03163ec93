"""How the classes of a head were read, as a results file keeps it, and orders of classes as users write them.

Class names are somebody's text: what is printed or put into a signature goes through `printable` or `quoted`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict

ExtraTypes = Literal["drop", "mask"]
"""What happens to classes the family lacks: predicted and then read as nothing, or taken out before the arg-max."""
PosMap = Literal["ptb", "compound"]
"""Tag sets that are read as universal tags on request: Penn Treebank, and names with the tag in one of their fields."""


class LabelReading(BaseModel):
    """One head's classes as labels of a family: what ``config.xstilts.label_maps`` holds for it.

    `map` gives each class name its label. `extra` are classes the family lacks, `masked` special tokens, which are
    never predicted, `repeated` names that several classes bear (their probabilities add); all by name. `gpe` is set
    where a class was read by that option. `notes` are the sentences that the user saw.
    """

    model_config = ConfigDict(frozen=True)

    scheme: str
    map: dict[str, str]
    extra: tuple[str, ...] = ()
    masked: tuple[str, ...] = ()
    repeated: tuple[str, ...] = ()
    extra_types: ExtraTypes = "drop"
    gpe: Literal["loc"] | None = None
    notes: tuple[str, ...] = ()

    def signature(self) -> list[str]:
        """The fields of a signature that this reading adds: nothing for a head with the family's own classes."""
        fields = [f"mapped:{self.scheme}"] if self.scheme in ("ptb", "compound") else []
        for field in ("extra", "masked", "repeated"):
            if names := getattr(self, field):
                fields.append(f"{field}:{','.join(quoted(name, ',') for name in names)}")
        if self.extra and self.extra_types != "drop":
            fields.append(f"extra_types:{self.extra_types}")
        return [*fields, f"gpe:{self.gpe}"] if self.gpe else fields


def split_order(order: str | Iterable[str] | None) -> tuple[str, ...]:
    r"""Class names of an order ``a|b|c``, or of a list; a bar that belongs to a name is written ``\|``."""
    if not order:
        return ()
    if isinstance(order, str):
        return tuple(part.replace(r"\|", "|") for part in re.split(r"(?<!\\)\|", order))
    return tuple(map(str, order))


def joined_order(names: Iterable[str]) -> str:
    """The inverse of `split_order`."""
    return "|".join(printable(name).replace("|", r"\|") for name in names)


def printable(name: str) -> str:
    """A foreign name without control characters: they are shown by their escapes."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in name)


def listed(names: Sequence[str]) -> str:
    """All names, each once, in their order, for a sentence."""
    return ", ".join(dict.fromkeys(map(printable, names)))


def quoted(name: str, separator: str) -> str:
    """A name for a field of a signature: percent signs, bars, the separator and what does not print are encoded."""
    return "".join(
        letter
        if letter.isprintable() and letter not in f"%|{separator}"
        else "".join(f"%{byte:02X}" for byte in letter.encode("utf-8", "backslashreplace"))
        for letter in name
    )
