"""The leaderboard's rules: the benchmark's own mock files pass, and every broken copy is caught at its line."""

import json
import shutil
from pathlib import Path

import pytest

from tests.shared_data import DATA, needs_data
from xstilts_eval import kinds
from xstilts_eval.benchmark import XTREME
from xstilts_eval.errors import MissingData
from xstilts_eval.results import validate
from xstilts_eval.results.official import file_name

MOCK = DATA / "xtreme_mock"

GOLD = [{"id": id_, "answers": [{"text": "a"}]} for id_ in ("q1", "q2")]
FILES = {
    kinds.PAIR: ("{label}\n" * 2, "{label}\n" * 2),
    kinds.BITEXT: ("1\n1\n", "1\n0\n"),
    kinds.TAGGED: ("X\nX\n\nX\n", "X\nX\n\nX\n"),
    kinds.MINING: ("de-1\ten-1\nde-2\ten-9\n", "de-1\ten-1\n"),
    kinds.QUESTION: ('{\n"q1": "a",\n"q2": "b"\n}\n', json.dumps({"data": [{"paragraphs": [{"qas": GOLD}]}]})),
}


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    """Small files of every task and language that break no rule."""
    for family in XTREME:
        for side, text in zip(("predictions", "labels"), FILES[family.kind], strict=True):
            (tmp_path / side / family.name).mkdir(parents=True)
            for language in family.languages:
                label = "O" if family.name == "panx" else (family.labels or "?")[0]
                content = text.replace("{label}", label).replace("X", "O" if family.name == "panx" else "X")
                (tmp_path / side / family.name / file_name(family, language)).write_text(content)
    return tmp_path


def found(root: Path, labels: bool = True) -> list[str]:
    checked = validate.check(root / "predictions", root / "labels" if labels else None)
    return [str(problem).replace(f"{root}/", "") for problem in checked.problems]


@pytest.mark.parametrize("labels", [True, False])
def test_right_files_have_no_problems(folders, labels):
    assert found(folders, labels) == []


