"""The commands that README.md and docs/*.md show, as their code blocks hold them: nothing is typed again here."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES = (
    "README.md", "docs/one-checkpoint.md", "docs/glossary.md", "docs/install.md", "docs/checkpoints.md",
    "docs/data.md", "docs/scores.md", "docs/training.md", "docs/cluster.md", "docs/experiment.md", "docs/paper.md",
    "docs/comparison.md", "docs/report.md", "docs/zoo.md", "docs/regression.md", "docs/ci.md", "docs/sharing.md",
    "docs/questions.md", "docs/analysis.md", "docs/checklist.md", "docs/xtremer.md", "docs/flores.md", "docs/beyond.md",
    "docs/own-dataset.md", "docs/add-dataset.md", "docs/add-training-task.md", "docs/add-metric.md",
    "docs/add-analysis.md", "docs/add-kind.md", "docs/api.md", "docs/architecture.md", "docs/benchmarks.md",
    "docs/multilingual-e5.md", "docs/store.md", "docs/reliability.md",
)  # fmt: skip
"""In the order in which README.md sends its readers through them."""
PROGRAMS = ("xstilts", "lm_eval", "python", "pip", "make", "export", "torchrun", "accelerate")


@dataclass(frozen=True)
class Command:
    """One command: the page, the number of its first line, and its words as the shell would read them."""

    page: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}: {self.text}"


def commands(page: str) -> Iterator[Command]:
    """Commands of a page's fenced and indented code blocks, lines that go on joined, comments taken off."""
    joined, first = "", 0
    for number, line in _code(ROOT / page):
        first = first if joined else number
        joined += line.strip()
        if joined.endswith("\\"):
            joined = joined[:-1].rstrip() + " "
            continue
        text, joined = re.split(r"\s+#\s", joined)[0].strip().removeprefix("$ "), ""
        program, _, rest = text.partition(" ")
        if program in PROGRAMS and rest:
            yield Command(page, first, text)


def _code(path: Path) -> Iterator[tuple[int, str]]:
    is_fenced = False
    for number, line in enumerate(path.read_text(encoding="utf-8").split("\n"), start=1):
        if line.startswith("```"):
            is_fenced = not is_fenced
        elif is_fenced or line.startswith("    "):
            yield number, line
