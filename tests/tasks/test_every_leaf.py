"""Every leaf is loaded and run; what it reports has the right names, range and counts."""

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.run_host import load_tasks, run_host
from xstilts_eval.benchmark import FAMILIES, XTREME, XTREMER, leaf_parts
from xstilts_eval.errors import MissingData
from xstilts_eval.languages import languages
from xstilts_eval.paths import tasks_path
from xstilts_eval.results import record, scoreboard
from xstilts_eval.tasks import generate

ROWS = {
    "xnli": 24, "pawsx": 20, "udpos": 24, "panx": 24, "xquad": 20, "mlqa": 20, "tydiqa": 20,
    "bucc2018": 1, "tatoeba": 24, "xcopa": 6, "mewslix": 8, "lareqa": 20,
}  # fmt: skip
"""Documents of one leaf of the sample: 24 sentences, 8 premises x 3, 20 pairs, 5 passages x 4, 6 questions with two
options, 8 place names; BUCC is one shard."""

SAMPLE_PAIRS = sorted(languages()[code].tatoeba for code in FAMILIES["xtremer_tatoeba"].languages)


@pytest.fixture(scope="module")
def whole_run(tiny_bundle: Path) -> dict[str, Any]:
    """All leaves of XTREME and XTREME-R, and the LASER pairs the sample has, in one call of the host."""
    return run_host(["xtreme", "xtremer", *(f"bitext.tatoeba.{code}" for code in SAMPLE_PAIRS)], tiny_bundle)


LEAVES = [f.leaf(language) for f in XTREME for language in f.languages]
LEAVES_R = [f.leaf(language) for f in XTREMER for language in f.languages]


def test_there_are_162_leaves() -> None:
    assert Counter(leaf.split(".")[1] for leaf in LEAVES) == {
        "xnli": 15, "pawsx": 7, "udpos": 33, "panx": 40, "xquad": 11, "mlqa": 7, "tydiqa": 9,
        "bucc2018": 4, "tatoeba": 36,
    }  # fmt: skip
    assert len(LEAVES) == len(set(LEAVES)) == 162
    assert len(FAMILIES["bitext_tatoeba"].languages) == len(set(FAMILIES["bitext_tatoeba"].languages)) == 112


def test_there_are_203_leaves_of_xtreme_r() -> None:
    """evaluate.py:140-176 and the eleven files of XQuAD-R (xtreme_spec.md 1.1)."""
    assert Counter(leaf.split(".")[1] for leaf in LEAVES_R) == {
        "xnli": 15, "xcopa": 11, "udpos": 38, "panx": 48, "xquad": 12, "mlqa": 7, "tydiqa": 9, "tatoeba": 41,
        "mewslix": 11, "lareqa": 11,
    }  # fmt: skip
    assert len(LEAVES_R) == len(set(LEAVES_R)) == 203
    assert len({leaf.split(".")[2] for leaf in LEAVES_R}) == 50


def test_families_of_both_suites_differ_in_name_and_languages_only() -> None:
    for family in XTREMER:
        if not family.like:
            continue
        of_xtreme = FAMILIES[f"xtreme_{family.name}"]
        renamed = replace(family, suite="xtreme", like="", languages=of_xtreme.languages)
        assert replace(renamed, predictions=of_xtreme.predictions) == of_xtreme  # XTREME-R has no prediction files
        assert set(family.languages) >= set(of_xtreme.languages)
        ours, theirs = (
            load_tasks([f.leaf("tr" if "tr" in f.languages else "ar")])["tasks"] for f in (family, of_xtreme)
        )
        configurations = [next(iter(tasks.values())).dump_config() for tasks in (ours, theirs)]
        for one in configurations:
            del one["task"], one["dataset_path"], one["metadata"]
        assert configurations[0] == configurations[1]


def test_a_language_of_both_suites_has_the_same_score_in_both(whole_run: dict[str, Any]) -> None:
    results = whole_run["results"]
    for leaf in LEAVES:
        other = leaf.replace("xtreme.", "xtremer.")
        if other in LEAVES_R:
            family, _ = leaf_parts(leaf)
            for metric in family.metrics:
                assert results[other][f"{metric},none"] == results[leaf][f"{metric},none"], leaf


@pytest.mark.parametrize(("pattern", "count"), [("xtreme_*", 9), ("xtremer_*", 10), ("xtremer.*.sw", 5)])
def test_the_patterns_of_one_suite_do_not_reach_the_other(pattern: str, count: int) -> None:
    from lm_eval.tasks import TaskManager

    manager = TaskManager(include_path=str(tasks_path()), include_defaults=False)
    found = manager.match_tasks([pattern])
    assert len(found) == count
    assert {name.replace(".", "_").split("_")[0] for name in found} == {pattern.replace(".", "_").split("_")[0]}


