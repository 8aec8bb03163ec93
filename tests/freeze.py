"""Everything that scores, counts and signs, frozen in one file, so that a change that must move no number can prove it.

``python -m tests.freeze write FILE`` before such a change, ``python -m tests.freeze check FILE`` after every commit of
it (one to two minutes on one core); ``--only tiny,table`` does a part. What is frozen:

* ``tiny``: a bundle with random weights on every leaf of the sample that sentence vectors or heads answer (XTREME,
  XTREME-R, the pairs of Tatoeba that the sample has, FLORES-200 retrieval), through `xstilts eval`'s front door;
* ``table``: answers made from the gold ones, through the host: every text leaf of the sample, translation both ways;
* ``shots``: the requests of a few leaves with two examples;
* ``commands``: what show, compare, gains, export, report and data status say about those runs;
* ``tables``: hub plans, archives, generated YAML files, templates;
* ``mock``: the official evaluator on the benchmark's own mock files, where ``../shared/data`` is there;
* ``minilm``, ``e5``: all-MiniLM-L6-v2 and multilingual-e5-small on eight pairs of the real Tatoeba files, where those
  are there; e5 is downloaded where ``XSTILTS_CACHE`` does not have it.

Values are scores, intervals, counts and signatures as they are, and short digests of documents, requests, responses and
statistics in the order of the test file. A check may be given a file of intended corrections: one glob a line on
``section/key``, the reason after ``#``.
"""

from __future__ import annotations

import argparse
import fnmatch
import hashlib
import itertools
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from tests.shared_data import DATA
from xstilts_eval.benchmark import FAMILIES, Family, leaf_parts
from xstilts_eval.errors import XstiltsError
from xstilts_eval.languages import languages
from xstilts_eval.paths import sample_path, tasks_path

SPLITS = ("test", "dev", "train")
PAIRS = ("tzl", "swg", "gsw", "ast", "ang", "cha", "xho", "tam")
SHOTS = ("xtreme.xnli.sw", "xtreme.mlqa.de", "xtreme.udpos.et", "xtremer.xcopa.qu", "flores200.to_eng.swh_Latn")
Section = dict[str, Any]


def digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=True, default=_plain)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _plain(value: Any) -> Any:
    if hasattr(value, "item"):
        return value.item()
    return sorted(value) if isinstance(value, (set, frozenset)) else str(value)


# --- one run of the host


_LOGGED = {"doc_id", "doc", "target", "arguments", "resps", "filtered_resps", "filter", "metrics"}


def of_samples(rows: Iterable[dict[str, Any]]) -> dict[str, str]:
    """Digests of what the host logged of a leaf."""
    ordered = sorted(rows, key=lambda row: int(row["doc_id"]))
    kept = [row for row in ordered if "xs_filler" not in row["doc"]]
    return {
        "documents": digest([row["doc"] for row in kept]),
        "requests": digest([[row["arguments"], row["target"]] for row in kept]),
        "responses": digest([row["filtered_resps"] for row in kept]),
        "statistics": digest(
            [{k: v for k, v in row.items() if k not in _LOGGED and not k.endswith("_hash")} for row in kept]
        ),
    }


def of_results(results: dict[str, Any]) -> Section:
    """Scores, counts, signatures and samples of every leaf, and the intervals of the families."""
    from xstilts_eval.results import intervals, record
    from xstilts_eval.results.signature import Signature

    found: Section = {}
    by_family: dict[Family, dict[str, Any]] = {}
    for leaf in record.from_host(results).leaves:
        rows = results["samples"][leaf.leaf]
        assert str(Signature.parse(leaf.signature)) == leaf.signature
        by_family.setdefault(leaf.family, {})[leaf.language] = rows
        found[leaf.leaf] = {
            "metrics": leaf.metrics,
            "intervals": leaf.intervals,
            "counts": [leaf.selected, leaf.scored, leaf.unparsed, leaf.data.documents],
            "notes": leaf.data.notes,
            "signature": leaf.signature,
            **of_samples(rows),
        }
    for family, samples in by_family.items():
        found[family.group] = {"interval": intervals.family_interval(family, samples, draws=200)}
    return found


def sample_pairs() -> list[str]:
    """Leaves of Tatoeba's 112 pairs that the sample has."""
    codes = sorted(languages()[code].tatoeba for code in FAMILIES["xtremer_tatoeba"].languages)
    return [FAMILIES["bitext_tatoeba"].leaf(code) for code in codes]


def tiny(folder: Path) -> Section:
    """The tiny bundle on the whole sample, through the front door; leaves its run in `folder`/tiny."""
    from tests.tiny import make_bundle
    from xstilts_eval.evaluation import Settings, evaluate

    make_bundle(folder / "bundle")
    tasks = ("xtreme", "xtremer", *sample_pairs(), "flores200-retrieval")
    evaluate(Settings(str(folder / "bundle"), tasks, "sample"), folder / "tiny", True, lambda _: None)
    return _read(folder / "tiny")


