"""Export → re-score gives the run's own numbers, for all nine families; what does not fit leaves nothing behind.

The numbers compared with are those the host aggregated during the run; the files are scored by the evaluator that is
tested against the official one's values in `test_official`.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.shared_data import DATA, needs_data
from tests.tiny_language_models import make_llama, make_mt5
from xstilts_eval import cli, evaluation
from xstilts_eval.benchmark import FAMILIES, XTREME
from xstilts_eval.errors import MissingData, PredictionError, SettingError, XstiltsError
from xstilts_eval.results import record, validate
from xstilts_eval.results.export import MANIFEST, export, gaps
from xstilts_eval.results.official import score_predictions

LEAVES = ("xtreme.xnli.sw", "xtreme.udpos.de", "xtreme.mlqa.zh", "xtreme.bucc2018.fr", "xtreme.tatoeba.ka")


def run_of(pretrained: Path, output: Path, *tasks: str, **settings: Any) -> Path:
    settings = {"data": "sample"} | settings
    wanted = evaluation.Settings(pretrained=str(pretrained), tasks=tasks or ("xtreme",), **settings)
    evaluation.evaluate(wanted, output, overwrite=False, say=lambda line: None)
    return output


@pytest.fixture(scope="module")
def whole(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All nine families in all languages, on the sample."""
    return run_of(tiny_bundle, tmp_path_factory.mktemp("whole") / "run")


