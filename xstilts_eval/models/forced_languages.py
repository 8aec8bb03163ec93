"""Translation by checkpoints that are told both languages by code, NLLB and M2M-100, instead of by a prompt.

The source's code stands before its text and the target's is forced as the first token (their model cards; the
tokenizers' `src_lang`). NLLB's codes are FLORES-200's; M2M-100's are ISO 639-1 or -3, of which only those count that
mean one language of FLORES-200.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from xstilts_eval.errors import UnfitCheckpoint, UnknownName
from xstilts_eval.language_codes import find, flores_languages


def applies(config: Any) -> bool:
    """Whether a configuration is of a model with forced languages."""
    return bool(config.model_type == "m2m_100")


@dataclass(frozen=True)
class Direction:
    """A pair of languages as the model knows them: the source's code and the target's first token."""

    source: str
    first: int


def directions(name: str, tokenizer: Any, pairs: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Direction]:
    """The model's codes for pairs of FLORES-200 codes; raises `UnfitCheckpoint` naming all languages it lacks."""
    codes, tokens = _codes(tokenizer), _tokens(tokenizer)
    lacking = sorted({code for pair in pairs for code in pair if code not in codes})
    if lacking:
        listed = ", ".join(f"{code} ({flores_languages()[code].name})" for code in lacking)
        raise UnfitCheckpoint(f"{name} does not know {listed}; take them out of --tasks")
    return {(source, target): Direction(codes[source], tokens[codes[target]]) for source, target in pairs}


@torch.inference_mode()
def translate(
    model: Any, tokenizer: Any, texts: Sequence[str], direction: Direction, most: int, longest: int
) -> list[str]:
    """Greedy translations of at most `most` tokens each; texts of more than `longest` tokens are cut."""
    tokenizer.src_lang = direction.source
    inputs = tokenizer(list(texts), padding=True, truncation=True, max_length=longest, return_tensors="pt")
    output = model.generate(
        input_ids=inputs["input_ids"].to(model.device),
        attention_mask=inputs["attention_mask"].to(model.device),
        forced_bos_token_id=direction.first,
        max_new_tokens=most,
        num_beams=1,
        do_sample=False,
    )
    # What starts the decoder and the target's code come first.
    found: list[str] = tokenizer.batch_decode(output[:, 2:], skip_special_tokens=True)
    return found


def _codes(tokenizer: Any) -> dict[str, str]:
    """The model's code by FLORES-200 code."""
    if hasattr(tokenizer, "lang_code_to_id"):
        return {flores: code for code in tokenizer.lang_code_to_id if (flores := _meant(code)) is not None}
    vocabulary = tokenizer.get_vocab()
    return {code: code for code in flores_languages() if code in vocabulary}


def _tokens(tokenizer: Any) -> dict[str, int]:
    """Token of each of the model's codes."""
    return dict(tokenizer.lang_code_to_id if hasattr(tokenizer, "lang_code_to_id") else tokenizer.get_vocab())


def _meant(code: str) -> str | None:
    try:
        return find(code).code
    except UnknownName:  # M2M-100 has languages that FLORES-200 lacks, and macro-languages
        return None
