"""Every leaf is loaded and run; what it reports has the right names, range and counts."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.run_host import load_tasks, run_host
from xstilts_eval.benchmark import FAMILIES, XTREME, Kind, leaf_parts
from xstilts_eval.errors import MissingData
from xstilts_eval.languages import languages
from xstilts_eval.paths import tasks_path
from xstilts_eval.results import record, scoreboard
from xstilts_eval.tasks import generate

ROWS = {
    "xnli": 24, "pawsx": 20, "udpos": 24, "panx": 24, "xquad": 20, "mlqa": 20, "tydiqa": 20,
    "bucc2018": 1, "tatoeba": 24,
}  # fmt: skip
"""Documents of one leaf of the sample: 24 sentences, 8 premises x 3, 20 pairs, 5 passages x 4; BUCC is one shard."""

SAMPLE_PAIRS = sorted(languages()[code].tatoeba for code in FAMILIES["xtreme_tatoeba"].languages)


@pytest.fixture(scope="module")
def whole_run(tiny_bundle: Path) -> dict[str, Any]:
    """All 162 leaves, and the LASER pairs the sample has, in one call of the host."""
    return run_host(["xtreme", *(f"bitext.tatoeba.{code}" for code in SAMPLE_PAIRS)], tiny_bundle)


LEAVES = [f.leaf(language) for f in XTREME for language in f.languages]


def test_there_are_162_leaves() -> None:
    assert Counter(leaf.split(".")[1] for leaf in LEAVES) == {
        "xnli": 15, "pawsx": 7, "udpos": 33, "panx": 40, "xquad": 11, "mlqa": 7, "tydiqa": 9,
        "bucc2018": 4, "tatoeba": 36,
    }  # fmt: skip
    assert len(LEAVES) == len(set(LEAVES)) == 162
    assert len(FAMILIES["bitext_tatoeba"].languages) == len(set(FAMILIES["bitext_tatoeba"].languages)) == 112


@pytest.mark.parametrize("leaf", LEAVES + [f"bitext.tatoeba.{code}" for code in SAMPLE_PAIRS])
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
    for family in XTREME:
        for metric in family.metrics:
            mean = sum(whole_run["results"][family.leaf(lang)][f"{metric},none"] for lang in family.languages)
            mean /= len(family.languages)
            assert whole_run["results"][family.group][f"{metric},none"] == pytest.approx(mean)


def test_the_whole_sample_makes_a_complete_scoreboard(whole_run: dict[str, Any]) -> None:
    board = scoreboard.build([record.from_host(whole_run)])
    assert board.is_sample and board.overall is not None
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
    assert generate.stale(tmp_path) == [f"xtreme/xnli/xnli_{code}.yaml" for code in ("de", "sw", "xx")]


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
    assert len(templates) == len(FAMILIES)
    for path in templates:
        content = yaml.load(path.read_text(encoding="utf-8"), Loader)
        assert content["metadata"]["version"] == FAMILIES[content["dataset_path"]].version
    assert named and all(name.startswith("xstilts_eval.tasks.") for name in named)


def test_every_family_has_a_readme() -> None:
    for family in FAMILIES.values():
        assert (tasks_path() / family.suite / family.name / "README.md").is_file(), family.group


def test_no_prompt_ends_in_a_blank() -> None:
    loaded = load_tasks([f.leaf(f.languages[-1]) for f in XTREME if f.kind not in (Kind.BITEXT, Kind.MINING)])
    for task in loaded["tasks"].values():
        doc = task.test_docs()[0]
        for text in [task.doc_to_text(doc), *(task.doc_to_choice(doc) if task.config.doc_to_choice else [])]:
            assert text == text.rstrip()


@pytest.mark.parametrize("version", ["9.9", 7])
def test_runtime_metadata_cannot_move_the_version(version: Any) -> None:
    task = load_tasks(["xtreme.xnli.sw"], version=version)["tasks"]["xtreme.xnli.sw"]
    assert task.VERSION == "1.0"
    assert task.dump_config()["metadata"]["version"] == "1.0"