@pytest.fixture(scope="module")
def few(tiny_bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One leaf of each kind."""
    return run_of(tiny_bundle, tmp_path_factory.mktemp("few") / "run", *LEAVES)


def xstilts(*arguments: Any) -> tuple[int, str]:
    """Exit code and output of the command, or 2 and the sentence of one of our own errors."""
    done = CliRunner().invoke(cli.app, [str(argument) for argument in arguments])
    if isinstance(done.exception, XstiltsError):
        return 2, str(done.exception)
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, done.output


def assert_equal(run: Path, report: dict[str, Any]) -> int:
    """Every official metric of every leaf, in percent; returns their number."""
    compared = 0
    for leaf in record.read(run).leaves:
        names = {"acc": "accuracy"} | {name: name for name in ("f1", "precision", "recall", "exact_match")}
        official = {name: value for name, value in leaf.metrics.items() if name in names}
        assert set(leaf.family.official) <= official.keys()
        for name, value in official.items():
            assert report[leaf.family.name][names[name]][leaf.language] == pytest.approx(100 * value, abs=1e-9)
            compared += 1
    return compared


def test_all_nine_families_score_the_same_from_their_files(whole, tmp_path):
    code, said = xstilts(
        "export", whole, "--format", "xtreme", "-o", tmp_path / "p", "--labels", tmp_path / "l", "--data", "sample"
    )
    assert code == 0, said
    report = score_predictions(tmp_path / "p", tmp_path / "l")
    # 15 + 7 + 36 accuracies, three metrics in 33 + 40 + 4 leaves, two in 11 + 7 + 9.
    assert assert_equal(whole, report) == 58 + 231 + 54 == 343
    assert "scored again: all 343 numbers are the run's" in said and "SAMPLE" in said
    board = json.loads((whole / "scoreboard.json").read_text())
    assert board["overall"] is not None
    assert report["all_task"] == pytest.approx(board["overall"], abs=1e-9)


def test_the_layout_is_the_leaderboards_and_breaks_no_rule(whole, tmp_path):
    export(whole, tmp_path / "p")
    files = {str(path.relative_to(tmp_path / "p")) for path in (tmp_path / "p").rglob("*") if path.is_file()}
    qa = {"xquad", "mlqa", "tydiqa"}
    expected = {f"{one.name}/test-{lg}.{'json' if one.name in qa else 'tsv'}" for one in XTREME for lg in one.languages}
    assert files == expected | {MANIFEST}
    assert validate.check(tmp_path / "p").problems == ()
    code, said = xstilts("export", "--check", tmp_path / "p")
    assert (code, said[:11]) == (0, "no problems")


def test_the_label_files_are_the_test_files(whole, tmp_path):
    """Against the sample's own files: order and counts."""
    sample = Path(evaluation.__file__).parent / "sample/official"
    xstilts("export", whole, "-o", tmp_path / "p", "--labels", tmp_path / "l")
    rows = [line.split("\t") for line in (sample / "XNLI-1.0/xnli.test.tsv").read_text().splitlines()]
    header = rows[0]
    swahili = [row[header.index("gold_label")] for row in rows[1:] if row[header.index("language")] == "sw"]
    assert (tmp_path / "l/xnli/test-sw.tsv").read_text().split() == swahili
    english = [line.strip() for line in (sample / "tatoeba/v1/tatoeba.kat-eng.eng").read_text().splitlines()]
    order = sorted(range(len(english)), key=english.__getitem__)
    assert (tmp_path / "l/tatoeba/test-ka.tsv").read_text().split() == [str(line) for line in order]
    gold = (sample / "bucc2018/fr-en/fr-en.training.gold").read_text().splitlines()
    assert sorted((tmp_path / "l/bucc2018/test-fr.tsv").read_text().splitlines()) == sorted(gold)
    blocks = (tmp_path / "l/panx/test-yo.tsv").read_text().strip("\n").split("\n\n")
    source = (sample / "panx_dataset/yo/test").read_text().strip("\n").split("\n\n")
    assert [b.split("\n") for b in blocks] == [[row.split("\t")[1] for row in s.split("\n")] for s in source]


@needs_data
def test_real_text_survives_the_files(tiny_bundle, tmp_path):
    """Whole test files of the benchmark: odd spaces, quotes and line separators inside real passages and words."""
    run = run_of(
        tiny_bundle, tmp_path / "run", "xtreme.udpos.yo", "xtreme.xquad.zh", "xtreme.tatoeba.jv", data=str(DATA)
    )
    done = export(run, tmp_path / "p", tmp_path / "l", allow_incomplete=True)
    report = score_predictions(tmp_path / "p", tmp_path / "l", allow_incomplete=True)
    assert done.equal == assert_equal(run, report) == 3 + 2 + 1
    raw = json.loads((DATA / "xquad/xquad.zh.json").read_text(encoding="utf-8"))["data"]
    asked = [question["id"] for article in raw for part in article["paragraphs"] for question in part["qas"]]
    assert [*json.loads((tmp_path / "p/xquad/test-zh.json").read_text())] == asked
    blocks = (tmp_path / "p/udpos/test-yo.tsv").read_text().removesuffix("\n\n").split("\n\n")
    assert len(blocks) == 100  # sentences of Yoruba in the dataset card of `xtreme`
    assert len((tmp_path / "p/tatoeba/test-jv.tsv").read_text().splitlines()) == 205
    checked = validate.check(tmp_path / "p", tmp_path / "l")
    assert all("is missing" in problem.what for problem in checked.problems)


@pytest.mark.slow
@pytest.mark.parametrize("make", [make_llama, make_mt5])
def test_answers_in_text_form_score_the_same_from_their_files(make, tmp_path):
    """A decoder and an encoder-decoder: likeliest choices, tags read out of text, text as it came, sentence vectors."""
    leaves = ("xtreme.pawsx.ko", "xtreme.udpos.zh", "xtreme.panx.th", "xtreme.tydiqa.te", "xtreme.tatoeba.ka")
    run = run_of(make(tmp_path / "model"), tmp_path / "run", *leaves, limit=2)
    done = export(run, tmp_path / "p", tmp_path / "l", allow_incomplete=True)
    assert (
        done.equal == assert_equal(run, score_predictions(tmp_path / "p", tmp_path / "l", allow_incomplete=True)) == 10
    )
    tags = json.loads(samples_of(run, "xtreme.udpos.zh").read_text().splitlines()[0])
    assert tags["unparsed"] == 1  # random weights write no tags, yet every word has a line
    blocks = (tmp_path / "p/udpos/test-zh.tsv").read_text().split("\n\n")
    assert len(blocks[0].split("\n")) == len(tags["doc"]["tokens"])


def test_the_hosts_own_output_gives_the_same_files(few, tiny_bundle, tmp_path):
    """`lm_eval --log_samples --output_path`: its writer turns responses into text and may log filler documents."""
    from lm_eval.loggers import EvaluationTracker

    results = json.loads((few / "results.json").read_text())
    samples = {
        leaf: [json.loads(line) for line in (few / f"samples/samples_{leaf}.jsonl").read_text().splitlines()]
        for leaf in LEAVES
    }
    filler = json.loads(json.dumps(samples["xtreme.xnli.sw"][0]))
    filler["doc"]["xs_filler"] = True
    samples["xtreme.xnli.sw"].append(filler)
    tracker = EvaluationTracker(output_path=str(tmp_path / "host"))
    tracker.general_config_tracker.model_name_sanitized = "tiny"
    tracker.save_results_aggregated(results=results, samples=samples)
    for leaf in LEAVES:
        tracker.save_results_samples(task_name=leaf, samples=samples[leaf])
    ours, hosts = tmp_path / "ours", tmp_path / "hosts"
    for run, folder in ((few, ours), (tmp_path / "host", hosts)):
        code, said = xstilts("export", run, "-o", folder, "--labels", f"{folder}-labels", "--allow-incomplete")
        assert code == 0, said
    for name in ("xnli/test-sw.tsv", "udpos/test-de.tsv", "mlqa/test-zh.json", "bucc2018/test-fr.tsv"):
        assert (ours / name).read_text() == (hosts / name).read_text()
    assert (ours / "tatoeba/test-ka.tsv").read_text() == (hosts / "tatoeba/test-ka.tsv").read_text()


# --- runs that do not fill the files


def test_missing_languages_are_refused_by_name_unless_allowed(few, tmp_path):
    with pytest.raises(SettingError, match=r"udpos: no af ar bg el en es et eu and 24 more; .* --allow-incomplete"):
        export(few, tmp_path / "p")
    assert [*tmp_path.iterdir()] == []
    done = export(few, tmp_path / "p", allow_incomplete=True)
    assert done.files == {"xnli": 1, "udpos": 1, "mlqa": 1, "bucc2018": 1, "tatoeba": 1}
    assert json.loads((tmp_path / "p" / MANIFEST).read_text())["incomplete"] == list(done.remarks[:-1])


def test_a_limited_run_is_refused_unless_allowed_and_its_labels_are_limited_alike(tiny_bundle, tmp_path):
    run = run_of(tiny_bundle, tmp_path / "run", "xtreme_xquad", "xtreme_pawsx", limit=3)
    with pytest.raises(SettingError, match=r"xquad: not all documents scored \(--limit, --samples\) in en es"):
        export(run, tmp_path / "p")
    done = export(run, tmp_path / "p", tmp_path / "l", allow_incomplete=True)
    assert done.equal == 11 * 2 + 7
    report = score_predictions(tmp_path / "p", tmp_path / "l")
    assert_equal(run, report)
    assert len((tmp_path / "l/pawsx/test-ko.tsv").read_text().splitlines()) == 3


def test_a_limit_above_the_number_of_documents_is_none(tiny_bundle, tmp_path):
    run = run_of(tiny_bundle, tmp_path / "run", "xtreme_pawsx", limit=1000)
    assert export(run, tmp_path / "p").files == {"pawsx": 7}


def test_gaps_name_split_and_foreign_data(few):
    leaf = record.read(few).leaves[0]
    other = leaf.model_copy(
        update={"data": leaf.data.model_copy(update={"split": "dev", "source": "local", "complete": False})}
    )
    assert leaf.family.name == "xnli"
    assert len(gaps([leaf])) == 1
    assert gaps([other])[1:] == ["xnli: data other than the benchmark's in sw", "xnli: split dev instead of test"]


# --- bad input


@pytest.fixture
def copy(few: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(few, tmp_path / "copy"))


def samples_of(run: Path, leaf: str) -> Path:
    return run / "samples" / f"samples_{leaf}.jsonl"


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (lambda lines: lines[:-1], PredictionError, r"holds 35 documents, .* counts 36"),
        (lambda lines: [*lines[:-1], lines[0]], PredictionError, "holds document 0 twice"),
        (lambda lines: [*lines[:-1], lines[-1][:40]], PredictionError, "line 36 is not a sample"),
        (lambda lines: [lines[0].replace('"filtered_resps"', '"other"'), *lines[1:]], PredictionError, "document 0 "),
    ],
)
def test_samples_that_are_not_the_runs_leave_nothing_behind(copy, tmp_path, change, error, message):
    path = samples_of(copy, "xtreme.udpos.de")
    lines = path.read_text().splitlines()
    message = message.replace("36", str(len(lines))).replace("35", str(len(lines) - 1))
    path.write_text("\n".join(change(lines)) + "\n")
    with pytest.raises(error, match=message):
        export(copy, tmp_path / "p", allow_incomplete=True)
    assert {path.name for path in tmp_path.iterdir()} == {"copy"}


