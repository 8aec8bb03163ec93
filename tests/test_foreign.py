"""Foreign text in every medium: nothing in it is obeyed, and what is harmless stays as it is."""

from __future__ import annotations

import ast
import csv
import io
import json
import logging
import pickle
import re
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from rich.table import Table
from rich.text import Text

import xstilts_eval
from tests.campaign.hostile import STRINGS
from xstilts_eval import errors, printing
from xstilts_eval.foreign import safe, visible
from xstilts_eval.wording import bounded

OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters but tab and line feed, and Unicode's controls of direction (Trojan Source, CVE-2021-42574)."""


@pytest.mark.parametrize("text", STRINGS)
def test_one_line_that_nothing_obeys(text: str) -> None:
    for medium in ("terminal", "markdown", "html", "xml", "tex", "csv"):
        shown = safe(text, medium)
        assert not OBEYED.search(shown) and "\n" not in shown and "\t" not in shown, medium
        shown.encode("utf-8")


@pytest.mark.parametrize(
    "text", ["XNLI", "zh_Hans", "xtreme.xnli.sw", "−0.3 ± 0.2", "日本語", "می‌روم", "a-b/c@1f", "-0.3"]
)
def test_what_is_harmless_stays(text: str) -> None:
    for medium in ("terminal", "markdown", "html", "xml", "csv"):
        assert safe(text, medium) == text


@pytest.mark.parametrize("text", STRINGS)
def test_html_is_text_again(text: str) -> None:
    """Python's own parser finds one text and no tag; it resolves the entities."""

    class Parser(HTMLParser):
        found = ""

        def handle_starttag(self, tag: str, attrs: object) -> None:
            raise AssertionError(tag)

        handle_endtag = handle_comment = handle_decl = handle_pi = handle_starttag  # type: ignore[assignment]

        def handle_data(self, data: str) -> None:
            self.found += data

    parser = Parser()
    parser.feed(f"<!-- -->{safe(text, 'html')}".removeprefix("<!-- -->"))
    parser.close()
    assert parser.found == safe(text, "terminal")


@pytest.mark.parametrize("text", STRINGS)
def test_xml_is_text_again(text: str) -> None:
    element = ElementTree.Element("case", {"name": safe(text, "xml")})
    element.text = safe(text, "xml")
    read = ElementTree.fromstring(ElementTree.tostring(element, encoding="unicode"))
    assert (read.text or "", read.get("name")) == (safe(text, "terminal"), safe(text, "terminal"))


@pytest.mark.parametrize("text", STRINGS)
def test_csv_holds_no_formula(text: str) -> None:
    file = io.StringIO()
    csv.writer(file).writerow([safe(text, "csv")])
    ((cell,),) = csv.reader(io.StringIO(file.getvalue()))
    assert not cell.lstrip().startswith(("=", "+", "@", "-", "＝", "＋", "－", "＠"))


# Written by hand after CommonMark 0.31, sections 2.4 (backslash escapes), 4 (blocks) and 6 (inlines).
MARKDOWN = {
    "<script>alert(1)</script>": "&lt;script&gt;alert(1)&lt;/script&gt;",
    "[x](javascript:alert(1))": r"\[x\](javascript:alert(1))",
    "![x](http://e.example/p.png)": r"!\[x\](http://e.example/p.png)",
    "<javascript:alert(1)>": "&lt;javascript:alert(1)&gt;",
    "a|b": r"a\|b",
    "`code`": r"\`code\`",
    "_so_ *so* ~~so~~": r"\_so\_ \*so\* \~\~so\~\~",
    "# title": r"\# title",
    "- item": r"\- item",
    "1. item": r"1\. item",
    "---": r"\---",
    "&lt;b&#62; R&D": "&amp;lt;b&amp;#62; R&D",
    "a\n\n# b": "a  # b",
}


@pytest.mark.parametrize("text", MARKDOWN)
def test_markdown(text: str) -> None:
    assert safe(text, "markdown") == MARKDOWN[text]


# After The TeXbook, chapter 7: the ten characters that TeX does not print as they are.
def test_tex() -> None:
    assert safe(r"\input{/etc/passwd} 100% ^^M $x_1$ ~#&", "tex") == (
        r"\textbackslash{}input\{/etc/passwd\} 100\% \textasciicircum{}\textasciicircum{}M \$x\_1\$ "
        r"\textasciitilde{}\#\&"
    )


def test_escapes_are_pythons() -> None:
    assert safe("\x1b]0;t\x07 \x9b1m \u202e \U000e0041 \ud800 a\r\nb", "terminal") == (
        r"\x1b]0;t\x07 \x9b1m \u202e \U000e0041 \ud800 a b"
    )
    assert visible("a\nb\tc\rd") == "a\nb\tc\\rd".replace("\\r", "\\x0d")


@pytest.mark.parametrize("text", STRINGS)
def test_the_terminal_shows_text_and_no_markup(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    table = Table()
    table.add_column(text)
    table.add_row(text + "[red]x[/red] :smile: [/")
    printing.show(table)
    printing.show(Text(text))
    printing.say(text)
    printing.remark(text)
    captured = capsys.readouterr()
    assert not OBEYED.search(captured.out.replace("\n", "") + captured.err)


@pytest.mark.parametrize("text", STRINGS)
def test_json_says_the_same(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    printing.write_json({text: [text]}, "-")
    printed = capsys.readouterr().out
    assert not OBEYED.search(printed)
    assert json.loads(printed) == {text: [text]}


def test_commands_print_through_one_door() -> None:
    """`print` and rich's console stand in `printing`, and where no command of ours is at work."""
    apart = {
        "printing.py",
        "faults.py",
        "quickstart.py",
        "generate.py",
        "source.py",
        "build.py",
        "xstilts_eval_bridge.py",
    }
    package = Path(xstilts_eval.__file__).parent
    for path in package.rglob("*.py"):
        calls = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
        found = {node.func.id for node in calls if isinstance(node.func, ast.Name)} & {"print", "Console"}
        assert not found or path.name in apart, f"{path}: {found}"


def test_messages_quote_at_most_200_characters(caplog: pytest.LogCaptureFixture) -> None:
    for cell in ("q" * 1_000_000, "q'" * 1000, 'q"' * 1000, "q\n" * 1000, ["q"] * 10_000):
        error = errors.DataError(f"/data/x.tsv, line 3: the host's label {cell!r} is none of ['a', 'b'] of the task's")
        assert len(str(error)) < 4100 and str(error).count("q") < (2000 if isinstance(cell, list) else 201)
        assert str(error).endswith("is none of ['a', 'b'] of the task's")
        assert str(pickle.loads(pickle.dumps(error))) == str(error)
    logging.getLogger("xstilts_eval").warning("%s: %r", "\x1b[31m", "q" * 1000)
    assert caplog.messages[-1].startswith(r"\x1b[31m: 'qqq") and caplog.messages[-1].count("q") == 200
    assert bounded("the host's " + "word " * 100 + "publisher's") == "the host's " + "word " * 100 + "publisher's"