@pytest.mark.parametrize(
    ("file", "text", "problems"),
    [
        ("xnli/test-sw.tsv", "neutral\nmaybe\n", ["line 2: unknown label 'maybe'; allowed: contradiction entailment"]),
        ("xnli/test-sw.tsv", "neutral\n\n", ["line 2: empty line where a label was expected"]),
        ("xnli/test-sw.tsv", "neutral\nneutral\nneutral\n", ["line 3: the file has 3 lines, labels/xnli/"]),
        ("xnli/test-sw.tsv", "neutral\n", ["line 2: the file has 1 line, labels/xnli/test-sw.tsv has 2"]),
        ("xnli/test-sw.tsv", "Neutral\n1\n", ["line 1: unknown label 'Neutral'", "line 2: unknown label '1'"]),
        ("pawsx/test-ja.tsv", "0\n2\n", ["line 2: unknown label '2'; allowed: 0 1"]),
        ("tatoeba/test-kk.tsv", "0\n2\n", ["line 2: 2 is no line of the foreign file; allowed: 0 to 1"]),
        ("tatoeba/test-kk.tsv", "-1\n0\n", ["line 1: expected a line number of the foreign file, from 0"]),
        ("tatoeba/test-kk.tsv", "01\n1.0\n", ["line 1: expected", "line 2: expected"]),
        ("tatoeba/test-kk.tsv", "0\n", ["line 2: the file has 1 line"]),
        ("tatoeba/test-kk.tsv", "0\n" + "9" * 5000, ["line 2: 9999999999 is no line of the foreign file"]),
        ("panx/test-yo.tsv", "O\nO\n", ["line 3: the file has 1 sentence, labels/panx/test-yo.tsv has 2"]),
        ("panx/test-yo.tsv", "O\n\nO\n\nO\n", ["line 1: the file has 3 sentences", ]),
        ("panx/test-yo.tsv", "O\nO\n\nO\n\nO\n", ["line 6: the file has 3 sentences"]),
        ("panx/test-yo.tsv", "O\nO\n\n\nO\n", ["line 4: the file has 3 sentences"]),
        ("panx/test-yo.tsv", "O\nO\n\nO\nO\n", ["line 4: sentence 2 has 2 labels for 1 word (by labels/panx/"]),
        ("panx/test-yo.tsv", "O\n\nO\nO\n", ["line 1: sentence 1 has 1", "line 3: sentence 2 has 2"]),
        ("panx/test-yo.tsv", "B-LOC\nB-MISC\n\nO\n", ["line 2: unknown label 'B-MISC'"]),
        ("udpos/test-th.tsv", "X\nX\n\nhaus NOUN\n", ["line 4: unknown label 'haus NOUN'; a line holds the"]),
        ("bucc2018/test-zh.tsv", "zh-1 en-1\n", ["line 1: expected 'foreign id TAB English id', got 'zh-1 en-1'"]),
        ("bucc2018/test-zh.tsv", "zh-1\ten-1\t0.9\n", ["line 1: expected 'foreign id TAB English id'"]),
        ("bucc2018/test-zh.tsv", "zh-1\ten-1\n\nzh-2\ten-2\n", ["line 2: expected 'foreign id TAB English id'"]),
        ("bucc2018/test-zh.tsv", "en-1\tzh-1\n", ["line 1: the foreign id comes first"]),
        ("bucc2018/test-zh.tsv", "zh-1\ten-1\nzh-2\ten-1\nzh-1\ten-1\n", ["line 3: the pair of line 1 again"]),
        ("mlqa/test-hi.json", '{"q1": "a",\n "q2": 3}', ["line 2: question q2: the answer must be text, got 3"]),
        ("mlqa/test-hi.json", '{"q1": {"a": 1}, "q2": null}', ["line 1: question q1: the", "line 1: question q2: the"]),
        ("mlqa/test-hi.json", '{"q1": "a"}', [": question q2 of labels/mlqa/test-hi.json has no answer"]),
        (
            "mlqa/test-hi.json",
            '{"q1": "\\"q3\\":",\n"q2": "",\n"q3": ""}',
            ["line 3: question q3 is not in labels/mlqa/test-hi.json"],
        ),
        (
            "mlqa/test-hi.json",
            '{"q1": "a",\n"q2": "b",\n\n"q1": "c"}',
            ["line 4: question q1 occurs 2 times; only the last answer counts"],
        ),
        ("mlqa/test-hi.json", '{"q1": "a",\n "data": "b"}', ["line 2: the key 'data' makes this a label file"]),
        ("mlqa/test-hi.json", '{"q1": "a",\n "q2" "b"}', ["line 2: not JSON"]),
        ("mlqa/test-hi.json", '["a", "b"]', ["line 1: expected one JSON object"]),
        ("mlqa/test-hi.json", '{"q1":' + "[" * 100_000, [": nested too deeply"]),
        (
            "mlqa/test-hi.json",
            '{"q1": "\\ud800", "q2": "",\n"\\ud800": ""}',
            [
                "line 1: question q1: the answer holds half a surrogate pair",
                "line 2: question \\ud800 is not in labels/mlqa/test-hi.json",
            ],
        ),
    ],
)  # fmt: skip
def test_every_breach_is_named_by_file_and_line(folders, file, text, problems):
    (folders / "predictions" / file).write_text(text)
    lines = found(folders)
    assert len(lines) == len(problems), lines
    for line, problem in zip(lines, problems, strict=True):
        expected = problem if problem.startswith(":") else f", {problem}"
        assert line.startswith(f"predictions/{file}{expected}")


def test_bytes_the_evaluator_misreads(folders):
    (folders / "predictions/xnli/test-ar.tsv").write_bytes(b"\xef\xbb\xbfneutral\nneutral\n")
    (folders / "predictions/xnli/test-bg.tsv").write_bytes(b"neutral\nneutr\xe4l\n")
    bom, latin = found(folders)
    assert bom.startswith("predictions/xnli/test-ar.tsv, line 1: byte order mark")
    assert latin.startswith("predictions/xnli/test-bg.tsv, line 2: not UTF-8 text")


