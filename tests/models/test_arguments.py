"""``-a``: key=value with quotes, or JSON; blanks of prompts survive, and the prompt is shown."""

from __future__ import annotations

import logging
import shlex
from pathlib import Path
from typing import Any

import pytest
from lm_eval._cli.utils import key_val_to_dict

from xstilts_eval.errors import SettingError
from xstilts_eval.models import arguments
from xstilts_eval.models.adapter import XstiltsLM

PASSAGE = {"prompt": "query: "}


def in_a_shell(typed: str) -> str:
    """What reaches the program when a user types this behind ``-a``."""
    (word,) = shlex.split(typed)
    return word


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("prompt='query: '", PASSAGE),
        ('''"prompt='query: '"''', PASSAGE),
        ("""'prompt="query: "'""", PASSAGE),
        ('"prompt=query: "', PASSAGE),
        ('\'{"prompt": "query: "}\'', PASSAGE),
        ("prompt='query: ',layer=3", PASSAGE | {"layer": 3}),
        ('''"prompt='a, b: ',layer=3"''', {"prompt": "a, b: ", "layer": 3}),
        ('\'{"prompt": "a, b=c: ", "layer": 3}\'', {"prompt": "a, b=c: ", "layer": 3}),
        ('"prompt=it\'s: ,layer=3"', {"prompt": "it's: ", "layer": 3}),
        ("'dtype=bfloat16 , layer = 3'", {"dtype": "bfloat16", "layer": 3}),
        ("enable_thinking=false", {"enable_thinking": False}),
        ("think_end_token='</think>'", {"think_end_token": "</think>"}),
        ("think_end_token=151668", {"think_end_token": "151668"}),
        ('\'chat_template_args={"effort": "low", "n": 2}\'', {"chat_template_args": {"effort": "low", "n": 2}}),
        ("'label_order=a|b|c'", {"label_order": ("a", "b", "c")}),
    ],
)
def test_what_reaches_the_adapter(typed: str, expected: dict[str, Any]) -> None:
    given = arguments.read({"pretrained": "X", **arguments.parse(in_a_shell(typed))})
    assert given.model_dump(exclude_defaults=True) == {"pretrained": "X", **expected}


@pytest.mark.parametrize("typed", ["pretrained=X,prompt='query: '", '''"pretrained=X,prompt='a, b: '"'''])
def test_the_hosts_own_reader_keeps_the_blank(typed: str) -> None:
    """``lm_eval --model_args`` (0.4.13) splits outside of quotes, as ours does."""
    found = arguments.read(key_val_to_dict(in_a_shell(typed)))
    assert found.prompt in ("query: ", "a, b: ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("prompt=a, b", r"cannot read ' b' in --model-args; write key=value,key=value, with a value that holds a"),
        ("=3", "cannot read '=3'"),
        ('{"prompt": }', r"--model-args, line 1: not JSON"),
        ("chat_template_args={a: 1}", r"--model-args chat_template_args, line 1: not JSON"),
        ("layer=3,layer=4", r"gives layer twice \(3 and 4\)"),
    ],
)
def test_what_cannot_be_read(text: str, message: str) -> None:
    with pytest.raises(SettingError, match=message):
        arguments.parse(text)


def test_options_of_generation_are_numbers_and_truths() -> None:
    found = arguments.parse_generation("max_gen_toks=2048,do_sample=True,temperature=0.7,until=Q")
    assert found == {"max_gen_toks": 2048, "do_sample": True, "temperature": 0.7, "until": "Q"}


def test_code_of_checkpoints_is_not_run() -> None:
    with pytest.raises(SettingError, match="code of checkpoints is never run"):
        arguments.read({"pretrained": "X", "trust_remote_code": True})


def test_the_prompt_is_shown_and_a_bare_colon_warned_about(tiny_bundle: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="xstilts_eval"):
        XstiltsLM(str(tiny_bundle), prompt="query: ")
    assert [record.getMessage() for record in caplog.records if "prompt" in record.getMessage()] == [
        "retrieval puts before every sentence: prompt='query: '"
    ]
    caplog.clear()
    with caplog.at_level(logging.WARNING, logger="xstilts_eval"):
        XstiltsLM(str(tiny_bundle), prompt="query:")
    assert "prompt='query:' ends in a colon without a blank" in caplog.text
