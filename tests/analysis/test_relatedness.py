"""Rank agreement over intermediate tasks (against slow references), similarity before and after, and refusals."""

from itertools import permutations
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from scipy.stats import spearmanr

from tests.report.made_runs import write_run
from xstilts_eval.analysis.observations import Observation
from xstilts_eval.analysis.relatedness import agreement as relatedness
from xstilts_eval.analysis.relatedness import analyse as relatedness_report
from xstilts_eval.analysis.relatedness import measure, text
from xstilts_eval.errors import MissingData, NumericError, PredictionError

TASKS = [f"task{n}" for n in range(6)]
TARGETS = ["xnli", "udpos", "xquad"]


def tables(seed: Any, link: Any) -> Any:
    random = np.random.default_rng(seed)
    gains = {(task, target): float(random.standard_normal()) for task in TASKS for target in TARGETS}
    return {key: link * value + float(random.standard_normal()) for key, value in gains.items()}, gains


def test_what_differs_by_rounding_has_no_rank():
    """H-scores of more dimensions than examples are all classes - 1, but for the last digits of a machine's sums."""
    estimates, gains = tables(1, 1.0)
    rounding = np.random.default_rng(3).uniform(-5e-15, 5e-15, len(gains))
    equal = {key: 6.0 + noise for key, noise in zip(gains, rounding, strict=True)}
    with pytest.raises(NumericError, match="the same for all"):
        relatedness.agreement("H-score", equal, gains)
    mixed = estimates | {key: value for key, value in equal.items() if key[1] == "xnli"}
    found: Any = relatedness.agreement("H-score", mixed, gains)
    assert found.left_out == ("xnli",) and set(found.by_target) == {"udpos", "xquad"}


def test_mean_correlation_and_joint_permutation_by_enumeration():
    estimates, gains = tables(1, 1.0)
    found: Any = relatedness.agreement("LogME", estimates, gains)

    def mean(order: Any) -> Any:
        return np.mean([spearmanr([estimates[t, g] for t in TASKS], [gains[t, g] for t in order]).statistic
                        for g in TARGETS])  # fmt: skip

    assert found.mean == pytest.approx(mean(TASKS))
    hits = [abs(mean(order)) >= abs(found.mean) - 1e-12 for order in permutations(TASKS)]
    assert found.p == pytest.approx(np.mean(hits))
    assert set(found.by_target) == set(TARGETS) and found.intermediates == 6
    assert found.low <= found.mean <= found.high


def test_a_task_that_a_target_lacks_is_left_out_of_that_target_alone():
    """Correlations of each target over what it has, and the p of all orders, by scipy."""
    estimates, gains = tables(4, 2.0)
    del gains["task0", "xquad"], estimates["task1", "udpos"]
    gains |= {("task0", "panx"): 1.0, ("task1", "panx"): 2.0, ("task2", "panx"): 3.0}
    estimates |= {("task0", "panx"): 1.0, ("task1", "panx"): 2.0, ("task2", "panx"): 3.0}
    found: Any = relatedness.agreement("LogME", estimates, gains)

    def one(target: Any, order: Any) -> Any:
        pairs = [(estimates.get((t, target)), gains.get((u, target))) for t, u in zip(TASKS, order, strict=True)]
        both = [pair for pair in pairs if None not in pair]
        return spearmanr(*zip(*both, strict=True)).statistic

    assert found.left_out == ("panx",) and found.intermediates == 6
    assert found.by_target == pytest.approx({target: one(target, TASKS) for target in sorted(TARGETS)})
    hits = [abs(np.mean([one(t, order) for t in TARGETS])) >= abs(found.mean) - 1e-12 for order in permutations(TASKS)]
    assert found.p == pytest.approx(np.mean(hits))


def rows_of(task: str, gain: float, languages: Any, target: str = "sib200", noise: float = 0.2) -> Any:
    random = np.random.default_rng(len(languages) + len(task))
    return [Observation(task, target, code, "gain", gain + random.normal(0, noise), 0.5, 50.0, 3)
            for code in languages]  # fmt: skip


