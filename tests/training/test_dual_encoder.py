"""Dual encoders: the loss against a slow reference, the pairs and their counts, the scale saved and served again."""

from __future__ import annotations

import json
import math
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
import transformers
from safetensors.torch import load_file

from tests.shared_data import DATA, needs_data
from tests.training import runs
from xstilts_eval.data import intermediate
from xstilts_eval.data.examples import Match
from xstilts_eval.errors import DataError, SettingError, UnfitCheckpoint
from xstilts_eval.models.checkpoint import resolve
from xstilts_eval.models.embedding import SentenceEncoder
from xstilts_eval.models.encoder import Loaded, Runtime
from xstilts_eval.models.source import Source
from xstilts_eval.training import development, dual_encoder, model, run
from xstilts_eval.training.dual_encoder import CANDIDATE, SCALE_FILE, DualEncoder, loss_sum
from xstilts_eval.training.loop import _PlannedTrainer
from xstilts_eval.training.settings import resolve as resolve_settings
from xstilts_eval.training_tasks import training_task


@pytest.fixture
def base(tiny_bundle: Path) -> Path:
    return tiny_bundle / "encoder"


# --- the loss


def slow_loss(queries: list[list[float]], candidates: list[list[float]], scale: float) -> float:
    """Sum over queries of -log softmax at their own candidate, one number at a time, in float64."""
    total = 0.0
    for number, query in enumerate(queries):
        logits = [scale * sum(a * b for a, b in zip(query, other, strict=True)) for other in candidates]
        highest = max(logits)
        total -= logits[number] - highest - math.log(sum(math.exp(logit - highest) for logit in logits))
    return total


def unit(rows: int, width: int = 7, seed: int = 1) -> torch.Tensor:
    torch.manual_seed(seed)
    return torch.nn.functional.normalize(torch.randn(rows, width), dim=-1)


@pytest.mark.parametrize("scale", [1.0, 20.0, 100.0])
def test_the_loss_is_the_softmax_over_the_step(scale: float) -> None:
    queries, candidates = unit(5), unit(5, seed=2)
    ones = torch.ones(5)
    found = loss_sum(queries, candidates, torch.tensor([scale]), ones, ones)
    assert float(found) == pytest.approx(slow_loss(queries.tolist(), candidates.tolist(), scale), rel=1e-5)


def test_one_direction_only() -> None:
    """Candidates do not look for their queries: turned round, the loss is another one."""
    queries, candidates, ones = unit(5), unit(5, seed=2), torch.ones(5)
    scale = torch.tensor([20.0])
    forth, back = (loss_sum(*sides, scale, ones, ones) for sides in ((queries, candidates), (candidates, queries)))
    assert abs(float(forth - back)) > 0.1


def test_shares_of_processes_add_up_to_the_whole() -> None:
    """Two processes with three and two pairs, the second filled up: the loss and gradients of one with five."""
    queries, candidates = unit(5), unit(5, seed=2)
    scale = torch.tensor([30.0], requires_grad=True)
    whole_q, whole_c = queries.clone().requires_grad_(), candidates.clone().requires_grad_()
    whole = loss_sum(whole_q, whole_c, scale, torch.ones(5), torch.ones(5))
    torch.autograd.backward(whole)

    order = [0, 2, 4, 1, 3]  # what `_micro_batches` gives to each: every second row
    part_q, part_c = queries.clone().requires_grad_(), candidates.clone().requires_grad_()
    filled_q, filled_c = (torch.cat([side[order], side[:1]]) for side in (part_q, part_c))
    real = torch.tensor([1.0, 1.0, 1.0, 1.0, 1.0, 0.0])
    part_scale = torch.tensor([30.0], requires_grad=True)
    parts = sum(
        loss_sum(filled_q[first : first + 3], filled_c, part_scale, real[first : first + 3], real, first)
        for first in (0, 3)
    )
    assert isinstance(parts, torch.Tensor)
    torch.autograd.backward(parts)
    torch.testing.assert_close(parts, whole)
    for one, other in ((part_q, whole_q), (part_c, whole_c), (part_scale, scale)):
        torch.testing.assert_close(one.grad, other.grad)


