"""`xstilts regress` as it is typed: exit codes, the four outputs, and one sentence for input that cannot be used."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner, Result

from tests.commanded import xstilts
from tests.host_results import host_results
from tests.zoo.small_zoo import MODEL, table, write_zoo
from xstilts_eval import cli
from xstilts_eval.benchmark import FAMILIES
from xstilts_eval.errors import XstiltsError


def regress(*arguments: Any) -> Result:
    return CliRunner().invoke(cli.app, ["regress", *map(str, arguments)])


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """English right, German 10 points off, Swahili not scored."""
    path = tmp_path / "run" / "results.json"
    path.parent.mkdir()
    path.write_text(json.dumps(host_results({"xtreme.xnli.en": {"acc": 0.85}, "xtreme.xnli.de": {"acc": 0.70}})))
    return path


@pytest.fixture
def zoo(tmp_path: Path) -> Path:
    return write_zoo(
        tmp_path / "zoo.yaml",
        table({"en": 85.0, "de": 80.0, "sw": 70.0}),
        table({"ur": 60.0}, confidence="recalled", task="a|b <i>\x01"),
    )


def test_exit_codes(results: Path, zoo: Path) -> None:
    """1 while a number is drifted or missing, 0 where all that is asked for is reproduced."""
    against = ("--against", MODEL, "--zoo", zoo)
    assert regress(results, *against).exit_code == 1
    assert regress(results, *against, "--tasks", "xtreme.xnli.en").exit_code == 0
    assert regress(results, *against, "--tasks", "xtreme.xnli.en,xtreme.xnli.sw").exit_code == 1
    assert regress(results, *against, "--tasks", "xtreme.xnli.en,xtreme.xnli.sw", "--allow-missing").exit_code == 0
    assert regress(results, *against, "--tasks", "xtreme.xnli.ur").exit_code == 1  # recalled: nothing is compared


def test_the_terminal_says_what_is_wrong_and_on_demand_everything(results: Path, zoo: Path) -> None:
    short = regress(results, "--against", MODEL, "--zoo", zoo).stdout
    assert "NOT REPRODUCED: 1 of 3 numbers of tiny-model; 1 drifted, 1 missing" in short
    counts = "3 decide = 1 reproduced + 1 drifted + 1 missing + 0 not comparable; 4 in the zoo, 1 decide nothing"
    assert f"{counts} (1 recalled)" in short
    (drifted,) = (line for line in short.splitlines() if " de " in line)
    assert [cell.strip() for cell in drifted.split("│")] == [
        "xtreme_xnli", "de", "acc", "80.00", "70.00", "-10", "±0.5", "drifted", "",
    ]  # fmt: skip
    assert " ur " not in short
    everything = regress(results, "--against", MODEL, "--zoo", zoo, "--all").stdout
    (recalled,) = (line for line in everything.splitlines() if " ur " in line)
    assert recalled.rstrip().endswith("decides nothing │ recalled")


def test_markdown_for_a_pull_request(results: Path, zoo: Path, tmp_path: Path) -> None:
    """The outcome first, then what is wrong, what is right folded away."""
    file = tmp_path / "out" / "regress.md"
    regress(results, "--against", MODEL, "--zoo", zoo, "--markdown", file)
    text = file.read_text(encoding="utf-8")
    assert text.splitlines()[0] == "## ❌ NOT REPRODUCED: 1 of 3 numbers of tiny-model; 1 drifted, 1 missing"
    order = [text.index(part) for part in ("3 decide = 1", "| de | acc |", "| sw | acc |", "<details>", "| en | acc |")]
    assert order == sorted(order)
    widths = [line.count("|") - line.count("\\|") for line in text.splitlines() if line.startswith("|")]
    assert set(widths) == {10}  # the summary and the tables have 9 columns


def test_a_missing_table_of_many_languages_is_one_row(results: Path, tmp_path: Path) -> None:
    zoo = write_zoo(tmp_path / "zoo.yaml", table(dict.fromkeys(["ar", "bg", "el", "es", "fr", "en"], 85.0)))
    text = regress(results, "--against", MODEL, "--zoo", zoo).stdout
    (row,) = (line for line in text.splitlines() if line.startswith("xtreme_xnli │ 5 of them"))
    assert "not scored: ar bg el es fr" in row


def test_junit(results: Path, zoo: Path, tmp_path: Path) -> None:
    """Elements and attributes of junit-10.xsd (Jenkins xunit plugin); counts are those of the cases."""
    file = tmp_path / "junit.xml"
    regress(results, "--against", MODEL, "--zoo", zoo, "--junit", file)
    root = ElementTree.parse(file).getroot()
    (suite,) = root
    assert (root.tag, suite.tag, {case.tag for case in suite}) == ("testsuites", "testsuite", {"testcase"})
    assert set(root.attrib) == {"name", "tests", "failures", "errors", "time"}
    assert suite.attrib == {
        "name": MODEL, "tests": "4", "failures": "2", "errors": "0", "skipped": "1", "time": "0",
    }  # fmt: skip
    assert [[(child.tag, child.get("type")) for child in case] for case in suite] == [
        [], [("failure", "drifted")], [("failure", "missing")], [("skipped", None)],
    ]  # fmt: skip
    (failure,) = suite[1]
    assert failure.get("message") == "published 80.00, ours 70.00, difference -10, allowed ±0.5, verdict drifted"
    assert suite[3].get("name") == "a|b <i>\\x01 ur acc (zero-shot, paper)"
    regress(results, "--against", MODEL, "--zoo", zoo, "--junit", file, "--tasks", "xtreme.xnli.ur")
    (suite,) = ElementTree.parse(file).getroot()
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")  # red, though no record fails
    regress(results, "--against", MODEL, "--zoo", zoo, "--junit", file, "--allow-missing")
    (suite,) = ElementTree.parse(file).getroot()
    assert (suite.get("failures"), suite.get("skipped")) == ("1", "2")


def test_json_holds_every_number(results: Path, zoo: Path, tmp_path: Path) -> None:
    printed = json.loads(regress(results, "--against", MODEL, "--zoo", zoo, "--json", "-").stdout)
    file = tmp_path / "report.json"
    shown = regress(results, "--against", MODEL, "--zoo", zoo, "--json", file).stdout
    assert "NOT REPRODUCED" in shown
    assert json.loads(file.read_text(encoding="utf-8")) == printed
    assert (printed["passed"], printed["gated"], len(printed["verdicts"])) == (False, 3, 4)
    german = printed["verdicts"][1]
    assert german["difference"] == pytest.approx(-10)
    assert {name: german[name] for name in ("status", "gated", "failed", "published", "allowed", "method")} == {
        "status": "drifted", "gated": True, "failed": True, "published": 80.0, "allowed": 0.5, "method": "tolerance",
    }  # fmt: skip
    assert german["signature"].startswith("xtreme.xnli.de|data:local@0123456789ab|split:test")
    assert german["record"]["source"] == "paper"


@pytest.fixture
def shifted(tmp_path: Path) -> tuple[Path, Path]:
    """Six Tatoeba pairs of 100 sentences, each 4 points below: allowed one by one (±23), not together."""
    codes = FAMILIES["bitext_tatoeba"].languages[:6]
    metrics = dict.fromkeys(FAMILIES["bitext_tatoeba"].metrics, 0.46)
    path = tmp_path / "shifted.json"
    path.write_text(json.dumps(host_results({f"bitext.tatoeba.{code}": metrics for code in codes})), encoding="utf-8")
    said = {"family": "bitext_tatoeba", "setting": "embedding", "tolerance": None, "n": 100}
    return path, write_zoo(tmp_path / "shifted.yaml", table(dict.fromkeys(codes, 50.0), **said))


def test_a_family_that_shifted_is_red_everywhere(shifted: tuple[Path, Path], tmp_path: Path) -> None:
    results, zoo = shifted
    options = [results, "--against", MODEL, "--zoo", zoo]
    outputs = ["--junit", tmp_path / "junit.xml", "--json", tmp_path / "report.json", "--markdown", tmp_path / "r.md"]
    done = regress(*options, *outputs)
    assert done.exit_code == 1
    assert "NOT REPRODUCED: 6 of 6 numbers of tiny-model; bitext_tatoeba shifted as a whole" in done.stdout
    assert "chance of a false alarm 5% in all, 50% of it for 1 joint verdict" in done.stdout
    assert "6 / 0 / 0" in done.stdout and "-4.00" in done.stdout
    content = json.loads((tmp_path / "report.json").read_text(encoding="utf-8"))
    (family,) = content["families"]
    assert (content["passed"], content["counts"]["reproduced"], family["failed"]) == (False, 6, True)
    assert family["shift"] == pytest.approx(-4) and family["high"] < 0 and family["shift_p"] < family["level"]
    assert family["level"] == pytest.approx(0.025 / 3)
    (suite,) = ElementTree.parse(tmp_path / "junit.xml").getroot()
    assert (suite.get("tests"), suite.get("failures")) == ("7", "1")
    (failure,) = suite[-1]
    assert (suite[-1].get("name"), failure.get("type")) == ("all 6 numbers, acc", "shifted")
    assert "mean shift -4.00" in (failure.get("message") or "")
    text = (tmp_path / "r.md").read_text(encoding="utf-8")
    assert text.startswith("## ❌ NOT REPRODUCED: 6 of 6") and "### Datasets as a whole" in text


def test_a_run_without_samples_is_enough(results: Path, zoo: Path, tmp_path: Path) -> None:
    """Nothing but the results file: its scores and intervals are all that a regression reads."""
    alone = shutil.copy(results, tmp_path / "alone.json")
    assert regress(alone, "--against", MODEL, "--zoo", zoo, "--tasks", "xtreme.xnli.en").exit_code == 0


# --- input that cannot be used


def rewritten(change: Callable[[dict[str, Any]], None]) -> Callable[[Path], None]:
    def apply(path: Path) -> None:
        content = json.loads(path.read_text(encoding="utf-8"))
        change(content)
        path.write_text(json.dumps(content), encoding="utf-8")

    return apply


def older(content: dict[str, Any]) -> None:
    """lm-evaluation-harness 0.4.2: the fields of a leaf that this package adds, and the counts, did not exist."""
    content["configs"]["xtreme.xnli.en"] = {"task": "xnli_en"}
    del content["n-samples"]


def not_ours(content: dict[str, Any]) -> None:
    content["results"] = {"xnli_en": {"acc,none": 0.5}}


def scored_as(value: float) -> Callable[[dict[str, Any]], None]:
    return lambda content: content["results"]["xtreme.xnli.en"].update({"acc,none": value})


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (rewritten(older), "is not a result this version can read"),
        (rewritten(not_ours), "holds no result of tasks of this package"),
        (lambda path: path.write_text(path.read_text()[:-200]), "is not a results file"),
        (lambda path: path.write_text("[]"), "is not a results file: it holds a list where an object was expected"),
        (rewritten(scored_as(float("nan"))), "results.json: acc of xtreme.xnli.en is nan; score it again"),
        (rewritten(scored_as(85.0)), "acc of xtreme.xnli.en is 85, but results hold fractions from 0 to 1"),
        (Path.unlink, "no results*.json under"),
    ],
)
def test_results_that_cannot_be_used(results: Path, zoo: Path, damage: Callable[[Path], Any], sentence: str) -> None:
    damage(results)
    error = regress(results.parent, "--against", MODEL, "--zoo", zoo).exception
    assert isinstance(error, XstiltsError)
    assert sentence in str(error)
    assert "\n" not in str(error)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--against", "tiny-modell"), "unknown model of the zoo 'tiny-modell'; did you mean tiny-model?"),
        (("--against", "tiny-model@bse"), "unknown stage of tiny-model 'bse'; did you mean base?"),
        (("--against", MODEL, "--setting", "few-shot"), "unknown setting of tiny-model 'few-shot'; did you mean zero"),
        (("--against", MODEL, "--tasks", "xtreme_xnl"), "did you mean xtreme_xnli"),
        (("--against", MODEL, "--zoo", "/nowhere.yaml"), "/nowhere.yaml does not exist"),
        (("--against", MODEL, "--markdown", "/"), "/ is a folder; give a file name"),
        (("--against", MODEL, "--json", "/"), "/ is a folder; give a file name"),
    ],
)
def test_options_that_cannot_be_used(results: Path, zoo: Path, arguments: tuple[str, ...], sentence: str) -> None:
    error = regress(results, "--zoo", zoo, *arguments).exception
    assert isinstance(error, XstiltsError)
    assert sentence in str(error)


def test_an_error_is_exit_code_2_and_one_line(results: Path, zoo: Path) -> None:
    done = xstilts("regress", results, "--zoo", zoo, "--against", "x")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "xstilts: error: unknown model of the zoo 'x'; known: tiny-model\n"
