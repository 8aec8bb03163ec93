"""Translation scored by sacrebleu: chrF++ and spBLEU, as n-gram counts per segment that add up.

The counts are sacrebleu's own (its `Metric` interface for statistics of a segment); scores here are fractions from 0 to
1, sacrebleu prints a hundred times that. FLORES-200's README names chrF++ as the primary metric and spBLEU beside it.
spBLEU needs the sentencepiece model of FLORES-200, which nothing here downloads: without it `spbleu` is None and the
score is missing, never 0.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cache, lru_cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xstilts_eval import fingerprints
from xstilts_eval.metrics.base import Metric, Scores, Statistics

log = logging.getLogger("xstilts_eval")

CHAR_ORDER, WORD_ORDER, BETA = 6, 2, 2
"""Popović 2017 (W17-4770): chrF++ counts character 6-grams and word 2-grams; recall weighs twice."""
_BLEU_ORDER = 4
SPM_FILE = "flores200sacrebleuspm"
SPM_SHA256 = "14bb8dfb35c0ffdea7bc01e56cea38b9e3d5efcdcb9c251d6b40538e1aab555a"
"""sacrebleu 2.6.0, `tokenizers/tokenizer_spm.py`, names the file; the hash is that of two public copies of it."""
SPM_ADDRESS = "https://tinyurl.com/flores200sacrebleuspm"


def chrf_from_counts(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """chrF++ (0-1) of counts [..., 24]: (hypothesis, reference, matching) n-grams of the eight orders.

    Mean precision and recall over the orders that both sides have (sacrebleu's default, ``eff:yes``), then their F2.
    """
    by_order = counts.reshape(*counts.shape[:-1], CHAR_ORDER + WORD_ORDER, 3)
    hypothesis, reference, matching = by_order[..., 0], by_order[..., 1], by_order[..., 2]
    used = (hypothesis > 0) & (reference > 0)
    orders = used.sum(axis=-1)

    def mean(whole: NDArray[np.float64]) -> NDArray[np.float64]:
        parts = np.divide(matching, whole, out=np.zeros_like(whole), where=used)
        total: NDArray[np.float64] = parts.sum(axis=-1)
        shares: NDArray[np.float64] = np.divide(total, orders, out=np.zeros_like(total), where=orders > 0)
        return shares

    precision, recall = mean(hypothesis), mean(reference)
    whole = BETA**2 * precision + recall
    part = (1 + BETA**2) * precision * recall
    score: NDArray[np.float64] = np.divide(part, whole, out=np.zeros_like(whole), where=whole > 0)
    return score


def _finish_chrf(statistics: Sequence[float]) -> Scores:
    return {"chrf++": float(chrf_from_counts(np.asarray(statistics, dtype=np.float64)))}


def bleu_score(statistics: Sequence[float]) -> Scores:
    """spBLEU (0-1) of summed counts: tokens of both sides, then correct and all n-grams of the four orders."""
    from sacrebleu.metrics.bleu import BLEU

    system, reference, *counts = statistics
    correct, total = counts[:_BLEU_ORDER], counts[_BLEU_ORDER:]
    score = BLEU.compute_bleu(correct, total, int(system), int(reference), smooth_method="exp")  # type: ignore[arg-type]
    return {"spbleu": score.score / 100}


def _segment(metric: object, reference: str, hypothesis: str) -> Statistics:
    """sacrebleu's counts of one segment against one reference."""
    rows = metric._extract_corpus_statistics([hypothesis], [[reference]])  # type: ignore[attr-defined]
    return tuple(rows[0])


@cache
def chrf() -> Metric[str, str]:
    """chrF++ as sacrebleu counts it (``nc:6|nw:2``)."""
    from sacrebleu.metrics.chrf import CHRF

    counter = CHRF(char_order=CHAR_ORDER, word_order=WORD_ORDER, beta=BETA)
    orders = [f"char{n}" for n in range(1, CHAR_ORDER + 1)] + [f"word{n}" for n in range(1, WORD_ORDER + 1)]
    return Metric(
        name="chrf++",
        names=("chrf++",),
        counts=tuple(f"{order}_{side}" for order in orders for side in ("hypothesis", "reference", "matching")),
        count=lambda reference, hypothesis: _segment(counter, reference, hypothesis),
        finish=_finish_chrf,
        choices=_choices(counter),
        version=_version(),
    )


@lru_cache(maxsize=4)
def _spbleu(model: Path) -> Metric[str, str]:
    from sacrebleu.metrics.bleu import BLEU

    counter = BLEU(tokenize="flores200", force=True)
    return Metric(
        name="spbleu",
        names=("spbleu",),
        counts=(
            "system_tokens",
            "reference_tokens",
            *(f"correct{n}" for n in range(1, _BLEU_ORDER + 1)),
            *(f"total{n}" for n in range(1, _BLEU_ORDER + 1)),
        ),
        count=lambda reference, hypothesis: _segment(counter, reference, hypothesis),
        finish=bleu_score,
        choices=_choices(counter),
        version=_version(),
    )


def spbleu() -> Metric[str, str] | None:
    """spBLEU with FLORES-200's tokenizer (``tok:flores200``); None, with one warning, where it cannot be computed."""
    reason = why_no_spbleu()
    if reason:
        _warn_once(reason)
        return None
    return _spbleu(spm_path())


def why_no_spbleu() -> str | None:
    """One sentence that says what spBLEU lacks here and where to put it; None where nothing is lacking."""
    path = spm_path()
    if not path.is_file():
        return f"spBLEU is missing: its tokenizer is not at {path}; put the file of {SPM_ADDRESS} there"
    found = fingerprints.file_sha256(path)
    if found != SPM_SHA256:
        return (
            f"spBLEU is missing: {path} has the sha256 {found[:12]}…, not that of FLORES-200's tokenizer "
            f"({SPM_SHA256[:12]}…); replace it by the file of {SPM_ADDRESS}"
        )
    if find_spec("sentencepiece") is None:
        return "spBLEU is missing: its tokenizer needs sentencepiece; pip install sentencepiece"
    return None


def spm_path() -> Path:
    """Where sacrebleu looks for FLORES-200's tokenizer: ``models`` below ``$SACREBLEU`` (``~/.sacrebleu``)."""
    from sacrebleu.tokenizers import tokenizer_spm

    folder: str = vars(tokenizer_spm)["SACREBLEU_DIR"]  # the name that is read there
    return Path(folder) / "models" / SPM_FILE


@cache
def _warn_once(reason: str) -> None:
    log.warning(reason)


def _choices(counter: object) -> tuple[str, ...]:
    """sacrebleu's signature of a metric with one reference, without its version."""
    counter.num_refs = 1  # type: ignore[attr-defined]
    parts: list[str] = str(counter.get_signature()).split("|")  # type: ignore[attr-defined]
    return tuple(part for part in parts if not part.startswith("version:"))


def _version() -> str:
    from sacrebleu import __version__

    return f"sacrebleu:{__version__}"


def signature() -> str:
    """Signatures of the metrics that can be computed here, joined by ``+``."""
    metrics = [chrf(), spbleu()]
    return "+".join(metric.signature() for metric in metrics if metric) + ("" if metrics[1] else "+spbleu:missing")
