"""Evaluation of many documents: XTREME at its official sizes, made up, answered from a table.

python -m benchmarks.scale_evaluation SHARE [--samples json]   one point, printed as JSON
python -m benchmarks.scale_evaluation SHARE --host             the same by plain lm_eval
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

WORDS = (
    "In the year that followed the council of the town met twelve times about the bridge over the river and " * 8
).split()


def write_data(folder: Path, share: float) -> int:
    """XTREME's test sets, this share of the official documents of every language; how many these are."""
    from tests.official_folder import write_leaf
    from tests.test_complete_benchmark import OFFICIAL
    from xstilts_eval.languages import language as language_of

    total = 0
    for name, by_language in OFFICIAL.items():
        for code, official in by_language.items():
            count = max(2, round(official * share))
            total += 1 if name == "bucc2018" else count
            if name not in _TEXTS:
                write_leaf(folder, name, code, count)
                continue
            for path, text in _TEXTS[name](code, count, language_of(code)):
                (folder / path).parent.mkdir(parents=True, exist_ok=True)
                is_shared = name == "xnli" and (folder / path).exists()
                with (folder / path).open("a" if is_shared else "w", encoding="utf-8") as file:
                    file.write(text.split("\n", 1)[1] if is_shared else text)
    return total


def _words(number: int, count: int) -> list[str]:
    return [str(number), *WORDS[number % 20 : number % 20 + count - 1]]


Files = Iterator[tuple[str, str]]


def _xnli(code: str, count: int, _: Any) -> Files:
    header = ["language", "gold_label", "a", "b", "c", "d", "sentence1", "sentence2", "promptID", "pairID"]
    rows = [[code, "neutral", *"----", " ".join(_words(n, 20)), " ".join(_words(n, 10)), str(n), str(n)]
            for n in range(count)]  # fmt: skip
    yield "xnli/XNLI-1.0/xnli.test.tsv", "".join("\t".join(row) + "\n" for row in [header, *rows])


def _panx(code: str, count: int, _: Any) -> Files:
    sentences = ("".join(f"{code}:{word}\t{'B-LOC' if place % 4 == 0 else 'O'}\n" for place, word in
                         enumerate(_words(n, 8))) for n in range(count))  # fmt: skip
    yield f"panx/panx_dataset/{code}/test", "\n".join(sentences)


def _udpos(code: str, count: int, _: Any) -> Files:
    sentences = ("".join(f"{place}\t{word}\t_\tNOUN\t_\t_\t0\troot\t_\t_\n" for place, word in
                         enumerate(_words(n, 20), 1)) for n in range(count))  # fmt: skip
    yield f"ud/ud-treebanks-v2.5/UD_Made-Up/{code}_up-ud-test.conllu", "\n".join(sentences) + "\n"


def _squad(place: str) -> Callable[[str, int, Any], Files]:
    def files(code: str, count: int, _: Any) -> Files:
        asked = [
            {
                "context": " ".join(_words(n, 120)),
                "qas": [{"id": f"{code}{n}", "question": " ".join(_words(n, 10)),
                         "answers": [{"text": str(n), "answer_start": 0}]}],
            }
            for n in range(count)
        ]  # fmt: skip
        yield place.format(lg=code), json.dumps({"version": "1.1", "data": [{"title": "", "paragraphs": asked}]})

    return files


_TEXTS: dict[str, Callable[[str, int, Any], Files]] = {
    "xnli": _xnli,
    "panx": _panx,
    "udpos": _udpos,
    "xquad": _squad("xquad/xquad.{lg}.json"),
    "mlqa": _squad("mlqa/MLQA_V1/test/test-context-{lg}-question-{lg}.json"),
    "tydiqa": _squad("tydiqa/tydiqa-goldp-v1.1-dev/tydiqa.goldp.{lg}.dev.json"),
}


