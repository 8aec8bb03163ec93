"""The page and the summary: the right numbers, dashes, marks, warnings, and nothing that a name could smuggle in."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from tests.report.made_runs import pattern, three_seeds, write_run, write_training
from xstilts_eval import wording
from xstilts_eval.errors import MissingData, PredictionError, UnknownName
from xstilts_eval.report import content, page
from xstilts_eval.report.content import Content
from xstilts_eval.report.figures import figures
from xstilts_eval.results import signature

EVIL = "<script>alert(1)</script>\"' | {{ 7*7 }} </style>"


class Reader(HTMLParser):
    """Tables by id as lists of texts, elements by name, scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.raw: dict[str, str] = {}
        self._table = self._inside = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._inside = tag
        if tag == "table":
            self._table = str(dict(attrs)["id"])
            self.tables[self._table] = []
        elif self._table and tag == "tr":
            self.tables[self._table].append([])
        elif self._table and tag in ("td", "th"):
            self.tables[self._table][-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""
        if tag == "table":
            self._table = ""

    def handle_data(self, data: str) -> None:
        if self._inside in ("script", "style"):
            self.raw[self._inside] = self.raw.get(self._inside, "") + data
        elif self._table and self.tables[self._table] and self.tables[self._table][-1]:
            self.tables[self._table][-1][-1] += data


@pytest.fixture
def gathered(tmp_path: Path) -> Content:
    """Two runs of three seeds: PAWS-X English 10 → 14 and German 8 → 6 of 20, XQuAD Spanish 0 in the baseline only."""
    three_seeds(tmp_path / "base", {"en": [10, 10, 10], "de": [8, 8, 8]}, {"es": [0, 0, 0]})
    three_seeds(tmp_path / "other", {"en": [14, 14, 14], "de": [6, 6, 6]}, {})
    return content.gather([str(tmp_path / "base"), str(tmp_path / "other")])


def cells(found: list[list[str]]) -> list[list[str]]:
    return [[" ".join(text.split()) for text in row] for row in found]


def test_the_tables_of_the_page_hold_the_scores_and_a_dash_for_a_missing_one(gathered: Content) -> None:
    found = Reader(page.html(gathered, "Title")).tables
    board = cells(found["scoreboard"])
    assert board[0] == ["run", "seeds", "PAWS-X", "XQuAD"]
    assert [text.split()[0] for text in board[1]] == ["base", "3", "45.0", "0.0"]
    assert [text.split()[0] for text in board[2]] == ["other", "3", "50.0", "–"]
    languages = {(row[0], row[2]): [text.split()[0] for text in row[3:]] for row in cells(found["languages"])[1:]}
    assert languages == {
        ("PAWS-X", "en"): ["50.0", "70.0"], ("PAWS-X", "de"): ["40.0", "30.0"], ("XQuAD", "es"): ["0.0", "–"],
    }  # fmt: skip
    assert cells(found["gaps"])[1] == ["base", "PAWS-X", "50.0 ±7.5", "40.0", "10.0 ±0.0"]


def test_runs_that_share_some_tasks_are_compared_on_those(gathered: Content) -> None:
    """So does `xstilts gains`; what is left out stands on top, and there is no mean over families."""
    assert "other: XQuAD left out of the gains: es: other has no result." in gathered.warnings
    rows = cells(Reader(page.html(gathered, "Title")).tables["gains"])
    assert [[text.split()[0] for text in row] for row in rows[1:]] == [
        ["base", "45.0", "0.0", "–"],
        ["other", "+5.0", "–", "–"],
    ]


def test_runs_without_a_common_task_are_not_compared(tmp_path: Path) -> None:
    three_seeds(tmp_path / "base", {}, {"es": [5] * 3})
    three_seeds(tmp_path / "other", {"de": [6] * 3}, {})
    gathered = content.gather([str(tmp_path / "base"), str(tmp_path / "other")])
    assert not gathered.comparisons and any("have no task in common" in warning for warning in gathered.warnings)
    text = page.html(gathered, "Title")
    assert "No gains: no run could be compared with base" in text and "gains" not in Reader(text).tables


def test_the_gains_table_has_the_baseline_first_then_gains_and_their_mean(tmp_path: Path) -> None:
    three_seeds(tmp_path / "base", {"en": [10] * 3, "de": [8] * 3}, {"es": [5] * 3})
    three_seeds(tmp_path / "other", {"en": [14] * 3, "de": [6] * 3}, {"es": [9] * 3})
    gathered = content.gather([str(tmp_path / "other"), str(tmp_path / "base")], baseline=str(tmp_path / "base"))
    reader = Reader(page.html(gathered, "Title"))
    rows = cells(reader.tables["gains"])
    assert rows[0] == ["run", "PAWS-X", "XQuAD", "mean"]
    assert rows[1][0] == "base (score)" and [text.split()[0] for text in rows[1][1:]] == ["45.0", "25.0", "–"]
    assert rows[2][0] == "other" and [text.split()[0] for text in rows[2][1:]] == ["+5.0", "+20.0", "+12.5"]
    # Four of 20 answers more, the others equal: sd of the difference sqrt(.2 * .8), 95 % half-width over 20 documents.
    assert float(rows[2][2].split("±")[1]) == pytest.approx(1.96 * (0.2 * 0.8 / 20) ** 0.5 * 100, rel=0.1)
    by_language = {row[2]: row for row in cells(reader.tables["gains-by-language"])[1:]}
    assert by_language["de"][3] == "0.10" and by_language["de"][5].startswith("−10.0"), "syntactic distance, gain"


def test_scores_of_other_documents_are_marked_and_explained(tmp_path: Path) -> None:
    write_run(tmp_path / "one", {"xtreme.pawsx.de": pattern(8)})
    write_run(tmp_path / "two", {"xtreme.pawsx.de": pattern(8)}, data={"revision": "fedcba987654"})
    gathered = content.gather([str(tmp_path / "one"), str(tmp_path / "two")])
    reader = Reader(page.html(gathered, "Title"))
    assert [row[2].split()[0] for row in reader.tables["scoreboard"][1:]] == ["40.0", "40.0†"]
    assert any("two: PAWS-X (de) was scored on other data than one" in warning for warning in gathered.warnings)


def test_means_over_other_languages_are_marked(tmp_path: Path) -> None:
    write_run(tmp_path / "one", {"xtreme.pawsx.de": pattern(8), "xtreme.pawsx.fr": pattern(8)})
    write_run(tmp_path / "two", {"xtreme.pawsx.de": pattern(8)})
    gathered = content.gather([str(tmp_path / "one"), str(tmp_path / "two")])
    assert gathered.marked == {("two", "xtreme_pawsx")}
    assert any("over other languages than that of one (fr)" in warning for warning in gathered.warnings)


def test_one_run_has_no_gains_and_says_why(tmp_path: Path) -> None:
    write_run(tmp_path / "one", {"xtreme.pawsx.de": pattern(8)})
    text = page.html(content.gather([str(tmp_path / "one")]), "Title")
    assert "No gains: one run only." in text and "gains" not in Reader(text).tables


def test_no_baseline_can_be_asked_for(tmp_path: Path) -> None:
    paths = [str(write_run(tmp_path / name, {"xtreme.pawsx.de": pattern(8)})) for name in ("one", "two")]
    gathered = content.gather(paths, baseline="none")
    assert gathered.baseline is None and "no baseline was asked for" in gathered.why_no_gains


def test_a_sample_run_says_so_on_top_of_page_and_summary(tmp_path: Path) -> None:
    write_run(tmp_path / "one", {"xtreme.pawsx.de": pattern(8)}, data={"source": "sample"})
    gathered = content.gather([str(tmp_path / "one")])
    assert "<strong>SAMPLE</strong>" in page.html(gathered, "Title")
    assert page.markdown(gathered, "Title").splitlines()[2].startswith("**SAMPLE")


def test_names_are_text_wherever_they_stand(tmp_path: Path) -> None:
    folder = write_run(
        tmp_path / "one", {"xtreme.pawsx.en": pattern(8), "xtreme.pawsx.de": pattern(8)}, checkpoint=EVIL
    )
    other = write_run(tmp_path / "two", {"xtreme.pawsx.en": pattern(9), "xtreme.pawsx.de": pattern(8)}, checkpoint=EVIL)
    gathered = content.gather([f"{EVIL}={folder}", f"b{EVIL}={other}"])
    text = page.html(gathered, EVIL)
    reader = Reader(text)
    assert [tag for tag, _ in reader.elements].count("script") == 1
    assert not [name for _, attrs in reader.elements for name in attrs if name.startswith("on")]
    assert cells(reader.tables["scoreboard"])[1][0] == EVIL
    assert "49" not in [part for row in reader.tables["scoreboard"] for part in row], "no template in a name is run"
    summary = page.markdown(gathered, EVIL)
    rows = [line for line in summary.splitlines() if line.startswith("| ") and "alert" in line]
    assert all("\\|" in line and "<script" not in line.replace("\\<script", "") for line in rows) and rows


def test_the_page_asks_for_nothing_and_its_policy_allows_only_its_own_script_and_style(gathered: Content) -> None:
    text = page.html(gathered, "Title")
    reader = Reader(text)
    for tag, attrs in reader.elements:
        address = attrs.get("src") or attrs.get("href") or ""
        assert address.startswith(("#", "data:,")) or not address, f"{tag} asks for {address}"
        assert "style" not in attrs, "the policy forbids style attributes"
    assert not re.search(r"https?://|@import|url\(", reader.raw["style"] + reader.raw["script"])
    policy = next(str(a["content"]) for t, a in reader.elements if a.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'") and "unsafe" not in policy
    for name in ("style", "script"):
        digest = base64.b64encode(hashlib.sha256(reader.raw[name].encode()).digest()).decode()
        assert f"{name}-src 'sha256-{digest}'" in policy


def test_every_figure_has_a_table_with_its_numbers_and_every_anchor_exists(tmp_path: Path) -> None:
    codes = {"en": [10, 11, 12], "de": [8] * 3, "fr": [5] * 3, "ja": [4] * 3}
    write_training(tmp_path / "b" / "seed-1", [4.0, 3.0, 2.0])
    three_seeds(tmp_path / "base", codes, {"en": [5] * 3}, checkpoint=str(tmp_path / "b"))
    three_seeds(tmp_path / "other", {code: [3, 4, 5] for code in codes}, {"en": [6] * 3})
    gathered = content.gather([str(tmp_path / "base"), str(tmp_path / "other")])
    reader = Reader(page.html(gathered, "Title"))
    anchors = {attrs["id"] for _, attrs in reader.elements if "id" in attrs}
    links = {str(attrs["href"])[1:] for tag, attrs in reader.elements if tag == "a"}
    drawn = {str(attrs["id"]) for tag, attrs in reader.elements if tag == "figure"}
    assert drawn == {f"f-{name}" for name in ("gains", "gain-map", "heat-map", "bars", "gaps", "distance", "training")}
    assert links <= anchors and {f"t-{figure.table}" for figure in figures(gathered)} <= links
    drawings = [attrs for tag, attrs in reader.elements if tag == "svg"]
    assert drawings and all(attrs["role"] == "img" and attrs["aria-label"] for attrs in drawings)


def test_signatures_are_split_without_loss() -> None:
    end = "split:test{}|task:1.0|metric:acc|v1|ckpt:x|shots:0|limit:none|xstilts:0.1.0|lm_eval:?"
    found = {"de": f"x.de|data:local@a|{end.format('|partial')}", "fr": f"x.fr|data:local@b|{end.format('')}"}
    common, own = signature.split(found)
    assert common == end.format("")
    assert own == "de data:local@a|partial; fr data:local@b"


def test_gains_are_signed_and_nothing_is_minus_zero() -> None:
    assert [wording.signed(value) for value in (1.26, -1.26, 0.04, -0.04)] == ["+1.3", "−1.3", "0.0", "0.0"]


def test_the_baseline_may_be_named_in_any_way(tmp_path: Path) -> None:
    paths = {n: str(write_run(tmp_path / n, {"xtreme.pawsx.de": pattern(8)})) for n in ("one", "two", "three")}
    given: list[Any] = [f"A={paths['one']}", paths["two"]]
    for wanted, name in (("A", "A"), (paths["one"], "A"), (paths["two"], "two"), (paths["three"], "three")):
        found = content.gather(given, baseline=wanted)
        assert found.baseline is not None and found.baseline.name == name
        assert len(found.runs) == (3 if name == "three" else 2)


def test_what_does_not_exist_is_one_sentence(tmp_path: Path) -> None:
    write_run(tmp_path / "one", {"xtreme.pawsx.de": pattern(8)})
    with pytest.raises(MissingData, match="nothing does not exist"):
        content.gather([str(tmp_path / "nothing")])
    with pytest.raises(UnknownName, match="unknown distance 'far'"):
        content.gather([str(tmp_path / "one")], measure="far")
    (tmp_path / "empty").mkdir()
    with pytest.raises((MissingData, PredictionError), match="no results"):
        content.gather([str(tmp_path / "empty")])


def test_groups_of_languages_are_means_of_their_languages(tmp_path: Path) -> None:
    """German and Spanish are Latin, Chinese and Japanese a script each; a run that lacks a language has no mean."""
    scores = {"en": 20, "de": 10, "es": 6, "ja": 4, "ko": 8, "zh": 2}
    write_run(tmp_path / "a", {f"xtreme.pawsx.{code}": pattern(right) for code, right in scores.items()})
    write_run(tmp_path / "b", {"xtreme.pawsx.de": pattern(20), "xtreme.pawsx.ja": pattern(10)})
    gathered = content.gather([str(tmp_path / "a"), str(tmp_path / "b")])
    rows = cells(Reader(page.html(gathered, "Title")).tables["groups"])
    by_script = {row[2]: row[3:] for row in rows if row[1] == "script"}
    assert by_script == {
        "Latn": ["2", "40.0", "–"], "Jpan": ["1", "20.0", "50.0"], "Hans": ["1", "10.0", "–"],
        "Kore": ["1", "40.0", "–"],
    }  # fmt: skip
    assert {row[1] for row in rows[1:]} == {"family", "script", "resource class"}