def _read(run: Path, checkpoint: Path | None = None) -> Section:
    results = json.loads((run / "results.json").read_text(encoding="utf-8"))
    results["samples"] = {
        leaf: [json.loads(line) for line in (run / f"samples/samples_{leaf}.jsonl").read_text("utf-8").splitlines()]
        for leaf in results["configs"]
    }
    board = (run / "scoreboard.json").read_text(encoding="utf-8").replace(str(run.parent), "<folder>")
    board = board.replace(str(checkpoint), "<checkpoint>")
    return of_results(results) | {"scoreboard.json": digest(json.loads(board))}


def _table_model() -> Any:
    from lm_eval.api.model import LM

    class Table(LM):  # type: ignore[misc]
        """Answers from the gold ones, three in four right."""

        def loglikelihood(self, requests: Any, **_: Any) -> list[tuple[float, bool]]:
            return [(-1.0 - (request.idx != _choice(request.doc)), False) for request in requests]

        def generate_until(self, requests: Any, **_: Any) -> list[str]:
            return [_answer(request.doc) for request in requests]

        def embed(self, requests: Any, **_: Any) -> list[dict[str, Any]]:
            return [_neighbours(request.doc) for request in requests]

        def loglikelihood_rolling(self, requests: Any, **_: Any) -> Any:
            raise NotImplementedError

    return Table()


def _is_off(doc: dict[str, Any], every: int = 4) -> bool:
    return int(hashlib.sha256(f"{doc['family']} {doc['language']} {doc['id']}".encode()).hexdigest(), 16) % every == 0


def _choice(doc: dict[str, Any]) -> int:
    classes = len(doc["choices"]) if "choices" in doc else len(FAMILIES[f"xtreme_{doc['family']}"].labels)
    return int((doc["label"] + _is_off(doc)) % classes)


def _answer(doc: dict[str, Any]) -> str:
    """A translation with words missing, tags with one wrong, an answer cut short; now and then nothing."""
    if _is_off(doc, 11):
        return ""
    if "tokens" in doc:
        tags = [doc["tags"][0], *doc["tags"][1:-1], doc["tags"][0]][: len(doc["tags"])] if _is_off(doc) else doc["tags"]
        return " " + " ".join(f"{token}_{tag}" for token, tag in zip(doc["tokens"], tags, strict=True))
    text = str(doc["target"] if "target" in doc else doc["answers"][0]["text"])
    pieces = text.split() if " " in text else list(text)
    joined = (" " if " " in text else "").join(piece for n, piece in enumerate(pieces) if n % 3 or not _is_off(doc))
    return " " + joined


def _neighbours(doc: dict[str, Any]) -> dict[str, Any]:
    if "correct" in doc:
        others = [f"other {number}" for number in range(25)]
        return {"candidates": [*others[: 3 * _is_off(doc)], *doc["correct"], *others[3:]][:20]}
    if "gold" not in doc:
        return {"pairs": []}
    near = doc["gold"] + _is_off(doc)
    back = doc["gold"] + _is_off(doc, 5)
    return {"nearest_target": near, "margin_target": near, "nearest_source": back, "margin_source": back}


def table(folder: Path) -> Section:
    """The table model on every leaf of the sample; leaves its run in `folder`/table."""
    from lm_eval import __version__ as lm_eval_version
    from lm_eval import evaluate

    from tests.run_host import load_tasks
    from xstilts_eval.evaluation import _dump, _plain
    from xstilts_eval.results import intervals, kept, record, scoreboard

    loaded = load_tasks(["xtreme", "xtremer", "flores200", *sample_pairs()])
    results = evaluate(_table_model(), loaded, log_samples=True, bootstrap_iters=0)
    results |= {"config": {"model": "table", "limit": None}, "model_name": "table", "lm_eval_version": lm_eval_version}
    samples = results.pop("samples")
    by_group: dict[str, dict[str, Any]] = {}
    for leaf, rows in samples.items():
        path = folder / f"table/samples/samples_{leaf}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(kept.lines(rows, _plain), encoding="utf-8")
        family, language = leaf_parts(leaf)
        by_group.setdefault(family.group, {})[language] = rows
    results["xstilts_intervals"] = {
        group: intervals.family_interval(FAMILIES[group], rows, draws=200) for group, rows in by_group.items()
    }
    (folder / "table/results.json").write_text(_dump(results), encoding="utf-8")
    board = scoreboard.build([record.from_host(results)])
    (folder / "table/scoreboard.json").write_text(json.dumps(board.to_json()), encoding="utf-8")
    return _read(folder / "table")