class Table:
    """Answers without a model, and the seconds that they took."""

    seconds = 0.0

    def timed(self, function: Callable[..., Any]) -> Callable[..., Any]:
        def run(*given: Any) -> Any:
            begin = time.process_time()
            try:
                return function(*given)
            finally:
                self.seconds += time.process_time() - begin

        run.__module__ = "xstilts_eval.models"  # the store keeps nothing of others' code
        return run

    def install(self) -> None:
        """Take the place of heads and encoder in this process."""
        from xstilts_eval.models import answering
        from xstilts_eval.models.adapter import XstiltsLM
        from xstilts_eval.models.encoder import Loaded
        from xstilts_eval.models.known_vectors import KnownVectors

        def head(model: Any, family: Any) -> Loaded:
            model.lengths[family.name] = 128
            return Loaded(None, None, model.runtime, 128)

        def encoder(model: Any) -> Any:
            model.lengths["retrieval"] = 512
            return self

        adapter: Any = XstiltsLM
        adapter._head, adapter._sentence_encoder = head, encoder
        answering.CLASSIFIERS._of["pair"] = self.timed(self._pairs)
        answering.EXTRACTORS._of["tagged"] = self.timed(self._tags)
        answering.EXTRACTORS._of["question"] = self.timed(self._questions)
        self.known = KnownVectors()
        self.embed = self.timed(self._embed)  # type: ignore[method-assign]

    @staticmethod
    def _pairs(_: Any, documents: Sequence[Any], order: Sequence[int]) -> Any:
        values = np.log(np.full((len(documents), len(order)), 1 / len(order), np.float32))
        return values, {"truncated": [0] * len(documents)}

    @staticmethod
    def _tags(_: Any, documents: Sequence[Any], labels: Any) -> Any:
        found = [" ".join(doc["tags"] if len(doc["tokens"][0]) % 3 else ["O"] * len(doc["tags"])) for doc in documents]
        return found, {"unknown_words": [0] * len(documents)}

    @staticmethod
    def _questions(_: Any, documents: Sequence[Any], labels: Any) -> Any:
        return [doc["answers"][0]["text"] for doc in documents], {"windows": [1] * len(documents)}

    def inputs(self, texts: Sequence[str]) -> tuple[list[bytes], list[bool]]:
        return [text.encode() for text in texts], [False] * len(texts)

    def embed(self, texts: Sequence[str], label: str = "") -> Any:
        raise NotImplementedError

    @staticmethod
    def _embed(texts: Sequence[str], label: str = "") -> Any:
        found = np.empty((len(texts), 16), np.float32)
        for row, text in enumerate(texts):
            found[row] = np.random.default_rng(zlib.crc32(text.split()[-1].encode())).standard_normal(16)
        return found / np.linalg.norm(found, axis=1, keepdims=True)


def prepare(folder: Path, share: float) -> int:
    """The data and a checkpoint that nobody asks, in a process of its own; the number of documents."""
    from tests.tiny import make_bundle

    make_bundle(folder / "model")
    return write_data(folder / "data", share)


def point(share: float, samples: Any, by_host: bool = False) -> dict[str, Any]:
    """Peak memory in MiB and seconds of a whole evaluation, the model's taken off; `by_host`: of plain ``lm_eval``."""
    with tempfile.TemporaryDirectory() as scratch:
        made = subprocess.run(
            [sys.executable, "-m", "benchmarks.scale_evaluation", str(share), "--prepare", scratch],
            check=True, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        documents = int(made.stdout.split()[-1])
        folder = Path(scratch)
        import lm_eval.models.huggingface  # noqa: F401  (what a run imports anyway)

        from xstilts_eval.models import adapter  # noqa: F401

        before = _peak()
        table = Table()
        table.install()
        run = functools.partial(_by_host, folder, samples) if by_host else functools.partial(_by_us, folder, samples)
        begin, processor = time.perf_counter(), time.process_time()
        run()
        seconds, used = time.perf_counter() - begin, time.process_time() - processor
        places = {"store": "store/*/*", "samples": "out/*/samples_*" if by_host else "out/samples/*"}
        places |= {} if by_host else {"units": "out/units/*"}
        sizes = {
            f"{name}_mb": round(sum(path.stat().st_size for path in folder.glob(place)) / 1e6, 1)
            for name, place in places.items()
        }
    return {
        "what": f"{'lm_eval' if by_host else 'eval'}, samples: {samples}",
        "documents": documents, "seconds": round(seconds, 1),
        "processor_seconds": round(used, 1), "mib": round(_peak()), "imports_mib": round(before),
        "ms_a_document": round(1000 * (used - table.seconds) / documents, 3), **sizes,
    }  # fmt: skip


def _by_us(folder: Path, samples: Any) -> None:
    from xstilts_eval import evaluation

    settings = evaluation.Settings(str(folder / "model"), ("xtreme_*",), str(folder / "data"))
    keeping = evaluation.Keeping(str(folder / "store"), samples)
    evaluation.evaluate(settings, folder / "out", False, lambda line: None, keeping)


def _by_host(folder: Path, samples: str) -> None:
    from lm_eval.__main__ import cli_evaluate

    sys.argv = [
        "lm_eval", "run", "--model", "xstilts", "--model_args", f"pretrained={folder / 'model'}", "--tasks", "xtreme_*",
        "--metadata", json.dumps({"data": str(folder / "data")}), "--output_path", str(folder / "out"),
        *(["--log_samples"] if samples != "none" else []),
    ]  # fmt: skip
    os.environ["XSTILTS_STORE"] = str(folder / "store")
    with contextlib.redirect_stdout(sys.stderr):  # the table of results
        cli_evaluate()


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.scale_evaluation", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("share", type=float)
    parser.add_argument("--samples", default="json")
    parser.add_argument("--host", action="store_true", help="by plain lm_eval")
    parser.add_argument("--prepare", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.prepare:
        print(prepare(given.prepare, given.share))
        return
    print(json.dumps([point(given.share, given.samples, given.host)]), flush=True)


if __name__ == "__main__":
    main()
