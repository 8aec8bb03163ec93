"""Signatures: what is written is read, what is read is written, and today's lines are both."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from tests.host_results import host_results
from xstilts_eval.errors import DataError
from xstilts_eval.results import record
from xstilts_eval.results.signature import Signature, shared

END = "shots:0|limit:none|torch:2.13.0+cpu|transformers:5.24.0|xstilts:0.1.0|lm_eval:0.4.13"
TODAY = [
    "xtreme.xnli.sw|data:sample@ff5787db22b2|split:test|sample|task:1.0|metric:acc|v1|ckpt:b1bff4f8d7a3|max_length:128"
    f"|labels:entailment/neutral/contradiction|dtype:float32|{END}",
    "xtreme.panx.sw|data:hub@ff5787db22b2|split:test|partial|copy:google/xtreme@ec5f1f46e9af: none known|scored:20/24"
    "|task:1.0|metric:chunk_f1|rule:conlleval|avg:micro|v1|ckpt:some/model@0123456789ab|max_length:128|mapped:ptb"
    f"|extra_types:mask|dtype:bfloat16|{END}",
    "bitext.tatoeba.tzl|data:local@1ce46fe31b05|split:test|task:1.0|metric:nearest_acc|v1|query:foreign"
    f"|ckpt:cbf231bb01e4|layer:last|pooling:mean|max_length:256|prompt:'query: '|dtype:float32|{END}",
    "xtremer.lareqa.en|data:local@1ce46fe31b05|split:test|task:1.0|metric:map_at_20|over:min(correct,20)|v1"
    "|ckpt:cbf231bb01e4|layer:last|pooling:cls|max_length:96/256|query_prompt:'query: '|passage_prompt:'passage: '"
    f"|dtype:float32|{END}",
    "xtreme.mlqa.de|data:local@1ce46fe31b05|split:test|task:1.0|metric:qa|norm:mlqa-de|gold:max|v1|ckpt:cbf231bb01e4"
    "|max_length:1024|prompt:xstilts_eval.tasks.prompts.mlqa_text|max_gen_toks:64|temperature:0.2|chat_template:no"
    "|dtype:float32|shots:2|limit:0.5|xstilts:0.1.0|lm_eval:0.4.13",
    "flores200pair.translation.any|data:local@1ce46fe31b05|split:dev|task:1.0|metric:chrf++|nrefs:1|case:mixed|eff:yes"
    "|nc:6|nw:2|space:no|sacrebleu:2.5.1+spbleu:missing|pair:deu_Latn-fra_Latn|model:gpt2"
    "|prompt:none, forced languages|chat_template:yes|shots:0|limit:10.0|xstilts:0.1.0|lm_eval:?",
]


@pytest.mark.parametrize("line", TODAY)
def test_a_line_of_today_is_read_and_written(line: str) -> None:
    read = Signature.parse(line)
    assert str(read) == line
    assert Signature.parse(str(read)) == read


def test_a_record_signs_so() -> None:
    results = host_results({"xtreme.xnli.sw": {"acc": 0.5}, "xtreme.tatoeba.sw": {"acc": 0.5}})
    for leaf in record.from_host(results).leaves:
        assert str(Signature.parse(leaf.signature)) == leaf.signature


def test_fields_by_hand() -> None:
    read = Signature.parse(TODAY[1])
    assert (read.leaf, read.source, read.revision, read.documents) == (
        "xtreme.panx.sw",
        "hub",
        "ff5787db22b2",
        "partial",
    )
    assert read.copy == "google/xtreme@ec5f1f46e9af: none known" and read.scored == (20, 24)
    assert read.metric == "chunk_f1|rule:conlleval|avg:micro|v1"
    assert [read.setting(name) for name in ("mapped", "extra_types", "dtype", "layer")] == [
        "ptb",
        "mask",
        "bfloat16",
        None,
    ]
    assert (read.shots, read.limit) == (0, None)
    assert read.versions == (("torch", "2.13.0+cpu"), ("transformers", "5.24.0"))
    asked = Signature.parse(TODAY[4])
    assert asked.settings[2:5] == (("max_gen_toks", "64"), ("temperature", "0.2"), ("chat_template", "no"))
    assert asked.versions == () and asked.limit == "0.5"
    assert Signature.parse(TODAY[3]).setting("query_prompt") == "'query: '"


def test_what_was_measured_and_how_it_was_run() -> None:
    """Weights, precision, versions and the copy's name may differ between two scores of one thing; all else may not."""
    read = Signature.parse(TODAY[1])
    assert read.measured() == {
        "documents": "partial", "data": "ff5787db22b2", "split": "test", "scored": "20/24", "task": "1.0",
        "metric": "chunk_f1|rule:conlleval|avg:micro|v1", "max_length": "128", "mapped": "ptb", "extra_types": "mask",
        "shots": "0", "limit": "none",
    }  # fmt: skip
    assert list(read.conditions()) == [
        "max_length", "mapped", "extra_types", "dtype", "shots", "torch", "transformers", "xstilts", "lm_eval",
    ]  # fmt: skip


