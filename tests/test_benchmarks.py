"""The benchmarks say what is true: peers do our job, summaries are right, the page shows the kept results."""

from __future__ import annotations

import json
from importlib import import_module
from itertools import count
from typing import Any

import pytest
import torch
import transformers

from benchmarks import breakdown, decoders, inputs, measure, report
from benchmarks.__main__ import KEPT, NAMES
from benchmarks.measure import Agreement, Comparison, Contender, Cost, Measured, Summary
from benchmarks.mining_memory import point


def test_the_page_shows_the_kept_results():
    assert report.written() == report.tables(report.kept(KEPT))


def test_every_kept_result_has_a_name_that_is_run():
    assert {path.stem for path in report.RESULTS.glob("*.json")} <= set(KEPT)


# ------------------------------------------------------------------ peers on a few documents


def made(name: str) -> Any:
    module, function = NAMES[name].split(":")
    return getattr(import_module(f"benchmarks.{module}"), function)(inputs.TINY)


@pytest.mark.parametrize("name", ["ner_f1", "pos_f1"])
def test_seqeval_agrees(name):
    pytest.importorskip("seqeval")
    measure.compare(made(name), repeats=1)


def test_faiss_agrees():
    pytest.importorskip("faiss")
    measure.compare(made("mining"), repeats=1)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name, place in NAMES.items() if place.startswith(("encoders", "decoders"))])
def test_forward_passes_agree(name, minilm, request):
    pytest.importorskip("sentence_transformers")
    if name.endswith("_e5"):
        request.getfixturevalue("e5")
    measure.compare(made(name), repeats=1)


@pytest.mark.slow
@pytest.mark.parametrize("task", ["tags", "pairs", "windows"])
def test_training_on_the_multilingual_encoder_agrees(task, e5):
    """Same rows, same tokens, same losses; each side in its process."""
    found = measure.compare(made(f"training_e5_{task}_fp32"), repeats=1)
    assert "peak memory" in found["peers"][0]["agreement"]


def test_fixed_padding_agrees(minilm):
    """One forward comparison in the default run."""
    found = measure.compare(made("question_windows"), repeats=1)
    assert "2 of 2 answers identical" in found["peers"][0]["agreement"]
    assert found["peers"][0]["positions"] >= found["positions"] > 0
    (line,) = report.lines(found)
    assert "token positions" in line and "at most" in line


def test_token_positions_by_hand():
    """Two texts of three and five tokens: 8 positions, or 10 where one is padded to the other."""
    config = transformers.BertConfig(vocab_size=9, hidden_size=8, num_hidden_layers=2, num_attention_heads=2,
                                     intermediate_size=8)  # fmt: skip
    model = transformers.BertModel(config).eval()
    one, two = torch.ones(1, 3, dtype=torch.long), torch.ones(1, 5, dtype=torch.long)
    assert breakdown.positions(lambda: (model(one), model(two)), [model]) == 8
    assert breakdown.positions(lambda: model(torch.ones(2, 5, dtype=torch.long)), [model, model]) == 10
    assert not model.encoder.layer[0].attention.self.query._forward_pre_hooks


@pytest.mark.parametrize("kind", ["pairs", "tagging", "questions", "retrieval"])
def test_the_harness_scores_gold_answers_as_right(kind):
    """Else the costs would be those of failing documents."""
    from lm_eval import evaluate
    from lm_eval.tasks import TaskManager

    from benchmarks.harness import _LEAVES, GoldModel
    from xstilts_eval.paths import tasks_path

    manager = TaskManager(include_path=str(tasks_path()), include_defaults=False, metadata={"data": "sample"})
    leaf = _LEAVES[kind][1][0]
    found = evaluate(GoldModel(), manager.load([leaf]), bootstrap_iters=0)["results"][leaf]
    metric = {"pairs": "acc", "tagging": "f1", "questions": "exact_match", "retrieval": "acc"}[kind]
    assert found[f"{metric},none"] == 1.0


def test_three_choices_of_a_pair():
    """They were one short when prompts took their words from the document's dataset, and only slow tests ran them."""
    (document,) = inputs.documents("pawsx", ("de",), 1)
    assert len(set(decoders._cloze(document))) == 3


