"""Translators without a model: whole, losing, doubling, slow; and a SQuAD file to translate."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Speak = Callable[[str], str | None]
"""What becomes of one piece."""


@dataclass
class Fake:
    """`Translator` that applies `speak` to every piece; a token is a word, and `calls` collects what it was asked."""

    speak: Speak = str.upper
    identity: str = "fake@1"
    longest: int = 200
    batch_tokens: int = 30
    unknown: tuple[str, ...] = ()
    pause: float = 0.0
    calls: list[list[str]] = field(default_factory=list)

    @property
    def settings(self) -> dict[str, str | int]:
        return {"beams": 1, "batch_tokens": self.batch_tokens}

    def check(self, language: str) -> None:
        if language in self.unknown:
            from xstilts_eval.errors import SettingError

            raise SettingError(f"fake does not translate into {language!r}")

    def length(self, text: str) -> int:
        return len(text.split())

    def lengths(self, texts: Sequence[str]) -> list[int]:
        return [len(text.split()) for text in texts]

    def translate(self, texts: Sequence[str], language: str) -> list[str | None]:
        self.calls.append(list(texts))
        time.sleep(self.pause)
        return [self.speak(text) for text in texts]


def squad_file(folder: Path, passages: int = 6, questions: int = 3, version: str = "1.1") -> Path:
    """Passages of three sentences with questions on single words; some answers stand there twice."""
    data = []
    for number in range(passages):
        context = (
            f"The mill number {number} grinds wheat near a river. Its owner Ada sold {number + 20} sacks to Dr. Bell. "
            f"In spring the river rises and the mill number {number} stands still."
        )
        rows: list[dict[str, Any]] = []
        for which, text in enumerate(("wheat", f"{number + 20} sacks", "river", "the mill")[:questions]):
            answer = {"text": text, "answer_start": context.index(text)}
            rows.append(
                {"id": f"q{number}-{which}", "question": f"What is {text}, asked {which}?", "answers": [answer]}
            )
        data.append({"title": f"Mill {number}", "paragraphs": [{"context": context, "qas": rows}]})
    path = folder / "squad" / f"train-v{version}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"version": version, "data": data}), encoding="utf-8")
    return path


def main() -> None:
    """Translate squad into German, slowly; for tests that kill the process or cap its files (bytes, 0: no cap)."""
    from xstilts_eval.translation.run import plan, run

    folder, output, pause, cap = Path(sys.argv[1]), Path(sys.argv[2]), float(sys.argv[3]), int(sys.argv[4])
    if cap:
        import resource
        import signal

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (cap, resource.RLIM_INFINITY))
    run(plan("squad", ["de"]), folder, output, Fake(pause=pause))


if __name__ == "__main__":
    main()
