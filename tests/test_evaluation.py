"""`xstilts eval` and its neighbours as a user meets them: interrupted, starved, misled."""

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.commanded import xstilts
from tests.tiny_language_models import make_llama
from xstilts_eval import evaluation, selection
from xstilts_eval.benchmark import FAMILIES, XTREME, XTREMER
from xstilts_eval.errors import SettingError, UnknownName
from xstilts_eval.paths import sample_path, tasks_path
from xstilts_eval.results import output as outputs
from xstilts_eval.tasks import documents

TEXT = "xtreme.panx.sw,xtreme.udpos.de,xtreme.tatoeba.fr"
SMALL = "xtreme_pawsx,xtreme_bucc2018"
Run = subprocess.CompletedProcess[str]
Finished = tuple[Path, Run]


def in_a_process(*arguments: Any, **options: Any) -> Run:
    """`xstilts` as a user starts it; the other tests type their commands in this process."""
    command = [sys.executable, "-m", "xstilts_eval.cli", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, **options)


def refused(run: Run) -> str:
    """The one sentence of a refusal; no traceback, exit code 2."""
    assert run.returncode == 2, run.stderr
    assert "Traceback" not in run.stderr
    last = run.stderr.strip().splitlines()[-1]
    assert last.startswith("xstilts: error: ")
    return last.removeprefix("xstilts: error: ")


def leftovers(folder: Path) -> list[str]:
    """Temporary files that an atomic write would leave behind if it failed to clean up."""
    return [str(path) for path in folder.rglob(".*") if path.is_file() and path.name != outputs.LOCK]


# ------------------------------------------------------------------ what is selected


def test_the_headline_pattern_selects_everything() -> None:
    selected = selection.select(["xtreme_*"])
    assert list(selected) == list(XTREME)
    assert sum(map(len, selected.values())) == 162
    assert selection.select(["xtreme"]) == selected


def test_the_suites_do_not_reach_into_each_other() -> None:
    selected = selection.select(["xtremer_*"])
    assert list(selected) == list(XTREMER) and sum(map(len, selected.values())) == 203
    assert selection.select(["xtremer"]) == selected
    both = selection.select(["xtreme_*", "xtremer_*"])
    assert set(both) == {*XTREME, *XTREMER}
    with pytest.raises(UnknownName, match="unknown task 'bitext'"):
        selection.select(["bitext"])


def test_patterns_of_leaves_and_groups() -> None:
    swahili = selection.select(["xtreme.*.sw"])
    assert {family.name for family in swahili} == {"xnli", "panx", "tydiqa", "tatoeba"}
    assert set(map(tuple, swahili.values())) == {("sw",)}
    assert selection.select(["xtreme.xnli.sw", "xtreme.xnli.de", "xtreme_xnli"]) == {
        FAMILIES["xtreme_xnli"]: list(FAMILIES["xtreme_xnli"].languages)
    }


@pytest.mark.parametrize(
    ("wrong", "close"),
    [("xtreme_xlni", "xtreme_xnli"), ("xtreme.xnli.swa", "xtreme.xnli.sw"), ("bitext_tatoba", "bitext_tatoeba")],
)
def test_a_mistyped_task_gets_close_matches(wrong: str, close: str) -> None:
    with pytest.raises(UnknownName, match=f"unknown task '{wrong}'; did you mean .*{close}"):
        selection.select([wrong])


def test_settings_that_could_move_a_number_change_the_key() -> None:
    base = evaluation.Settings("model")
    others = [
        evaluation.Settings("model", gen_kwargs=(("max_gen_toks", 9),)),
        evaluation.Settings("other"),
        evaluation.Settings("model", data="sample"),
        evaluation.Settings("model", split="dev"),
        evaluation.Settings("model", limit=3),
        evaluation.Settings("model", num_fewshot=2),
        evaluation.Settings("model", apply_chat_template=True),
        evaluation.Settings("model", model_args=(("layer", 3),)),
    ]
    leaf = {"xtreme.xnli.sw": "0123"}
    runs = [settings.identity(leaf, "weights") for settings in [base, *others]]
    runs.append(base.identity(leaf, "other weights"))
    assert len(set(map(outputs.key_of, runs))) == 10
    more = evaluation.Settings("model", tasks=("xtreme_xnli",))
    assert outputs.key_of(more.identity({"xtreme.xnli.de": "4567"}, "weights")) == outputs.key_of(runs[0]), (
        "other tasks of the same run may be added"
    )


