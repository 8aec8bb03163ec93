"""How soon something happens: `xstilts --help`, the first batch of `xstilts eval`, a Python start with the bridge.

And what `xstilts train` needs besides its steps.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks import bridge_start, inputs
from benchmarks.inputs import Size
from benchmarks.measure import Cost

_ORDER = random.Random(1)


def help_page(_: Size) -> Cost:
    """``xstilts --help``, from launch to exit."""
    parts: dict[str, list[float]] = {}

    def run() -> float:
        empty, page = _in_turn([sys.executable, "-c", "pass"], [sys.executable, "-m", "xstilts_eval.cli", "--help"])
        parts.setdefault("python -c pass", []).append(empty)
        return page

    return Cost(
        name="help",
        title="`xstilts --help`",
        inputs="a new process each time, launch to exit",
        unit="s",
        run=run,
        parts=parts,
        target=0.4,
        repeats=10,
        limits="Importing the command-line library; torch and the host are not imported.",
    )


def _in_turn(*commands: Sequence[str]) -> list[float]:
    """Seconds each command takes, run in random order."""
    seconds = [0.0] * len(commands)
    for which in _ORDER.sample(range(len(commands)), len(commands)):
        begin = time.perf_counter()
        subprocess.run(commands[which], check=True, stdout=subprocess.DEVNULL)
        seconds[which] = time.perf_counter() - begin
    return seconds


def first_batch(_: Size) -> Cost:
    """``xstilts eval`` up to its first forward pass, less a plain script that loads the same checkpoint."""
    folder = Path(tempfile.mkdtemp(prefix="benchmarks-"))
    inputs.encoder("AutoModelForSequenceClassification", num_labels=2).save_pretrained(folder)
    inputs.tokenizer().save_pretrained(folder)
    parts: dict[str, list[float]] = {}

    def run() -> float:
        marks: dict[str, dict[str, float]] = {}
        for which in _ORDER.sample(("plain", "eval"), 2):
            marks[which] = _marks(which, folder)
        for name, seconds in marks["eval"].items():
            if name != "first batch":
                parts.setdefault(name, []).append(seconds)
        parts.setdefault("whole", []).append(marks["eval"]["first batch"])
        parts.setdefault("plain script: torch, transformers, model", []).append(marks["plain"]["loaded"])
        return marks["eval"]["first batch"] - marks["plain"]["loaded"]

    return Cost(
        name="first_batch",
        title="`xstilts eval` to its first batch, beyond model load",
        inputs=(
            "launch to first forward pass on the sample (all of xtreme_*, MiniLM-L6 with a head for pawsx), less a "
            "plain transformers script that imports and loads the same model and tokenizer"
        ),
        unit="s",
        run=run,
        parts=parts,
        target=1.5,
        repeats=5,
        limits="Importing the host and reading 162 tasks.",
    )


def _marks(which: str, folder: Path) -> dict[str, float]:
    """Seconds since launch by name, from one run of `benchmarks.first_batch`."""
    with tempfile.TemporaryDirectory() as output:
        environment = os.environ | {"BENCHMARK_LAUNCHED": repr(time.time())}
        found = subprocess.run(
            [sys.executable, "-m", "benchmarks.first_batch", which, str(folder), f"{output}/out"],
            check=True,
            capture_output=True,
            text=True,
            env=environment,
            cwd=Path(__file__).resolve().parents[1],
        )
    marks: dict[str, float] = json.loads(found.stdout.splitlines()[-1])
    return marks


_LOAD_AND_SAVE = """
import sys
from transformers import AutoModelForTokenClassification, AutoTokenizer, Trainer, logging
logging.set_verbosity_error()
for kind in (AutoTokenizer, AutoModelForTokenClassification):
    kind.from_pretrained(sys.argv[1]).save_pretrained(sys.argv[2])
"""


def stage(_: Size) -> Cost:
    """``xstilts train`` on 1,000 rows, launch to exit, without the steps themselves."""
    parts: dict[str, list[float]] = {}

    def run() -> float:
        with tempfile.TemporaryDirectory() as scratch:
            plain = [sys.executable, "-c", _LOAD_AND_SAVE, str(inputs.e5()), f"{scratch}/plain"]
            ours, peer = _in_turn(_stage_command(Path(scratch)), plain)
            steps = _seconds_of_steps(Path(scratch) / "stages")
        parts.setdefault("its steps, not counted", []).append(steps)
        parts.setdefault("plain script: the Trainer's imports, load, save", []).append(peer)
        return ours - steps

    return Cost(
        name="stage",
        title="`xstilts train` beside its steps",
        inputs="multilingual-e5-small, a UD-POS head: launch to exit less two steps; 1,000 rows of 12,543 read and "
        "tokenized, 16 development sentences scored, stage and bundle written",
        unit="s",
        run=run,
        parts=parts,
        target=8.0,
        repeats=5,
        limits="Importing transformers' Trainer; writing and hashing 470 MB.",
    )


def _stage_command(scratch: Path) -> list[str]:
    settings = "limit=1000 max_steps=2 batch_size=16 development=16 selection=last evaluate_every=0"
    chosen = [word for setting in settings.split() for word in ("--set", f"targets.{setting}")]
    places = ["--data", str(inputs.data_folder()), "--stages", f"{scratch}/stages", "-o", f"{scratch}/bundle"]
    base = ["--base", str(inputs.e5()), "--targets", "udpos"]
    return [sys.executable, "-m", "xstilts_eval", "train", "--quiet", *base, *chosen, *places]


def _seconds_of_steps(stages: Path) -> float:
    (record,) = stages.glob("*/stage.json")
    return float(json.loads(record.read_text(encoding="utf-8"))["outcome"]["seconds"])


def bridge(_: Size) -> Cost:
    """What the startup bridge adds to any Python start."""
    scratch = Path(tempfile.mkdtemp(prefix="benchmarks-"))
    without, with_bridge = (bridge_start.environment(scratch / name, name == "with") for name in ("without", "with"))

    def run() -> float:
        milliseconds = {}
        for interpreter in _ORDER.sample((without, with_bridge), 2):
            milliseconds[interpreter] = bridge_start.start(interpreter)
        return milliseconds[with_bridge] - milliseconds[without]

    return Cost(
        name="bridge",
        title="Startup bridge, any Python start",
        inputs="an empty environment with and without its files, launched in turn",
        unit="ms",
        run=run,
        repeats=100,
        limits="Reading and running one compiled module.",
    )
