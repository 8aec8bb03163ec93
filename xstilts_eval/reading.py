"""JSON and YAML that others wrote, through one door each: one sentence for whatever is wrong, and bounds.

Both doors name the place and what to do. They promise: the text is valid Unicode, it is no longer and nested no deeper
than the bound, and nothing in it was read in silence as something else (in YAML: a key that stands twice, a key that
is no text such as ``2024`` or ``no``, an alias that unfolds to millions of values).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from xstilts_eval.errors import DataError, MissingData
from xstilts_eval.wording import shortened

Fault = Callable[[str], Exception]
Json = None | bool | int | float | str | Sequence["Json"] | Mapping[str, "Json"]
"""What JSON can say; whoever reads such a value checks what it is and makes an object of it."""

LARGEST_RECORD = 1 << 28
"""Bytes of a JSON file that is one record (results, a bundle's manifest): 256 MiB, some hundred times the longest."""
LARGEST_YAML = 1 << 24
"""Bytes of a YAML file: 16 MiB, a hundred times the longest one shipped."""
DEEPEST_YAML = 32
MOST_YAML = 1_000_000
"""Values of a YAML file, aliases unfolded; the longest shipped file has some ten thousand."""

UNFIT = (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError)
"""What Python raises at a value of another type or size than was expected, such as an infinite number for a count."""
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_IDS = ("id", "uid", "pairID", "example_id", "document_id", "entity_id", "idx", "ind")
"""Fields by which the formats read here name an example."""


_READ: dict[str, str] = {}


def note(path: Path | str) -> None:
    """Remember what is being read, so that an unexpected error can name it."""
    _READ["latest"] = str(path)


def latest() -> str:
    """The file that was read last; empty where none was."""
    return _READ.get("latest", "")


# --- JSON


def read_json(path: Path, what: str, fault: Fault = DataError, once: bool = False) -> Any:
    """The content of a JSON file that is one record; `what` it should be is said where it is not (``a bundle``).

    `once`: an object with a key that stands twice is refused; Python keeps the last in silence. Raises `MissingData`
    where there is no such file, and `fault` for one that cannot be read.
    """
    return parse_json(_text(path, what, fault, LARGEST_RECORD), f"{path} is not {what}", fault=fault, once=once)


def parse_json(
    text: str, origin: Path | str, line: int | None = None, fault: Fault = DataError, once: bool = False
) -> Any:
    """The value of one JSON text: a whole file, or the `line` of one.

    Raises `fault`, naming `origin`, line and the example's id where it has one, for what is no JSON, is nested deeper
    than Python reads, or holds a string that is not valid Unicode; with `once`, for a key that stands twice.
    """
    try:
        value = json.loads(text, object_pairs_hook=_each_once if once else None)
    except json.JSONDecodeError as error:
        raise fault(f"{origin}, line {line or error.lineno}: not JSON ({error.msg})") from error
    except RecursionError as error:
        raise fault(f"{_at(origin, line)}: JSON nested too deeply to be read") from error
    except _Twice as error:
        raise fault(f"{_at(origin, line)} says {shortened(error.args[0])!r} twice; keep one") from error
    except ValueError as error:  # a number of thousands of digits
        raise fault(f"{_at(origin, line)}: not JSON ({error})") from error
    if _ESCAPED_SURROGATE.search(text) and (found := _broken_text(value)):
        where, half = found
        place = f", {where}" if where else ""
        raise fault(
            f"{_at(origin, line)}{place}: the text holds half a surrogate pair (\\u{ord(half):04x}), which is no "
            "character of Unicode; write both halves, or the character itself in UTF-8"
        )
    return value


def json_object(path: Path, what: str, fault: Fault = DataError, once: bool = False) -> dict[str, Json]:
    """As `read_json`, of a file that must hold one object."""
    found = read_json(path, what, fault, once)
    if not isinstance(found, dict):
        raise fault(f"{path} is not {what}: it holds {_kind(found)} where an object was expected")
    return found


def is_unicode(text: str) -> bool:
    """Whether `text` can be written as UTF-8: it holds no half of a surrogate pair."""
    return not _SURROGATE.search(text)


class _Twice(ValueError):
    """A key that stands twice in one JSON object."""


def _each_once(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise _Twice(next(key for key in keys if keys.count(key) > 1))
    return found


def _at(origin: Path | str, line: int | None) -> str:
    return f"{origin}, line {line}" if line else str(origin)


def _broken_text(value: Any) -> tuple[str, str] | None:
    """Where the first string with half a surrogate pair stands (id or field, as far as there are any), and the half."""
    waiting: list[tuple[Any, str, Any]] = [(value, "", value)]
    while waiting:
        one, place, holder = waiting.pop()
        if isinstance(one, str):
            if half := _SURROGATE.search(one):
                return place or _name_below(holder), half[0]
        elif isinstance(one, dict):
            own = _name(one) or place
            for key, entry in reversed(one.items()):
                if half := _SURROGATE.search(key):
                    return own or _name_below(one), half[0]
                waiting.append((entry, own, one))
        elif isinstance(one, list):
            waiting += [(entry, place, holder) for entry in reversed(one)]
    return None


def _name(row: Mapping[str, object]) -> str:
    """``id 'q1'`` of an object that has one; an id that is broken itself is shown in ASCII."""
    for field in _IDS:
        if isinstance(row.get(field), (str, int)):
            return f"{field} {row[field]!a}"
    return ""


def _name_below(value: Any) -> str:
    """The first id inside `value`: a paragraph has none of its own, its questions have."""
    waiting = [value]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            if name := _name(one):
                return name
            waiting += reversed(one.values())
        elif isinstance(one, list):
            waiting += reversed(one)
    return ""


# --- YAML


def read_yaml(path: Path, what: str, fault: Fault = DataError) -> dict[str, Json]:
    """The keys and values of a YAML file; `what` it should be is said where it is not (``a recipe``).

    Raises `MissingData` where there is no such file, and `fault` for one that cannot be read.
    """
    found = parse_yaml(_text(path, what, fault, LARGEST_YAML), path, f"{path} is not {what}", fault)
    if not isinstance(found, dict):
        raise fault(f"{path} is not {what}: it holds {_kind(found)}, not keys and values")
    return found


def parse_yaml(text: str, origin: Path | str, refusal: str = "", fault: Fault = DataError) -> Any:
    """The value of one YAML text, of plain types only; `refusal` begins the sentence of what is no YAML at all."""
    import yaml

    begin = refusal or f"{origin} is not readable as YAML"
    try:
        loader = _loader()(text)
        node = loader.get_single_node()
    except yaml.YAMLError as error:
        raise fault(f"{begin}: {_said(error)}") from error
    except RecursionError as error:
        raise fault(f"{begin}: nested more than {DEEPEST_YAML} deep") from error
    if node is None:
        return None
    _check(node, origin, fault)
    try:
        return loader.construct_document(node)
    except yaml.YAMLError as error:  # a tag of another language's objects
        raise fault(f"{begin}: {_said(error)}") from error
    except (ValueError, OverflowError) as error:  # a date or a number that is none, such as 2024-13-01
        raise fault(f"{begin}: {_unreadable(node)} ({error}); put texts into quotes") from error


@cache
def _loader() -> type[Any]:
    import yaml

    loader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return loader


def _check(root: Any, origin: Path | str, fault: Fault) -> None:
    """Keys, depth and size of the nodes, before anything is made of them."""
    import yaml

    sizes: dict[int, int] = {}
    open_: set[int] = set()
    waiting: list[tuple[Any, int, bool]] = [(root, 1, False)]
    while waiting:
        node, depth, is_done = waiting.pop()
        if isinstance(node, yaml.MappingNode):
            inner = [part for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            inner = list(node.value)
        else:
            sizes[id(node)] = 1
            continue
        where = f"{origin}, line {node.start_mark.line + 1}"
        if is_done:
            open_.discard(id(node))
            sizes[id(node)] = 1 + sum(sizes[id(part)] for part in inner)
            if sizes[id(node)] > MOST_YAML:
                raise fault(f"{where}: more than {MOST_YAML:,} values, with aliases unfolded")
            continue
        if id(node) in open_:
            raise fault(f"{where}: an alias that holds itself")
        if depth > DEEPEST_YAML:
            raise fault(f"{where}: nested more than {DEEPEST_YAML} deep")
        if id(node) in sizes:
            continue
        if isinstance(node, yaml.MappingNode):
            _check_keys(node, origin, fault)
        open_.add(id(node))
        waiting.append((node, depth, True))
        waiting += [(part, depth + 1, False) for part in inner]


def _check_keys(node: Any, origin: Path | str, fault: Fault) -> None:
    import yaml

    seen: set[Hashable] = set()
    for key, _ in node.value:
        where = f"{origin}, line {key.start_mark.line + 1}"
        if not isinstance(key, yaml.ScalarNode):
            raise fault(f"{where}: a key is not a word")
        if key.tag not in ("tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"):
            raise fault(
                f"{where}: the key {shortened(key.value)} is no text ({key.tag.rpartition(':')[2]}); put it into quotes"
            )
        if key.value in seen:
            raise fault(f"{where}: {shortened(key.value)!r} is there twice; keep one")
        seen.add(key.value)


def _said(error: Exception) -> str:
    """The parser's words in one line, without its name for a text that came from memory."""
    return shortened(" ".join(str(error).split()).replace('in "<unicode string>", ', "at "), 300)


def _unreadable(root: Any) -> str:
    """The first value that cannot be made, with its line."""
    import yaml

    waiting: list[Any] = [root]
    seen: set[int] = set()
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, yaml.ScalarNode):
            try:
                yaml.constructor.SafeConstructor().construct_object(node)
            except (ValueError, OverflowError):
                return f"line {node.start_mark.line + 1}, {shortened(node.value)!r}"
        elif isinstance(node, yaml.MappingNode):
            waiting += [part for pair in reversed(node.value) for part in reversed(pair)]
        else:
            waiting += reversed(node.value)
    return "a value cannot be read"


# --- both


def _text(path: Path, what: str, fault: Fault, largest: int) -> str:
    note(path)
    try:
        if (size := path.stat().st_size) > largest:
            raise fault(f"{path} is not {what}: it has {size:,} bytes, and none has more than {largest:,}")
        data = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
        return data.decode("utf-8")
    except FileNotFoundError as error:
        raise MissingData(f"{path} does not exist; give {what}") from error
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise fault(f"{path} is not {what}: line {line} is not UTF-8") from error
    except IsADirectoryError as error:
        raise fault(f"{path} is not {what}: it is a folder") from error
    except OSError as error:
        raise fault(f"{path} is not {what}: it cannot be read ({error.strerror or error})") from error


def _kind(value: Any) -> str:
    names = {list: "a list", dict: "an object", str: "a text", bool: "true or false", type(None): "nothing"}
    return names.get(type(value), "a number" if isinstance(value, int | float) else type(value).__name__)