def test_mining_memory_point():
    found = point(300, 16)
    assert found["n"] == 300
    assert found["pairs"] >= found["planted"] > 200  # of 300 true ones, noise at half the signal
    assert found["mib"] >= 0


# ------------------------------------------------------------------ figures


def test_summary_by_hand():
    """Type 7 quantiles: of 1, 2, 3, 4 the quartiles are 1.75 and 3.25 (numpy.percentile's default says the same)."""
    assert Summary.of([4.0, 1.0, 3.0, 2.0]) == Summary(2.5, 1.75, 3.25, 1.0, 4.0)
    assert Summary.of([5.0]) == Summary(5.0, 5.0, 5.0, 5.0, 5.0)


def test_ratios_are_taken_round_by_round():
    """A machine twice as slow in the second round changes no ratio; a ratio of medians would."""
    assert measure.ratios([3.0, 6.0, 9.0], [1.0, 2.0, 3.0]).median == 3.0
    assert measure.ratios([2.0, 8.0, 3.0], [1.0, 2.0, 3.0]) == Summary(2.0, 1.5, 3.0, 1.0, 4.0)


def counted(results: tuple[Any, Any] = (1, 1)) -> tuple[Comparison, list[str]]:
    """A comparison of two contenders that only note that they ran."""
    ran: list[str] = []

    def contender(name: str, result: Any) -> Contender:
        def run() -> Any:
            ran.append(name)
            return result

        return Contender(name, run)

    return (
        Comparison(
            name="counted",
            title="Counted",
            inputs="nothing",
            ours=contender("ours", results[0]),
            peers=(contender("peer", results[1]),),
            agree=lambda ours, theirs: Agreement(ours == theirs, f"{ours} and {theirs}"),
            limits="nothing",
            targets={"peer": 2.0},
        ),
        ran,
    )


def test_rounds_interleave_in_changing_order_and_the_first_does_not_count():
    comparison, ran = counted()
    ticks = count()
    found = measure.compare(comparison, repeats=20, clock=lambda: float(next(ticks)))
    rounds = [tuple(ran[start : start + 2]) for start in range(0, len(ran), 2)]
    assert len(rounds) == 21
    assert set(rounds) == {("ours", "peer"), ("peer", "ours")}
    assert found["seconds"] == {"ours": [1.0] * 20, "peer": [1.0] * 20}
    assert found["peers"][0]["ratio"]["median"] == 1.0
    assert found["peers"][0]["target"] == 2.0


def test_results_that_differ_are_no_comparison():
    comparison, _ = counted((1, 2))
    with pytest.raises(RuntimeError, match="ours against peer: 1 and 2"):
        measure.compare(comparison, repeats=1)


def test_a_process_of_its_own_brings_its_seconds_and_its_memory():
    comparison, _ = counted((Measured("same", 2.0, 100.0), Measured("same", 5.0, 400.0)))
    found = measure.compare(comparison, repeats=2)
    assert found["seconds"] == {"ours": [2.0, 2.0], "peer": [5.0, 5.0]}
    assert found["peers"][0]["ratio"]["median"] == 2.5
    assert found["peers"][0]["agreement"] == "same and same; peak memory 100 MiB for 400 (25%)"


def test_a_cost_forgets_its_first_run():
    values = iter([100.0, 1.0, 2.0, 3.0])
    parts: dict[str, list[float]] = {}

    def run() -> float:
        parts.setdefault("half", []).append((value := next(values)) / 2)
        return value

    found = measure.spend(Cost("c", "C", "nothing", "s", run, "nothing", target=2.0, parts=parts), repeats=3)
    assert found["value"]["median"] == 2.0
    assert found["parts"]["half"]["most"] == 1.5


# ------------------------------------------------------------------ tables


def kept_example() -> list[dict[str, Any]]:
    machine = {
        "processor": "P",
        "cores": 2,
        "memory_gib": 8,
        "threads": 2,
        "system": "Linux",
        "python": "3",
        "versions": {"torch": "1"},
    }
    quartiles = {"median": 2.0, "lower": 1.5, "upper": 2.5, "least": 1.0, "most": 3.0}
    peer = {"name": "the peer", "ratio": quartiles, "target": 1.8, "agreement": "all identical"}
    common = {"title": "Job", "inputs": "ten things", "limits": "the machine", "machine": machine}
    return [
        {"name": "a", "kind": "ratio", "peers": [peer, peer | {"name": "another", "target": None}], **common},
        {
            "name": "b",
            "kind": "cost",
            "value": quartiles,
            "unit": "s",
            "target": 1,
            "parts": {"x": quartiles},
            **common,
        },
        {"name": "c", "kind": "curve", "points": [{"n": 10_000, "mib": 12.3, "seconds": 4.5}], **common},
    ]


