"""`xstilts zoo`: what is printed, and the exit codes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.zoo.small_zoo import content, written
from xstilts_eval.cli import app
from xstilts_eval.errors import SettingError, UnknownName


def lines(*arguments: str, code: int = 0) -> list[str]:
    done = CliRunner().invoke(app, ["zoo", *arguments], catch_exceptions=False)
    assert done.exit_code == code, done.output
    return done.output.splitlines()


def test_list_by_task(tmp_path: Path) -> None:
    shown = json.loads("\n".join(lines("list", "-t", "xtremer_xcopa", "--confidence", "seen", "--json")))
    assert [row["model"] for row in shown] == [
        "bloom-560m", "bloom-1b1", "bloom-1b7", "bloom-3b", "bloom-7b1", "xglm-564M", "xglm-1.7B", "xglm-2.9B",
        "xglm-4.5B", "xglm-7.5B", "llama-7B", "llama-13B", "llama-30B", "mpt-7b",
    ]  # fmt: skip
    assert {row["records"] for row in shown} == {12}


def test_list_of_a_small_file(tmp_path: Path) -> None:
    path = written(tmp_path, content())
    out = lines("list", "--file", str(path))
    assert out[0].strip() == "1 of 1 models, 4 of 4 records"
    assert [word for word in out[3].split() if word not in "│┃"] == ["Tiny", "encoder", "1K", "4", "xtreme_pawsx"]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["list", "-t", "xtreme_xnil"], r"unknown task 'xtreme_xnil'; did you mean"),
        (["show", "XLM-R Lage"], r"unknown model of the zoo 'XLM-R Lage'; did you mean XLM-R Large"),
        (["show", "X-STILTs@intermediate: sqaud"], r"unknown stage of X-STILTs 'intermediate: sqaud'; did you mean"),
    ],
)
def test_names_that_do_not_exist(arguments: list[str], says: str) -> None:
    with pytest.raises(UnknownName, match=says):
        lines(*arguments)


def test_tasks_without_a_number() -> None:
    with pytest.raises(SettingError, match=r"mT5-Small has no number of xtreme_udpos; there is: .*xtreme_xnli"):
        lines("show", "mT5-Small", "-t", "xtreme_udpos")


def test_confidence_is_one_of_three() -> None:
    with pytest.raises(SettingError, match="allowed: seen, secondary, recalled"):
        lines("list", "--confidence", "sure")


def test_show_gives_everything_with_sources() -> None:
    text = "\n".join(lines("show", "X-STILTs@intermediate: best per target"))
    assert "parent       XLM-R Large" in text
    assert "avg 80.0" in text and "avg 80.4" in text
    assert "RemBERT; Chung et al., ICLR 2021" in text and "arXiv:2010.12821" in text
    assert "8.2" not in text  # another stage


def test_show_as_json_holds_every_record() -> None:
    shown = json.loads("\n".join(lines("show", "LaBSE", "-t", "bitext_tatoeba", "--json")))
    assert len(shown["records"]) == 4 * 113
    assert set(shown["sources"]) == {"mteb"} and shown["model"]["revision"].startswith("e34fab64")


def test_check_says_what_is_wrong_and_fails(tmp_path: Path) -> None:
    assert lines("check")[-1] == "0 errors, 11 known findings"
    what = content()
    what["tables"][0]["rows"][0]["values"]["avg"] = 83.0
    out = lines("check", "--file", str(written(tmp_path, what)), code=1)
    assert out[0] == "error: average: Tiny | base | zero-shot | PAWS-X | PAWS-X | acc | avg | paper"
    assert out[1].strip() == "paper gives 83 %, its 3 languages 82.17 %"
    assert out[-1] == "1 error, 0 known findings"


def test_a_broken_file_is_one_sentence_and_exit_code_2(tmp_path: Path) -> None:
    """Through the installed command, as a person meets it."""
    what = content()
    what["tables"][0]["scale"] = "0-100"
    path = written(tmp_path, what)
    command = [sys.executable, "-c", "from xstilts_eval.cli import main; main()", "zoo", "check", "--file", str(path)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2 and done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"xstilts: error: {path}: tables.0.scale: Input should be 'fraction' or 'percent'")


def test_no_model_library_is_imported() -> None:
    code = (
        "import sys; from typer.testing import CliRunner; from xstilts_eval.cli import app;"
        "done = CliRunner().invoke(app, ['zoo', 'list']); assert done.exit_code == 0;"
        "print([name for name in ('torch', 'transformers', 'lm_eval', 'datasets') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


def test_the_name_of_a_model_may_hold_the_sign_of_a_stage(tmp_path: Path) -> None:
    what = content()
    what["models"][0]["name"] = what["tables"][0]["rows"][0]["model"] = "Tiny@2"
    file = str(written(tmp_path, what))
    for given in ("Tiny@2", "Tiny@2@base"):
        shown = json.loads("\n".join(lines("show", given, "--file", file, "--json")))
        assert shown["model"]["name"] == "Tiny@2" and len(shown["records"]) == 4
    with pytest.raises(UnknownName, match="unknown stage of Tiny@2 'bse'; did you mean base"):
        lines("show", "Tiny@2@bse", "--file", file)
