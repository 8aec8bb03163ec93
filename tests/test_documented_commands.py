"""What README.md and docs/*.md tell a user to type, typed: in order, on two different encoders, all nine families.

The commands come from the code blocks of the pages (`tests.documented`). Names such as CHECKPOINT are made true by
files and folders of that name. A command that is not run, or not as it stands, is in a table here with the reason; a
row that fits no command, and a command that fits no program, fail.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests import tiny
from tests.documented import PAGES, ROOT, Command, commands
from xstilts_eval import cli
from xstilts_eval.paths import sample_path

NOT_RUN = {
    "pip install": "the environment of the slow test is such an installation",
    "pip uninstall": "tests/test_install.py uninstalls",
    "make quickstart": "installs from a package index; it runs fit-head and eval, which are run here",
    "xstilts data fetch": "needs the hub or the archives; tests/data/test_fetch.py runs it against servers on loopback",
    "export XSTILTS_DATA": "sets the data folder of what follows; the bundled sample stands in for it",
    "lm_eval ls tasks": "lists fifteen thousand tasks; tests/test_install.py runs it from a wheel",
    "lm_eval --model local-": "needs a server; tests/test_text_protocol.py talks to one on loopback",
    "lm_eval --include_path": "a command with a gap (…); tests/test_bridge.py switches the bridge off",
    "--tasks 'flores200_*'": "609 leaves, most of them translation; tests/tasks/test_flores_tasks.py runs every kind",
    "-m lm_eval --model xstilts": "a command with a gap (…); the line before it starts two processes as well",
    "accelerate launch": "the same two processes as torchrun, which is run",
    "xstilts train xcopa": "starts from XLM-R Large, which is on the hub",
    "xstilts translate": "needs a translation model; tests/translation runs the command on tiny ones",
    "python -m benchmarks": "minutes to hours; tests/test_benchmarks.py runs every benchmark on small inputs",
    "python -m xstilts_eval.sample": "writes the sample of a checkout; tests/sample/test_build.py",
    "RESULTS… --against": "a synopsis; the page's next commands are examples of it",
    "--seeds 1,2,3 -o sweep": "needs Ray; the next line is the sweep without it, tests/training/test_sweep.py has both",
    "xstilts train control_none": "fetches its data from --data and trains for minutes; mine.yaml is trained here",
    "runs/control_none/seed-1 --data DATA": "a command with a gap (…), of the run above",
    "--templates checklist_templates.tsv": "needs the official templates; tests/checklist/test_checklist.py",
    "--by ud_features": "needs the PUD treebanks; tests/analysis/test_morphology.py has written ones",
    "xstilts analyze morphology --table": "needs tables of published ByT5 scores; tests/analysis/test_morphology.py",
    "bitext.tatoeba.tzl": "needs LASER's files; tests/test_published_numbers.py runs both commands on them",
    ": xstilts weights e5": "downloads 95 MB; tests/weights, and tests/test_published_e5.py with the weights",
    "--tasks bitext_tatoeba": "needs LASER's files; tests/test_published_e5.py runs it and the next on them",
    "results/e5-tatoeba --against": "needs the scores of the command before",
    "--from archives --output DATA": "needs the network; tests/data/test_archives.py fetches from a server on loopback",
    "-t sib200": "needs SIB-200's files; tests/tasks/test_beyond.py trains on rows made on the spot",
    "--tasks beyond_": "needs a head trained by the command before",
    "--include mine.py": "needs the page's file; tests/test_own_datasets.py runs the page from it",
    "--include sick.py": "needs the page's file; tests/test_how_to.py reads rows in SICK's layout with it",
    "/sick -t americasnli": "needs the head trained above",
    "pretrained=sib-e5": "needs the head trained by the command before",
    "--include_path tasks": "the same file's tasks; tests/test_own_datasets.py loads them",
    "xstilts push": "needs a hub; tests/test_push.py pushes to one on loopback",
    "--report-to tensorboard": "needs tensorboard; tests/results/test_tracking.py tells another tracker",
    "--address auto": "needs a cluster of Ray; tests/training/test_sweep.py has one on this machine",
    "-o results/mine --no-languages": "the results of the page's own run; tests/test_cluster.py runs its scripts",
    "results/squad --markdown gains.md": "results of the array; tests/test_cluster.py runs the script that has it",
    "xstilts questions": "reads study/ of a checkout; tests/study answers one from a small study",
    "xstilts study tables": "the same; tests/study/test_kept.py holds study/tables.md against the pieces",
    "TINY-": "the retrieval scores of the command above that is not run",
} | {f"xstilts analyze {name} …": "a heading; docs/analysis.md has the commands" for name in (
    "scaling", "distance", "relatedness", "morphology", "multilingual", "pitfalls")}  # fmt: skip
"""Part of a command, or of its page, line and ``: `` before it, to the reason why it is not run here."""

CHANGED = {
    "xnli=B,panx=C": ("pretrained=A,xnli=B,panx=C", "pretrained=ENCODER,xnli=NLI,panx=NER"),
    "--model hf --model_args pretrained=DECODER": ("'xtreme_*'", "xtreme.xquad.de,xtreme.pawsx.de --limit 1"),
    "pretrained=path/to/decoder": ("--tasks xtreme ", "--tasks xtreme.xquad.de,xtreme.pawsx.de --limit 1 "),
    "panx=owner/name@0123abc": ("panx=owner/name@0123abc", "panx=NER"),
    "xstilts data status --data /folder": ("/folder", "DATA"),
    "xstilts train xstilts_squad": ("xstilts_squad", "xstilts_squad --base BASE --plan"),
    "flores200pair_translation": ("--model xstilts --model_args pretrained=CHECKPOINT",
                                  "--model hf --model_args pretrained=DECODER --limit 1"),
    "control_hellaswag …": ("runs/control_hellaswag … ", "runs/control_hellaswag --no-models "),
    "python -m torch.distributed.run": ("cli eval CHECKPOINT", "cli eval CHECKPOINT --limit 2"),
    "--tests comparison,profession": ("--languages en,de", "--languages en"),
    "-o results/squad/checklist": ("-o", "--languages en --cases 5 -o"),
    "score --predictions P --labels L": ("--predictions P --labels L", "--predictions MADE/P --labels MADE/L"),
    "--version xtreme-r": ("--version xtreme-r", "--version xtreme-r --allow-incomplete"),
    "xstilts analyze multilingual --baseline": ("-t udpos", "-t udpos --trained-on de,sw"),
    "torchrun --standalone": ("torchrun", "python -m torch.distributed.run"),  # borrowed packages have no scripts
    "torchrun --nproc_per_node": ("torchrun", "python -m torch.distributed.run"),
    '"$(xstilts weights e5)"': ('"$(xstilts weights e5)"', "ENCODER"),
    "--inner eval-xquad": ("--inner eval-xquad", "--inner eval-more"),
}  # fmt: skip
"""Part of a command to what is replaced in it: its size, an address on the hub, weights of a package, or a gap."""
EXIT = {
    "xstilts regress results/mine": 1,  # tiny encoders reproduce nothing, and must not
    "xstilts regress run --against LaBSE": 1,
    "xstilts compare results/base results/mine --fail-on-loss": 1,  # random ones: one of them is worse
}
REFUSED = {
    'xstilts compare "zoo:XLM-R Large" results/mine': "the sample / published data",
    'xstilts score results/mine "zoo:XLM-R Large"': "report them apart",
    'xstilts report results/squad "zoo:XLM-R Large"': "report them apart",
    "xstilts zoo add results/": "sample",
    "--format model-card": "others would take it for the benchmark",
    "--format mteb": "others would take it for the benchmark",
}
"""Commands that are refused (exit code 2), because the data are the sample's, to words of the sentence."""

