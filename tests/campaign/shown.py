"""Hostile names in somebody's files, through every command that shows them, into every output that it has.

Each output is read again by a parser of its format that is not ours.
"""

from __future__ import annotations

import contextlib
import copy
import csv
import io
import json
import random
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import yaml
from markdown_it import MarkdownIt

from tests import commanded
from tests.campaign import fuzz
from tests.campaign.hostile import MARK, STRINGS
from tests.campaign.units import Outcome, Unit
from tests.result_folders import write_run

OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters but tab and line feed, and Unicode's controls of direction (Trojan Source, CVE-2021-42574)."""
REFUSED = 2
FAULT = 70
QUICK = ("--draws", "100", "--resamples", "100")
PAPER = ("--latex", "OUT/t.tex", "--csv", "OUT/t.csv")
Place = tuple[Any, ...]
"""Keys down to a value; ending in None, the key before it is what is replaced."""


@dataclass(frozen=True)
class Given:
    """A file that somebody else wrote, in a folder that `make` fills, and the commands that read it.

    In a command OUT is an empty folder of its own.
    """

    name: str
    make: Callable[[Path], object]
    file: str
    read: Callable[[str], Any]
    write: Callable[[Any], str]
    commands: tuple[tuple[str, ...], ...]


def _lines(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


def _as_lines(rows: list[Any]) -> str:
    return "".join(json.dumps(row) + "\n" for row in rows)


def _cells(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text)))


def _as_cells(rows: list[list[str]]) -> str:
    file = io.StringIO()
    csv.writer(file).writerows(rows)
    return file.getvalue()


def _as_yaml(value: Any) -> str:
    return str(yaml.safe_dump(value, sort_keys=False))


def given(bundle: Path) -> list[Given]:
    """Everything that commands show and that comes from elsewhere."""
    subjects = {one.name: one for one in fuzz.subjects(bundle)}

    def table(folder: Path) -> None:
        rows = [["model", "benchmark", "language", "score", "outcome", "half_width", "parameters", "baseline", "seeds"]]
        for number, model in enumerate(("m0", "m1", "m2", "m3", "m4", "m5")):
            for code in ("de", "sw", "zh", "fr", "ru", "tr"):
                rows.append(
                    [
                        model,
                        "xnli",
                        code,
                        f"{50 + number + len(rows) % 3}",
                        "score",
                        "1.0",
                        f"{10 ** (6 + number)}",
                        "50",
                        "1",
                    ]
                )
        (folder / "table.csv").write_text(_as_cells(rows))

    def samples(folder: Path) -> None:
        """Documents and responses of one dataset in all its languages, as exports and pitfalls need them."""
        leaves = [f"xtreme.pawsx.{code}" for code in ("en", "de", "es", "fr", "ja", "ko", "zh")]
        write_run(folder / "two", {leaf: [1] * right + [0] * (8 - right) for right, leaf in enumerate(leaves)})
        for wrong, leaf in enumerate(leaves):
            rows = []
            for number in range(8):
                label = int(number >= wrong)  # class 0 is answered: so many are right
                doc = {"id": str(number), "premise": "a", "hypothesis": "b", "label": label, "family": "pawsx"}
                answers = [[-1.0, False], [-2.0, False]]
                rows.append({"doc_id": number, "doc": doc, "filtered_resps": answers, "acc": 1 - label,
                             "acc_ci95": ["d", 1 - label]})  # fmt: skip
            (folder / "two" / "samples" / f"samples_{leaf}.jsonl").write_text(_as_lines(rows))

    def recipe(folder: Path) -> None:
        values = {
            "name": "tiny",
            "base": {"model": str(bundle / "encoder")},
            "seeds": [1],
            "intermediate": [{"tasks": ["squad"]}],
            "targets": {"tasks": ["udpos"]},
        }
        (folder / "recipe.yaml").write_text(yaml.safe_dump(values))

    results = subjects["results: score"].make
    return [
        Given(
            "results.json", results, "two/results.json", json.loads, json.dumps,
            (
                ("score", "two", "--json", "-"),
                ("score", "one", "two", "--markdown", "OUT/s.md", *PAPER),
                ("show", "two"),
                ("show", "two", "--json"),
                ("compare", "one", "two", "--allow-different", *QUICK, "--markdown", "OUT/c.md", "--json",
                 "OUT/c.json", *PAPER),
                ("gains", "one", "two", "--markdown", "OUT/g.md", "--json", "-", *PAPER),
                ("report", "one", "two", "-o", "OUT/r.html", "--markdown", "OUT/r.md", *PAPER),
                ("regress", "two", "--against", "Tiny", "--zoo", "zoo.yaml", "--all", "--markdown", "OUT/r.md",
                 "--junit", "OUT/r.xml", "--json", "OUT/r.json"),
                ("regress", "two", "--against", "one", "--markdown", "OUT/r.md", "--junit", "OUT/r.xml"),
                ("zoo", "add", "two", "--source", "A paper", "--file", "OUT/mine.yaml"),
            ),
        ),
        Given(
            "samples", samples, "two/samples/samples_xtreme.pawsx.de.jsonl", _lines, _as_lines,
            (
                ("export", "two", "-o", "OUT/made", "--labels", "OUT/labels", "--allow-incomplete"),
                ("show", "two", "--types"),
                ("report", "two", "-o", "OUT/r.html", "--markdown", "OUT/r.md"),
                ("analyze", "pitfalls", "two", *PAPER),
                ("analyze", "pitfalls", "two", "-o", "OUT/a"),
            ),
        ),
        Given(
            "a zoo", subjects["results: score"].make, "zoo.yaml", yaml.safe_load, _as_yaml,
            (
                ("zoo", "list", "--file", "zoo.yaml"),
                ("zoo", "list", "--file", "zoo.yaml", "--json"),
                ("zoo", "show", "Tiny", "--file", "zoo.yaml", *PAPER),
                ("zoo", "show", "Tiny", "--file", "zoo.yaml", "--json"),
                ("zoo", "check", "--file", "zoo.yaml"),
                ("regress", "two", "--against", "Tiny", "--zoo", "zoo.yaml", "--all", "--markdown", "OUT/r.md",
                 "--junit", "OUT/r.xml", "--json", "OUT/r.json"),
            ),
        ),
        Given(
            "bundle.json", subjects["bundle.json: show"].make, "bundle/bundle.json", json.loads, json.dumps,
            (("bundle", "show", "bundle"), ("bundle", "show", "bundle", "--json")),
        ),
        Given(
            "a recipe", recipe, "recipe.yaml", yaml.safe_load, _as_yaml,
            (("train", "recipe.yaml", "--plan", "--data", "sample"),),
        ),
        Given(
            "a table", table, "table.csv", _cells, _as_cells,
            (
                ("analyze", "scaling", "--table", "table.csv", "--outcome", "score", "-o", "OUT/a"),
                ("analyze", "scaling", "--table", "table.csv", "--outcome", "score", *PAPER),
                ("analyze", "distance", "--table", "table.csv", "--model", "m0", "--outcome", "score", "-o", "OUT/a"),
                ("analyze", "pitfalls", "--table", "table.csv", "--model", "m0", *PAPER),
            ),
        ),
        Given(
            "predictions", subjects["predictions: score"].make, "predictions/xquad/test-de.json",
            json.loads, json.dumps,
            (
                ("score", "--predictions", "predictions", "--labels", "labels", "--allow-incomplete", "--json", "-"),
                ("export", "--check", "predictions", "--labels", "labels"),
            ),
        ),
    ]  # fmt: skip


