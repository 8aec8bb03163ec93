"""XCOPA's prompt against the host's own, and where it is meant to differ."""

import importlib
from typing import Any

import pytest

from tests.run_host import run_host
from tests.shared_data import DATA, needs_data
from xstilts_eval.benchmark import family
from xstilts_eval.tasks import prompts
from xstilts_eval.tasks.documents import load_leaf


def _host(language: str, doc: Any) -> list[str]:
    """Both sequences as lm-evaluation-harness 0.4.13 writes them: context, one blank, choice."""
    utils = importlib.import_module("lm_eval.tasks.xcopa.utils")
    raw = {**doc, "choice1": doc["choices"][0], "choice2": doc["choices"][1]}
    context = getattr(utils, f"doc_to_text_{language}")(raw)
    return [f"{context} {choice}" for choice in utils.doc_to_choice(raw)]


def _ours(doc: Any) -> list[str]:
    return [prompts.xcopa_text(doc) + choice for choice in prompts.xcopa_choices(doc)]


@needs_data
@pytest.mark.parametrize("language", [code for code in family("xcopa").languages if code not in ("th", "zh")])
def test_the_prompt_is_the_hosts_wherever_the_premise_ends_in_a_full_stop(language: str) -> None:
    documents: Any = load_leaf(family("xcopa"), language, str(DATA)).documents
    stopped = [doc for doc in documents if doc["premise"].strip()[-1] in ".!?…"]
    assert len(stopped) > (400 if language != "ta" else 0), "Tamil premises end without one: the host cuts a letter"
    assert [_ours(doc) for doc in stopped] == [_host(language, doc) for doc in stopped]


@pytest.mark.parametrize(
    ("language", "question", "premise", "options", "expected"),
    [
        ("it", "cause", "Piove.", ("È tardi.", "Ho sete."), ["Piove perché è tardi.", "Piove perché ho sete."]),
        ("zh", "effect", "下雨了。", ("路湿了。", "路干了。"), ["下雨了所以路湿了。", "下雨了所以路干了。"]),
        ("th", "cause", "ฝนตก", ("ดึก", "เช้า"), ["ฝนตกเพราะดึก", "ฝนตกเพราะเช้า"]),
        ("et", "effect", "Sajab", ("Märg.", "Kuiv."), ["Sajab seetõttu märg.", "Sajab seetõttu kuiv."]),
    ],
    ids=["small first letter", "no blanks", "no letter is cut in Thai", "nor where there is no full stop"],
)
def test_prompts_by_hand(
    language: str, question: str, premise: str, options: tuple[str, ...], expected: list[str]
) -> None:
    doc = {"family": "xcopa", "language": language, "question": question, "premise": premise, "choices": list(options)}
    assert _ours(doc) == expected


def test_a_head_scores_options_not_positions(tiny_bundle: Any) -> None:
    """Against the library's own multiple-choice forward pass, one question at a time."""
    import torch
    from transformers import AutoModelForMultipleChoice, AutoTokenizer

    leaf = "xtremer.xcopa.it"
    results = run_host([leaf], tiny_bundle)
    folder = tiny_bundle / "xcopa"
    model, tokenizer = AutoModelForMultipleChoice.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    right = 0
    for sample in results["samples"][leaf]:
        doc = sample["doc"]
        first = f"{doc['premise']} What was the {doc['question']}?"
        encoding = tokenizer([first, first], doc["choices"], padding=True, return_tensors="pt")
        with torch.inference_mode():
            logits = model(**{name: value[None] for name, value in encoding.items()}).logits[0]
        expected = torch.log_softmax(logits, dim=-1).tolist()
        assert [float(one[0]) for one in sample["filtered_resps"]] == pytest.approx(expected, abs=1e-5)
        right += int(logits.argmax()) == doc["label"]
    assert results["results"][leaf]["acc,none"] == right / 6


def test_shots_are_copas_english_ones() -> None:
    from xstilts_eval.paths import sample_path
    from xstilts_eval.tasks.documents import english_shots

    shots: Any = english_shots(family("xcopa"), sample_path(), "test")
    assert shots and {shot["language"] for shot in shots} == {"en"}
    assert prompts.xcopa_text(shots[0]) == "The milk boiled over because"
