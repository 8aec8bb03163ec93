"""Text-to-text rows against what the host itself feeds a language model for the same documents."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests import tiny_language_models
from tests.run_host import load_tasks, run_host
from xstilts_eval import kinds
from xstilts_eval.errors import SettingError, UnfitCheckpoint, UnknownName
from xstilts_eval.tasks import prompts
from xstilts_eval.training import text
from xstilts_eval.training.rows import IGNORED
from xstilts_eval.training_tasks import training_task

SHAPES = ["llama", "no_pad", "mt5", "byt5"]
LEAVES = {
    "xtreme.xnli.en": "mnli",
    "xtreme.xnli.th": "mnli",
    "xtreme.pawsx.en": "pawsx",
    "xtreme.pawsx.ja": "pawsx",
    "xtreme.udpos.en": "udpos",
    "xtreme.panx.zh": "panx",
    "xtreme.xquad.en": "squad",
    "xtreme.xquad.zh": "squad",
    "xtreme.mlqa.en": "squad",
    "xtreme.tydiqa.sw": "tydiqa",
}


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("language_models")
    return {
        "llama": tiny_language_models.make_llama(root / "llama"),
        "no_pad": tiny_language_models.make_llama(root / "no_pad", pad=False),
        "mt5": tiny_language_models.make_mt5(root / "mt5"),
        "byt5": tiny_language_models.make_byt5(root / "byt5"),
    }


@pytest.fixture(scope="module")
def tasks() -> dict[str, Any]:
    """The host's tasks with the requests of their documents."""
    found: dict[str, Any] = load_tasks(list(LEAVES))["tasks"]
    for task in found.values():
        task.build_all_requests(rank=0, world_size=1)
    return found


def load(folder: Path) -> tuple[Any, Any]:
    """Model and tokenizer by transformers' own loaders."""
    import transformers

    config = transformers.AutoConfig.from_pretrained(folder)
    auto = transformers.AutoModelForSeq2SeqLM if config.is_encoder_decoder else transformers.AutoModelForCausalLM
    return auto.from_pretrained(folder).eval(), transformers.AutoTokenizer.from_pretrained(folder)


def documents(task: Any) -> list[dict[str, Any]]:
    return [dict(doc) for doc in task.dataset["test"]]


def question(context: str, answer: str, **more: Any) -> dict[str, Any]:
    answers = [{"text": answer, "answer_start": context.index(answer)}] if answer else []
    return {"id": "q", "language": "en", "context": context, "question": "Who?", "answers": answers, **more}


def pair(premise: str, hypothesis: str, label: int, language: str = "en") -> dict[str, Any]:
    return {"id": "p", "language": language, "premise": premise, "hypothesis": hypothesis, "label": label}


def scored(row: text.Row) -> list[int]:
    """The tokens that carry loss: the last ones of a row."""
    start = next(place for place, label in enumerate(row["labels"]) if label != IGNORED)
    assert IGNORED not in row["labels"][start:]
    return list(row["labels"][start:])


# ------------------------------------------------------------------ the host's tokens


class Recorded:
    """The host's own model class, writing down the tokens it feeds instead of running."""

    def __init__(self, folder: Path) -> None:
        from lm_eval.models.huggingface import HFLM

        self.host = HFLM(pretrained=str(folder), device="cpu", dtype="float32", batch_size=1)

    def scored(self, instances: list[Any], monkeypatch: pytest.MonkeyPatch) -> list[tuple[list[int], list[int]]]:
        found: list[Any] = []

        def note(requests: list[Any], **_: Any) -> list[Any]:
            found.extend(requests)
            return []

        monkeypatch.setattr(self.host, "_loglikelihood_tokens", note)
        self.host.loglikelihood(instances, disable_tqdm=True)
        return [(context, continuation) for _, context, continuation in found]

    def prompted(self, instance: Any, monkeypatch: pytest.MonkeyPatch) -> list[int]:
        found: list[Any] = []

        def generate(context: Any, **_: Any) -> Any:
            found.append(context)
            return context

        monkeypatch.setattr(self.host, "_model_generate", generate)
        self.host.generate_until([instance], disable_tqdm=True)
        return [int(token) for token in found[0][0]]

    def continuation(self, context: str, continuation: str) -> list[int]:
        """Tokens of a continuation behind its context, as in a log-likelihood request."""
        return list(self.host._encode_pair(context, continuation)[1])