def test_what_differs_between_two_runs() -> None:
    """Setting by setting, data by leaf, checkpoint by file; leaves that only one has are no difference."""
    files = {
        "encoder": {"checkpoint": "m", "revision": None, "files": [["config.json", 10, 1], ["x.safetensors", 5, 1]]}
    }
    later = {"encoder": files["encoder"] | {"files": [["config.json", 10, 1], ["x.safetensors", 5, 2]]}}
    base = evaluation.Settings("m", model_args=(("layer", 3), ("prompt", "a: ")), limit=3)
    there = base.identity({"xtreme.xnli.de": "01", "xtreme.xnli.sw": "02"}, {"files": files})
    assert outputs.differences(there, json.loads(json.dumps(there))) == []
    changed = evaluation.Settings("m", ("xtreme_xnli",), model_args=(("prompt", "a: "), ("pooling", "cls")))
    here = changed.identity({"xtreme.xnli.de": "03"}, {"files": later})
    assert outputs.differences(there, here) == [
        "limit: 3 there, none here",
        "model_args.layer: 3 there, none here",
        "model_args.pooling: none there, cls here",
        "files.encoder.files.x.safetensors changed",
        "data of xtreme.xnli.de changed",
    ]
    other = evaluation.Settings("other", model_args=base.model_args, limit=3)
    data: Any = there["data"]
    assert outputs.differences(there, other.identity(data, {"files": later})) == ["pretrained: m there, other here"]
    assert outputs.differences({}, here) == []


# ------------------------------------------------------------------ a whole run


