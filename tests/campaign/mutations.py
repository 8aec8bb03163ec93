"""What happens to files: bits, bytes, lines, values of other types, numbers without end. Drawn, hence repeatable."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

from tests.campaign.hostile import STRINGS

Bytes = Callable[[bytes, random.Random], bytes]

CELL = "Q" * 5000
"""A cell that no message may quote in full."""
JUNK = (
    b"", b"\t", b"\n", b"\n\n", b'"', b"{", b"[", b"null", b"-1", b"9" * 5000, b"\xff", b"\\ud83d", b"true", b"1.5",
    b"_", b"0", b"-", b"\x00", b"\r", b"{}", b"[]", "\u2028".encode(), b"O", b":", b"NaN", b"1e999", b"- ", b"&a ",
    b"*a", b"!!python/object:os.system", b"2024: x", b"---\n", b"\xef\xbb\xbf", CELL.encode(), b"[" * 3000, b"../../x",
)  # fmt: skip


def deep(levels: int = 3000) -> Any:
    """A list in a list in a list."""
    found: Any = []
    for _ in range(levels):
        found = [found]
    return found


def values() -> list[Any]:
    """Values of every type and of any size, for places where another was expected."""
    return [
        None, True, False, 0, -1, 2**63, 10**400, 1e308, -0.5, float("nan"), float("inf"), "", " ", "0", CELL,
        "2024-13-01", [], [[]], [["de"]], [1], {}, {"": ""}, {"a": {"b": []}}, ["x"] * 50, "\ud83d", "/etc/passwd",
        "../..", *STRINGS,
    ]  # fmt: skip


def damaged(content: bytes, draw: random.Random) -> bytes:
    """One to three places overwritten with junk, a bit turned, a part lost or twice there; one in ten is cut off."""
    for _ in range(draw.randint(1, 3)):
        start = draw.randrange(len(content) + 1)
        end = start + draw.choice([0, 1, 2, 5, 20, 200])
        kind = draw.randrange(6)
        if kind == 0 and start < len(content):
            content = content[:start] + bytes([content[start] ^ (1 << draw.randrange(8))]) + content[start + 1 :]
        elif kind == 1:
            content = content[:start] + content[start:end] * 2 + content[end:]
        else:
            content = content[:start] + draw.choice(JUNK) + content[end:]
    return content[: draw.randrange(len(content) + 1)] if draw.random() < 0.1 else content


def lines(content: bytes, draw: random.Random) -> bytes:
    """Lines lost, doubled, exchanged; columns lost, added, emptied or filled with something else."""
    rows = content.split(b"\n")
    for _ in range(draw.randint(1, 4)):
        place = draw.randrange(len(rows))
        cells = rows[place].split(b"\t")
        column = draw.randrange(len(cells))
        kind = draw.randrange(7)
        if kind == 0:
            del rows[place]
        elif kind == 1:
            rows.insert(place, rows[draw.randrange(len(rows))])
        elif kind == 2:
            cells[column] = str(draw.choice(values())).encode("utf-8", "surrogatepass")
        elif kind == 3:
            del cells[column]
        elif kind == 4:
            cells.insert(column, draw.choice(JUNK))
        elif kind == 5:
            draw.shuffle(cells)
        else:
            cells[column] = b""
        if kind > 1:
            rows[place] = b"\t".join(cells)
        rows = rows or [b""]
    return b"\n".join(rows)


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield (*path, key)
        yield from _places(one, (*path, key))


def structured(content: bytes, draw: random.Random) -> bytes:
    """JSON with values of other types in one to three places, with lost and with new keys; as JSON again."""
    value = json.loads(content)
    for _ in range(draw.randint(1, 3)):
        value = _changed(value, draw)
    text = json.dumps(value, ensure_ascii=draw.random() < 0.5)
    if draw.random() < 0.05:
        text = text.replace("{", f'{{"deep": {"[" * 20_000}{"]" * 20_000}, ', 1)
    if draw.random() < 0.05:
        text = text.replace("0", "9" * 5000, 1)
    return text.encode("utf-8", "surrogatepass")


def _changed(value: Any, draw: random.Random) -> Any:
    places = list(_places(value))
    if not places or draw.random() < 0.02:
        return draw.choice(values())
    value = copy.deepcopy(value)
    *path, last = draw.choice(places)
    holder = value
    for key in path:
        holder = holder[key]
    kind = draw.randrange(8)
    if kind == 0:
        del holder[last]
    elif kind == 1 and isinstance(holder, dict):
        holder[draw.choice([*STRINGS, "", "x", CELL])] = holder.pop(last)
    elif kind == 2 and isinstance(holder, dict):
        holder[draw.choice(["x", "2024", "no", *STRINGS])] = draw.choice(values())
    elif kind == 3:
        holder[last] = [holder[last]]
    else:
        holder[last] = draw.choice(values())
    return value


def of_json(content: bytes, draw: random.Random) -> bytes:
    """Mostly values of other types, sometimes broken text."""
    return structured(content, draw) if draw.random() < 0.8 else damaged(content, draw)


def of_json_lines(content: bytes, draw: random.Random) -> bytes:
    """One line with values of other types, or broken text."""
    rows = content.rstrip(b"\n").split(b"\n")
    if draw.random() < 0.3:
        return damaged(content, draw)
    place = draw.randrange(len(rows))
    rows[place] = structured(rows[place], draw)
    return b"\n".join(rows) + b"\n"


def of_yaml(content: bytes, draw: random.Random) -> bytes:
    """Values of other types, which YAML reads as JSON; numeric keys, dates, tags and aliases in the text."""
    import yaml

    if draw.random() < 0.4:
        return damaged(content, draw)
    value = yaml.safe_load(content)
    for _ in range(draw.randint(1, 3)):
        value = _changed(value, draw)
    if draw.random() < 0.5:
        return json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
    with_ends = yaml.safe_dump(value, allow_unicode=True)
    return with_ends.encode("utf-8", "surrogatepass")


def of_table(content: bytes, draw: random.Random) -> bytes:
    """Lines and columns, or broken text."""
    return lines(content, draw) if draw.random() < 0.6 else damaged(content, draw)