def test_the_model_gives_the_loss_of_its_pooler_outputs(base: Path) -> None:
    """The whole forward pass against transformers' own pooler output, pair by pair, without padding."""
    source = Source(str(base))
    shared = model.build(source, [model.HeadSpec("lareqa", training_task("lareqa").kind)]).eval()
    tokenizer = source.tokenizer()
    documents: list[Any] = [
        {"id": "1", "query": "Where is it?", "candidate": "It is in the north of the country, near a lake."},
        {"id": "2", "query": "Who came home that late?", "candidate": "She did."},
        {"id": "3", "query": "When?", "candidate": "In the winter of the year before."},
    ]
    runtime = Runtime(torch.device("cpu"), torch.float32, 2048, show_progress=False)
    loaded = Loaded(shared.encoder, tokenizer, runtime, 64, lengths=(16, 32))
    from xstilts_eval.training.rows import collate, match_rows

    rows = match_rows(loaded, documents)

    inputs = collate(rows, tokenizer.pad_token_id)
    assert inputs["input_ids"].shape[1] != inputs[f"{CANDIDATE}input_ids"].shape[1], "each side is padded by itself"
    with torch.no_grad():
        found = shared("lareqa", torch.tensor(3.0), torch.ones(3), **inputs)["loss"]
    plain = transformers.AutoModel.from_pretrained(base).eval()

    def vectors(field: str, most: int) -> list[list[float]]:
        out = []
        for doc in documents:
            encoded = tokenizer(doc[field], truncation=True, max_length=most, return_tensors="pt")
            with torch.no_grad():
                pooled = plain(**encoded).pooler_output[0].double()
            out.append((pooled / pooled.norm()).tolist())
        return out

    expected = slow_loss(vectors("query", 16), vectors("candidate", 32), 100.0) / 3
    assert float(found) == pytest.approx(expected, abs=2e-4)


def test_an_encoder_without_a_pooler_is_refused() -> None:
    config = transformers.DistilBertConfig(vocab_size=30, dim=16, n_layers=1, n_heads=2, hidden_dim=16)
    with pytest.raises(UnfitCheckpoint, match="tiny: a DistilBertModel has no pooler"):
        DualEncoder(transformers.DistilBertModel(config), "tiny")


# --- a stage


def stage_of(base: Path, folder: Path, task: str = "lareqa", **settings: Any) -> Path:
    wanted = runs.recipe_of(base, runs.quick(task, **({"max_length": 96, "batch_size": 6} | settings)))
    return runs.train(wanted, folder)


def test_training_learns_and_the_scale_is_saved_with_the_head(base: Path, tmp_path: Path) -> None:
    folder = stage_of(base, tmp_path, epochs=3)
    record = runs.record(folder)
    losses = [loss for _, loss in record["outcome"]["losses"]]
    assert sum(losses[-3:]) < sum(losses[:3])
    head = folder / "heads" / "lareqa"
    scale = float(load_file(head / SCALE_FILE)["scale"])
    assert scale != 100.0 and abs(scale - 100) < 5, "it is learned, at the rate of all weights"
    assert dual_encoder.scale_of(Source(str(head))) == scale
    assert dual_encoder.scale_of(Source(str(base))) == 100.0
    _, info = transformers.AutoModel.from_pretrained(head, output_loading_info=True)
    assert not info["missing_keys"] and not info["unexpected_keys"]
    bundle = json.loads((folder / "bundle.json").read_text())
    assert bundle["heads"]["lareqa"]["path"] == "heads/lareqa" and SCALE_FILE in bundle["sha256"]["heads/lareqa"]
    counts = record["tasks"]["lareqa"]
    assert counts["examples"] == counts["trained"] + counts["held_out"] + counts["not_drawn"] == 60
    assert record["rows"]["lareqa"]["rows"] == 60 and not record["settings"]["group_by_length"]


