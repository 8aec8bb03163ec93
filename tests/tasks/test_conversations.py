"""What a chat model is sent: the rendered conversation of every family, with and without shots."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from tests.run_host import load_tasks
from tests.tiny_language_models import make_llama

# Of every kind of prompt one leaf, in a language with blanks and in one without; and FLORES-200's two directions.
LEAVES = [
    "xtreme.xnli.th",
    "xtremer.xnli.sw",
    "xtreme.pawsx.ja",
    "xtreme.udpos.de",
    "xtremer.panx.th",
    "xtreme.xquad.zh",
    "xtremer.mlqa.es",
    "xtreme.tydiqa.sw",
    "xtremer.xcopa.zh",
    "xtremer.xcopa.it",
    "flores200.to_eng.deu_Latn",
    "flores200.from_eng.zho_Hans",
]


def render(history: list[dict[str, str]], add_generation_prompt: bool = True) -> str:
    return json.dumps(history)


def requests(leaf: str, shots: int, multiturn: bool) -> list[Any]:
    """Requests of the first document."""
    task = load_tasks([leaf])["tasks"][leaf]
    task.set_config("num_fewshot", shots)
    task.set_fewshot_seed(1234)
    options = {"apply_chat_template": True, "fewshot_as_multiturn": multiturn, "chat_template": render}
    task.build_all_requests(limit=1, rank=0, world_size=1, **options)
    found: list[Any] = task.instances
    return found


def facts(doc: dict[str, Any]) -> list[str]:
    """What the model must read before it answers."""
    names = ("premise", "question", "context", "source")
    if "choices" in doc:
        return [doc["premise"].strip()[:-1]]
    return [doc[name] for name in names if name in doc] or [" ".join(doc["tokens"])]


@pytest.mark.parametrize("multiturn", [False, True])
@pytest.mark.parametrize("shots", [0, 2])
@pytest.mark.parametrize("leaf", LEAVES)
def test_the_prompt_is_the_users_turn(leaf: str, shots: int, multiturn: bool) -> None:
    found = requests(leaf, shots, multiturn)
    for request in found:
        history = json.loads(request.arguments[0])
        roles = [turn["role"] for turn in history]
        assert roles == ["user", "assistant"] * (shots if multiturn else 0) + ["user"]
        assert all(turn["content"] and turn["content"] == turn["content"].strip() for turn in history)
        assert all(fact.strip() in history[-1]["content"] for fact in facts(request.doc))
        if shots and not multiturn:
            assert history[0]["content"].count("\n\n") >= shots
    if found[0].request_type == "loglikelihood":
        choices = [request.arguments[1] for request in found]
        assert len(set(choices)) == len(choices) > 1
        assert all(choice == choice.lstrip() for choice in choices)
        premise = found[0].doc["premise"].strip()[:-1]
        assert not any(premise in choice for choice in choices), "what is given is not scored"


def test_a_conversation_by_hand() -> None:
    """XGLM's cloze, cut at its question mark."""
    first, *_ = requests("xtreme.xnli.en", 1, True)
    shot, answer, question = (turn["content"] for turn in json.loads(first.arguments[0]))
    assert shot.endswith(", right?") and question == f"{first.doc['premise']}, right?"
    assert answer.split(", ")[0] in ("Yes", "No", "Also")
    assert first.arguments[1] == f"No, {first.doc['hypothesis']}"


def test_shots_in_one_turn_read_as_the_cloze() -> None:
    first, *_ = requests("xtreme.pawsx.de", 2, False)
    (turn,) = json.loads(first.arguments[0])
    one, other, question = turn["content"].split("\n\n")
    assert all(", right? Yes, " in shot or ", right? No, " in shot for shot in (one, other))
    assert question.endswith(", richtig?")


def test_running_text_is_as_it_was() -> None:
    """Without a chat template whole sentences compete and the context is empty."""
    task = load_tasks(["xtreme.xnli.en"])["tasks"]["xtreme.xnli.en"]
    task.build_all_requests(limit=1, rank=0, world_size=1)
    doc = task.instances[0].doc
    assert [request.arguments for request in task.instances] == [
        ("", f" {doc['premise']}, right? {word}, {doc['hypothesis']}") for word in ("No", "Yes", "Also")
    ]


def test_one_beginning_one_order(tmp_path: Path) -> None:
    """Scores of the cut cloze differ from those of whole sentences by what the sentences share, if tokens agree."""
    from xstilts_eval.models.adapter import XstiltsLM

    model = XstiltsLM(str(make_llama(tmp_path / "llama")), show_progress=False)._language()
    task = load_tasks(["xtreme.xnli.en"])["tasks"]["xtreme.xnli.en"]
    doc = task.data.documents[0]
    from xstilts_eval.tasks import prompts

    whole = [model._encode("", text) for text in prompts.xnli_choices(doc)]
    cut = [model._encode(prompts.xnli_question(doc), text) for text in prompts.xnli_answers(doc)]
    whole_scores = [score for score, _ in model._one_by_one(whole)]
    cut_scores = [score for score, _ in model._one_by_one(cut)]
    shared = [one - other for one, other in zip(whole_scores, cut_scores, strict=True)]
    assert all(math.isclose(value, shared[0], rel_tol=1e-4) for value in shared)