def units(subjects: list[Given], strings: int, places: int, seed: int) -> list[Unit]:
    """So many of the strings, each in so many drawn places of every file."""
    return [
        Unit("hostile", f"a name in {one.name}", f"hostile/{one.name}/{strings}x{places}",
             partial(_shown, one, strings=strings, places=places, seed=seed))
        for one in subjects
    ]  # fmt: skip


def _shown(one: Given, folder: Path, strings: int, places: int, seed: int) -> Outcome:
    one.make(folder)
    path = folder / one.file
    good = one.read(path.read_text(encoding="utf-8"))
    every = list(_places(good))
    draw = random.Random(f"{seed}/{one.name}")
    outcome = Outcome()
    for command in one.commands:
        (folder / "out").mkdir(exist_ok=True)
        done = _typed(command, folder)
        assert done.returncode in (0, 1), f"{one.name}: the good file is refused: {command} {done.stderr}"
    for number in sorted(draw.sample(range(len(STRINGS)), min(strings, len(STRINGS)))):
        text = STRINGS[number]
        for place in draw.sample(every, min(places, len(every))):
            path.write_text(one.write(_replaced(good, place, text)), encoding="utf-8")
            for command in one.commands:
                told = f"{one.name}, string {number} at {_name(place)}: xstilts {' '.join(command)}"
                _one(command, folder, told, outcome)
    return outcome


def _one(command: tuple[str, ...], folder: Path, told: str, outcome: Outcome) -> None:
    out = folder / "out"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    before = {path for path in folder.rglob("*") if out not in path.parents}
    outcome.tried += 1
    found: list[str] = []
    try:
        done = _typed(command, folder)
    except BaseException as error:  # whatever it is, it is a fault
        outcome.faults.append(f"{told}: {type(error).__name__}: {str(error)[:200]}")
        return
    if done.returncode not in (0, 1, REFUSED):
        found.append(f"exit code {done.returncode}: {done.stderr[-300:]}")
    found += [f"on the terminal: {what}" for what in terminal(done.stdout + done.stderr)]
    if "--json" in command and done.stdout.startswith(("{", "[")):
        found += [f"as JSON: {what}" for what in as_json(done.stdout)]
    for path in sorted(path for path in out.rglob("*") if path.is_file()):
        check = CHECKS.get(path.suffix)
        with contextlib.suppress(UnicodeDecodeError):  # a picture
            found += [f"{path.suffix}: {what}" for what in (check(path.read_text(encoding="utf-8")) if check else ())]
    if elsewhere := {path for path in folder.rglob("*") if out not in path.parents} - before:
        found.append(f"written elsewhere: {sorted(map(str, elsewhere))[:3]}")
    outcome.faults += [f"{told}: {what}" for what in found]
    outcome.refused += not found and done.returncode == REFUSED
    outcome.same += not found and done.returncode != REFUSED


