"""Multi-token choices on a decoder: ours over the shared context against the host's own HFLM."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lm_eval.api.instance import Instance
from lm_eval.models.huggingface import HFLM

from benchmarks import inputs
from benchmarks.inputs import Document, Size
from benchmarks.measure import Agreement, Comparison, Contender
from xstilts_eval.models.language_model import LanguageModel
from xstilts_eval.models.processes import Processes
from xstilts_eval.models.source import Source
from xstilts_eval.tasks import prompts

BATCHES = (1, 8, 16)
TOLERANCE = 1e-5
"""Relative difference of two log-likelihoods that counts as equal in fp32."""
_LIMITS = (
    "Tokens: ours computes the shared part once, a choice's own tail still once each, so short contexts with long "
    "tails gain least."
)


def choices(size: Size) -> Comparison:
    """Cloze with three words, no examples: whole sentences compete."""
    documents = _pairs(size.choices)
    return _comparison("choices", "Three choices, zero-shot", documents, [("", _cloze(doc)) for doc in documents])


def choices_few_shot(size: Size) -> Comparison:
    """The same behind four English examples."""
    documents = _pairs(size.choices)
    shots = [_cloze(doc)[doc["label"]] for doc in inputs.documents("pawsx", ("en",), 4, "dev")]
    context = "\n\n".join(shots) + "\n\n"
    rows = [(context, _cloze(doc)) for doc in documents]
    return _comparison("choices_few_shot", "Three choices, four English examples", documents, rows)


def choices_long(size: Size) -> Comparison:
    """Four answers to a question about a paragraph."""
    documents = inputs.questions(max(4, size.choices))
    answers = [doc["answers"][0]["text"] for doc in documents]
    rows = []
    for number, doc in enumerate(documents):
        four = [answers[(number + shift) % len(answers)] for shift in range(4)]
        rows.append((prompts.question_text(doc), [f" {answer}" for answer in four]))
    return _comparison("choices_long", "Four choices behind a paragraph", documents, rows)


def _pairs(count: int) -> list[Document]:
    return inputs.documents("pawsx", ("de", "zh"), count)


def _cloze(document: Document) -> list[str]:
    """XNLI's three sentences around a PAWS-X pair, since XNLI itself is not at hand."""
    asked: Document = {**document, "family": "xnli"}
    return prompts.xnli_choices(asked)


def requests(documents: Sequence[Document], rows: Sequence[tuple[str, Sequence[str]]]) -> list[Instance]:
    """The host's requests for documents given as (context, continuations)."""
    return [
        Instance("loglikelihood", documents[number], (context, text), index, metadata=("choices", number, 1))
        for number, (context, texts) in enumerate(rows)
        for index, text in enumerate(texts)
    ]


def _comparison(
    name: str, title: str, documents: Sequence[Document], rows: Sequence[tuple[str, Sequence[str]]]
) -> Comparison:
    folder = inputs.write_decoder(Path(tempfile.mkdtemp(prefix="benchmarks-")))
    ours = LanguageModel(Source(str(folder)), inputs.runtime(), Processes())
    asked = requests(documents, rows)
    contenders = tuple(_hflm(ours, size, asked) for size in BATCHES)
    tokens = sum(len(ours.tok_encode("".join(request.args))) for request in asked)
    return Comparison(
        name=name,
        title=title,
        inputs=(
            f"{len(documents)} documents, {len(asked)} choices of {tokens / len(asked):.0f} tokens with their context, "
            f"a Llama-shaped decoder of {ours.model.num_parameters() / 1e6:.0f} million random weights, vocabulary "
            f"{inputs.VOCABULARY:,}, fp32"
        ),
        ours=Contender("LanguageModel.loglikelihood", lambda: ours.loglikelihood(asked, disable_tqdm=True)),
        peers=contenders,
        agree=_same_likelihoods,
        targets={peer.name: 2.5 for peer in contenders},
        limits=_LIMITS,
        models=(ours.model,),
    )


def _hflm(ours: LanguageModel, batch: int, asked: list[Instance]) -> Contender:
    host = HFLM(pretrained=ours.model, tokenizer=ours.tokenizer, backend="causal", batch_size=batch)
    return Contender(f"HFLM, batch {batch}", lambda: host.loglikelihood(asked, disable_tqdm=True))


def _same_likelihoods(ours: Any, theirs: Any) -> Agreement:
    pairs = list(zip(ours, theirs, strict=True))
    absolute = max(abs(one[0] - other[0]) for one, other in pairs)
    relative = max(abs(one[0] - other[0]) / max(1.0, abs(other[0])) for one, other in pairs)
    same = sum(one[1] == other[1] for one, other in pairs)
    return Agreement(
        relative <= TOLERANCE,
        f"log-likelihoods within {absolute:.0e} ({relative:.0e} of their size), "
        f"{same} of {len(pairs)} greedy flags equal",
    )