@pytest.fixture(scope="module")
def finished(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Finished:
    output = tmp_path_factory.mktemp("run") / "scores"
    run = in_a_process("eval", tiny_bundle, "--data", "sample", "--tasks", f"{SMALL},xtreme_mlqa", "--output", output)
    assert run.returncode == 0, run.stderr
    return output, run


def test_it_ends_with_the_scoreboard_and_where_the_files_lie(
    finished: Finished,
) -> None:
    output, run = finished
    assert "SAMPLE, not XTREME scores" in run.stdout
    assert "No overall score" in run.stdout
    assert run.stdout.rstrip().endswith(f"results: {output}/results.json   scoreboard: {output}/scoreboard.md   "
                                        f"samples: {output}/samples/")  # fmt: skip
    names = {path.name for path in (output / "samples").iterdir()}
    assert len(names) == 7 + 4 + 7
    assert not leftovers(output)


def test_samples_hold_documents_and_responses(finished: Finished) -> None:
    output, _ = finished
    lines = (output / "samples" / "samples_xtreme.mlqa.zh.jsonl").read_text(encoding="utf-8").splitlines()
    samples = [json.loads(line) for line in lines]
    assert [sample["doc_id"] for sample in samples] == list(range(20))
    assert all(sample["filtered_resps"][0] in sample["doc"]["context"] for sample in samples)


def test_no_file_names_an_absolute_path(tiny_bundle: Path, finished: Finished, tmp_path: Path) -> None:
    output, _ = finished
    done = xstilts("export", output, "-o", tmp_path / "export", "--labels", tmp_path / "labels", "--allow-incomplete")
    assert done.returncode == 0, done.stderr
    files = [*output.rglob("*.json"), *output.rglob("*.md"), *tmp_path.rglob("export.json")]
    assert len(files) == 3 + 3 + 1 + 2
    name = os.path.relpath(tiny_bundle, output)
    for file in files:
        text = file.read_text(encoding="utf-8")
        assert str(tiny_bundle.parent) not in text and str(tasks_path()) not in text and str(Path.cwd()) not in text
        assert name in text, file


def test_the_same_call_keeps_what_is_done(tiny_bundle: Path, finished: Finished) -> None:
    output, first = finished
    again = xstilts("eval", tiny_bundle, "--data", "sample", "--tasks", f"{SMALL},xtreme_mlqa", "--output", output)
    assert again.returncode == 0
    assert again.stderr.count("done before, kept") == 3
    assert again.stdout == first.stdout


def test_another_run_does_not_overwrite(tiny_bundle: Path, finished: Finished) -> None:
    output, _ = finished
    before = (output / "results.json").read_bytes()
    run = xstilts("eval", tiny_bundle, "--data", "sample", "-t", SMALL, "--limit", "3", "-a", "max_length=64",
                  "--output", output)  # fmt: skip
    said = refused(run)
    assert "holds the results of another run (limit: none there, 3 here; model_args.max_length: none there, 64" in said
    assert (output / "results.json").read_bytes() == before


def test_tasks_are_added_to_a_run(tiny_bundle: Path, tmp_path: Path) -> None:
    """What came before is kept as it is; languages added to a dataset are scored together with the earlier ones."""

    def scored(*options: Any) -> tuple[Run, dict[str, Any]]:
        done = xstilts("eval", tiny_bundle, "--data", "sample", "-o", tmp_path / "out", *options)
        assert done.returncode == 0, done.stderr
        found: dict[str, Any] = json.loads((tmp_path / "out" / "scoreboard.json").read_text())["families"]
        return done, {group: sorted(row["cells"]) for group, row in found.items()}

    _, first = scored("-t", "xtreme.pawsx.de,xtreme.pawsx.ko")
    assert first == {"xtreme_pawsx": ["de", "ko"]}
    before = (tmp_path / "out" / "families" / "xtreme_pawsx.json").read_bytes()
    added, both = scored("-t", "xtreme.xnli.sw")
    assert both == {"xtreme_xnli": ["sw"], "xtreme_pawsx": ["de", "ko"]}
    assert "kept from earlier calls: xtreme_pawsx" in added.stderr
    assert (tmp_path / "out" / "families" / "xtreme_pawsx.json").read_bytes() == before
    _, wider = scored("-t", "xtreme.pawsx.fr")
    assert wider == {"xtreme_xnli": ["sw"], "xtreme_pawsx": ["de", "fr", "ko"]}
    again, same = scored("-t", "xtreme.pawsx.fr")
    assert same == wider and "xtreme_pawsx: done before, kept" in again.stderr
    whole, _ = scored("-t", "xtreme.pawsx.de,xtreme.pawsx.fr,xtreme.pawsx.ko,xtreme.xnli.sw", "--overwrite")
    assert whole.stdout == again.stdout, "in one call the same table"
    (tmp_path / "out" / "samples" / "samples_xtreme.xnli.sw.jsonl").unlink()
    harmed, left = scored("-t", "xtreme.pawsx.fr")
    assert "xtreme_xnli: samples/samples_xtreme.xnli.sw.jsonl is missing; left out until --tasks names it" in (
        harmed.stderr
    )
    assert left == {"xtreme_pawsx": ["de", "fr", "ko"]}


def test_a_folder_of_seeds_is_scored_whole(tiny_bundle: Path, tmp_path: Path) -> None:
    for seed in ("seed-2", "seed-10"):
        shutil.copytree(tiny_bundle, tmp_path / "mine" / seed)
    options = ("eval", "mine", "--data", "sample", "-t", "xtreme.pawsx.de", "-o", "out")
    done = xstilts(*options, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "seed-2" / "eval" / "results.json").is_file()
    assert done.stdout.startswith("out, 2 seeds") and "seed 2 ┃ seed 10" in done.stdout
    table = xstilts("score", "out", cwd=tmp_path).stdout
    assert done.stdout == table + "results: out/seed-N/eval   this table: xstilts score out\n"
    (tmp_path / "mine" / "seed-3").mkdir()
    assert refused(xstilts(*options, cwd=tmp_path)).startswith("mine/seed-3 holds no bundle.json: finish its training")
    (tmp_path / "mine" / "seed-3").rmdir()
    single = ("eval", "mine/seed-2", "--data", "sample", "-t", "xtreme.pawsx.de", "-o")
    assert "out is not empty and holds no run" in refused(xstilts(*single, "out", cwd=tmp_path))
    assert xstilts(*single, "one", cwd=tmp_path).returncode == 0
    assert "one holds the results of one checkpoint, not of seeds" in refused(
        xstilts(*options[:-1], "one", cwd=tmp_path)
    )


def test_score_makes_the_same_table_from_the_files(finished: Finished) -> None:
    output, _ = finished
    run = xstilts("score", output / "results.json", "--json", "-")
    assert run.returncode == 0, run.stderr
    fresh, saved = json.loads(run.stdout), json.loads((output / "scoreboard.json").read_text())
    assert fresh["families"] == saved["families"]
    assert saved["families"]["xtreme_bucc2018"]["cells"]["de"]["signature"].startswith(
        "xtreme.bucc2018.de|data:sample@"
    )


# ------------------------------------------------------------------ interrupted and starved


def test_ctrl_c_loses_nothing_finished(tiny_bundle: Path, tmp_path: Path) -> None:
    output = tmp_path / "scores"
    arguments = ["eval", str(tiny_bundle), "--data", "sample", "-o", str(output)]  # all nine families: seconds to go
    process = subprocess.Popen(
        [sys.executable, "-m", "xstilts_eval.cli", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    deadline = time.monotonic() + 120
    while not (output / "families" / "xtreme_xnli.json").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert stderr.rstrip().endswith("xstilts: interrupted; what is finished is kept")
    assert "Traceback" not in stderr
    assert not leftovers(output)
    again = xstilts(*arguments)
    assert again.returncode == 0
    assert "xtreme_xnli: done before, kept" in again.stderr
    assert json.loads((output / "results.json").read_text())["results"].keys() >= {
        "xtreme.xnli.de",
        "xtreme.tatoeba.sw",
    }


def test_counts_of_a_resumed_run_are_those_of_one_that_was_not_interrupted(tmp_path: Path) -> None:
    """Those of the language model are of all datasets together, and of part of them after a kill."""
    output = tmp_path / "scores"
    words = ["eval", make_llama(tmp_path / "llama"), "--data", "sample", "--limit", "2", "-o", output]
    words += ["-a", "max_length=24", "--gen-kwargs", "max_gen_toks=8", "--tasks", TEXT]
    assert xstilts(*words).returncode == 0
    told = [json.loads((output / "results.json").read_text())["config"]["xstilts"]]
    for name in ("panx", "tatoeba"):  # what a kill after UD-POS leaves
        (output / "families" / f"xtreme_{name}.json").unlink()
    again = xstilts(*words)
    assert again.returncode == 0 and again.stderr.count("done before, kept") == 1
    told.append(json.loads((output / "results.json").read_text())["config"]["xstilts"])
    assert told[0] == told[1] and sum(told[0]["counts"]["language_model"].values()) >= 2


def opened(folder: Path, pretrained: str, overwrite: bool = False) -> list[str]:
    with outputs.opened(folder, {"settings": {"pretrained": pretrained}}, overwrite) as output:
        return output.whole(print)


def test_an_unwritable_output_is_one_sentence(tiny_bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    message = refused(xstilts("eval", tiny_bundle, "--data", "sample", "-t", SMALL, "-o", tmp_path / "file"))
    assert "is a file; give a folder" in message
    (tmp_path / "mine.txt").write_text("keep me")
    with pytest.raises(SettingError, match="is not empty and holds no run; give another --output"):
        opened(tmp_path, "key")
    assert (tmp_path / "mine.txt").read_text() == "keep me"


def test_overwrite_never_empties_a_folder_that_is_not_ours(minilm: Path, tmp_path: Path) -> None:
    (tmp_path / "samples").mkdir()
    (tmp_path / "samples" / "mine.txt").write_text("keep me")
    with pytest.raises(SettingError, match="holds no run"):
        opened(tmp_path, "key", overwrite=True)
    run = xstilts("fit-head", minilm, "--data", "sample", "-o", tmp_path, "--overwrite")
    assert "exists and is not a bundle" in refused(run)
    assert (tmp_path / "samples" / "mine.txt").read_text() == "keep me"


def test_overwrite_replaces_an_older_run_whole(tmp_path: Path) -> None:
    opened(tmp_path, "old")
    for name in ("results.json", "scoreboard.md", "samples/samples_x.jsonl", "families/x.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("old")
    assert opened(tmp_path, "new", overwrite=True) == []
    assert {path.name for path in tmp_path.iterdir()} == {"run.json", ".lock"}


def test_of_runs_that_start_at_once_one_gets_the_folder(tmp_path: Path) -> None:
    from concurrent.futures import ThreadPoolExecutor

    def take(key: int) -> str:
        try:
            opened(tmp_path / "out", f"key{key}")
        except SettingError:
            return "refused"
        return f"key{key}"

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(take, range(8)))
    (winner,) = [answer for answer in answers if answer != "refused"]
    assert json.loads((tmp_path / "out" / "run.json").read_text())["settings"] == {"pretrained": winner}


# ------------------------------------------------------------------ misled


def test_what_cannot_run_is_skipped_and_said(minilm: Path, tmp_path: Path) -> None:
    run = xstilts("eval", minilm, "--data", "sample", "-t", "xtreme_xnli,xtreme_bucc2018", "-o", tmp_path / "out")
    assert run.returncode == 0, run.stderr
    assert "skipped xtreme_xnli: no head for xnli" in run.stderr
    assert "skipped xtreme_xnli: no head for xnli" in (tmp_path / "out" / "scoreboard.md").read_text(encoding="utf-8")
    assert run.stdout.index("skipped xtreme_xnli: no head for xnli") > run.stdout.index("BUCC 2018"), "under the table"
    nothing = xstilts("eval", minilm, "--data", "sample", "-t", "xtreme_xnli", "-o", tmp_path / "none")
    assert "can run none of the selected tasks" in refused(nothing)
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize(("rank", "times"), [("0", 1), ("1", 0)])
def test_only_the_first_process_speaks(
    minilm: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    rank: str,
    times: int,
) -> None:
    monkeypatch.setenv("RANK", rank)
    documents._say_sample_once.cache_clear()
    run = xstilts("eval", minilm, "-t", "xtreme_xnli", "-o", tmp_path / "out")
    assert run.returncode == 2 and "can run none of the selected tasks" in run.stderr
    assert run.stderr.count("skipped xtreme_xnli") == times
    assert caplog.text.count("no data folder was given") == times


def test_strict_ends_with_1_where_anything_was_skipped(tiny_bundle: Path, minilm: Path, tmp_path: Path) -> None:
    tasks = (
        "--data",
        "sample",
        "--limit",
        "3",
        "-t",
        "xtreme.pawsx.de,xtreme.tatoeba.de",
        "--strict",
        "-o",
        tmp_path / "out",
    )
    assert xstilts("eval", tiny_bundle, *tasks).returncode == 0
    some = xstilts("eval", minilm, *tasks[:-1], tmp_path / "some")
    assert some.returncode == 1 and "Tatoeba" in some.stdout
    assert some.stderr.rstrip().endswith("--strict: not everything that was asked for could be scored, see above")


def test_a_head_without_names_is_answered_with_the_commands(tiny_bundle: Path, tmp_path: Path) -> None:
    """As transformers writes a head that nobody named; every order met in public NLI heads is a line to type."""
    shutil.copytree(tiny_bundle / "xnli", tmp_path / "my mnli")
    config = json.loads((tmp_path / "my mnli" / "config.json").read_text())
    config["id2label"] = {str(index): f"LABEL_{index}" for index in range(3)}
    config["label2id"] = {f"LABEL_{index}": index for index in range(3)}
    (tmp_path / "my mnli" / "config.json").write_text(json.dumps(config))
    options = ("--data", "sample", "--limit", "3", "-o", "out")
    run = xstilts("eval", "my mnli", "-t", "xnli", *options, cwd=tmp_path)
    assert "can run none of the selected tasks" in refused(run)
    commands = [line.strip() for line in run.stderr.splitlines() if line.startswith("  xstilts eval")]
    orders = [
        "contradiction|entailment|neutral",
        "entailment|neutral|contradiction",
        "contradiction|neutral|entailment",
    ]
    assert [shlex.split(command)[6] for command in commands] == [f"label_order={order}" for order in orders]
    typed = xstilts(*shlex.split(commands[1])[1:], cwd=tmp_path)
    assert typed.returncode == 0 and "XNLI" in typed.stdout, typed.stderr


def test_missing_and_broken_languages_are_skipped_and_named(tiny_bundle: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "x-final").mkdir(parents=True)
    for language in ("de", "ko"):
        shutil.copytree(sample_path() / "x-final" / language, data / "x-final" / language)
    broken = data / "x-final" / "fr" / "test_2k.tsv"
    broken.parent.mkdir()
    broken.write_text("id\tsentence1\tsentence2\tlabel\n1\tun\tdeux\t2\n", encoding="utf-8")
    run = xstilts("eval", tiny_bundle, "--data", data, "-t", "xtreme_pawsx", "-o", tmp_path / "out")
    assert run.returncode == 0, run.stderr
    assert "skipped xtreme_pawsx in 4 languages (en es ja zh): no test data of xtreme_pawsx in 'en' " in run.stderr
    assert run.stderr.count("skipped ") == 2
    assert f"skipped xtreme.pawsx.fr: {broken}, line 2: label '2'" in run.stderr
    assert "2 of 7" in run.stdout
    board = json.loads((tmp_path / "out" / "scoreboard.json").read_text())
    assert board["families"]["xtreme_pawsx"]["missing"] == ["en", "es", "fr", "ja", "zh"]
    assert board["overall"] is None and not board["is_sample"]


def test_a_broken_leaf_is_named_where_none_runs(tmp_path: Path) -> None:
    """Languages without files share a line; the broken one has its own."""
    broken = tmp_path / "x-final" / "fr" / "test_2k.tsv"
    broken.parent.mkdir(parents=True)
    broken.write_text("id\tsentence1\tsentence2\tlabel\n1\tun\tdeux\t2\n", encoding="utf-8")
    serves_all: Any = SimpleNamespace(check=lambda _: None)
    settings = evaluation.Settings("x", data=str(tmp_path))
    fit, skipped = evaluation.runnable(selection.select(["xtreme_pawsx"]), serves_all, settings)
    assert not fit and sorted(skipped) == ["xtreme.pawsx.fr", "xtreme_pawsx"]
    assert skipped["xtreme.pawsx.fr"].startswith(f"{broken}, line 2: label '2'")
    assert skipped["xtreme_pawsx"].endswith("(and so on for 5 more languages)")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda text: text.replace("\t1\n", "\t7\n", 1), r"test_2k.tsv, line 2: label '7'"),
        (lambda text: text.replace("\t", " ", 1), r"test_2k.tsv"),
        (lambda text: text[: text.index("\n") + 1], r"no examples"),
        (lambda text: text.encode("utf-16"), r"test_2k.tsv, line 1: .*UTF-8"),
    ],
    ids=["label", "columns", "empty", "encoding"],
)
def test_broken_data_is_named_by_file_and_line(tiny_bundle: Path, tmp_path: Path, damage: Any, message: str) -> None:
    import re

    data = tmp_path / "data" / "x-final" / "de"
    data.mkdir(parents=True)
    broken = damage((sample_path() / "x-final" / "de" / "test_2k.tsv").read_text(encoding="utf-8"))
    (data / "test_2k.tsv").write_bytes(broken if isinstance(broken, bytes) else broken.encode())
    run = xstilts("eval", tiny_bundle, "--data", tmp_path / "data", "-t", "xtreme.pawsx.de", "-o", tmp_path / "out")
    assert "can run none of the selected tasks; see the reasons above" in refused(run)
    assert re.search(r"^skipped xtreme\.pawsx\.de: .*" + message, run.stderr, re.MULTILINE), run.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["eval", "MODEL", "-t", "xtreme_xlni"], "unknown task 'xtreme_xlni'; did you mean xtreme_xnli"),
        (["eval", "MODEL", "--data", "/no/such/folder"], "the data folder '/no/such/folder' does not exist"),
        (["eval", "no/such-model"], "'no/such-model' is neither a local folder nor a hub checkpoint"),
        (["eval", "MODEL", "-a", "dtyp=float32"], "unknown model argument 'dtyp'; did you mean dtype"),
        (["eval", "MODEL", "-a", "dtype"], "cannot read 'dtype' in --model-args"),
        (["eval", "MODEL", "--split", "validation"], "split 'validation' cannot be scored; allowed: test, dev, train"),
        (["eval", "MODEL", "--split", "train", "-t", "xtreme.tydiqa.en"], "split 'train' cannot be scored in English"),
        (["eval", "MODEL", "-a", "data=sample"], "data does not belong in --model-args"),
        (["eval", "MODEL", "--limit", "0"], "--limit must be above 0, got 0"),
        (["score"], "give RESULTS, or --predictions and --labels"),
        (["score", "absent.json"], "absent.json does not exist"),
        (["score", "--predictions", "p"], "needs --predictions and --labels together"),
        (["data", "status", "-t", "xlni"], "unknown task 'xlni'; did you mean xnli"),
        (["bundle", "show", "/no/such"], "/no/such/bundle.json does not exist; give the manifest of a bundle"),
        (["fit-head", "/no/such", "-o", "x"], "/no/such is not a folder"),
    ],
)
def test_one_sentence_for_a_wrong_call(tiny_bundle: Path, tmp_path: Path, arguments: list[str], message: str) -> None:
    arguments = [str(tiny_bundle) if part == "MODEL" else part for part in arguments]
    if arguments[0] == "eval":
        arguments += ["--output", str(tmp_path / "out")]
    assert message in refused(xstilts(*arguments, cwd=tmp_path))
    assert not (tmp_path / "out").exists()