WORLDS: dict[str, dict[str, str]] = {
    "README.md": {"results/none": "scored B"},
    "docs/scores.md": {"RESULTS": "scored A", "MADE": "files of A"},
    "docs/xtremer.md": {"MADE": "files of A"},
    "docs/comparison.md": {
        "results/base": "scored B", "results/mine": "scored A", "runs/none": "seeds of B", "runs/squad": "seeds of A",
        "runs/hellaswag": "seeds of A", "a": "scored A", "b": "scored B", "c": "scored A",
    },
    "docs/paper.md": {"results/mine": "scored A", "results/other": "scored B"},
    "docs/regression.md": {"results/release": "scored A"},
    "docs/ci.md": {"model": "A"},
    "docs/one-checkpoint.md": {"results/other": "scored B"},
    "docs/sharing.md": {"results/mine": "scored A", "results/other": "scored B"},
    "docs/report.md": {
        "results/none": "scored B", "results/squad": "scored A", "results/hellaswag": "scored A",
        "A": "scored A", "B": "scored B", "results/mine": "scored A",
    },
    "docs/zoo.md": {"results": "scored A"},
    "docs/experiment.md": {
        "results/control_none": "seeds of B", "results/control_squad": "seeds of A",
    },
    "docs/analysis.md": {
        "runs/control_none": "seeds of B", "runs/control_multi": "seeds of A", "runs/control_squad": "seeds of A",
        "runs/control_hellaswag": "seeds of B", "runs/none": "seeds of B", "runs/pawsx_english": "seeds of A",
        "runs/pawsx_multi": "seeds of B", "flores200/devtest": "flores",
    },
    "docs/checklist.md": {"runs/squad": "A"},
    "docs/cluster.md": {"mine.yaml": "recipe", "none.yaml": "recipe without intermediate stage"},
    "docs/training.md": {"mine.yaml": "recipe", "none.yaml": "recipe without intermediate stage", "text": "mono text"},
}  # fmt: skip
"""By page what lies in the folder before its first command, beside `EVERYWHERE`; a page goes on with what it wrote."""
EVERYWHERE = {
    "CHECKPOINT": "A", "BASE": "encoder", "ENCODER": "encoder", "FOLDER": "encoder", "MODEL": "A", "NLI": "nli",
    "NER": "ner", "DECODER": "decoder", "path/to/decoder": "decoder", "DATA": "sample",
}  # fmt: skip