def test_the_scale_goes_on_to_the_next_stage(base: Path, tmp_path: Path) -> None:
    first = runs.quick("lareqa", max_length=96, batch_size=6)
    wanted = runs.recipe_of(base, runs.quick("mewslix", max_length=96, batch_size=6, limit=6), first)
    runs.train(wanted, tmp_path)
    planned = run.plans(wanted, 1, "sample")
    before = dual_encoder.scale_of(Source(str(planned[0].folder(tmp_path / "stages") / "heads" / "lareqa")))
    learned = runs.learner(wanted, tmp_path, 1)
    assert learned.model.heads["mewslix"].scale.item() == before != 100.0


def test_the_bundle_serves_what_was_trained(base: Path, tmp_path: Path) -> None:
    """The vectors that scoring reads off the saved head are those of the encoder in training."""
    folder = stage_of(base, tmp_path, limit=12)
    from xstilts_eval.benchmark import family

    source, settings = resolve(str(folder)).ranker(family("lareqa"))
    assert settings is not None and (settings.pooling, settings.layer) == ("pooler", None)
    runtime = Runtime(torch.device("cpu"), torch.float32, 2048, show_progress=False)
    encoder = source.load(transformers.AutoModel, needs_pooler=True).eval()
    texts = ["Who is it?", "It is the baker who came in the morning."]
    found = SentenceEncoder(Loaded(encoder, source.tokenizer(), runtime, 96), None, "pooler").embed(texts)
    plain = transformers.AutoModel.from_pretrained(folder / "heads" / "lareqa").eval()
    for text, vector in zip(texts, found, strict=True):
        with torch.no_grad():
            pooled = plain(**source.tokenizer()(text, return_tensors="pt")).pooler_output[0]
        torch.testing.assert_close(torch.from_numpy(vector), pooled / pooled.norm(), rtol=0, atol=1e-5)


def test_all_pairs_of_a_step_stay_together(base: Path, tmp_path: Path) -> None:
    """However small the micro-batch budget is: the batch of a step is one."""
    wanted = runs.recipe_of(base, runs.quick("lareqa", max_length=96, batch_size=6, limit=12))
    learned = runs.learner(wanted, tmp_path)
    rows = learned.tasks["lareqa"]
    assert rows.is_whole

    step = SimpleNamespace(task="lareqa", rows=tuple(range(6)))
    work = SimpleNamespace(steps=[step], tasks={"lareqa": rows}, collate=learned.collate)
    trainer = SimpleNamespace(args=SimpleNamespace(process_index=1, world_size=4), work=work)
    trainer._whole = partial(_PlannedTrainer._whole, trainer)  # type: ignore[arg-type]
    (batch,) = _PlannedTrainer._micro_batches(trainer, 0)  # type: ignore[arg-type]
    assert batch["keep"].tolist() == [1.0, 1.0] and float(batch["items"]) == 6
    trainer.args.process_index = 3
    (batch,) = _PlannedTrainer._micro_batches(trainer, 0)  # type: ignore[arg-type]
    assert batch["keep"].tolist() == [1.0, 0.0], "filled up to as many as the others have"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"micro_batch": 2}, "lareqa: micro_batch 2 is not possible, because all 6 pairs of a step"),
        ({"batch_size": 1}, "lareqa: batch_size 1 leaves no negatives"),
    ],
)
def test_settings_that_take_negatives_away(base: Path, tmp_path: Path, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingError, match=message):
        stage_of(base, tmp_path, **settings)


def test_a_language_model_is_refused(tmp_path: Path) -> None:
    from tests.tiny_language_models import make_llama

    wanted = runs.recipe_of(make_llama(tmp_path / "llama"), runs.quick("lareqa"))
    with pytest.raises(SettingError, match="is a language model and lareqa trains a dual encoder"):
        run.plans(wanted, 1, "sample")


