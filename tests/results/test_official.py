"""The whole evaluator against the official one's numbers on its own mock data, and its refusals."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.shared_data import DATA, needs_data
from xstilts_eval import kinds
from xstilts_eval.benchmark import XTREME, Family
from xstilts_eval.benchmark import family as find_family
from xstilts_eval.errors import DataError, MissingData, PredictionError, SettingError, XstiltsError
from xstilts_eval.results.official import score_predictions

# Everything down to PER_LANGUAGE: what evaluate.py of google-research/xtreme @ 838c13b prints for its
# mock_test_data with seqeval 0.0.12 (xtreme_spec.md 6.1): averages in full, languages to 4 decimals.
GROUPS = {
    "all_task": 62.17319850507246,
    "classification": 41.04761904761905,
    "tagging": 63.862698495741725,
    "qa": 80.37568011593986,
    "retrieval": 54.30555555555556,
}
AVERAGES = {
    "pawsx": {"accuracy": 51.42857142857143, "metric": 51.42857142857143},
    "xnli": {"accuracy": 30.666666666666668, "metric": 30.666666666666668},
    "panx": {
        "f1": 57.50793650793652,
        "precision": 54.729166666666664,
        "recall": 62.750000000000014,
        "metric": 57.50793650793652,
    },
    "udpos": {
        "f1": 70.21746048354693,
        "precision": 71.02232625883823,
        "recall": 69.54982073976082,
        "metric": 70.21746048354693,
    },
    "bucc2018": {"f1": 55.0, "precision": 55.0, "recall": 55.0, "metric": 55.0},
    "tatoeba": {"accuracy": 53.611111111111114, "metric": 53.611111111111114},
    "xquad": {"exact_match": 77.27272727272727, "f1": 79.9586776859504, "metric": 78.61570247933884},
    "mlqa": {"exact_match": 57.142857142857146, "f1": 81.76870748299321, "metric": 69.45578231292518},
    "tydiqa": {"exact_match": 88.88888888888889, "f1": 97.22222222222223, "metric": 93.05555555555556},
}
PER_LANGUAGE = {
    ("pawsx", "accuracy"): """
        de 50 en 40 es 50 fr 60 ja 60 ko 60 zh 40
    """,
    ("xnli", "accuracy"): """
        ar 20 bg 40 de 20 el 40 en 30 es 30 fr 30 hi 40 ru 70 sw 20 th 30 tr 20 ur 40 vi 20 zh 10
    """,
    ("panx", "f1"): """
        ar 0 he 40 vi 100 id 100 jv 100 ms 100 tl 40 eu 100 ml 0 ta 80 te 50 af 100 nl 50 en 100
        de 57.1429 el 60 bn 100 hi 100 mr 40 ur 80 fa 50 fr 50 it 80 pt 100 es 50 bg 88.8889 ru 0
        ja 33.3333 ka 50 ko 50 th 0 sw 28.5714 yo 28.5714 my 40 zh 33.3333 kk 40 tr 57.1429 et 40
        fi 33.3333 hu 50
    """,
    ("panx", "precision"): """
        ar 0 he 33.3333 vi 100 id 100 jv 100 ms 100 tl 33.3333 eu 100 ml 0 ta 66.6667 te 50 af 100 nl 50
        en 100 de 50 el 60 bn 100 hi 100 mr 33.3333 ur 66.6667 fa 50 fr 50 it 66.6667 pt 100 es 50 bg 80
        ru 0 ja 50 ka 37.5 ko 50 th 0 sw 25 yo 20 my 33.3333 zh 25 kk 33.3333 tr 66.6667 et 33.3333
        fi 25 hu 50
    """,
    ("panx", "recall"): """
        ar 0 he 50 vi 100 id 100 jv 100 ms 100 tl 50 eu 100 ml 0 ta 100 te 50 af 100 nl 50 en 100
        de 66.6667 el 60 bn 100 hi 100 mr 50 ur 100 fa 50 fr 50 it 100 pt 100 es 50 bg 100 ru 0 ja 25
        ka 75 ko 50 th 0 sw 33.3333 yo 50 my 50 zh 50 kk 50 tr 50 et 50 fi 50 hu 50
    """,
    ("udpos", "f1"): """
        af 88.3721 ar 53.0973 bg 66.6667 de 82.0513 el 72.0497 en 100 es 76.1062 et 50 eu 68.5714 fa 75
        fi 85.7143 fr 70.5882 he 48.8372 hi 59.4595 hu 92.3077 id 86.8217 it 71.4286 ja 54.8387
        kk 58.0645 ko 46.4286 mr 88 nl 87.8505 pt 92.3077 ru 90.9091 ta 61.5385 te 80 th 34.4086 tl 100
        tr 40 ur 62.2951 vi 58.6207 yo 53.7313 zh 61.1111
    """,
    ("udpos", "precision"): """
        af 90.4762 ar 52.6316 bg 66.6667 de 82.0513 el 72.5 en 100 es 79.6296 et 50 eu 72.7273
        fa 77.1429 fi 85.7143 fr 70.5882 he 45.6522 hi 59.4595 hu 92.3077 id 87.5 it 73.1707 ja 54.8387
        kk 56.25 ko 46.4286 mr 91.6667 nl 87.037 pt 92.3077 ru 92.5926 ta 66.6667 te 80 th 36.3636
        tl 100 tr 36.3636 ur 63.3333 vi 60.7143 yo 56.25 zh 64.7059
    """,
    ("udpos", "recall"): """
        af 86.3636 ar 53.5714 bg 66.6667 de 82.0513 el 71.6049 en 100 es 72.8814 et 50 eu 64.8649
        fa 72.973 fi 85.7143 fr 70.5882 he 52.5 hi 59.4595 hu 92.3077 id 86.1538 it 69.7674 ja 54.8387
        kk 60 ko 46.4286 mr 84.6154 nl 88.6792 pt 92.3077 ru 89.2857 ta 57.1429 te 80 th 32.6531 tl 100
        tr 44.4444 ur 61.2903 vi 56.6667 yo 51.4286 zh 57.8947
    """,
    ("bucc2018", "f1"): """
        de 50 fr 50 ru 50 zh 70
    """,
    ("bucc2018", "precision"): """
        de 50 fr 50 ru 50 zh 70
    """,
    ("bucc2018", "recall"): """
        de 50 fr 50 ru 50 zh 70
    """,
    ("tatoeba", "accuracy"): """
        ar 30 he 70 vi 70 id 40 jv 20 tl 50 eu 40 ml 30 ta 40 te 30 af 70 nl 80 de 70 el 50 bn 60 hi 80
        mr 70 ur 30 fa 50 fr 80 it 100 pt 60 es 80 bg 90 ru 70 ja 70 ka 20 ko 40 th 0 sw 20 zh 60 kk 40
        tr 50 et 30 fi 70 hu 70
    """,
    ("xquad", "exact_match"): """
        en 100 es 50 de 100 el 100 ru 100 tr 50 ar 100 vi 100 th 50 zh 0 hi 100
    """,
    ("xquad", "f1"): """
        en 100 es 54.5455 de 100 el 100 ru 100 tr 50 ar 100 vi 100 th 50 zh 25 hi 100
    """,
    ("mlqa", "exact_match"): """
        en 0 es 0 de 0 ar 100 hi 100 vi 100 zh 100
    """,
    ("mlqa", "f1"): """
        en 60 es 26.6667 de 85.7143 ar 100 hi 100 vi 100 zh 100
    """,
    ("tydiqa", "exact_match"): """
        en 100 ar 100 bn 100 fi 100 id 0 ko 100 ru 100 sw 100 te 100
    """,
    ("tydiqa", "f1"): """
        en 100 ar 100 bn 100 fi 100 id 75 ko 100 ru 100 sw 100 te 100
    """,
}


@pytest.fixture(scope="module")
def mock_scores() -> dict[str, Any]:
    return score_predictions(DATA / "xtreme_mock/predictions", DATA / "xtreme_mock/labels")


@needs_data
def test_group_scores_equal_the_official_ones(mock_scores):
    assert {name: mock_scores[name] for name in GROUPS} == pytest.approx(GROUPS, abs=1e-9)
    assert mock_scores.keys() == GROUPS.keys() | AVERAGES.keys()


@needs_data
@pytest.mark.parametrize("task", AVERAGES)
def test_averages_equal_the_official_ones(mock_scores, task):
    averages = {name: value for name, value in mock_scores[task].items() if name.startswith("avg_")}
    assert averages == pytest.approx({f"avg_{name}": value for name, value in AVERAGES[task].items()}, abs=1e-9)


@needs_data
@pytest.mark.parametrize(("task", "metric"), PER_LANGUAGE)
def test_every_language_equals_the_official_score(mock_scores, task, metric):
    words = PER_LANGUAGE[task, metric].split()
    expected = {language: float(value) for language, value in zip(words[::2], words[1::2], strict=True)}
    assert mock_scores[task][metric] == pytest.approx(expected, abs=1e-4)


@needs_data
def test_the_tables_above_cover_every_task_metric_and_language(mock_scores):
    printed = {(t, m) for t in AVERAGES for m, v in mock_scores[t].items() if isinstance(v, dict)}
    assert printed == PER_LANGUAGE.keys()
    assert {family.name for family in XTREME} == AVERAGES.keys()


@needs_data
def test_the_report_is_json_in_the_official_layout(mock_scores):
    again = json.loads(json.dumps(mock_scores))
    assert again == mock_scores
    assert list(again)[:5] == ["all_task", "classification", "tagging", "qa", "retrieval"]
    assert isinstance(again["xnli"]["accuracy"]["sw"], float)


# --- small folders written here: one example per language, everything right unless a test breaks it ---

LABELS = {
    kinds.PAIR: "entailment\nneutral\n",
    kinds.BITEXT: "1\n0\n",
    kinds.TAGGED: "B-PER\nI-PER\n\nO\n",
    kinds.MINING: "xx-1\ten-1\nxx-2\ten-2\n",
}
GOLD_ANSWERS = {"data": [{"paragraphs": [{"qas": [{"id": "q1", "answers": [{"text": "北京"}, {"text": "x y"}]}]}]}]}


def extension(family: Family) -> str:
    return "json" if family.kind is kinds.QUESTION else "tsv"


def write_task(root: Path, family: Family) -> None:
    """Labels and perfect predictions of one task in `root`/labels and `root`/predictions."""
    for side in ("labels", "predictions"):
        folder = root / side / family.name
        folder.mkdir(parents=True)
        for language in family.languages:
            text = LABELS.get(family.kind) or json.dumps(GOLD_ANSWERS if side == "labels" else {"q1": "北京"})
            (folder / f"test-{language}.{extension(family)}").write_text(text, encoding="utf-8")


@pytest.fixture
def folders(tmp_path: Path) -> Path:
    for family in XTREME:
        write_task(tmp_path, family)
    return tmp_path


def score(root: Path) -> dict[str, Any]:
    return score_predictions(root / "predictions", root / "labels")


def remove(folder: Path) -> None:
    for file in folder.iterdir():
        file.unlink()
    folder.rmdir()


def test_perfect_predictions_score_100(folders):
    report = score(folders)
    assert [report[name] for name in GROUPS] == pytest.approx([100] * 5)
    assert report["xquad"]["exact_match"]["zh"] == 100


@pytest.mark.parametrize("side", ["labels", "predictions"])
def test_a_task_without_a_folder_on_one_side_is_left_out_with_its_group_and_the_overall_score(folders, side):
    remove(folders / side / "mlqa")
    report = score(folders)
    assert "mlqa" not in report and "qa" not in report and "all_task" not in report
    assert report["tagging"] == pytest.approx(100)
    assert report["xquad"]["avg_metric"] == pytest.approx(100)


@pytest.mark.parametrize("side", ["labels", "predictions"])
def test_a_missing_language_is_refused(folders, side):
    (folders / side / "panx" / "test-yo.tsv").unlink()
    with pytest.raises(MissingData, match=f"{side}/panx/test-yo.tsv is missing"):
        score(folders)


def test_no_task_and_no_folder_are_refused(tmp_path):
    with pytest.raises(MissingData, match="nowhere is not a folder"):
        score_predictions(tmp_path / "nowhere", tmp_path)
    with pytest.raises(MissingData, match=r"no task folder is in both .* known tasks: xnli"):
        score_predictions(tmp_path, tmp_path)


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("xnli/test-sw.tsv", "entailment\n", "xnli/test-sw.tsv has 1 line, but .* has 2"),
        ("xnli/test-sw.tsv", "entailment\nneutral\n\n", "has 3 lines"),  # an empty last line is a line
        ("tatoeba/test-ar.tsv", "", "has 0 lines"),
        ("panx/test-th.tsv", "O\nO\n", "panx/test-th.tsv has 1 sentence, but .* has 2"),
        ("panx/test-th.tsv", "O\nO\n\n\nO\n", "has 3 sentences"),  # two blank lines: an empty sentence
        ("panx/test-th.tsv", "O\nO\n\nO\nO\n", "panx/test-th.tsv, sentence 2: 2 labels for 1 word"),
        ("udpos/test-th.tsv", "X\n\nX\n", "udpos/test-th.tsv, sentence 1: 1 label for 2 words"),
        ("bucc2018/test-zh.tsv", "xx-1\ten-1\nxx-2 en-2\n", "test-zh.tsv, line 2: expected 'foreign id TAB"),
        ("xquad/test-th.json", "{", "xquad/test-th.json, line 1: not JSON"),
        ("xquad/test-th.json", "[]", "must be one JSON object"),
        ("xquad/test-th.json", '{"data": []}', "must be one JSON object"),
        (
            "mlqa/test-zh.json",
            '{"q1": null}',
            "mlqa/test-zh.json, question q1: the answer must be text, got None",
        ),
    ],
)
def test_predictions_that_do_not_fit_are_refused_by_file_and_place(folders, file, text, message):
    (folders / "predictions" / file).write_text(text, encoding="utf-8")
    with pytest.raises(PredictionError, match=message):
        score(folders)


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("xnli/test-sw.tsv", "", "xnli/test-sw.tsv has no labels"),
        ("xquad/test-th.json", '{"data": [{"paragraphs": 3}]}', "test-th.json is not in the SQuAD format"),
        ("xquad/test-th.json", '{"data": []}', "test-th.json has no questions"),
        (
            "xquad/test-th.json",
            '[{"paragraphs": [{"qas": [{"id": "q1", "answers": []}]}]}]',
            "test-th.json, question q1: no gold answers",
        ),
    ],
)
def test_broken_labels_are_refused(folders, file, text, message):
    (folders / "labels" / file).write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=message) as caught:
        score(folders)
    assert not isinstance(caught.value, PredictionError)


def test_bytes_that_are_no_text_are_refused(folders):
    (folders / "predictions/xnli/test-sw.tsv").write_bytes(b"\xff\xfe")
    with pytest.raises(XstiltsError, match=r"test-sw.tsv is not UTF-8 text"):
        score(folders)


def test_readers_forgive_what_cannot_change_the_meaning(folders):
    """As the official readers, and beyond them a byte order mark."""
    for file, text in {
        "xnli/test-sw.tsv": "\ufeff entailment \r\nneutral",
        "panx/test-th.tsv": "B-PER \nI-PER\n \nO\n\n",
        "bucc2018/test-zh.tsv": "xx-2\ten-2\nxx-1\ten-1\nxx-1\ten-1",
        "mlqa/test-zh.json": '{"q1": "北 京。", "other": "x"}',
    }.items():
        (folders / "predictions" / file).write_bytes(text.encode())
    assert score(folders)["all_task"] == pytest.approx(100)


def test_an_unanswered_question_and_an_empty_set_of_pairs_score_zero(folders):
    (folders / "predictions/tydiqa/test-te.json").write_text("{}")
    (folders / "predictions/bucc2018/test-fr.tsv").write_text("")
    report = score(folders)
    assert report["tydiqa"]["f1"]["te"] == report["tydiqa"]["exact_match"]["te"] == 0
    assert report["bucc2018"]["f1"] == {"de": 100, "fr": 0, "ru": 100, "zh": 100}


def test_only_mlqa_normalises_by_language(folders):
    for task in ("mlqa", "xquad"):
        (folders / "predictions" / task / "test-zh.json").write_text('{"q1": "北京。"}', encoding="utf-8")
    report = score(folders)
    assert report["mlqa"]["exact_match"]["zh"] == 100
    assert report["xquad"]["exact_match"]["zh"] == 0


# --- XTREME-R


@needs_data
def test_xtreme_r_on_the_mock_data(tmp_path: Path) -> None:
    """xtreme_spec.md 6.2: the four task folders that are complete there; no group and no overall score."""
    for side in ("predictions", "labels"):
        (tmp_path / side).mkdir()
        for task in ("xnli", "mlqa", "tydiqa", "mewslix"):
            (tmp_path / side / task).symlink_to(DATA / "xtreme_mock" / side / task)
    found = score_predictions(tmp_path / "predictions", tmp_path / "labels", "xtreme-r")
    assert found.keys() == {"xnli", "mlqa", "tydiqa", "mewslix"}
    averages = {task: scores["avg_metric"] for task, scores in found.items()}
    assert averages == pytest.approx(
        {
            "xnli": 30.666666666666668,
            "mlqa": 69.45578231292518,
            "tydiqa": 93.05555555555556,
            "mewslix": 14.39025156130419,
        },
        abs=1e-9,
    )
    assert found["mlqa"]["avg_exact_match"] == pytest.approx(57.142857142857146, abs=1e-9)
    assert found["tydiqa"]["avg_f1"] == pytest.approx(97.22222222222223, abs=1e-9)
    expected = "ar 6.25 de 50 en 8.333333 es 8.333333 fa 25 ja 7.142857 pl 5.263158 ro 16.666667 ta 7.692308 tr 12.5"
    words = f"{expected} uk 11.111111".split()
    assert found["mewslix"]["map@20"] == pytest.approx(
        {language: float(value) for language, value in zip(words[::2], words[1::2], strict=True)}, abs=1e-6
    )


@needs_data
def test_the_whole_mock_folder_is_refused_for_xtreme_r_as_by_the_official_evaluator() -> None:
    with pytest.raises(MissingData, match=r"udpos/test-lt\.tsv"):
        score_predictions(DATA / "xtreme_mock/predictions", DATA / "xtreme_mock/labels", "xtreme-r")


def _write_r(root: Path, task: str, extension: str, prediction: str, label: str) -> None:
    for side, text in (("predictions", prediction), ("labels", label)):
        folder = root / side / task
        folder.mkdir(parents=True, exist_ok=True)
        for language in find_family(f"xtremer_{task}").languages:
            (folder / f"test-{language}.{extension}").write_text(text, encoding="utf-8")


def test_xcopa_files_and_the_two_groups_xcopa_is_in(tmp_path: Path) -> None:
    _write_r(tmp_path, "xcopa", "jsonl", '{"label": 0}\n{"label": 1}\n', '{"label": 0}\n{"label": 0}\n')
    _write_r(tmp_path, "xnli", "tsv", "neutral\n", "neutral\n")
    found = score_predictions(tmp_path / "predictions", tmp_path / "labels", "xtreme-r")
    assert found["xcopa"]["accuracy"]["qu"] == 50
    assert (found["classification"], found["multi_choice"]) == (75, 50)


@pytest.mark.parametrize(
    ("task", "extension", "prediction", "label", "message"),
    [
        ("xcopa", "jsonl", '{"label": 0}\n', '{"label": 0}\n{"label": 1}\n', "has 1 line, but .* has 2"),
        ("xcopa", "jsonl", "0\n", '{"label": 0}\n', r"line 1: expected \{\"label\": 0\}, got '0'"),
        ("xcopa", "jsonl", '{"label": true}\n', '{"label": 0}\n', "must be a whole number, got True"),
        ("mewslix", "json", '["Q1"]', '{"m": ["Q1"]}', "must be one JSON object"),
        ("mewslix", "json", '{"m": "Q1"}', '{"m": ["Q1"]}', "mention m: expected a list of entity ids, got 'Q1'"),
    ],
)
def test_broken_files_of_xtreme_r(
    tmp_path: Path, task: str, extension: str, prediction: str, label: str, message: str
) -> None:
    _write_r(tmp_path, task, extension, prediction, label)
    with pytest.raises(PredictionError, match=message):
        score_predictions(tmp_path / "predictions", tmp_path / "labels", "xtreme-r")


def test_another_version_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="--version 'xtremer'; allowed: xtreme, xtreme-r"):
        score_predictions(tmp_path, tmp_path, "xtremer")


@pytest.mark.parametrize(
    ("predicted", "f1"),
    [
        ("PER PER O LOC", 100.0),
        ("I-PER I-PER O I-LOC", 100.0),
        ("B-PER E-PER O S-LOC", 100.0),
        ("B-PER L-PER O U-LOC", 100.0),
        ("S-PER S-PER O S-LOC", 40.0),
        ("PER-B PER-I O LOC-B", 0.0),
        ("b-per i-per o b-loc", 0.0),
        ("B_PER I_PER O B_LOC", 0.0),
        ("B-+PER I-+PER O B-+LOC", 0.0),
    ],
)
def test_entity_tags_of_other_kinds_score_as_officially_and_are_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, predicted: str, f1: float
) -> None:
    """Values: `f1_score` of seqeval 0.0.12 for gold B-PER I-PER O B-LOC (``+`` stands for a blank inside a tag)."""
    gold = "B-PER I-PER O B-LOC"
    for language in find_family("panx").languages:
        for side, tags in (("labels", gold), ("predictions", predicted if language == "sw" else gold)):
            path = tmp_path / side / "panx" / f"test-{language}.tsv"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(tags.replace(" ", "\n").replace("+", " ") + "\n\n", encoding="utf-8")
    scores = score_predictions(tmp_path / "predictions", tmp_path / "labels")["panx"]["f1"]
    assert scores["sw"] == pytest.approx(f1) and scores["de"] == 100.0
    said = [one.getMessage() for one in caplog.records]
    if predicted.startswith("I-"):  # the scheme of the task, whose first tag need not be B
        assert said == []
    else:
        (line,) = said
        assert "predictions/panx/test-sw.tsv, line " in line and "is no tag of PAN-X" in line