def test_tables_say_what_the_results_say():
    text = report.tables(kept_example())
    assert "| **Job**<br>ten things | the peer | 2.00 (1.50–2.50) | 1.8 | all identical | the machine |" in text
    assert "|  | another | 2.00 (1.50–2.50) | – | all identical |  |" in text
    assert "| **Job**<br>ten things | 2.00 (1.50–2.50) s | ≤ 1 s | x 2.00 | the machine |" in text
    assert "| 10,000 | 12 | 4.5 |" in text
    assert text.count("Machine") == 1


def test_results_of_several_machines_name_them():
    results = kept_example()
    results[1] = results[1] | {"machine": results[1]["machine"] | {"processor": "Q"}}
    text = report.tables(results)
    assert "Machine of `a`, `c`: P, 2 cores" in text
    assert "Machine of `b`: Q, 2 cores" in text


def test_results_and_page_survive_the_round_trip(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(f"before\n\n{report.BEGIN}\nold\n{report.END}\n\nafter\n", encoding="utf-8")
    for result in kept_example():
        report.keep(result, tmp_path)
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == kept_example()[0]
    results = report.kept(["a", "missing", "b", "c"], tmp_path)
    report.write(results, page)
    assert report.written(page) == report.tables(kept_example())
    text = page.read_text(encoding="utf-8")
    assert text.startswith("before\n") and text.endswith("after\n") and "old" not in text


# ------------------------------------------------------------------ inputs


def test_ner_sentences_are_valid_iob2_and_every_gold_label_is_its_own_string():
    gold, predicted = inputs.ner_tags(200)
    assert [len(tags) for tags in gold] == [len(tags) for tags in predicted]
    for tags in gold:
        for previous, tag in zip(["O", *tags], tags, strict=False):
            assert not tag.startswith("I-") or previous[1:] == tag[1:]
    entities = [tag for tags in gold for tag in tags if tag.startswith("B-")]
    assert len({id(tag) for tag in entities}) == len(entities)
    wrong = sum(g != p for tags, other in zip(gold, predicted, strict=True) for g, p in zip(tags, other, strict=True))
    assert 0.06 < wrong / sum(map(len, gold)) < 0.11  # 10 % drawn anew, one in seven of them right by chance


def test_vectors_have_unit_length_and_counterparts():
    source, target = inputs.bitext_vectors(200, 32)
    assert abs((source**2).sum(axis=1) - 1).max() < 1e-5
    best = (source @ target.T).max(axis=1)
    assert 0.6 < (best > 0.75).mean() < 1.0


def test_the_gpu_script_is_rehearsed_whole(tmp_path, capsys):
    """On a CPU with a small model: every part runs, parity is exact, shares are of what was measured first."""
    from benchmarks import gpu

    assert gpu.main(["--rehearse", "--mining", "300", "--json", str(tmp_path / "gpu.json")]) == 0
    result = json.loads((tmp_path / "gpu.json").read_text())
    assert result["parity"]["classes_that_differ"] == 0 and result["parity"]["largest_difference"] < 1e-5
    for work in (*result["forward"], result["training"]):
        assert work["share_of_products"] > 0 and work["tokens_per_second"] > 0
    assert [work["name"] for work in result["forward"]] == list(gpu.KINDS)
    table = report.gpu_table([result])
    assert table in capsys.readouterr().out and table in report.tables([result])
    assert table.count("\n| ") == 1 + len(gpu.KINDS) + 1


def test_without_a_gpu_it_says_what_to_do(capsys):
    import torch

    from benchmarks import gpu

    if torch.cuda.is_available():
        pytest.skip("has a CUDA device")
    assert gpu.main([]) == 2 and "--rehearse runs everything on the CPU" in capsys.readouterr().err