def test_data_status_lists_every_leaf() -> None:
    run = xstilts("data", "status", "--data", "sample", "--json")
    rows = json.loads(run.stdout)
    assert len(rows) == 162 + 203 + 112 + 411 + 3 * 203  # XTREME, XTREME-R, LASER's pairs, beyond, FLORES-200
    found = [row for row in rows if row["rows"]]
    assert len(found) == 162 + 203 + 41 + 3 * 203
    missing = next(row for row in rows if row["family"] == "bitext_tatoeba" and row["language"] == "zsm")
    assert "tatoeba.zsm-eng" in missing["notes"][0]


def test_mock_predictions_score_as_the_official_evaluator_does() -> None:
    """The command of the documentation; every value is checked in tests/results/test_official.py."""
    from tests.shared_data import DATA

    if not DATA.is_dir():
        pytest.skip("needs ../shared/data")
    mock = DATA / "xtreme_mock"
    run = xstilts("score", "--predictions", mock / "predictions", "--labels", mock / "labels", "--json", "-")
    assert json.loads(run.stdout)["all_task"] == pytest.approx(62.17319850507246, abs=1e-9)  # xtreme_spec.md 6.1


def test_help_is_quick_to_load() -> None:
    """No command-line import may pull in torch, transformers or the host, nor read the datasets."""
    heavy = ("torch", "transformers", "lm_eval", "numpy", "pydantic", "xstilts_eval.suites")
    code = f"import sys, xstilts_eval.cli; print([name for name in {heavy} if name in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"