def test_missing_and_misnamed_files_and_folders(folders):
    (folders / "predictions/panx/test-yo.tsv").unlink()
    (folders / "labels/panx/test-my.tsv").unlink()
    shutil.rmtree(folders / "labels/xquad")
    (folders / "predictions/xnli").rename(folders / "predictions/xlni")
    (folders / "predictions/lareqa").mkdir()  # XTREME-R's, none of ours
    assert [line.split(":")[0] for line in found(folders)] == [
        "predictions/xlni", "predictions/panx/test-yo.tsv", "labels/panx/test-my.tsv", "labels/xquad",
    ]  # fmt: skip
    assert "did you mean xnli?" in found(folders)[0]
    with pytest.raises(MissingData, match="no task folder; known tasks: xnli"):
        validate.check(folders)
    with pytest.raises(MissingData, match="nowhere is not a folder"):
        validate.check(folders / "predictions", folders / "nowhere")


def test_unreadable_labels_are_their_own_problem(folders):
    (folders / "labels/tydiqa/test-te.json").write_text("{")
    (folders / "labels/bucc2018/test-de.tsv").write_text("de-1 en-1\n")
    te, de = sorted(found(folders), reverse=True)
    assert te.startswith("labels/tydiqa/test-te.json: ") and "not JSON" in te
    assert de.startswith("labels/bucc2018/test-de.tsv: ") and "line 1" in de


def test_without_labels_only_counts_are_left_out(folders):
    (folders / "predictions/xnli/test-sw.tsv").write_text("neutral\n")  # a line too few
    (folders / "predictions/tatoeba/test-kk.tsv").write_text("1000\n")  # no Tatoeba pool of XTREME has so many lines
    (folders / "predictions/panx/test-yo.tsv").write_text("O\n\n\nO\n")
    assert [line.split(":")[0] for line in found(folders, labels=False)] == [
        "predictions/panx/test-yo.tsv, line 3", "predictions/tatoeba/test-kk.tsv, line 1",
    ]  # fmt: skip


def test_a_listing_is_bounded_and_says_what_it_leaves_out(folders):
    for language in ("ar", "bg"):
        (folders / f"predictions/xnli/test-{language}.tsv").write_text("?\n" * 25)
    problems = validate.check(folders / "predictions").problems
    lines = [*validate.listing(problems)]
    assert len(problems) == 50
    assert len(lines) == 2 * (validate.PER_FILE + 1)
    assert lines[validate.PER_FILE].endswith("test-ar.tsv: 15 more")
    many = [validate.Problem(Path(f"file-{number}"), 1, "wrong") for number in range(validate.IN_ALL + 5)]
    assert len([*validate.listing(many)]) == validate.IN_ALL + 1
    assert [*validate.listing(many)][-1].startswith("205 in all")


@needs_data
@pytest.mark.parametrize("labels", [MOCK / "labels", None])
def test_the_benchmarks_own_predictions_pass(labels):
    checked = validate.check(MOCK / "predictions", labels)
    assert checked.problems == ()
    assert checked.files == {family.name: len(family.languages) for family in XTREME}


@needs_data
def test_every_single_removed_line_of_the_mock_predictions_is_found(tmp_path):
    """Of each task one language, every line dropped once: counts, words and ids must give it away (BUCC has none)."""
    for family in XTREME:
        if family.kind is kinds.MINING:
            continue
        name = file_name(family, family.languages[0])
        labels = tmp_path / "labels" / family.name
        labels.mkdir(parents=True)
        shutil.copy(MOCK / "labels" / family.name / name, labels / name)
        lines = (MOCK / "predictions" / family.name / name).read_text(encoding="utf-8").splitlines(keepends=True)
        target = tmp_path / "predictions" / family.name / name
        target.parent.mkdir(parents=True)
        for dropped in range(len(lines)):
            text = "".join(lines[:dropped] + lines[dropped + 1 :])
            target.write_text(text, encoding="utf-8")
            problems = validate.check(tmp_path / "predictions", tmp_path / "labels").problems
            broken = any(problem.file == target for problem in problems)
            only_trailing_blank = dropped == len(lines) - 1 and not lines[dropped].strip()
            assert broken is not only_trailing_blank, (family.name, dropped, text)
        shutil.rmtree(target.parent)
