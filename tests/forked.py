"""Commands in processes of their own, forked off one that has imported everything already: hundreds cost minutes."""

from __future__ import annotations

import multiprocessing
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(
    [
        "pytest", "tests.training.runs", "xstilts_eval.training.fit", "xstilts_eval.cli", "xstilts_eval.evaluation",
        "xstilts_eval.models.adapter", "xstilts_eval.translation.translator", "lm_eval.evaluator",
    ]
)  # fmt: skip


class Process:
    """`xstilts`, or another `program`, with these words; what it prints goes to the file `log`.

    `fault` is called in it before the command line is. A process that nobody waits for ends with this one.
    """

    def __init__(
        self,
        words: Sequence[str],
        log: Path,
        fault: Callable[[], None] | None = None,
        environment: Mapping[str, str] | None = None,
        program: str = "xstilts",
    ) -> None:
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        self.began = time.monotonic()
        self.inner = _CONTEXT.Process(
            target=_main, args=(list(words), log, fault, dict(environment or {}), program), daemon=True
        )
        self.inner.start()

    @property
    def is_running(self) -> bool:
        return self.inner.exitcode is None

    def kill(self) -> None:
        self.inner.kill()
        self.inner.join()

    def wait(self, seconds: float = 120) -> int:
        """The exit code; a signal's number with a minus before it."""
        self.inner.join(seconds)
        if self.is_running:
            self.kill()
            raise AssertionError(f"still running after {seconds} s: {self.output}")
        code = self.inner.exitcode
        assert code is not None
        return code

    @property
    def output(self) -> str:
        return self.log.read_text(encoding="utf-8") if self.log.is_file() else ""

    @property
    def error(self) -> str:
        """The one line behind ``xstilts: error:``; everything after it must be empty, and no traceback before it."""
        assert "Traceback" not in self.output, self.output
        _, sign, message = self.output.rpartition("xstilts: error: ")
        assert sign, self.output
        assert message.count("\n") == 1, message
        return message.strip()


def _main(
    words: list[str], log: Path, fault: Callable[[], None] | None, environment: Mapping[str, str], program: str
) -> None:
    import torch

    os.environ.update({"XSTILTS_STORE": "off"} | dict(environment))
    torch.set_num_threads(1)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    sys.stdout, sys.stderr = os.fdopen(1, "w", closefd=False), os.fdopen(2, "w", closefd=False)
    sys.argv = [program, *words]
    if fault is not None:
        fault()
    if program == "lm_eval":
        from lm_eval.__main__ import cli_evaluate

        cli_evaluate()
    else:
        from xstilts_eval.cli import main

        main()