def _typed(command: tuple[str, ...], folder: Path) -> subprocess.CompletedProcess[str]:
    return commanded.xstilts(*(word.replace("OUT", str(folder / "out")) for word in command), cwd=folder)


# ----------------------------------------------------------------------------------------------- places of names


def _places(value: Any, path: Place = ()) -> Iterator[Place]:
    """Every text, and every key."""
    if isinstance(value, str):
        yield path
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield (*path, key, None)
            yield from _places(inner, (*path, key))
    elif isinstance(value, list):
        for number, inner in enumerate(value[:2]):  # the rest is of the same kind
            yield from _places(inner, (*path, number))


def _replaced(value: Any, place: Place, text: str) -> Any:
    value = copy.deepcopy(value)
    *path, last = place
    key = path.pop() if last is None else last
    holder = value
    for one in path:
        holder = holder[one]
    if last is None:
        holder[text] = holder.pop(key)
    else:
        holder[key] = text
    return value


def _name(place: Place) -> str:
    return ".".join("(key)" if one is None else str(one) for one in place)


# ------------------------------------------------------------------------------------------ outputs, read again


def terminal(text: str) -> Iterator[str]:
    """What a terminal would obey."""
    if found := OBEYED.search(text):
        yield f"{found[0]!r} is shown raw"


def markdown(text: str) -> Iterator[str]:
    """Read as CommonMark with tables and raw HTML: no tags, links, pictures or headings that came with a name."""
    yield from terminal(text)
    for token in MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(text):
        for one in [token, *(token.children or ())]:
            hostile = MARK in one.content or "evil" in one.content
            if one.type in ("html_block", "html_inline") and not _ours(one.content):
                yield f"a tag: {one.content[:60]!r}"
            elif one.type == "image" or (one.type == "link_open" and not str(one.attrGet("href")).startswith("http")):
                yield f"a link: {one.attrs!r:.60}"
            elif one.type in ("code_inline", "code_block") and hostile:
                yield f"code: {one.content[:60]!r}"


def _ours(tag: str) -> bool:
    return tag in ("<br>", "<sub>", "</sub>", "<sup>", "</sup>") or tag.startswith(
        ("<details", "</details", "<summary")
    )


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.wrong: list[str] = []
        self.counts = dict.fromkeys(("script", "style", "title", "iframe", "object", "img"), 0)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in self.counts:
            self.counts[tag] += 1
        for name, value in attrs:
            if name.startswith("on") or MARK.lower() in name:
                self.wrong.append(f"<{tag} {name}=…>")
            if name in ("href", "src", "xlink:href", "action") and not (value or "").startswith(("#", "http", "data:")):
                self.wrong.append(f"<{tag} {name}={value!r:.40}>")


SCRIPTS, STYLES = 1, 1


def html(text: str) -> Iterator[str]:
    """No event handlers, no links but to the web and into the page, and as many scripts as the page has."""
    yield from terminal(text)
    page = _Page()
    page.feed(text)
    page.close()
    yield from page.wrong
    if page.counts["script"] > SCRIPTS or page.counts["style"] > STYLES or page.counts["title"] != 1:
        yield f"tags: {page.counts}"
    if page.counts["iframe"] + page.counts["object"] + page.counts["img"]:
        yield f"tags: {page.counts}"


def xml(text: str) -> Iterator[str]:
    """Well-formed, without scripts and handlers."""
    yield from terminal(text)
    for element in ElementTree.fromstring(text).iter():
        names = [element.tag.rpartition("}")[2], *(name.rpartition("}")[2] for name in element.attrib)]
        yield from (f"{name}" for name in names if name in ("script", "foreignObject") or name.startswith("on"))


def tex(text: str) -> Iterator[str]:
    """No command that reads, writes or links, and no characters by their code."""
    yield from terminal(text)
    said = "\n".join(line for line in text.splitlines() if not line.startswith("%"))  # a comment is skipped unread
    if found := re.search(r"\\(?:input|include|write|openout|href|url|csname|catcode)(?![A-Za-z])|\^\^", said):
        yield f"{found[0]} is obeyed"


def table_of_cells(text: str) -> Iterator[str]:
    """No cell that a spreadsheet computes."""
    yield from terminal(text)
    for row in csv.reader(io.StringIO(text)):
        for cell in row:
            if cell.lstrip().startswith(tuple("=+-@＝＋－＠")) and not re.fullmatch(r"[-+]?[\d.]+(?:e-?\d+)?", cell):
                yield f"a formula: {cell[:40]!r}"


def as_json(text: str) -> Iterator[str]:
    yield from terminal(text)
    try:
        json.loads(text)
    except ValueError as error:
        yield str(error)


CHECKS: Mapping[str, Callable[[str], Iterator[str]]] = {
    ".md": markdown, ".html": html, ".svg": xml, ".xml": xml, ".tex": tex, ".csv": table_of_cells, ".json": as_json,
}  # fmt: skip