def test_means_over_targets_of_what_all_runs_have():
    """A gain of 2 and a loss of 1 planted; one run lacks a target and two languages, which are named."""
    codes = ["de", "fi", "tr", "sw", "zh", "ja", "ta", "ko", "vi", "th"]
    gains = [*rows_of("nli", 2.0, codes), *rows_of("qa", -1.0, codes[:8]), *rows_of("nli", 9.0, codes, "udpos")]
    report: Any = relatedness_report.analyse(relatedness_report.cells(gains), gains=gains)
    first, second = report.overall
    assert first.pooled[0].low < 2 < first.pooled[0].high and second.pooled[0].low < -1 < second.pooled[0].high
    assert first.pooled[0].languages == 8 and first.pooled[0].targets == 1
    assert first.pooled[1].mean / second.pooled[1].mean == pytest.approx(first.pooled[0].mean / second.pooled[0].mean)
    assert (first.worse, first.tested, second.worse, second.tested) == (0, 20, 8, 8)
    assert any("sib200 in th, vi; udpos" in note for note in report.notes)
    shown = Console(width=200, record=True)
    shown.print(text.show(report))
    assert "8 of 8" in shown.export_text()


@pytest.mark.slow
def test_the_p_of_unrelated_estimates_is_uniform():
    """Gains of one task are alike in all targets, which would fool a test of the pooled cells."""
    random = np.random.default_rng(2)
    small = 0
    for _ in range(100):
        level, guess = random.standard_normal((2, 6))
        gains = {(t, g): level[i] + 0.1 * random.standard_normal() for i, t in enumerate(TASKS) for g in TARGETS}
        estimates = {(t, g): guess[i] + 0.1 * random.standard_normal() for i, t in enumerate(TASKS) for g in TARGETS}
        small += relatedness.agreement("e", estimates, gains).p <= 0.05
    assert small <= 11  # 5 expected; 11 has probability .01


def test_five_tasks_are_too_few():
    estimates, gains = tables(3, 1.0)
    fewer = {key: value for key, value in estimates.items() if key[0] != "task5"}
    with pytest.raises(NumericError, match="5 intermediate tasks"):
        relatedness.agreement("LogME", fewer, gains)
    with pytest.raises(NumericError, match="the same for all"):
        relatedness.agreement("same head", dict.fromkeys(gains, 1.0), gains)


def test_regret():
    scores = np.array([1.0, 5.0, 3.0])
    assert relatedness.regret(np.array([0.1, 0.9, 0.5]), scores) == 0
    assert relatedness.regret(np.array([0.9, 0.1, 0.5]), scores) == 1
    assert relatedness.regret(np.array([0.9, 0.1, 0.5]), scores, k=2) == 0.5


def gain(model: Any, language: Any, value: Any, half: Any = 1.0) -> Any:
    return Observation(model, "xtreme_udpos", language, "gain", value, half)


def test_cells_hold_gain_and_degradation_from_english():
    rows = [gain("a", "en", 1.0), gain("a", "de", -3.0), gain("a", "fi", -0.5), gain("a", "avg", -0.8)]
    (cell,) = relatedness_report.cells(rows)
    assert (cell.gain, cell.english) == (-0.8, 1.0)
    assert cell.widening == pytest.approx(1.0 - (-3.0 - 0.5) / 2)
    assert (cell.worse, cell.languages) == (1, 2)
    with pytest.raises(PredictionError, match="one baseline"):
        relatedness_report.cells([Observation("a", "xtreme_udpos", "de", "score", 1.0)])


def test_similarity_before_and_after():
    random = np.random.default_rng(4)
    base = {code: random.standard_normal((3, 60, 8)) for code in ("en", "de")}
    turned = {code: layers @ np.linalg.qr(random.standard_normal((8, 8)))[0] for code, layers in base.items()}
    english: Any
    german: Any
    english, german = relatedness_report.similarity("same", base, turned)
    assert english.with_base == pytest.approx((1, 1, 1)) and english.aligned is None
    assert german.with_base == pytest.approx((1, 1, 1))
    assert all(abs(value) < 0.2 for value in german.aligned_before)
    assert german.aligned == pytest.approx(german.aligned_before)  # rotations of each language do not count


def test_estimates_do_not_depend_on_the_scale_of_an_encoder():
    random = np.random.default_rng(5)
    features = random.standard_normal((200, 6))
    labels = ["NOUN" if row[0] > 0 else "VERB" for row in features]
    found: Any = relatedness_report.estimates_of(features, labels)
    assert relatedness_report.estimates_of(50 * features + 3, labels) == pytest.approx(found)
    assert found["LogME"] > relatedness_report.estimates_of(features[:, 1:], labels)["LogME"]
    wide = np.random.default_rng(2).standard_normal((len(labels), len(labels)))
    assert set(relatedness_report.estimates_of(wide, labels)) == {"LogME", "H-score, regularised"}, "always classes - 1"