def shots(folder: Path) -> Section:
    """Requests and scores of a few leaves with two examples."""
    from lm_eval import evaluate

    from tests.run_host import load_tasks

    loaded = load_tasks(list(SHOTS))
    for task in loaded["tasks"].values():
        task.set_config("num_fewshot", 2)
        task.set_fewshot_seed(seed=1234)
    results = evaluate(_table_model(), loaded, log_samples=True, bootstrap_iters=0)
    return {leaf: of_samples(results["samples"][leaf]) for leaf in SHOTS}


# --- what users are told


def commands(folder: Path) -> Section:
    """The commands on the two runs; their texts as lists of lines, their files as digests."""
    tiny_run, table_run = str(folder / "tiny"), str(folder / "table")
    same_tasks = _without_translation(folder / "table", folder / "same tasks")
    calls = {
        "show": ["show", tiny_run],
        "show table": ["show", table_run, "--json"],
        "compare": ["compare", tiny_run, table_run, "--json", "-"],
        "gains": ["gains", tiny_run, same_tasks, "--json", "-"],
        "export": ["export", tiny_run, "-o", str(folder / "predictions"), "--labels",
                   str(folder / "labels"), "--data", "sample"],
        "report": ["report", tiny_run, table_run, "--baseline", tiny_run, "-o", str(folder / "report.html"),
                   "--markdown", str(folder / "report.md")],
        "status": ["data", "status", "--data", "sample", "--json"],
    }  # fmt: skip
    found: Section = {}
    for name, arguments in calls.items():
        found[name] = _said(arguments, folder)
    for path in sorted([*folder.glob("predictions/**/*.*"), *folder.glob("labels/**/*.*")]):
        if path.name != "export.json":
            found[str(path.relative_to(folder))] = digest(path.read_text(encoding="utf-8"))
    return found


def _without_translation(run: Path, copy: Path) -> str:
    results = json.loads((run / "results.json").read_text(encoding="utf-8"))
    for part in ("results", "configs", "n-samples"):
        results[part] = {name: value for name, value in results[part].items() if "_eng" not in name}
    copy.mkdir()
    (copy / "results.json").write_text(json.dumps(results), encoding="utf-8")
    (copy / "samples").symlink_to(run / "samples")
    return str(copy)


def _said(arguments: list[str], folder: Path) -> list[str]:
    from typer.testing import CliRunner

    from xstilts_eval.cli import app

    done = CliRunner().invoke(app, arguments, env={"COLUMNS": "200", "NO_COLOR": "1", "TERM": "dumb"})
    text = f"exit {done.exit_code}\n{done.output}"
    if done.exception and not isinstance(done.exception, SystemExit):
        text += repr(done.exception)
    for path, name in ((folder, "<folder>"), (sample_path(), "<sample>")):
        text = text.replace(str(path), name)
    return [line for line in text.splitlines() if not line.startswith("made ")]


# --- what the package knows


def tables(_: Path) -> Section:
    """Hub plans, archives and refusals of every family, language and split; YAML files and templates."""
    from xstilts_eval.data import archives, hub, sources
    from xstilts_eval.tasks import generate

    found: Section = {}
    for family in FAMILIES.values():
        answers, refusals = [], []
        for place in itertools.product((family,), family.languages, SPLITS):
            told = [
                _told(partial(hub.plan, *place), _plan),
                _told(partial(archives.archives, *place), _addresses),
                _told(partial(sources.load, *place, Path("/nothing/there")), str),
            ]
            answers += [[*place[1:], one] for one in told if not isinstance(one, str)]
            refusals += [[*place[1:], one] for one in told if isinstance(one, str)]
        found[f"sources of {family.group}"] = {"answers": digest(answers), "refusals": digest(refusals)}
    for name, text in generate.files():
        key = f"yaml {name.parts[0]}/{name.parts[1]}"
        if name.name != "_template":
            found[key] = digest([found.get(key, ""), str(name), _without_comments(text)])
    for path in sorted(tasks_path().rglob("_template")):
        found[f"template {path.parent.relative_to(tasks_path())}"] = digest(_without_comments(path.read_text("utf-8")))
    return found


def _without_comments(yaml: str) -> list[str]:
    return [line for line in yaml.splitlines() if not line.startswith("#")]


def _plan(plan: Any) -> list[Any]:
    return [plan.repository.name, plan.repository.revision, dict(plan.patterns), plan.paths, plan.differences]


def _addresses(wanted: Iterable[Any]) -> list[Any]:
    return [[one.url, one.path, one.member, one.sha256] for one in wanted]