@pytest.mark.slow
def test_two_processes_train_as_one(base: Path, tmp_path: Path) -> None:
    """Equal losses and, but for rounding, equal weights: negatives come from both processes."""
    import subprocess
    import sys

    still = runs.without_dropout(base, tmp_path / "base")
    settings = {"max_length": 64, "batch_size": 5, "limit": 23}
    recipe = runs.write(runs.content(still, runs.quick("lareqa", **settings)), tmp_path)
    found = []
    for processes in (1, 2):
        out = tmp_path / str(processes)
        launcher = ["-m", "torch.distributed.run", "--nproc_per_node", str(processes), "--master_port", "29613"]
        command = [sys.executable, *launcher, "-m", "xstilts_eval.training", str(recipe), "--data", "sample"]
        subprocess.run([*command, "-o", str(out / "run")], check=True, capture_output=True, timeout=500)
        (folder,) = (out / "stages").glob("lareqa-*")
        found.append(folder)
    losses = [runs.record(folder)["outcome"]["losses"] for folder in found]
    for (step, one), (other_step, other) in zip(*losses, strict=True):
        assert step == other_step and one == pytest.approx(other, abs=1e-4)
    # Adam makes whole steps of gradients that are rounding alone, so a few weights may go another way.
    one, other = (runs.weights(folder) for folder in found)
    far = sum(int(((one[name] - other[name]).abs() > 1e-5).sum()) for name in one)
    assert far < 0.01 * sum(weight.numel() for weight in one.values())


# --- scores and settings


def test_the_development_score_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Own candidates at the ranks 1, 2 and, the query's own being tied with another one, 2."""
    import numpy as np

    vectors = {
        "q1": [1.0, 0.0], "q2": [0.8, 0.6], "q3": [0.0, 1.0],
        "a": [1.0, 0.0], "b": [0.0, 1.0],
    }  # fmt: skip

    class Stub:
        def __init__(self, *_: Any, **__: Any) -> None: ...

        def reading(self, *_: Any) -> Any:
            return self

        def embed(self, texts: list[str]) -> Any:
            return np.array([vectors.get(text, [0.0, 1.0]) for text in texts], np.float32)

    monkeypatch.setattr(development, "SentenceEncoder", Stub)
    pairs = [("q1", "a"), ("q2", "b"), ("q3", "c")]  # c has the vector of b
    documents = [{"id": q, "query": q, "candidate": c} for q, c in pairs]
    head = type("Head", (), {"max_length": 256})
    found = development.score(head, documents, training_task("lareqa"), ())  # type: ignore[arg-type]
    # q1: a first. q2: a first, then b and c alike, b counts as the third. q3: b and c alike, c counts as the second.
    assert found["mrr"] == found["score"] == pytest.approx((1 + 1 / 3 + 1 / 2) / 3)


@pytest.mark.parametrize(
    ("task", "rate", "epochs", "batch_size"), [("lareqa", 2e-5, 3, 16), ("mewslix", 1e-5, 2, 32)]
)  # google-research/xtreme @ 838c13b, scripts/train_{lareqa,mewslix}.sh, XLM-R Large
def test_published_settings(task: str, rate: float, epochs: float, batch_size: int) -> None:
    found = resolve_settings("xtreme", task, {})
    settings = found.settings
    assert (settings.learning_rate, settings.epochs, settings.batch_size) == (rate, epochs, batch_size)
    assert settings.group_by_length is False and "choice of ours" in found.origins["group_by_length"]
    assert (
        settings.max_length is None
        and dual_encoder.lengths(training_task(task), 512) == {"lareqa": (96, 256), "mewslix": (64, 64)}[task]
    )


# --- the pairs


def squad_file(folder: Path, context: str, *questions: tuple[str, str, int]) -> Path:
    qas = [
        {"id": name, "question": f"{name}?\n", "answers": [{"text": text, "answer_start": start}]}
        for name, text, start in questions
    ]
    path = folder / "squad" / "train-v1.1.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"data": [{"title": "t", "paragraphs": [{"context": context, "qas": qas}]}]}))
    return folder


