"""Text that others wrote, made safe for where it is shown: one function for every medium.

A name in somebody's results file may hold escape sequences that a terminal obeys, marks that turn the direction of
what follows, tags, commands of TeX or a formula. `safe` gives one line in which all of it is but text; what would be
obeyed is shown by the escape that Python writes for it (``\\x1b``).
"""

from __future__ import annotations

import json
import logging
import re
from typing import Literal

from xstilts_eval.wording import bounded

Medium = Literal["terminal", "markdown", "html", "xml", "tex", "csv"]

_OBEYED = re.compile(
    "["
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # control characters of ASCII and Latin-1, but for tab and line feed
    "\u2028\u2029"  # separators of lines and paragraphs
    "\u202a-\u202e\u2066-\u2069"  # embeddings, overrides and isolates of direction (Unicode's UAX 9, section 2)
    "\ufff9-\ufffb\U000e0000-\U000e007f"  # annotations and tags, which nobody sees
    "\ud800-\udfff"  # halves of surrogate pairs: names of files that are no UTF-8
    "\ufffe\uffff"  # no characters; XML 1.0 cannot hold them (its production 2)
    "]"
)
"""What a terminal or the eye of a reader obeys instead of showing it, and what cannot be written."""
_BREAK = re.compile("\r\n|[\n\r\t\v\f\x85\u2028\u2029]")
_MARKDOWN = re.compile(
    r"[\\|*`\[\]~]|(?<!\w)_|_(?!\w)"  # emphasis, code, links, cells; an underscore inside a word is none of them
    r"|^(?:[#+-]+(?=\s)|[-=]+$)"  # headings, lists, rules
)
_NUMBERED = re.compile(r"^(\d+)([.)]\s)")
_ENTITY = re.compile(r"&(?=#?\w+;)")
_HTML = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#x27;"})
_TEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "–": "--", "−": "$-$", "±": r"$\pm$", "·": r"$\cdot$", "→": r"$\rightarrow$", "≠": r"$\neq$", "≤": r"$\leq$",
    "≥": r"$\geq$", "▲": r"$\uparrow$", "▼": r"$\downarrow$", "×": r"$\times$", "†": r"$\dagger$",
    "ᵖ": r"\textsuperscript{p}",
}  # fmt: skip
"""What TeX obeys, and signs of ours that its fonts have under names alone."""
_FORMULA = tuple("=+-@＝＋－＠")
"""How a cell begins that a spreadsheet computes (OWASP, CSV Injection)."""


class Markup(str):
    """Text that is Markdown already: it was put together here, of parts that went through `safe`."""


def safe(text: object, medium: Medium) -> str:
    """`text` in one line that `medium` shows as text, whatever it holds.

    ``xml`` is for libraries that write the markup themselves, as `xml.etree` does. In ``csv`` a number stays one.
    """
    line = visible(_BREAK.sub(" ", str(text)))
    if medium == "markdown":
        return _markdown(line)
    if medium == "html":
        return line.translate(_HTML)
    if medium == "tex":
        return "".join(_TEX.get(character, character) for character in line)
    if medium == "csv":
        return f"'{line}" if line.lstrip().startswith(_FORMULA) and not _is_number(line) else line
    return line


def visible(text: str) -> str:
    """The same text, in as many lines, with the escapes of what would be obeyed in its place."""
    return _OBEYED.sub(_escape, text)


def in_json(text: str) -> str:
    """A JSON text with JSON's own escapes of what would be obeyed: it says the same."""
    return _OBEYED.sub(lambda found: json.dumps(found[0])[1:-1], text)


def shown_as_text(record: logging.LogRecord) -> bool:
    """A filter of a logger: messages in one line, in which nothing is obeyed and no cell is quoted in full."""
    record.msg, record.args = safe(bounded(record.getMessage()), "terminal"), ()
    return True


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _markdown(line: str) -> str:
    line = _ENTITY.sub("&amp;", line)
    line = _NUMBERED.sub(r"\1\\\2", _MARKDOWN.sub(lambda found: f"\\{found[0]}", line))
    return line.replace("<", "&lt;").replace(">", "&gt;")


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