def _told(ask: Callable[[], Any], as_plain: Callable[[Any], Any]) -> Any:
    """An answer as plain values, or the sentence that refuses one."""
    try:
        return as_plain(ask())
    except (XstiltsError, KeyError) as error:
        return f"{type(error).__name__}: {error}"


# --- real files


def mock(_: Path) -> Section:
    from xstilts_eval.results.official import score_predictions

    sides = DATA / "xtreme_mock/predictions", DATA / "xtreme_mock/labels"
    found: Section = {}
    for version in ("xtreme", "xtreme-r"):
        for task, value in score_predictions(*sides, version, allow_incomplete=True).items():
            found[f"{version} {task}"] = value
    return found


def _encoder(name: str, folder: Path) -> Section:
    """Real weights of the package index on eight pairs of Tatoeba."""
    from xstilts_eval import weights
    from xstilts_eval.evaluation import Settings, evaluate

    model = weights.folder(name)
    tasks = tuple(f"bitext.tatoeba.{code}" for code in PAIRS)
    evaluate(Settings(str(model), tasks, str(DATA)), folder / name, True, lambda _: None)
    return _read(folder / name, model)


SECTIONS: dict[str, Callable[[Path], Section]] = {
    "tiny": tiny, "table": table, "shots": shots, "commands": commands, "tables": tables, "mock": mock,
    "minilm": partial(_encoder, "minilm"), "e5": partial(_encoder, "e5"),
}  # fmt: skip
NEEDS_DATA = {"mock": "xtreme_mock", "minilm": "tatoeba/v1", "e5": "tatoeba/v1"}


def freeze(only: Iterable[str], say: Callable[[str], None] = lambda text: None) -> dict[str, Section]:
    """All sections, as they come back from JSON."""
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in only:
            if name in NEEDS_DATA and not (DATA / NEEDS_DATA[name]).exists():
                say(f"{name}: left out, no {NEEDS_DATA[name]} in {DATA}")
                continue
            started = time.monotonic()
            found[name] = SECTIONS[name](Path(folder))
            say(f"{name}: {len(found[name])} entries in {time.monotonic() - started:.0f} s")
    thawed: dict[str, Section] = json.loads(json.dumps(found, default=_plain))
    return thawed


def differences(frozen: dict[str, Section], now: dict[str, Section], intended: Iterable[str] = ()) -> list[str]:
    """One line for each value of a section in both that is not the same; globs of `intended` pass."""
    patterns, found = list(intended), []
    for section in [name for name in frozen if name in now]:
        for key in [*frozen[section], *(key for key in now[section] if key not in frozen[section])]:
            before, after = frozen[section].get(key, "(absent)"), now[section].get(key, "(absent)")
            if before != after and not any(fnmatch.fnmatch(f"{section}/{key}", one) for one in patterns):
                found.append(f"{section}/{key}: {_first_difference(before, after)}")
    return found


def _first_difference(before: Any, after: Any, place: str = "") -> str:
    if isinstance(before, dict) and isinstance(after, dict):
        parts = [
            _first_difference(before.get(name, "(absent)"), after.get(name, "(absent)"), f"{place}{name}: ")
            for name in dict.fromkeys([*before, *after])
            if before.get(name, "(absent)") != after.get(name, "(absent)")
        ]
        return "; ".join(parts)
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        first = next(number for number in range(len(before)) if before[number] != after[number])
        return _first_difference(before[first], after[first], f"{place}[{first}] ")
    return f"{place}{str(before)[:300]} → {str(after)[:300]}"


def intentions(path: Path | None) -> list[str]:
    """Globs of a file of intended corrections."""
    lines = path.read_text(encoding="utf-8").splitlines() if path else []
    return [glob for line in lines if (glob := line.partition("#")[0].strip())]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("write", "check"))
    parser.add_argument("file", type=Path)
    parser.add_argument("--only", default=",".join(SECTIONS), help="sections, separated by commas")
    parser.add_argument("--intended", type=Path, help="file of globs that may differ")
    arguments = parser.parse_args()
    if os.environ.get("PYTHONHASHSEED") != "0":  # what sets are walked through for must not look like a change
        os.execve(
            sys.executable, [sys.executable, "-m", "tests.freeze", *sys.argv[1:]], os.environ | {"PYTHONHASHSEED": "0"}
        )
    only = [name for name in SECTIONS if name in arguments.only.split(",")]
    now = freeze(only, print)
    if arguments.what == "write":
        arguments.file.write_text(json.dumps(now, indent=0, ensure_ascii=False) + "\n", encoding="utf-8")
        return 0
    frozen = json.loads(arguments.file.read_text(encoding="utf-8"))
    found = differences(frozen, now, intentions(arguments.intended))
    print(*found[:60], sep="\n")
    print(f"{len(found)} differences in {sum(map(len, now.values()))} entries")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