def every() -> list[Command]:
    return [command for page in PAGES for command in commands(page)]


def reason(command: Command) -> str | None:
    return next((why for part, why in NOT_RUN.items() if part in str(command)), None)


def as_typed(command: Command) -> str:
    """The command with the changes that `CHANGED` has for it."""
    text = command.text
    for part, (old, new) in CHANGED.items():
        if part in command.text and new not in text:
            assert old in text, f"{command}: {old!r} is not in it"
            text = text.replace(old, new)
    return text


def test_every_documented_command_is_run_or_has_a_reason() -> None:
    """No row of the tables is out of date, and no page is forgotten."""
    pages = {"README.md", *(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md"))}
    assert pages == set(PAGES)
    found = every()
    assert len(found) > 100
    for table in (NOT_RUN, CHANGED, EXIT, REFUSED):
        assert [part for part in table if not any(part in str(command) for command in found)] == []
    run = [command for command in found if reason(command) is None]
    assert len(run) > 60 and all("…" not in as_typed(command) for command in run)


# ---------------------------------------------------------------------------------- the short path, by default

SHORT = (
    "xstilts eval CHECKPOINT", "xstilts score results/mine", "xstilts gains results/none", "xstilts show",
    "xstilts compare results", "xstilts report", "xstilts zoo show", "xstilts regress", "xstilts export",
)  # fmt: skip
"""Starts of the README's commands that take a second; training, the host's own command and analyses are slow tests."""
LEAVES = ",".join(
    f"xtreme.{name}" for name in (
        "xnli.de", "pawsx.de", "udpos.de", "panx.de", "xquad.de", "mlqa.de", "tydiqa.te", "bucc2018.de", "tatoeba.de",
    )
)  # fmt: skip


@pytest.fixture(scope="module")
def another_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As `tiny_bundle`, with other weights."""
    return tiny.make_bundle(tmp_path_factory.mktemp("another") / "tiny", seed=2)


def typed(*words: str, code: int = 0) -> str:
    """Output of a command in this process."""
    done = CliRunner().invoke(cli.app, list(words))
    assert done.exit_code == code and (done.exception is None or isinstance(done.exception, SystemExit)), (
        words, done.output, done.exception,
    )  # fmt: skip
    return done.output


def test_the_readmes_short_path(
    tiny_bundle: Path, another_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two encoders, one language of each family: everything the README does with results works on them."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")
    (tmp_path / "CHECKPOINT").symlink_to(tiny_bundle)
    for name, bundle in (("none", another_bundle), ("squad", tiny_bundle)):
        typed("eval", str(bundle), "--tasks", LEAVES, "--output", f"results/{name}")
    mined = [Path(f"results/{name}/samples/samples_xtreme.bucc2018.de.jsonl").read_text() for name in ("none", "squad")]
    assert len({text.count('"de-') for text in mined}) == 2, "the two have mined other numbers of sentences"
    said = {}
    for command in commands("README.md"):
        if start := next((start for start in SHORT if command.text.startswith(start)), None):
            options = ["--tasks", LEAVES] if start.startswith("xstilts eval") else []
            options += ["--allow-incomplete"] if start.startswith("xstilts export") else []
            code = next((code for part, code in EXIT.items() if part in command.text), 0)
            said[start] = typed(*shlex.split(command.text)[1:], *options, code=code)
    assert set(said) == set(SHORT)
    for family in ("XNLI", "PAWS-X", "UD-POS", "PAN-X", "XQuAD", "MLQA", "TyDiQA-GoldP", "BUCC 2018", "Tatoeba"):
        assert all(family in said[start] for start in SHORT[:5]), family
    few = "5 independent units of test data (20 are needed): no interval"
    assert f"XQuAD: {few}" in said["xstilts gains results/none"] and few in said["xstilts compare results"]
    assert (
        "No interval: fewer than 20 independent units of test data in XQuAD, MLQA, TyDiQA"
        in said["xstilts score results/mine"]
    )
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert f"XQuAD: {few}" in page and "cannot be compared" not in page


# -------------------------------------------------------------------------- everything, from a wheel, in a new place


@dataclass
class Things:
    """What the names in commands stand for, each made once."""

    folder: Path
    environment: dict[str, str]
    made: dict[str, Path] = field(default_factory=dict)

    def get(self, kind: str) -> Path:
        if kind not in self.made:
            self.made[kind] = self._make(kind)
        return self.made[kind]

    def _make(self, kind: str) -> Path:
        target = self.folder / kind.replace(" ", "-")
        if kind in ("A", "B"):
            return tiny.make_bundle(target, seed="AB".index(kind) + 1)
        if part := {"encoder": "encoder", "nli": "xnli", "ner": "panx"}.get(kind):
            return self.get("A") / part
        if kind == "decoder":
            from tests.tiny_language_models import make_llama

            return make_llama(target)
        if kind == "sample":
            return sample_path()
        if kind == "flores":
            return sample_path() / "flores200_dataset" / "devtest"
        if kind.startswith("scored "):
            text = f"xstilts eval {self.get(kind[-1])} -o {target} --keep-paths"  # it is copied to other depths
            done = run(text, self.folder, self.environment)
            assert done.returncode == 0, done.stderr
        elif kind.startswith("more of "):
            text = f"xstilts eval {self.get(kind[-1])} -t xtremer_xcopa,xtremer_lareqa -o {target} --keep-paths"
            done = run(text, self.folder, self.environment)
            assert done.returncode == 0, done.stderr
        elif kind.startswith("seeds of "):
            for seed in (1, 2, 3):
                shutil.copytree(self.get(f"scored {kind[-1]}"), target / f"seed-{seed}" / "eval")
                shutil.copytree(self.get(f"more of {kind[-1]}"), target / f"seed-{seed}" / "eval-more")
        elif kind.startswith("recipe"):
            quick = "preset: defaults\n    settings: {epochs: 1, limit: 16, max_length: 64}\n    tasks: [squad]\n"
            stages = "" if "without" in kind else f"intermediate:\n  - {quick}"
            targets = quick.replace("    ", "  ").replace("[squad]", "[udpos, xquad]")
            target.write_text(f"base: BASE\n{stages}targets:\n  {targets}seeds: [1]\n", encoding="utf-8")
        elif kind.startswith("files of "):
            text = f"xstilts export {self.get(f'scored {kind[-1]}')} --format xtreme -o {target}/P --labels {target}/L"
            done = run(text, self.folder, self.environment)
            assert done.returncode == 0, done.stderr
        elif kind == "mono text":
            target.mkdir()
        return target


def run(text: str, where: Path, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """A command as a shell runs it."""
    return subprocess.run(
        ["bash", "-c", text], cwd=where, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
        timeout=900,
    )  # fmt: skip


@pytest.fixture(scope="module")
def things(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Things]:
    """A new environment with our wheel, the dependencies borrowed, and nothing of ours in its variables."""
    from tests import environments

    folder = tmp_path_factory.mktemp("walk")
    checkout = environments.copy_checkout(folder / "checkout")
    wheel = environments.build_wheel(checkout, folder / "dist")
    made = environments.Environment.make(folder / "venv", environments.borrow(folder / "borrowed"))
    made.install(wheel)
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("XSTILTS_", "PYTHON", "HF_"))}
    clean |= {"PATH": f"{made.folder / 'bin'}:{clean['PATH']}", "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    clean["XSTILTS_STORE"] = "off"  # it lies in the user's own cache
    yield Things(folder, clean)


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES)
def test_every_command_of_a_page(page: str, things: Things, tmp_path: Path) -> None:
    for name, kind in (EVERYWHERE | WORLDS.get(page, {})).items():
        place = tmp_path / name
        place.parent.mkdir(parents=True, exist_ok=True)
        thing = things.get(kind)
        if kind.startswith(("scored", "seeds")):  # commands write into folders of results, one page's own
            shutil.copytree(thing, place)
        else:
            place.symlink_to(thing)
    failed, seen = [], set()
    for command in commands(page):
        if reason(command) is not None or command.text in seen:
            continue
        seen.add(command.text)
        done = run(as_typed(command), tmp_path, things.environment)
        wanted = _expected(command)
        words = next((words for part, words in REFUSED.items() if part in command.text), "")
        if done.returncode != wanted or "Traceback" in done.stderr or words not in done.stderr:
            failed.append(
                f"{command}\nexit code {done.returncode}, not {wanted}\n{done.stdout[-500:]}{done.stderr[-1500:]}"
            )
    assert not failed, "\n\n".join(failed)


def _expected(command: Command) -> int:
    if any(part in command.text for part in REFUSED):
        return 2
    return next((code for part, code in EXIT.items() if part in command.text), 0)