def test_the_report_keeps_the_refusal():
    rows = [gain("a", "en", 1.0), gain("a", "de", -3.0)]
    report: Any = relatedness_report.analyse(
        relatedness_report.cells(rows), (), {"LogME": {"a": {"xtreme_udpos": 0.5}}}
    )
    assert report.agreements == ()
    assert all("1 intermediate task with" in reason for reason in report.refused.values())


# Real weights: the same encoder is like itself, and layers and words are those that transformers gives.
@pytest.mark.slow
def test_layers_and_words_of_a_real_encoder(minilm):
    import torch
    from transformers import AutoModel, AutoTokenizer

    from xstilts_eval.analysis.relatedness import representations
    from xstilts_eval.data.examples import Tagged

    texts = ["A cat sat on the mat.", "Two birds flew over the old house and away.", "It rained.", "We ate bread."]
    encoder = representations.load(minilm)
    layers = representations.sentence_layers(encoder, texts)
    model, tokenizer = AutoModel.from_pretrained(minilm), AutoTokenizer.from_pretrained(minilm)
    with torch.inference_mode():
        output = model(**tokenizer(texts[1], return_tensors="pt"), output_hidden_states=True)
    assert layers.shape == (7, 4, 384)
    for layer, hidden in enumerate(output.hidden_states):
        assert layers[layer, 1] == pytest.approx(hidden[0].mean(dim=0).numpy(), abs=2e-5)
    sentence = Tagged("s", ("We", "ate", "bread", "."), ("PRON", "VERB", "NOUN", "PUNCT"))
    features, tags = representations.word_features(encoder, [sentence, sentence])
    assert features.shape == (8, 384) and tags == list(sentence.tags) * 2
    with torch.inference_mode():
        hidden = model(**tokenizer("We ate bread .", return_tensors="pt")).last_hidden_state[0]
    assert features[1] == pytest.approx(hidden[2].numpy(), abs=2e-5)


def test_parallel_text(tmp_path):
    from xstilts_eval.analysis.parallel import texts_of

    (tmp_path / "eng_Latn.devtest").write_text("one\ntwo\nthree\n", encoding="utf-8")
    (tmp_path / "swh_Latn.devtest").write_text("moja\nmbili\ntatu\n", encoding="utf-8")
    assert texts_of(tmp_path, ["en", "sw"], 2) == {"en": ["one", "two"], "sw": ["moja", "mbili"]}
    with pytest.raises(MissingData, match="no file of de"):
        texts_of(tmp_path, ["en", "de"], 2)
    (tmp_path / "deu_Latn.devtest").write_text("eins\n", encoding="utf-8")
    with pytest.raises(MissingData, match="no parallel text"):
        texts_of(tmp_path, ["en", "de"], 2)


def test_a_run_whose_encoder_is_not_here(tmp_path):
    from xstilts_eval.analysis.relatedness.representations import encoder_of

    assert encoder_of(str(tmp_path / "gone")) is None
    assert encoder_of(str(tmp_path)) is None


def test_a_checkpoint_is_looked_for_from_the_run_not_from_here(tmp_path, monkeypatch):
    """Results name it relative to their own folder, wherever the command runs."""
    run = write_run(tmp_path / "results" / "one", {"xtreme.pawsx.de": [1, 0]}, checkpoint="../../bundles/B")
    (tmp_path / "bundles" / "B").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    (found,) = measure.checkpoints([run], "eval", {})
    assert found.folder == tmp_path / "bundles" / "B"


def test_estimates_from_a_table(tmp_path):
    from xstilts_eval.errors import DataError

    path = tmp_path / "e.csv"
    path.write_text("intermediate,target,estimate,value\na,xtreme_udpos,LEEP,-0.5\n", encoding="utf-8")
    assert relatedness_report.read_estimates(path) == {"LEEP": {"a": {"xtreme_udpos": -0.5}}}
    for bad in ("a,xtreme_udpos,LEEP,high", "a,xtreme_udpos,LEEP,nan", "a,xtreme_udpos"):
        path.write_text(f"intermediate,target,estimate,value\n{bad}\n", encoding="utf-8")
        with pytest.raises(DataError, match="line 2"):
            relatedness_report.read_estimates(path)