def test_a_missing_samples_file_and_a_run_of_other_tasks_are_refused(copy, tmp_path):
    samples_of(copy, "xtreme.mlqa.zh").unlink()
    with pytest.raises(MissingData, match=r"keeps no samples of xtreme\.mlqa\.zh"):
        export(copy, tmp_path / "p", allow_incomplete=True)
    results = json.loads((copy / "results.json").read_text().replace("xtreme.tatoeba.ka", "bitext.tatoeba.kat"))
    results["results"] = {"bitext.tatoeba.kat": results["results"]["bitext.tatoeba.kat"]}
    (copy / "results.json").write_text(json.dumps(results))
    assert FAMILIES["bitext_tatoeba"].name == "tatoeba"
    with pytest.raises(PredictionError, match="no result of an XTREME dataset"):
        export(copy, tmp_path / "p", allow_incomplete=True)


def test_a_changed_response_is_found_by_scoring_again(copy, tmp_path):
    path = samples_of(copy, "xtreme.mlqa.zh")
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    rows[0]["filtered_resps"] = [rows[0]["doc"]["answers"][0]["text"]]  # the right answer, which the run did not give
    assert rows[0]["exact_match"] == 0
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    code, said = xstilts("export", copy, "-o", tmp_path / "p", "--allow-incomplete")
    assert code == 2 and "xtreme.mlqa.zh: the exported files give" in said
    assert {path.name for path in tmp_path.iterdir()} == {"copy"}


