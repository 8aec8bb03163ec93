"""chrF++ and spBLEU against sacrebleu's own corpus scores, called independently."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sacrebleu
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.shared_data import DATA, needs_data
from xstilts_eval.data import files
from xstilts_eval.metrics import bootstrap, translation

Of = Callable[[int], int]
TEXT = st.text(alphabet="abcd äß,.!中文ท ", max_size=25)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=8))
def test_chrf_of_summed_counts_is_sacrebleus_corpus_score(pairs: list[tuple[str, str]]) -> None:
    """Empty strings, one-letter words and scripts without blanks among them."""
    references, hypotheses = zip(*pairs, strict=True)
    whole = sacrebleu.CHRF(char_order=6, word_order=2).corpus_score(list(hypotheses), [list(references)])
    ours = translation.chrf().corpus_score(references, hypotheses)["chrf++"]
    assert ours == pytest.approx(whole.score / 100, abs=1e-12)


def test_chrf_by_hand() -> None:
    """One order only: three of four characters match on each side, no word does."""
    counts = np.zeros(24)
    counts[:3] = (4, 4, 3)
    assert translation.chrf_from_counts(counts) == pytest.approx(0.75)
    assert translation.chrf_from_counts(np.zeros((2, 24))).tolist() == [0, 0]


def test_scores_of_many_sums_at_once_equal_one_by_one() -> None:
    random = np.random.default_rng(1)
    reference = random.integers(0, 40, (50, 8))
    hypothesis = random.integers(0, 40, (50, 8))
    matching = np.minimum(reference, hypothesis) // 2
    counts = np.stack([hypothesis, reference, matching], axis=-1).reshape(50, 24).astype(float)
    one_by_one = [translation.chrf().score(row)["chrf++"] for row in counts.tolist()]
    assert translation.chrf_from_counts(counts).tolist() == pytest.approx(one_by_one, abs=1e-15)


def test_signature_says_what_sacrebleu_says() -> None:
    parts = translation.chrf().signature().split("|")
    assert {"nrefs:1", "case:mixed", "nc:6", "nw:2", "space:no", "eff:yes"} <= set(parts)
    assert parts[0] == "chrf++" and parts[-1] == f"sacrebleu:{sacrebleu.__version__}"


# ------------------------------------------------------------------------------------- spBLEU


@pytest.fixture
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """sacrebleu's folder of tokenizers, empty."""
    from sacrebleu.tokenizers import tokenizer_spm

    monkeypatch.setattr(tokenizer_spm, "SACREBLEU_DIR", str(tmp_path))
    monkeypatch.setattr("urllib.request.urlopen", _no_network)
    translation._spbleu.cache_clear()
    yield tmp_path / "models"
    translation._spbleu.cache_clear()


def _no_network(*_: Any) -> None:
    raise AssertionError("nothing may be downloaded")


@pytest.fixture(scope="session")
def other_tokenizer(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A small sentencepiece model trained on the spot: not FLORES-200's, but of its kind."""
    sentencepiece = pytest.importorskip("sentencepiece")
    folder = tmp_path_factory.mktemp("spm")
    words = [f"{a}{b}" for a in ("lumo", "tare", "siki", "bano") for b in ("n", "s", "ra", "li", "do")]
    (folder / "text.txt").write_text("\n".join(f"{w} {v}." for w in words for v in words))
    sentencepiece.SentencePieceTrainer.train(
        input=str(folder / "text.txt"), model_prefix=str(folder / "m"), vocab_size=35, minloglevel=2, num_threads=1
    )
    return (folder / "m.model").read_bytes()


def put(models: Path, content: bytes) -> None:
    models.mkdir(parents=True)
    (models / translation.SPM_FILE).write_bytes(content)


def test_without_its_tokenizer_spbleu_is_missing_and_said_so(models: Path) -> None:
    assert translation.spbleu() is None
    reason = str(translation.why_no_spbleu())
    assert str(models / "flores200sacrebleuspm") in reason and "put the file of" in reason
    assert translation.signature().endswith("+spbleu:missing")
    assert not models.exists()


def test_another_file_under_its_name_is_not_used(models: Path, other_tokenizer: bytes) -> None:
    put(models, other_tokenizer)
    assert translation.spbleu() is None
    assert hashlib.sha256(other_tokenizer).hexdigest()[:12] in str(translation.why_no_spbleu())


def test_without_sentencepiece_spbleu_is_missing(
    models: Path, other_tokenizer: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(models, other_tokenizer)
    monkeypatch.setattr(translation, "SPM_SHA256", hashlib.sha256(other_tokenizer).hexdigest())
    monkeypatch.setattr(translation, "find_spec", lambda name: None)
    assert "pip install sentencepiece" in str(translation.why_no_spbleu())


def test_spbleu_of_summed_counts_is_sacrebleus_corpus_score(
    models: Path, other_tokenizer: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a tokenizer that passes for FLORES-200's; that file itself cannot be shipped."""
    put(models, other_tokenizer)
    monkeypatch.setattr(translation, "SPM_SHA256", hashlib.sha256(other_tokenizer).hexdigest())
    metric = translation.spbleu()
    assert metric is not None
    references = ["lumon tares sikira.", "bano lumora do.", "tareli tareli siki.", "sikis", ""]
    for hypotheses in (references, ["lumon tares sikili.", "lumora bano.", "", "sikis sikis", "x"], [""] * 5):
        whole = sacrebleu.corpus_bleu(hypotheses, [references], tokenize="flores200", force=True)
        assert metric.corpus_score(references, hypotheses)["spbleu"] == pytest.approx(whole.score / 100, abs=1e-12)
    assert "tok:flores200" in metric.signature() and "smooth:exp" in metric.signature()
    assert translation.signature() == f"{translation.chrf().signature()}+{metric.signature()}"


# ------------------------------------------------------------------------------------- real sentences


def english() -> list[str]:
    return [text for _, text in files.lines(DATA / "flores200" / "devtest" / "eng_Latn.devtest.gz")][:200]


def dropped(lines: list[str], k: Of, offset: Of) -> list[str]:
    """The notes' made-up systems: word i of line n is dropped when (i + offset) mod k = 0."""
    return [" ".join(w for i, w in enumerate(line.split()) if (i + offset(n)) % k(n)) for n, line in enumerate(lines)]


@needs_data
@pytest.mark.parametrize(
    ("k", "offset", "expected"),
    [
        (lambda n: 6, lambda n: 1, 80.6955),
        (lambda n: 6 if n % 2 else 7, lambda n: 3, 80.3841),
        (lambda n: 6, lambda n: 2, 79.4803),
    ],
)
def test_chrf_of_real_sentences_is_the_published_check_value(k: Of, offset: Of, expected: float) -> None:
    """Check values of the analysis notes, section 8 (sacrebleu 2.6.0)."""
    references = english()
    score = translation.chrf().corpus_score(references, dropped(references, k, offset))
    assert 100 * score["chrf++"] == pytest.approx(expected, abs=5e-5)


@needs_data
def test_interval_resamples_documents() -> None:
    """Whole documents are drawn: with all lines in one document there is nothing to draw."""
    references = english()[:60]
    hypotheses = dropped(references, lambda n: 6, lambda n: 1)
    rows = translation.chrf().corpus_statistics(references, hypotheses)
    score = translation.chrf().score
    found = bootstrap.intervals(rows, score, [n // 3 for n in range(60)], draws=200)
    assert found is not None
    low, high = found["chrf++"]
    assert low < score(rows.sum(axis=0).tolist())["chrf++"] < high
    assert bootstrap.intervals(rows, score, ["one"] * 60, draws=200) is None
