"""Chat models that think aloud: the thought goes before stops apply, under `--model xstilts` and `--model hf` alike."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import bridged_host
from tests.run_host import load_tasks
from tests.tiny_language_models import make_thinker
from xstilts_eval.errors import SettingError, UnfitCheckpoint
from xstilts_eval.models.adapter import XstiltsLM

LEAVES = ["xtreme.xquad.en", "flores200.to_eng.deu_Latn", "xtreme.udpos.en"]


@pytest.fixture(scope="module")
def thinkers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("thinkers")
    return {
        "plain": make_thinker(root / "plain"),
        "opened": make_thinker(root / "opened", opens_in_prompt=True),
        "endless": make_thinker(root / "endless", answer=""),
        "endless opened": make_thinker(root / "endless_opened", answer="", opens_in_prompt=True),
    }


@pytest.fixture(scope="module", autouse=True)
def bridge() -> Iterator[None]:
    with bridged_host.bridged():
        yield


def run(kind: str, folder: Path, leaves: list[str], most: int = 16, **arguments: Any) -> dict[str, Any]:
    """Results of one document of each leaf, asked as a conversation."""
    if kind == "hf":
        return bridged_host.hf(
            folder,
            leaves,
            limit=1,
            model_args=arguments,
            apply_chat_template=True,
            fewshot_as_multiturn=True,
            gen_kwargs={"max_gen_toks": most},
        )
    from lm_eval import evaluate

    loaded = load_tasks(leaves)
    for task in loaded["tasks"].values():
        if task.config.generation_kwargs:
            task.set_config("generation_kwargs", {"max_gen_toks": most}, update=True)
    model = XstiltsLM(pretrained=str(folder), show_progress=False, **arguments)
    results: dict[str, Any] = evaluate(model, loaded, limit=1, apply_chat_template=True, bootstrap_iters=0)
    return results | {"config": model.get_model_info()}


def answers(results: dict[str, Any]) -> set[str]:
    return {row["filtered_resps"][0] for rows in results["samples"].values() for row in rows}


@pytest.mark.parametrize("kind", ["xstilts", "hf"])
@pytest.mark.parametrize("shape", ["plain", "opened"])
@pytest.mark.parametrize("end", ["</think>", 7])  # the token's id in `make_thinker`'s vocabulary
def test_the_answer_follows_the_thought(thinkers: dict[str, Path], kind: str, shape: str, end: Any) -> None:
    """The thought begins with a line break, which is every task's stop; the answer is the one without thinking."""
    results = run(kind, thinkers[shape], LEAVES, enable_thinking=True, think_end_token=end)
    assert answers(results) == {"Elvir"}
    settings = results["configs"][LEAVES[0]]["metadata"]["xs_thinking"]
    assert settings["enable_thinking"] is True and str(settings["think_end_token"]) == str(end)
    assert results["results"]["flores200.to_eng.deu_Latn"]["unparsed,none"] == 0


@pytest.mark.parametrize("kind", ["xstilts", "hf"])
def test_thinking_can_be_switched_off(thinkers: dict[str, Path], kind: str) -> None:
    results = run(kind, thinkers["plain"], LEAVES, enable_thinking=False)
    assert {row["resps"][0][0] for rows in results["samples"].values() for row in rows} == {"Elvir"}


@pytest.mark.parametrize("kind", ["xstilts", "hf"])
@pytest.mark.parametrize("shape", ["endless", "endless opened"])
def test_a_thought_without_an_end_is_no_answer(thinkers: dict[str, Path], kind: str, shape: str) -> None:
    """Counted and scored as an empty one, in translation too."""
    results = run(kind, thinkers[shape], LEAVES, enable_thinking=True, think_end_token="</think>")
    assert answers(results) == {""}
    for leaf in LEAVES:
        assert results["results"][leaf]["unparsed,none"] == 1
    assert results["results"]["flores200.to_eng.deu_Latn"]["chrf++,none"] == 0


def test_too_few_tokens_for_the_thought(thinkers: dict[str, Path]) -> None:
    results = run("xstilts", thinkers["plain"], LEAVES, most=3)
    assert {results["results"][leaf]["unparsed,none"] for leaf in LEAVES} == {1}


def test_nobody_decided(thinkers: dict[str, Path], caplog: pytest.LogCaptureFixture) -> None:
    """Ours knows the tokenizer's end of thoughts, the host does not; both are told once that there is a choice."""
    with caplog.at_level(logging.WARNING, logger="xstilts_eval"):
        assert answers(run("xstilts", thinkers["plain"], LEAVES)) == {"Elvir"}
        assert answers(run("hf", thinkers["plain"], LEAVES)) == {""}
    hints = [record.getMessage() for record in caplog.records if "knows thinking" in record.getMessage()]
    assert len(hints) == 2 and all("enable_thinking=false" in hint for hint in hints)
    caplog.clear()
    with caplog.at_level(logging.WARNING, logger="xstilts_eval"):
        run("xstilts", thinkers["plain"], LEAVES[:1], enable_thinking=False)
    assert not [record for record in caplog.records if "knows thinking" in record.getMessage()]


def test_thinking_and_likelihoods_do_not_go_together(thinkers: dict[str, Path]) -> None:
    for kind in ("xstilts", "hf"):
        with pytest.raises(UnfitCheckpoint, match="no place for thinking; leave enable_thinking out"):
            run(kind, thinkers["plain"], ["xtreme.xnli.sw"], enable_thinking=True, think_end_token="</think>")


def test_ends_that_cannot_be(thinkers: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(SettingError, match=r"think_end_token=9999: the vocabulary has 264 tokens"):
        run("xstilts", thinkers["plain"], LEAVES[:1], think_end_token=9999)
    from tests.tiny_language_models import make_llama

    with pytest.raises(SettingError, match=r"what ends a thought of .* is not known; give think_end_token"):
        run("xstilts", make_llama(tmp_path / "llama", chat=True), LEAVES[:1], enable_thinking=True)