@pytest.mark.parametrize("leaf", LEAVES + LEAVES_R + [f"bitext.tatoeba.{code}" for code in SAMPLE_PAIRS])
def test_leaf_runs(whole_run: dict[str, Any], leaf: str) -> None:
    family, language = leaf_parts(leaf)
    scores = whole_run["results"][leaf]
    for metric in family.metrics:
        assert 0 <= scores[f"{metric},none"] <= 1, metric
    count = ROWS[family.name]
    assert whole_run["n-samples"][leaf] == {"original": count, "effective": count}
    assert whole_run["versions"][leaf] == family.version
    samples = whole_run["samples"][leaf]
    assert len(samples) == count
    assert {sample["doc"]["language"] for sample in samples} == {language}
    longest = max(len(json.dumps(sample["filtered_resps"])) for sample in samples)
    assert longest < 5000, "responses hold indices, labels or text, never vectors"
    interval = scores[f"{family.official[-1]}_ci95,none"]
    assert interval is None or 0 <= interval[0] <= interval[1] <= 1


def test_group_values_are_plain_means_over_languages(whole_run: dict[str, Any]) -> None:
    for family in (*XTREME, *XTREMER):
        for metric in family.metrics:
            mean = sum(whole_run["results"][family.leaf(lang)][f"{metric},none"] for lang in family.languages)
            mean /= len(family.languages)
            assert whole_run["results"][family.group][f"{metric},none"] == pytest.approx(mean)


def test_the_whole_sample_makes_a_complete_scoreboard(whole_run: dict[str, Any]) -> None:
    board = scoreboard.build([record.from_host(whole_run)])
    assert board.is_sample and board.overall is not None and board.suites["xtremer"].overall is not None
    assert all(row.is_complete for group, row in board.families.items() if group != "bitext_tatoeba")
    assert all("|sample|" in cell.signature for row in board.families.values() for cell in row.cells.values())


@pytest.mark.parametrize("code", ["amh", "gle", "yue", "zsm"])
def test_pairs_the_sample_lacks_are_named(code: str) -> None:
    with pytest.raises(MissingData, match=rf"tatoeba\.{code}-eng"):
        load_tasks([f"bitext.tatoeba.{code}"])


def test_generated_files_are_up_to_date() -> None:
    assert generate.stale(tasks_path()) == [], "run python -m xstilts_eval.tasks.generate"


def test_a_changed_or_left_over_file_is_noticed(tmp_path: Path) -> None:
    for name, text in generate.files():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert generate.stale(tmp_path) == []
    (tmp_path / "xtreme/xnli/xnli_sw.yaml").write_text(generate.MARK + "task: other\n")
    (tmp_path / "xtreme/xnli/xnli_xx.yaml").write_text(generate.MARK)
    (tmp_path / "xtreme/xnli/xnli_de.yaml").unlink()
    (tmp_path / "xtreme/xnli/_template").write_text("task: by hand\n")
    changed = [f"xtreme/xnli/xnli_{code}.yaml" for code in ("de", "sw", "xx")]
    assert generate.stale(tmp_path) == ["xtreme/xnli/_template", *changed]


def test_language_files_are_short() -> None:
    for path in tasks_path().rglob("*.yaml"):
        if not path.name.startswith("_"):
            assert 3 <= len(path.read_text(encoding="utf-8").splitlines()) <= 6, path


def test_templates_name_functions_of_the_package_only() -> None:
    class Loader(yaml.SafeLoader):
        pass

    named: list[str] = []

    def remember(_: Any, node: yaml.ScalarNode) -> str:
        named.append(node.value)
        return str(node.value)

    Loader.add_constructor("!function", remember)
    templates = sorted(tasks_path().rglob("_template"))
    with_their_own = [family for family in FAMILIES.values() if not family.like]
    assert len(templates) == len(with_their_own)
    for path in templates:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader)
        assert content["metadata"]["version"] == FAMILIES[content["dataset_path"]].version
    assert named and all(name.startswith("xstilts_eval.tasks.") for name in named)


def test_every_family_has_a_readme() -> None:
    for family in (family for family in FAMILIES.values() if not family.like):
        assert (tasks_path() / family.suite / family.name / "README.md").is_file(), family.group


def test_no_prompt_ends_in_a_blank() -> None:
    loaded = load_tasks([f.leaf(f.languages[-1]) for f in (*XTREME, *XTREMER) if not f.is_embedded])
    for task in loaded["tasks"].values():
        doc = task.test_docs()[0]
        for text in [task.doc_to_text(doc), *(task.doc_to_choice(doc) if task.config.doc_to_choice else [])]:
            assert text == text.rstrip()


@pytest.mark.parametrize("version", ["9.9", 7])
def test_runtime_metadata_cannot_move_the_version(version: Any) -> None:
    task = load_tasks(["xtreme.xnli.sw"], version=version)["tasks"]["xtreme.xnli.sw"]
    assert task.VERSION == "1.0"
    assert task.dump_config()["metadata"]["version"] == "1.0"
