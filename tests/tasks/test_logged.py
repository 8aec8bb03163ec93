"""Rows and requests of our own against the host's."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from lm_eval.api.task import ConfigurableTask
from lm_eval.utils import handle_non_serializable

from tests.run_host import load_tasks
from xstilts_eval.tasks import logged

LEAVES = ("xtreme.xnli.sw", "xtreme.udpos.de", "xtreme.xquad.es", "xtreme.tatoeba.fr", "xtremer.xcopa.qu")
"""One of every way of asking."""


def made_up(chance: random.Random, depth: int) -> Any:
    """A value of plain data, texts of any characters."""
    text = "".join(chance.choice('aß"\\/\n\r\t\x00\x7f\u2028字😀\ud83d') for _ in range(chance.randrange(6)))
    simple = (text, chance.randrange(-(10**20), 10**20), chance.random(), True, None, float("inf"), chance, "")
    if depth == 0 or chance.random() < 0.3:
        return chance.choice(simple)
    items = [made_up(chance, depth - 1) for _ in range(chance.randrange(4))]
    shape = chance.randrange(4)
    if shape == 0:
        return {f"{text}{place}": item for place, item in enumerate(items)}
    if shape == 1:
        return {place: item for place, item in enumerate(items)}
    return tuple(items) if shape == 2 else [text] * len(items)


@pytest.mark.parametrize("seed", range(20))
def test_json_with_line_breaks_is_the_librarys(seed: int) -> None:
    chance = random.Random(seed)
    for _ in range(50):
        value = made_up(chance, 4)
        wanted = json.dumps(value, indent=2, ensure_ascii=False, default=handle_non_serializable)
        assert logged.indented(value) == wanted


@pytest.mark.parametrize("leaf", LEAVES)
def test_a_bare_request_is_the_one_that_the_host_makes(leaf: str) -> None:
    """Text and arguments without examples, instruction or conversation; retrieval's context, which has no arguments."""
    (task,) = load_tasks([leaf])["tasks"].values()
    options: dict[str, Any] = {"metadata": (leaf, 0, 1), "apply_chat_template": False, "chat_template": None}
    for doc in task.data.documents[:3]:
        context = task.fewshot_context(doc, 0)
        assert context == ConfigurableTask.fewshot_context(task, doc, 0)
        if not task.is_retrieval:
            own = task.construct_requests(doc, context, **options)
            assert own == ConfigurableTask.construct_requests(task, doc, context, **options)


def test_settings_of_generation_are_each_requests_own() -> None:
    (task,) = load_tasks(["xtreme.udpos.de"])["tasks"].values()
    first, second = (task.construct_requests({}, "text", metadata=("udpos", 0, 1)) for _ in range(2))
    first.arguments[1].pop("max_gen_toks")
    first.arguments[1]["until"].clear()
    assert second.arguments[1]["until"] and "max_gen_toks" in second.arguments[1]
    assert task.config.generation_kwargs == second.arguments[1]