def test_a_run_of_bucc_alone_can_be_exported_without_its_data(few, tmp_path):
    results = json.loads((few / "results.json").read_text())
    results["results"] = {"xtreme.bucc2018.fr": results["results"]["xtreme.bucc2018.fr"]}
    shutil.copytree(few, tmp_path / "run")
    (tmp_path / "run/results.json").write_text(json.dumps(results))
    done = export(tmp_path / "run", tmp_path / "p", allow_incomplete=True)
    assert (done.files, done.equal) == ({"bucc2018": 1}, 0)


def test_a_nan_in_the_results_is_no_equal_number(copy, tmp_path):
    results = json.loads((copy / "results.json").read_text())
    results["results"]["xtreme.xnli.sw"]["acc,none"] = float("nan")
    (copy / "results.json").write_text(json.dumps(results))
    with pytest.raises(XstiltsError):
        export(copy, tmp_path / "p", allow_incomplete=True)
    assert {path.name for path in tmp_path.iterdir()} == {"copy"}


def test_buccs_labels_need_the_data_that_was_scored(few, tmp_path):
    with pytest.raises(SettingError, match=r"labels of xtreme\.bucc2018\.fr need the data"):
        export(few, tmp_path / "p", tmp_path / "l", allow_incomplete=True)
    other = tmp_path / "data"
    sample = Path(evaluation.__file__).parent / "sample/official/bucc2018"
    shutil.copytree(sample, other / "bucc2018")
    gold = other / "bucc2018/fr-en/fr-en.training.gold"
    gold.write_text("".join(gold.read_text().splitlines(keepends=True)[1:]))
    code, said = xstilts(
        "export", few, "-o", tmp_path / "p", "--labels", tmp_path / "l", "--data", other, "--allow-incomplete"
    )
    assert code == 2 and "give the folder that was scored as --data" in said
    assert not (tmp_path / "p").exists() and not (tmp_path / "l").exists()


