"""JUnit XML, as continuous integration reads it: a suite of cases, of which some fail or are skipped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

from xstilts_eval.foreign import safe


@dataclass(frozen=True)
class Case:
    """One check of a `group`; it has passed unless it is `failed` (a word for the kind of failure) or `is_skipped`."""

    group: str
    name: str
    failed: str = ""
    is_skipped: bool = False
    message: str = ""


def suite(program: str, name: str, cases: Sequence[Case]) -> str:
    """One file with one suite; all text is made safe for XML."""
    failures = sum(bool(case.failed) for case in cases)
    totals = {"tests": str(len(cases)), "failures": str(failures), "errors": "0", "time": "0"}
    root = ElementTree.Element("testsuites", {"name": program} | totals)
    skipped = sum(case.is_skipped and not case.failed for case in cases)
    inner = ElementTree.SubElement(root, "testsuite", {"name": _xml(name), "skipped": str(skipped)} | totals)
    for case in cases:
        element = ElementTree.SubElement(
            inner, "testcase", {"classname": _xml(case.group), "name": _xml(case.name), "time": "0"}
        )
        if case.failed:
            ElementTree.SubElement(element, "failure", {"type": case.failed, "message": _xml(case.message)})
        elif case.is_skipped:
            ElementTree.SubElement(element, "skipped", {"message": _xml(case.message)})
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"


def _xml(text: str) -> str:
    return safe(text, "xml")