def test_a_candidate_is_the_answer_sentence_and_the_paragraph(tmp_path: Path) -> None:
    context = "Dr. Ames left. She had written\nto Mr. Orr in 1902. He never\tanswered."
    wrote, cut = context.index("1902"), context.index("written")
    folder = squad_file(
        tmp_path,
        context,
        ("when", "1902", wrote),
        ("who", "Dr. Ames", 0),
        ("cut", "written\nto Mr. Orr", cut),
        ("blank", "\nto Mr. Orr", context.index("\n")),
    )
    loaded = intermediate.load(training_task("lareqa"), "train", folder)
    flat = context.replace("\n", "")
    assert [(one.id, one.query, one.candidate) for one in loaded.examples if isinstance(one, Match)] == [
        ("when", "when?", "to Mr. Orr in 1902." + flat),
        ("who", "who?", "Dr. Ames left." + flat),
    ]
    assert loaded.notes[:2] == (
        "dropped 1 whose answer the sentence splitter cuts (cut)",
        "dropped 1 whose answer begins in no sentence (blank)",
    )


@needs_data
def test_real_questions_add_up() -> None:
    """Of the 8,911 questions of SOURCES.md every one is a pair or counted as dropped."""
    loaded = intermediate.load(training_task("lareqa"), "dev", DATA)
    dropped = [note for note in loaded.notes if note.startswith("dropped")]
    assert loaded.rows + sum(int(note.split()[1].replace(",", "")) for note in dropped) == 8_911
    assert loaded.rows > 8_800


def wikipedia_pair(**changes: Any) -> dict[str, Any]:
    text = "Old {site}. The river Orr flows by. It is long."
    found: dict[str, Any] = {
        "contextual_mention": {
            "context": {
                "document_id": "Q1",
                "text": text,
                "sentence_spans": [{"start": 0, "end": 11}, {"start": 12, "end": 35}, {"start": 36, "end": 47}],
            },
            "mention": {
                "example_id": "m1",
                "entity_id": "Q7",
                "mention_span": {"start": 22, "end": 25, "text": "Orr"},
            },
        },
        "entity": {
            "entity_id": "Q7",
            "description": "The Orr is a river.  It is\nlong. More.",
            "sentence_spans": [{"start": 0, "end": 19}, {"start": 21, "end": 32}],
        },
    }
    for path, value in changes.items():
        *way, last = path.split("__")
        inner = found
        for step in way:
            inner = inner[step]
        inner[last] = value
    return found


def pairs_file(folder: Path, *rows: dict[str, Any]) -> Path:
    path = folder / "mewslix" / "wikipedia_pairs-train.jsonl"
    path.parent.mkdir(parents=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def test_a_mention_and_its_entity(tmp_path: Path) -> None:
    across = {"start": 33, "end": 38, "text": "y. It"}
    crossing = wikipedia_pair(
        contextual_mention__mention__mention_span=across, contextual_mention__mention__example_id="m2"
    )
    loaded = intermediate.load(training_task("mewslix"), "train", pairs_file(tmp_path, wikipedia_pair(), crossing))
    assert loaded.examples == (
        Match("m1", "Orr: The river { Orr } flows by.", "The Orr is a river. It is long.", "Q1"),
    )
    assert loaded.notes[0] == "dropped 1 whose mention no sentence holds whole (m2)"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (wikipedia_pair(entity__entity_id="Q8"), "line 1: the mention 'm1' is of Q7, the entity beside it Q8"),
        (wikipedia_pair(contextual_mention__mention__mention_span__text="Or"), "it is 'Or', but its article has 'Orr'"),
        (wikipedia_pair(entity__description=3), r"line 1: field 'description' \(str\) is missing or of another type"),
    ],
)
def test_broken_pairs(tmp_path: Path, row: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        intermediate.load(training_task("mewslix"), "train", pairs_file(tmp_path, row))
