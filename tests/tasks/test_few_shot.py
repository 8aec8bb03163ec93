"""Few-shot examples come from English training data, never from the test language or the rows that are scored."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.run_host import load_tasks
from xstilts_eval.benchmark import family
from xstilts_eval.data import sources
from xstilts_eval.errors import MissingData
from xstilts_eval.paths import sample_path


def contexts(leaf: str, shots: int, data: str = "sample", **metadata: Any) -> list[str]:
    """Contexts of the requests for the first three documents."""
    task = load_tasks([leaf], data, **metadata)["tasks"][leaf]
    task.set_config("num_fewshot", shots)
    task.set_fewshot_seed(1234)
    task.build_all_requests(limit=3, rank=0, world_size=1)
    return [instance.args[0] for instance in task.instances]


def test_shots_are_english_training_questions() -> None:
    train = {example.question for example in sources.load(family("tydiqa"), "en", "train", sample_path()).examples}  # type: ignore[union-attr]
    for context in contexts("xtreme.tydiqa.sw", 2):
        assert sum(question in context for question in train) == 2
        assert context.endswith("Jibu:"), "the question itself stays in the test language"


def test_no_shots_unless_asked_for() -> None:
    assert set(contexts("xtreme.xnli.sw", 0)) == {""}


def test_the_scored_split_gives_no_shots(tmp_path: Path) -> None:
    """With split=dev and no training file there is nothing to show but the rows that are scored."""
    shutil.copytree(sample_path() / "XNLI-1.0", tmp_path / "XNLI-1.0")
    with pytest.raises(MissingData, match="shots are never taken from the test language"):
        contexts("xtreme.xnli.en", 2, str(tmp_path), split="dev")


def test_without_english_training_data_shots_are_refused(tmp_path: Path) -> None:
    (tmp_path / "xquad").mkdir()
    shutil.copy(sample_path() / "xquad" / "xquad.zh.json", tmp_path / "xquad")
    with pytest.raises(MissingData, match="needs English training data of XQuAD"):
        contexts("xtreme.xquad.zh", 1, str(tmp_path))
