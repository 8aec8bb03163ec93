"""NLLB and M2M-100 as translators of FLORES-200: languages by code, never by prompt."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.run_host import load_tasks
from tests.translation import tiny_translators
from xstilts_eval.errors import UnfitCheckpoint
from xstilts_eval.models.adapter import XstiltsLM
from xstilts_eval.results import record

LEAVES = ["flores200.from_eng.deu_Latn", "flores200.from_eng.swh_Latn", "flores200.to_eng.deu_Latn"]


@pytest.fixture(scope="module")
def nllb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_translators.make_nllb(tmp_path_factory.mktemp("nllb") / "model")


def run(folder: Path, leaves: list[str], most: int = 12, **arguments: Any) -> dict[str, Any]:
    from lm_eval import evaluate

    loaded = load_tasks(leaves)
    for task in loaded["tasks"].values():
        task.set_config("generation_kwargs", {"max_gen_toks": most}, update=True)
    model = XstiltsLM(pretrained=str(folder), show_progress=False, **arguments)
    results: dict[str, Any] = evaluate(model, loaded, limit=5, log_samples=True, bootstrap_iters=0)
    return results | {"config": {"limit": 5} | model.get_model_info()}


@cache
def loaded(folder: Path, source: str) -> tuple[Any, Any]:
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder, src_lang=source)
    return tokenizer, AutoModelForSeq2SeqLM.from_pretrained(folder).eval()


def alone(folder: Path, text: str, source: str, target: str, most: int = 12) -> str:
    """One sentence by the library's own calls."""
    tokenizer, model = loaded(folder, source)
    first = tokenizer.convert_tokens_to_ids(target)
    with torch.inference_mode():
        output = model.generate(
            **tokenizer(text, return_tensors="pt"),
            forced_bos_token_id=first,
            max_new_tokens=most,
            num_beams=1,
            do_sample=False,
        )
    assert output[0, 1] == first
    return str(tokenizer.batch_decode(output, skip_special_tokens=True)[0])


def test_answers_are_the_librarys_for_source_and_target_codes(nllb: Path) -> None:
    """Batches of several sentences and three directions against one sentence at a time."""
    results = run(nllb, LEAVES)
    answers = set()
    for leaf in LEAVES:
        for sample in results["samples"][leaf]:
            doc = sample["doc"]
            expected = alone(nllb, doc["source"], doc["source_language"], doc["target_language"])
            assert sample["resps"][0][0] == expected
            answers.add(sample["resps"][0][0])
    assert len(answers) > 5


def test_batches_do_not_change_answers(nllb: Path) -> None:
    def answers(**arguments: Any) -> list[str]:
        return [sample["resps"][0][0] for sample in run(nllb, LEAVES[:1], **arguments)["samples"][LEAVES[0]]]

    assert answers() == answers(batch_tokens=16)


def test_the_signature_says_so(nllb: Path) -> None:
    signature = record.from_host(run(nllb, LEAVES[:1])).leaves[0].signature
    assert "prompt:none, forced languages" in signature


def test_languages_it_lacks_are_named_together(nllb: Path) -> None:
    with pytest.raises(UnfitCheckpoint, match=r"does not know fra_Latn \(French\), tur_Latn \(Turkish\)"):
        run(nllb, [*LEAVES, "flores200.to_eng.tur_Latn", "flores200.from_eng.fra_Latn"])


def test_shots_are_refused(nllb: Path) -> None:
    from lm_eval import evaluate

    loaded = load_tasks(LEAVES[:1])
    for task in loaded["tasks"].values():
        task.set_config("num_fewshot", 1)
    with pytest.raises(UnfitCheckpoint, match="by code, not by a prompt"):
        evaluate(XstiltsLM(pretrained=str(nllb), show_progress=False), loaded, limit=1)


def test_m2m_knows_languages_by_their_iso_codes(tmp_path: Path) -> None:
    pytest.importorskip("sentencepiece")
    folder = tiny_translators.make_m2m(tmp_path / "m2m")
    results = run(folder, ["flores200.from_eng.zho_Hans", "flores200.to_eng.swh_Latn"])
    assert {len(rows) for rows in results["samples"].values()} == {5}
    with pytest.raises(UnfitCheckpoint, match="zho_Hant"):  # its Chinese is XTREME's: simplified
        run(folder, ["flores200.from_eng.zho_Hant"])