@pytest.mark.parametrize("shape", SHAPES)
def test_rows_are_the_tokens_the_host_feeds(
    shape: str, folders: dict[str, Path], tasks: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, tokenizer = load(folders[shape])
    recorded = Recorded(folders[shape])
    end = tokenizer.eos_token_id
    for leaf, name in LEAVES.items():
        task, docs = tasks[leaf], documents(tasks[leaf])
        rows = text.rows_of(tokenizer, model.config, docs, training_task(name), 10**6)
        assert len(rows) == len(docs) > 0
        for number, (doc, row) in enumerate(zip(docs, rows, strict=True)):
            instances = [one for one in task.instances if one.doc_id == number]
            if task.OUTPUT_TYPE == "multiple_choice":
                choices = recorded.scored(instances, monkeypatch)
                context, continuation = choices[doc["label"]]
                alike = zip(*(choice for _, choice in choices), strict=False)
                shared = next(place for place, tokens in enumerate(alike) if len(set(tokens)) > 1)
            else:
                [instance] = instances
                context = recorded.prompted(instance, monkeypatch)
                target = task.config.target_delimiter + task.doc_to_target(doc)
                continuation = recorded.continuation(instance.args[0], target)
                shared = 0
            labels = [IGNORED] * shared + [*continuation, end][shared:]
            if model.config.is_encoder_decoder:
                fed = {"input_ids": context, "decoder_input_ids": [model.config.decoder_start_token_id, *continuation]}
            else:
                fed = {"input_ids": [*context, *continuation, end]}
                labels = [IGNORED] * len(context) + labels
            ones = [1] * len(fed["input_ids"])
            assert row == {**fed, "attention_mask": ones, "labels": labels, "document": number}, leaf


@pytest.mark.parametrize("shape", ["llama", "mt5", "byt5"])
def test_the_decoder_reads_what_it_reads_at_evaluation(
    shape: str, folders: dict[str, Path], tasks: dict[str, Any]
) -> None:
    """Differences between classes in the likelihood that training maximises are those that evaluation compares."""
    from xstilts_eval.models.adapter import XstiltsLM

    model, tokenizer = load(folders[shape])
    judge = XstiltsLM(pretrained=str(folders[shape]), show_progress=False)._language()
    for leaf in ("xtreme.xnli.th", "xtreme.pawsx.ja"):
        [doc] = documents(tasks[leaf])[:1]
        classes = range(len(tasks[leaf].doc_to_choice(doc)))
        docs = [doc | {"label": label} for label in classes]
        rows = text.rows_of(tokenizer, model.config, docs, training_task(LEAVES[leaf]), 10**6)
        trained = [without_end(model, row) for row in rows]
        instances = [one for one in tasks[leaf].instances if one.doc_id == 0]
        compared = [score for score, _ in judge.loglikelihood(instances)]
        for one, other in zip(trained, compared, strict=True):
            assert one - trained[0] == pytest.approx(other - compared[0], abs=1e-3)


def without_end(model: Any, row: text.Row) -> float:
    """Log-likelihood of a row's labels but the last, token by token from a plain forward pass."""
    labels = row["labels"]
    inputs = {name: torch.tensor([row[name]]) for name in row if name.endswith("input_ids")}
    with torch.inference_mode():
        logs = model(**inputs).logits[0].log_softmax(-1)
    shift = 0 if model.config.is_encoder_decoder else 1
    places = [place for place, label in enumerate(labels) if label != IGNORED][:-1]
    return sum(float(logs[place - shift, labels[place]]) for place in places)


@pytest.mark.parametrize(("task", "language"), [("qqp", "en"), ("anli_r2", "en"), ("snli", "en")])
def test_tasks_without_a_leaf_use_the_prompt_of_their_kind(task: str, language: str, folders: dict[str, Path]) -> None:
    model, tokenizer = load(folders["byt5"])
    doc = pair("Ann sat.", "Ann stood.", 0, language)
    [row] = text.rows_of(tokenizer, model.config, [doc], training_task(task), 200)
    expected = "Ann sat., right? No, Ann stood."  # the paraphrase prompt has no blank before it, the NLI one has
    assert tokenizer.decode(row["decoder_input_ids"][1:]) == ("" if task == "qqp" else " ") + expected
    assert tokenizer.decode(scored(row)) == "No, Ann stood.</s>", "what all classes begin with carries no loss"


def test_choices_and_unanswerable_questions(folders: dict[str, Path]) -> None:
    model, tokenizer = load(folders["byt5"])

    def row(doc: dict[str, Any], task: str) -> list[str]:
        [found] = text.rows_of(tokenizer, model.config, [doc], training_task(task), 500)
        return [tokenizer.decode(ids) for ids in (found["input_ids"], scored(found))]

    choice = {"premise": "The lamp fell.", "question": "effect", "choices": ["Ann left.", "It sang."], "label": 0}
    assert row(choice, "copa") == ["The lamp fell. What was the effect?</s>", "Ann left.</s>"]
    plain = choice | {"question": "", "premise": "The lamp fell ", "label": 1}
    assert row(plain, "hellaswag") == ["The lamp fell</s>", "It sang.</s>"]
    assert row(question("Ann came.", ""), "squad_v2") == [
        "Context: Ann came.\n\nQuestion: Who?\n\nAnswer:</s>",
        " unanswerable</s>",
    ]


# ------------------------------------------------------------------ too long


@pytest.fixture(scope="module")
def llama(folders: dict[str, Path]) -> tuple[Any, Any]:
    return load(folders["llama"])


def test_a_long_passage_keeps_the_window_around_the_answer(llama: tuple[Any, Any]) -> None:
    model, tokenizer = llama
    for place in (0, 40, 199):
        words = [f"w{number}" for number in range(200)]
        words[place] = "Zora"
        doc = question(" ".join(words), "Zora")
        counts: dict[str, int] = {}
        [row] = text.rows_of(tokenizer, model.config, [doc], training_task("squad"), 120, counts)
        assert counts == {"cut": 1}
        written = tokenizer.decode(row["input_ids"])
        assert written.startswith("<s>Context: ") and written.endswith("\n\nQuestion: Who?\n\nAnswer: Zora</s>")
        window = written.removeprefix("<s>Context: ").partition("\n\n")[0]
        assert "Zora" in window and window in doc["context"]
        assert 118 <= len(row["input_ids"]) <= 120, "as much as fits"
    assert window.endswith("Zora")


def test_an_answer_longer_than_the_model_is_dropped(llama: tuple[Any, Any]) -> None:
    model, tokenizer = llama
    long = question("so " * 50 + "it was", ("so " * 50).strip())
    counts: dict[str, int] = {}
    rows = text.rows_of(tokenizer, model.config, [long, question("Ann.", "Ann")], training_task("squad"), 40, counts)
    assert counts == {"dropped": 1} and [row["document"] for row in rows] == [1]
    assert tokenizer.decode(scored(rows[0])) == " Ann</s>"


def shorter_versions(doc: dict[str, Any]) -> list[dict[str, Any]]:
    """A document cut by hand in every way that is allowed, the longest version first."""
    if "tokens" in doc:
        count = len(doc["tokens"])
        return [doc | {"tokens": doc["tokens"][:n], "tags": doc["tags"][:n]} for n in range(count, 0, -1)]
    return [doc | {"premise": doc["premise"][start:]} for start in range(len(doc["premise"]) + 1)]


@pytest.mark.parametrize("shape", ["llama", "mt5", "byt5"])
def test_premises_lose_their_start_and_sentences_their_end(shape: str, folders: dict[str, Path]) -> None:
    """As much is kept as fits, up to three words: against all shorter versions (fewer letters may be more tokens)."""
    model, tokenizer = load(folders[shape])
    long = " ".join(["the cat sat"] * 30)
    sentence = {"tokens": ["cat", "sat"] * 40, "tags": ["NOUN", "VERB"] * 40, "language": "en"}
    choice = {"premise": long, "question": "cause", "choices": ["x", "it sat there"], "label": 1}
    for doc, name in ((pair(long, "it sat", 1), "mnli"), (sentence, "udpos"), (choice, "copa")):
        counts: dict[str, int] = {}
        [row] = text.rows_of(tokenizer, model.config, [doc], training_task(name), 64, counts)
        assert counts == {"cut": 1}
        rows = text.rows_of(tokenizer, model.config, shorter_versions(doc), training_task(name), 10**6)
        for one in (row, *rows):
            del one["document"]
        assert row in rows and text.length(row) <= 64
        assert rows.index(row) <= len("the cat sat ") + next(
            place for place, one in enumerate(rows) if text.length(one) <= 64
        )
        assert row["labels"][-1] == tokenizer.eos_token_id


def test_rows_of_one_call_do_not_depend_on_their_neighbours(llama: tuple[Any, Any], tasks: dict[str, Any]) -> None:
    model, tokenizer = llama
    docs = documents(tasks["xtreme.xquad.en"])
    task = training_task("squad")
    together = text.rows_of(tokenizer, model.config, docs, task, 60)
    one_by_one = [row for doc in docs for row in text.rows_of(tokenizer, model.config, [doc], task, 60)]
    assert [row.pop("document") for row in together] == list(range(len(docs)))
    assert [row.pop("document") for row in one_by_one] == [0] * len(docs)
    assert together == one_by_one
    assert text.rows_of(tokenizer, model.config, [], task, 60) == []


def test_bytes_get_more_room(folders: dict[str, Path]) -> None:
    assert [text.default_length(load(folders[shape])[1]) for shape in ("mt5", "byt5")] == [1024, 4096]


# ------------------------------------------------------------------ batches and losses


def alone(row: text.Row) -> dict[str, torch.Tensor]:
    """A batch of one row without `decoder_input_ids`: the library makes them of labels without gaps."""
    assert "decoder_input_ids" not in row or IGNORED not in row["labels"]
    return {name: torch.tensor([row[name]]) for name in ("input_ids", "attention_mask", "labels")}


@pytest.mark.parametrize("shape", SHAPES)
def test_losses_and_gradients_are_those_of_transformers(
    shape: str, folders: dict[str, Path], tasks: dict[str, Any]
) -> None:
    """Against the model's own mean loss, row by row without padding."""
    model, tokenizer = load(folders[shape])
    docs = documents(tasks["xtreme.xquad.en"])[:3]
    rows = text.rows_of(tokenizer, model.config, docs, training_task("squad"), 300)
    losses = text.row_losses(model, text.collate(rows, tokenizer.pad_token_id))
    losses.sum().backward()  # type: ignore[no-untyped-call]
    gradient = model.get_output_embeddings().weight.grad.clone()
    model.zero_grad()
    for row, loss in zip(rows, losses, strict=True):
        own = model(**alone(row)).loss * text.items_of(row)
        own.backward()
        assert float(loss.detach()) == pytest.approx(float(own.detach()), rel=1e-5)
    assert torch.allclose(gradient, model.get_output_embeddings().weight.grad, atol=1e-4)
    assert text.length(rows[0]) == max(len(rows[0]["input_ids"]), len(rows[0]["labels"]))


def test_a_model_that_cannot_leave_out_positions(llama: tuple[Any, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    model, tokenizer = llama
    rows = text.rows_of(tokenizer, model.config, [question("Ann ran.", "Ann")], training_task("squad"), 300)
    inputs = text.collate(rows, tokenizer.pad_token_id)
    expected, forward = text.row_losses(model, inputs), model.forward

    def plain(input_ids: Any, attention_mask: Any, use_cache: bool) -> Any:
        return forward(input_ids=input_ids, attention_mask=attention_mask, use_cache=use_cache)

    monkeypatch.setattr(model, "forward", plain)
    assert torch.allclose(text.row_losses(model, inputs), expected, rtol=1e-6)


def test_padding_never_hides_the_end_of_sequence() -> None:
    """GPT-2 and many others pad with their end-of-sequence token, which must be learned all the same."""
    rows: list[text.Row] = [
        {"input_ids": [5, 6, 2], "attention_mask": [1, 1, 1], "labels": [-100, 6, 2]},
        {"input_ids": [5, 2], "attention_mask": [1, 1], "labels": [-100, 2]},
    ]
    batch = text.collate([row | {"document": 4} for row in rows], 2)
    assert set(batch) == {"input_ids", "attention_mask", "labels"}
    assert batch["labels"].tolist() == [[-100, 6, 2], [-100, 2, -100]]
    assert batch["input_ids"].tolist() == [[5, 6, 2], [5, 2, 2]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1], [1, 1, 0]]


def test_source_and_target_are_padded_apart() -> None:
    rows: list[text.Row] = [
        {
            "input_ids": [3],
            "attention_mask": [1],
            "decoder_input_ids": [0, 7, 8],
            "labels": [-100, 8, 1],
            "document": 4,
        },
        {"input_ids": [9, 3], "attention_mask": [1, 1], "decoder_input_ids": [0], "labels": [1], "document": 5},
    ]
    assert {name: value.tolist() for name, value in text.collate(rows, None).items()} == {
        "input_ids": [[3, 0], [9, 3]],
        "attention_mask": [[1, 0], [1, 1]],
        "decoder_input_ids": [[0, 7, 8], [0, 0, 0]],
        "labels": [[-100, 8, 1], [1, -100, -100]],
    }


# ------------------------------------------------------------------ development score


@pytest.mark.parametrize("shape", ["llama", "mt5"])
def test_pairs_score_the_accuracy_that_the_host_reports(
    shape: str, folders: dict[str, Path], tasks: dict[str, Any]
) -> None:
    model, tokenizer = load(folders[shape])
    leaves = ["xtreme.xnli.th", "xtreme.pawsx.ja"]
    results = run_host(leaves, folders[shape])["results"]
    for leaf in leaves:
        found = text.development_score(model, tokenizer, documents(tasks[leaf]), training_task(LEAVES[leaf]), "cpu")
        assert found == pytest.approx(results[leaf]["acc,none"])


@pytest.mark.parametrize("shape", ["llama", "byt5"])
def test_text_scores_the_mean_probability_of_a_token(
    shape: str, folders: dict[str, Path], tasks: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, tokenizer = load(folders[shape])
    docs, task = documents(tasks["xtreme.xquad.en"])[:4], training_task("squad")
    rows = text.rows_of(tokenizer, model.config, docs, task, 4096)
    with torch.inference_mode():
        losses = [model(**alone(row)).loss for row in rows]
    counts = [text.items_of(row) for row in rows]
    mean = sum(float(loss) * count for loss, count in zip(losses, counts, strict=True)) / sum(counts)
    model.train()
    found = text.development_score(model, tokenizer, docs, task, "cpu")
    assert model.training, "left as it was"
    assert found == text.development_score(model, tokenizer, docs, task, "cpu")
    assert found == pytest.approx(float(torch.tensor(-mean).exp()), rel=1e-4)
    monkeypatch.setattr(text, "_LOGITS", 1)
    assert text.development_score(model, tokenizer, docs, task, "cpu") == pytest.approx(found, rel=1e-5)


def test_scoring_leaves_a_model_that_can_still_be_trained(llama: tuple[Any, Any]) -> None:
    model, tokenizer = llama
    doc, task = question("Ann ran.", "Ann"), training_task("squad")
    text.development_score(model, tokenizer, [doc], task, "cpu")
    rows = text.rows_of(tokenizer, model.config, [doc], task, 100)
    text.row_losses(model, text.collate(rows, tokenizer.pad_token_id)).sum().backward()  # type: ignore[no-untyped-call]
    model.zero_grad()


# ------------------------------------------------------------------ learning


def learn(model: Any, rows: list[text.Row], steps: int, rate: float = 3e-3) -> None:
    """Plain AdamW with linear decay on 32 rows a step (all, where there are fewer)."""
    draw = random.Random(0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1, (step + 1) / 60) * (1 - step / steps))
    model.train()
    for _ in range(steps):
        batch = draw.sample(rows, min(32, len(rows)))
        (text.row_losses(model, text.collate(batch, 0)).sum() / sum(map(text.items_of, batch))).backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    model.eval()


@pytest.mark.parametrize("make", [tiny_language_models.make_llama, tiny_language_models.make_mt5])
def test_what_was_learned_is_what_evaluation_asks(make: Any, tmp_path: Path, tasks: dict[str, Any]) -> None:
    """Answers learned by heart come back through the host, whose prompts nobody here has written again."""
    folder = make(tmp_path / "model")
    docs: Any = documents(tasks["xtreme.panx.zh"])[:1]
    model, tokenizer = load(folder)
    learn(model, text.rows_of(tokenizer, model.config, docs, training_task("panx"), 2048), 120, 1e-2)
    model.save_pretrained(folder)
    assert text.development_score(model, tokenizer, docs, training_task("panx"), "cpu") > 0.9
    results = run_host(["xtreme.panx.zh"], folder, limit=1)
    answers = [row["resps"][0][0] for row in results["samples"]["xtreme.panx.zh"]]
    assert [answer.split() for answer in answers] == [prompts.tagged_line(doc).split() for doc in docs]


def made_up(draw: random.Random) -> dict[str, Any]:
    """A premise about two things, and a hypothesis that repeats it, changes a word, or is about another thing."""
    things = draw.sample(["cat", "dog", "house", "car", "book", "tree", "bird", "lamp"], 3)
    words = ["red", "blue", "green", "black", "white", "old", "new", "big", "small"]
    first, other = draw.sample(words, 2)
    label = draw.randrange(3)
    thing, word = [(things[0], other), (things[0], first), (things[2], draw.choice(words))][label]
    premise = f"the {things[0]} was {first} and the {things[1]} was {draw.choice(words)}"
    return pair(premise, f"the {thing} was {word}", label)


@pytest.mark.slow
def test_classes_of_unseen_pairs_are_learned(folders: dict[str, Path]) -> None:
    """A model without any knowledge of its own; chance is 1/3. With loss on the premise it stays there."""
    model, tokenizer = load(folders["llama"])
    torch.manual_seed(1)
    for weights in model.parameters():
        if weights.dim() > 1:
            torch.nn.init.normal_(weights, std=0.05)
    draw = random.Random(0)
    training, unseen = ([made_up(draw) for _ in range(count)] for count in (4000, 200))
    learn(model, text.rows_of(tokenizer, model.config, training, training_task("mnli"), 128), 600)
    assert text.development_score(model, tokenizer, unseen, training_task("mnli"), "cpu") > 0.9


# ------------------------------------------------------------------ bad input


def test_a_language_without_words_is_named(llama: tuple[Any, Any]) -> None:
    model, tokenizer = llama
    with pytest.raises(UnknownName, match="unknown language of this prompt 'eu'"):
        text.rows_of(tokenizer, model.config, [pair("a", "b", 0, "eu")], training_task("mnli"), 100)


def test_a_tokenizer_that_cannot_end_a_text(folders: dict[str, Path]) -> None:
    model, tokenizer = load(folders["llama"])
    tokenizer.eos_token = None
    with pytest.raises(UnfitCheckpoint, match="has no end-of-sequence token"):
        text.rows_of(tokenizer, model.config, [question("Ann.", "Ann")], training_task("squad"), 100)


def test_an_encoder_decoder_that_cannot_begin(folders: dict[str, Path]) -> None:
    model, tokenizer = load(folders["mt5"])
    model.config.decoder_start_token_id = None
    with pytest.raises(UnfitCheckpoint, match="names no decoder_start_token_id"):
        text.rows_of(tokenizer, model.config, [question("Ann.", "Ann")], training_task("squad"), 100)


def test_a_task_without_text(llama: tuple[Any, Any]) -> None:
    model, tokenizer = llama
    task = replace(training_task("squad"), name="pairs", kind=kinds.MINING)
    with pytest.raises(UnknownName, match="no text-to-text prompt for datasets of the kind 'mining'; there is one for"):
        text.rows_of(tokenizer, model.config, [], task, 100)
    task = replace(training_task("qqp"), name="pairs", asked_as="")
    with pytest.raises(SettingError, match="pairs has no text-to-text prompt"):
        text.rows_of(tokenizer, model.config, [], task, 100)


def test_nothing_to_score(llama: tuple[Any, Any]) -> None:
    model, tokenizer = llama
    with pytest.raises(SettingError, match="squad: no development document fits into 8 tokens"):
        text.development_score(model, tokenizer, [question("Ann.", "Ann")], training_task("squad"), "cpu", 8)


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    yield
