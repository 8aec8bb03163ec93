"""Answers without the thoughts before them; a thought that never ends leaves none."""

import pytest

from xstilts_eval import thoughts


@pytest.mark.parametrize(
    ("response", "answer"),
    [
        ("Elvir", "Elvir"),
        (" Elvir\n", " Elvir\n"),  # what holds no thought is left as it is
        ("<think>\nElvir? No.\n</think>\n\nAnna", "Anna"),
        ("\n<think></think>Anna", "Anna"),
        ("Anna, I think</think>Elvir", "Elvir"),  # a template that opens the thought in the prompt
        ("[THINK]a\nb[/THINK]Anna", "Anna"),
        ("<think>first</think>Anna<think>second", "Anna<think>second"),
        ("Anna <think>or Elvir</think>", "Anna <think>or Elvir</think>"),  # not in front
        ("<think>\nElvir is", None),
        ("<seed:think>", None),
        ("<thinkers>", "<thinkers>"),
        ("", ""),
    ],
)
def test_answer_of(response: str, answer: str | None) -> None:
    assert thoughts.answer_of(response) == answer


@pytest.mark.parametrize(
    ("template", "is_known"),
    [
        ("{% if enable_thinking is defined and not enable_thinking %}", True),
        ("{{ '<think>\n' }}", True),
        ({"default": "{{ messages }}", "tools": "[/THINK]"}, True),
        ("{{ messages }} I think", False),
        (None, False),
    ],
)
def test_templates_that_know_thinking(template: object, is_known: bool) -> None:
    assert thoughts.is_known_to(template) == is_known
    assert bool(thoughts.hint("model", template)) == is_known