def test_prompts_and_options_are_fields_of_their_own() -> None:
    fields = Signature.parse(TODAY[3]).fields()
    assert (fields["max_length"], fields["query_prompt"]) == ("96/256", "'query: '")
    assert Signature.parse(TODAY[4]).fields()["temperature"] == "0.2"


def _random(rng: random.Random) -> Signature:
    def text() -> str:
        return "".join(rng.choice("ab:|/'\" @→字") for _ in range(rng.randint(1, 9)))

    def maybe(value: Any) -> Any:
        return value if rng.random() < 0.5 else None

    is_ours = rng.random() < 0.5
    return Signature(
        leaf=f"xtreme.xnli.{rng.choice(['sw', 'de'])}",
        source=rng.choice(["sample", "local", "hub"]),
        revision=f"{rng.getrandbits(48):012x}",
        split=rng.choice(["test", "dev"]),
        task="1.0",
        metric="|".join(["acc", *rng.sample(["rule:a", "avg:micro", "limit:3"], rng.randint(0, 3)), "v1"]),
        documents=rng.choice(["complete", "partial", "sample"]),
        copy=maybe(text()),
        scored=maybe((rng.randint(0, 9), 9)),
        checkpoint=text() if is_ours else None,
        model=None if is_ours else text(),
        settings=tuple((name, text()) for name in ("layer", "prompt", "labels", "a_new_one") if rng.random() < 0.5),
        shots=rng.randint(0, 5),
        limit=maybe("0.5"),
        versions=tuple((name, "1|2") for name in ("torch", "transformers") if rng.random() < 0.5),
        xstilts=rng.choice(["", "0.1.0"]),
        lm_eval=rng.choice(["?", "0.4.13"]),
    )


def test_whatever_is_written_is_read() -> None:
    rng = random.Random(1)
    for _ in range(3000):
        made = _random(rng)
        assert Signature.parse(str(made)) == made, str(made)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", "lacks data: the line ends there"),
        ("xtreme.xnli.sw|split:test", "lacks data: 'split:test' stands there"),
        (TODAY[0].replace("|shots:0", ""), "lacks shots"),
        (TODAY[0].replace("shots:0", "shots:some"), "'some' where a whole number belongs"),
        (TODAY[0].replace("|ckpt:b1bff4f8d7a3", ""), "names neither ckpt nor model"),
        (TODAY[0] + "|more", "does not end with lm_eval"),
    ],
)
def test_a_line_that_is_none_is_refused(line: str, words: str) -> None:
    with pytest.raises(DataError) as caught:
        Signature.parse(line)
    assert words in str(caught.value)


def test_what_signatures_share() -> None:
    one = Signature.parse(TODAY[2])
    found = {"tzl": one, "swg": replace(one, revision="aaaaaaaaaaaa", leaf="bitext.tatoeba.swg")}
    common, own = shared(found)
    assert own == {"tzl": "data:local@1ce46fe31b05", "swg": "data:local@aaaaaaaaaaaa"}
    assert common.startswith("split:test|task:1.0|metric:nearest_acc|v1|query:foreign|ckpt:cbf231bb01e4")