# --- folders


def test_only_exports_are_replaced_and_only_when_asked(few, tmp_path):
    (tmp_path / "p").mkdir()
    export(few, tmp_path / "p", allow_incomplete=True)  # an empty folder may be filled
    (tmp_path / "p/udpos/test-xx.tsv").write_text("of an older export")
    with pytest.raises(SettingError, match="holds an export; give another folder or --overwrite"):
        export(few, tmp_path / "p", allow_incomplete=True)
    export(few, tmp_path / "p", allow_incomplete=True, overwrite=True)
    assert not (tmp_path / "p/udpos/test-xx.tsv").exists()
    assert {path.name for path in tmp_path.iterdir()} == {"p"}
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.tex").write_text("precious")
    for overwrite in (False, True):
        with pytest.raises(SettingError, match="is not empty and holds no export"):
            export(few, tmp_path / "mine", allow_incomplete=True, overwrite=overwrite)
    with pytest.raises(SettingError, match="two folders beside each other"):
        export(few, tmp_path / "q", tmp_path / "q/labels", allow_incomplete=True)


def test_a_failure_while_replacing_keeps_the_older_export(few, tmp_path, monkeypatch):
    export(few, tmp_path / "p", allow_incomplete=True)
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "p").rglob("*")}
    rename = Path.rename

    def failing(self: Path, target: Path) -> Path:
        if self.name == "new":
            raise OSError(28, "No space left on device")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", failing)
    with pytest.raises(OSError, match="No space left"):
        export(few, tmp_path / "p", allow_incomplete=True, overwrite=True)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "p").rglob("*")} == before
    assert {path.name for path in tmp_path.iterdir()} == {"p"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run"], "give RESULTS and --output FOLDER, or --check FOLDER"),
        (["run", "-o", "p", "--format", "csv"], "unknown format 'csv'; known: lm-eval, model-card, mteb, xtreme"),
        (["run", "--check", "p"], "give it without RESULTS, --output and --tasks"),
        (["nowhere", "-o", "p"], "nowhere does not exist"),
    ],
)
def test_wrong_options_are_one_sentence(arguments, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, said = xstilts("export", *arguments)
    assert code == 2 and message in said


def test_check_prints_every_problem_and_exits_with_1(few, tmp_path):
    export(few, tmp_path / "p", allow_incomplete=True)
    (tmp_path / "p/xnli/test-sw.tsv").write_text("neutral\nyes\n")
    code, said = xstilts("export", "--check", tmp_path / "p")
    assert code == 1
    assert f"{tmp_path}/p/xnli/test-sw.tsv, line 2: unknown label 'yes'" in said
    assert f"{tmp_path}/p/mlqa/test-en.json: is missing" in said
    assert "problems in xnli 1, udpos 1, mlqa 1, bucc2018 1, tatoeba 1 files" in said


@needs_data
def test_partial_scoring_keeps_the_languages_and_gives_up_the_group_scores(tmp_path):
    """Of the mock data one Tatoeba language goes: its average is that of the other 35, by hand."""
    mock = DATA / "xtreme_mock"
    shutil.copytree(mock / "predictions", tmp_path / "p")
    (tmp_path / "p/tatoeba/test-it.tsv").unlink()
    with pytest.raises(MissingData, match="--allow-incomplete scores the others"):
        score_predictions(tmp_path / "p", mock / "labels")
    report = score_predictions(tmp_path / "p", mock / "labels", allow_incomplete=True)
    # 36 languages average 53.6111 (1,930 in all), and Italian has 100.
    assert report["tatoeba"]["avg_accuracy"] == pytest.approx((1930 - 100) / 35, abs=1e-9)
    assert report["incomplete"] == {"tatoeba": ["it"]}
    assert "all_task" not in report and "retrieval" not in report
    assert report["qa"] == pytest.approx(80.37568011593986, abs=1e-9)
