"""The commands that write, each as it is killed and starved: what it reads is made when it is first asked for."""

from __future__ import annotations

import functools
import shutil
import tarfile
import zipfile
from collections.abc import Callable, Collection
from pathlib import Path

from tests.campaign.kills import Scenario
from tests.forked import Process
from tests.tiny_language_models import make_llama
from tests.training import runs
from tests.translation.tiny_translators import make_nllb
from xstilts_eval.paths import sample_path

CHEAP = ("xstilts data fetch", "xstilts export")
"""Those of the short campaign."""


def scenarios(shared: Path, bundle: Path, mirror: str, chosen: Collection[str] | None = None) -> list[Scenario]:
    """All, or those `chosen` by name; `shared` is a folder for what they read, `mirror` has the archives."""
    sample = ("--data", "sample")
    evaluated = ("eval", str(bundle), *sample, "--tasks", "xtreme_pawsx,xtreme_xquad,xtreme_bucc2018", "-o")
    fetched = ("data", "fetch", "udpos", "mlqa", "--languages", "zh,hi", "--from", "archives", "-o", "OUT")
    first = runs.quick("pawsx", limit=24)

    @functools.cache
    def run() -> str:
        return _made(shared / "run", *evaluated)

    @functools.cache
    def exported() -> tuple[str, ...]:
        return ("export", run(), "-o", "OUT/predictions", "--labels", "OUT/labels", *sample, "--allow-incomplete")

    @functools.cache
    def older_run() -> str:
        few = ("eval", str(bundle), *sample, "--tasks", "xtreme_pawsx", "--limit", "3", "-o")
        return _made(shared / "older", *few)

    def older_export(folder: Path) -> None:
        Process(["export", older_run(), "-o", f"{folder}/predictions", "--allow-incomplete"], shared / "log").wait()

    def recipe(name: str, *targets: str) -> str:
        values = runs.content(bundle / "encoder", runs.quick(list(targets), limit=16), first, name=name)
        return str(runs.write(values, shared / name))

    def trained() -> str:
        stage = runs.quick("udpos", epochs=1, limit=96, evaluate_every=2, development=4, patience=0)
        return str(runs.write(runs.content(bundle / "encoder", stage), shared / "train"))

    def of_a_language_model() -> Scenario:
        model = str(make_llama(shared / "llama"))
        tasks = "xtreme.panx.sw,xtreme.udpos.de,xtreme.tatoeba.fr"
        return Scenario(
            "",
            (
                "eval",
                model,
                *sample,
                "--limit",
                "3",
                "-a",
                "max_length=24",
                "--gen-kwargs",
                "max_gen_toks=8",
                "--tasks",
                tasks,
                "-o",
                "OUT",
            ),
        )

    def translated() -> Scenario:
        model = str(make_nllb(shared / "nllb"))
        few = ("--limit", "12", "--beams", "1", "--batch-tokens", "128")
        return Scenario("", ("translate", "mnli", "--to", "de,sw", "--model", model, *sample, *few, "-o", "OUT"))

    def hosted(arguments: str) -> Scenario:
        tasks = ("--tasks", "xtreme_pawsx,xtreme_bucc2018", "--output_path", "OUT/results", "--log_samples")
        words = ("--model", "xstilts", "--model_args", arguments, *tasks)
        return Scenario("", words, environment={"XSTILTS_DATA": "sample"}, program="lm_eval")

    made: dict[str, Callable[[], Scenario]] = {
        "xstilts eval": lambda: Scenario("", (*evaluated, "OUT")),
        "xstilts eval --store": lambda: Scenario("", (*evaluated, "OUT/results", "--store", "OUT/answers")),
        "xstilts eval, a language model": of_a_language_model,
        "xstilts eval --overwrite": lambda: Scenario("", (*evaluated, "OUT", "--overwrite"), _copy_of(older_run())),
        "xstilts train": lambda: Scenario("", ("train", trained(), *sample, "-o", "OUT/made", "--stages", "OUT/s")),
        "xstilts sweep": lambda: Scenario(
            "", ("sweep", recipe("one", "udpos", "panx"), recipe("two", "udpos", "tydiqa"), *sample, "-o", "OUT",
                 "--workers", "0")
        ),
        "xstilts fit-head": lambda: Scenario(
            "", ("fit-head", str(bundle / "encoder"), *sample, "-t", "panx", "--epochs", "1", "--limit", "32", "-o",
                 "OUT/made"), again=("--overwrite",),
        ),
        "xstilts translate": translated,
        "xstilts data fetch": lambda: Scenario(
            "", fetched, environment={"XSTILTS_ARCHIVES": mirror}
        ),
        "xstilts export": lambda: Scenario("", exported(), again=("--overwrite",)),
        "xstilts export --overwrite": lambda: Scenario("", (*exported(), "--overwrite"), older_export),
        "xstilts report": lambda: Scenario(
            "", ("report", run(), "-o", "OUT/report.html", "--markdown", "OUT/report.md", "--latex", "OUT/t.tex",
                 "--csv", "OUT/t.csv", "--figures", "OUT/figures")
        ),
        "lm_eval --model xstilts": lambda: hosted(f"pretrained={bundle}"),
        "lm_eval --model xstilts, a store": lambda: hosted(f"pretrained={bundle},store=OUT/answers"),
    }  # fmt: skip
    cache = {"XSTILTS_CACHE": str(shared / "cache")}  # killed commands leave theirs to the next ones
    return [make().named(name, cache) for name, make in made.items() if chosen is None or name in chosen]


def _made(folder: Path, *words: str) -> str:
    process = Process([*words, str(folder)], folder.with_name(f"{folder.name}.log"))
    assert process.wait(300) == 0, process.output
    return str(folder)


def _copy_of(older: str) -> Callable[[Path], object]:
    return lambda folder: shutil.copytree(older, folder)


def archives(folder: Path) -> dict[str, bytes]:
    """The publishers' archives of two datasets, made of the bundled sample, by their address."""
    sample = sample_path()
    files = {path.relative_to(sample).as_posix(): path for path in sample.rglob("*") if path.is_file()}
    with tarfile.open(folder / "ud.tgz", "w:gz") as tar:
        for name, path in files.items():
            if name.startswith("ud-treebanks"):
                tar.add(path, name)
    with zipfile.ZipFile(folder / "mlqa.zip", "w") as packed:
        for name, path in files.items():
            if name.startswith("MLQA_V1"):
                packed.write(path, name)
    lindat = "lindat.mff.cuni.cz/repository/xmlui/bitstream/handle/11234/1-3105/ud-treebanks-v2.5.tgz"
    return {
        lindat: (folder / "ud.tgz").read_bytes(),
        "dl.fbaipublicfiles.com/MLQA/MLQA_V1.zip": (folder / "mlqa.zip").read_bytes(),
    }
