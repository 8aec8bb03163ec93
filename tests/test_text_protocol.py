"""The text protocol: the host's API classes against a server that answers from a table.

Expected scores are arithmetic on the table: which documents it answers wrongly, and how many tags or entities those
hold. The sample's files are read here by a few lines of their own, and the prompts' words are typed here.
"""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.bridged_host import bridged, simple_evaluate
from tests.completions_server import Server, serve
from tests.test_bridge import INSTALL, NO_DEFAULTS
from tests.tiny_language_models import make_llama
from xstilts_eval.benchmark import FAMILIES
from xstilts_eval.errors import SettingError, UnfitCheckpoint
from xstilts_eval.paths import sample_path

pytest.importorskip("tenacity", reason="the host's API classes need lm-eval's extra [api]")

PAIRS = ["xtreme.xnli.sw", "xtreme.pawsx.fr"]
GENERATED = ["xtreme.udpos.en", "xtreme.panx.de", "xtreme.xquad.de", "xtreme.mlqa.es", "xtreme.tydiqa.sw"]
RETRIEVAL = ["xtreme.tatoeba.de", "xtreme.bucc2018.de"]
UNREADABLE = "I cannot tag this."


# ---------------------------------------------------------------------- the sample, read once more


def rows(path: str) -> list[dict[str, str]]:
    with (sample_path() / path).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))


def sentences(path: str, word: int, tag: int) -> list[list[tuple[str, str]]]:
    """(Word, tag) of every token of every sentence of a file with one token a line."""
    found: list[list[tuple[str, str]]] = []
    for block in (sample_path() / path).read_text(encoding="utf-8").strip().split("\n\n"):
        lines = [line.split("\t") for line in block.splitlines() if not line.startswith("#")]
        found.append([(line[word], line[tag]) for line in lines if len(line) < 10 or line[0].isdigit()])
    return found


def english_pos() -> list[list[tuple[str, str]]]:
    (path,) = (sample_path() / "ud-treebanks-v2.5").glob("UD_English*/*test*.conllu")
    return sentences(str(path.relative_to(sample_path())), 1, 3)


def german_entities() -> list[list[tuple[str, str]]]:
    found = sentences("panx_dataset/de/test", 0, 1)
    return [[(word.removeprefix("de:"), tag) for word, tag in sentence] for sentence in found]


QUESTIONS = {
    # leaf: file, words of the prompt
    "xtreme.xquad.de": ("xquad/xquad.de.json", ("Kontext", "Frage", "Antwort")),
    "xtreme.mlqa.es": ("MLQA_V1/test/test-context-es-question-es.json", ("Context", "Question", "Answer")),
    "xtreme.tydiqa.sw": ("tydiqa-goldp-v1.1-dev/tydiqa.goldp.sw.dev.json", ("Muktadha", "Swali", "Jibu")),
}


def questions(leaf: str) -> list[tuple[str, str]]:
    """(Prompt, first answer) of every question."""
    path, (context, question, answer) = QUESTIONS[leaf]
    articles = json.loads((sample_path() / path).read_text(encoding="utf-8"))["data"]
    return [
        (f"{context}: {paragraph['context']}\n\n{question}: {qa['question']}\n\n{answer}:", qa["answers"][0]["text"])
        for article in articles
        for paragraph in article["paragraphs"]
        for qa in paragraph["qas"]
    ]


# ---------------------------------------------------------------------- the tables


def wrong(number: int) -> bool:
    """Every fourth document is answered wrongly."""
    return number % 4 == 3


def likelihoods() -> dict[str, float]:
    """Whole text → log-probability; the chosen one -1, its rivals -5 and -6.

    The blank in front of XNLI's is the host's delimiter between a context, empty here, and a choice; PAWS-X has none.
    """
    table: dict[str, float] = {}
    words = {"entailment": "Ndiyo", "neutral": "Hivyo", "contradiction": "Hapana"}
    swahili = [row for row in rows("XNLI-1.0/xnli.test.tsv") if row["language"] == "sw"]
    for number, row in enumerate(swahili):
        order = sorted(words, key=lambda label: (label == row["gold_label"]) == wrong(number))
        for label, value in zip(order, (-1.0, -5.0, -6.0), strict=True):
            table[f" {row['sentence1']}, sahihi? {words[label]}, {row['sentence2']}"] = value
    for number, row in enumerate(rows("x-final/fr/test_2k.tsv")):
        for label, word in (("0", "Non"), ("1", "Oui")):
            chosen = (label == row["label"]) != wrong(number)
            table[f"{row['sentence1']}, n'est-ce pas? {word}, {row['sentence2']}"] = -1.0 if chosen else -5.0
    return table


def answers() -> dict[str, str]:
    """Prompt → text; what follows the first line break must not be read."""
    table: dict[str, str] = {}
    for number, sentence in enumerate(english_pos()):
        tagged = " ".join(f"{word}_{tag}" for word, tag in sentence)
        table[tagging_prompt(sentence)] = UNREADABLE if wrong(number) else tagged
    for number, sentence in enumerate(german_entities()):
        tagged = " ".join(f"{word}_{'O' if wrong(number) else tag}" for word, tag in sentence)
        table[tagging_prompt(sentence)] = tagged
    for leaf in QUESTIONS:
        for number, (prompt, answer) in enumerate(questions(leaf)):
            table[prompt] = "zzzz" if wrong(number) else f" {answer}"
    return {prompt: f"{answer}\nand more that nobody asked for" for prompt, answer in table.items()}


def tagging_prompt(sentence: list[tuple[str, str]]) -> str:
    return f"C: {' '.join(word for word, _ in sentence)}\nT:"


def chunks(tags: list[str]) -> int:
    """Runs of equal tags; tags beginning with S stand alone (old seqeval on UPOS names, spec 2.1)."""
    return sum(tag != before or tag[0] == "S" for tag, before in zip(tags, ["", *tags], strict=False))


def kept(sentences: list[list[tuple[str, str]]], count: Callable[[list[str]], int]) -> tuple[int, int]:
    """`count` over the tags of all sentences, and over those of the sentences answered rightly."""
    tags = [[tag for _, tag in sentence] for sentence in sentences]
    return sum(map(count, tags)), sum(count(one) for number, one in enumerate(tags) if not wrong(number))


def check_generated(results: dict[str, Any]) -> None:
    """Scores of the generated leaves against arithmetic on the table."""
    pos, entities = english_pos(), german_entities()
    failures = sum(wrong(number) for number in range(len(pos)))
    assert len(pos) == len(entities) == 24 and failures == 6
    assert not any(tag == "X" for sentence in pos for _, tag in sentence)

    total, right = kept(pos, chunks)
    scores = results["results"]["xtreme.udpos.en"]
    assert scores["recall,none"] == pytest.approx(right / total)
    assert scores["precision,none"] == pytest.approx(right / (right + failures)), "an unread sentence is one X chunk"
    assert scores["f1,none"] == pytest.approx(2 * right / (total + right + failures))
    assert scores["unparsed,none"] == failures
    tokens, read = kept(pos, len)
    assert scores["token_accuracy,none"] == pytest.approx(read / tokens)

    total, right = kept(entities, lambda tags: sum(tag.startswith("B-") for tag in tags))
    scores = results["results"]["xtreme.panx.de"]
    assert 0 < right < total
    assert (scores["precision,none"], scores["unparsed,none"]) == (1.0, 0)
    assert scores["recall,none"] == pytest.approx(right / total)

    for leaf in QUESTIONS:
        scores = results["results"][leaf]
        assert len(questions(leaf)) == 20
        for metric in ("f1", "exact_match"):
            assert scores[f"{metric},none"] == pytest.approx(15 / 20), (leaf, metric)


# ---------------------------------------------------------------------- fixtures


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_llama(tmp_path_factory.mktemp("llama"), chat=True)


@pytest.fixture(scope="module", autouse=True)
def bridge() -> Iterator[None]:
    with bridged():
        yield


@pytest.fixture
def server(llama: Path) -> Iterator[Server]:
    with serve(llama, answers().__getitem__, likelihoods().__getitem__) as running:
        yield running
        assert running.failures == []


def completions(server: Server, tokenizer: Path, tasks: list[str], **options: Any) -> dict[str, Any]:
    arguments = {"model": "table", "base_url": f"{server.url}/v1/completions", "tokenizer": str(tokenizer)}
    return simple_evaluate("local-completions", tasks, arguments | options.pop("model_args", {}), **options)


def chat(server: Server, tasks: list[str], **options: Any) -> dict[str, Any]:
    arguments = {"model": "table", "base_url": f"{server.url}/v1/chat/completions"}
    return simple_evaluate("local-chat-completions", tasks, arguments, **options)


# ---------------------------------------------------------------------- completions


def test_completions_score_every_text_family(server: Server, llama: Path) -> None:
    results = completions(server, llama, PAIRS + GENERATED)
    check_generated(results)
    assert results["results"]["xtreme.xnli.sw"]["acc,none"] == pytest.approx(18 / 24)
    assert results["results"]["xtreme.pawsx.fr"]["acc,none"] == pytest.approx(15 / 20)
    assert len(server.seen) == 24 * 3 + 20 * 2 + 24 * 2 + 20 * 3


def test_generation_is_bounded_and_stopped(server: Server, llama: Path) -> None:
    """The server alone decides when to stop: without a bound or a stop sequence it may never."""
    completions(server, llama, GENERATED, limit=1)
    bounds = sorted(request["max_tokens"] for _, request in server.seen)
    assert bounds == [64, 64, 64, 512, 512]
    assert all("\n" in request["stop"] and request["temperature"] == 0 for _, request in server.seen)


@pytest.mark.parametrize("options", [{"tokenized_requests": False}, {"num_concurrent": 4}, {"batch_size": 5}])
def test_completions_by_text_side_by_side_and_in_batches(server: Server, llama: Path, options: dict[str, Any]) -> None:
    results = completions(server, llama, ["xtreme.xnli.sw", "xtreme.tydiqa.sw"], model_args=options)
    assert results["results"]["xtreme.xnli.sw"]["acc,none"] == pytest.approx(18 / 24)
    assert results["results"]["xtreme.tydiqa.sw"]["f1,none"] == pytest.approx(15 / 20)


def test_few_shot_prompts_end_with_the_question(llama: Path) -> None:
    table = answers()

    def last(prompt: str) -> str:
        return next(answer for known, answer in table.items() if prompt.endswith(known) and len(prompt) > len(known))

    with serve(llama, last) as server:
        results = completions(server, llama, ["xtreme.panx.de", "xtreme.tydiqa.sw"], num_fewshot=2)
        assert server.failures == []
    assert results["results"]["xtreme.panx.de"]["precision,none"] == 1.0
    assert results["results"]["xtreme.tydiqa.sw"]["f1,none"] == pytest.approx(15 / 20)


# ---------------------------------------------------------------------- chat


def test_chat_scores_the_generated_families(server: Server) -> None:
    check_generated(chat(server, GENERATED, apply_chat_template=True))
    assert {path for path, _ in server.seen} == {"/v1/chat/completions"}


def test_chat_shots_are_earlier_turns(llama: Path) -> None:
    with serve(llama, answers().__getitem__) as server:
        results = chat(
            server, ["xtreme.tydiqa.sw"], apply_chat_template=True, num_fewshot=2, fewshot_as_multiturn=True, limit=8
        )
        assert server.failures == []
    assert results["results"]["xtreme.tydiqa.sw"]["f1,none"] == pytest.approx(6 / 8)
    for _, request in server.seen:
        assert [message["role"] for message in request["messages"]] == ["user", "assistant"] * 2 + ["user"]


# ---------------------------------------------------------------------- refusals


def test_retrieval_is_refused_before_the_first_request(server: Server, llama: Path) -> None:
    with pytest.raises(UnfitCheckpoint) as error:
        completions(server, llama, PAIRS + RETRIEVAL + GENERATED)
    assert str(error.value) == (
        "--model local-completions cannot serve xtreme_tatoeba, xtreme_bucc2018: retrieval needs sentence vectors, "
        "which this model class does not give (--model xstilts and hf do). It can serve: --tasks "
        + ",".join(PAIRS + GENERATED)
    )
    assert server.seen == []


def test_what_is_offered_instead_runs(server: Server, llama: Path) -> None:
    everything = [family.leaf(family.languages[0]) for family in FAMILIES.values() if family.suite == "xtreme"]
    with pytest.raises(UnfitCheckpoint) as error:
        completions(server, llama, everything)
    offered = str(error.value).rpartition("--tasks ")[2].split(",")
    assert offered == [leaf for leaf in everything if ".tatoeba." not in leaf and ".bucc2018." not in leaf]


def test_pairs_are_refused_for_chat(server: Server) -> None:
    with pytest.raises(UnfitCheckpoint, match=r"cannot serve xtreme_xnli: .* It can serve: --tasks xtreme\.udpos\.en$"):
        chat(server, ["xtreme.xnli.sw", "xtreme.udpos.en"], apply_chat_template=True)
    assert server.seen == []


def test_chat_without_its_template_is_refused(server: Server) -> None:
    with pytest.raises(SettingError, match="takes messages, not text: add --apply_chat_template"):
        chat(server, ["xtreme.udpos.en"])
    assert server.seen == []


def test_pairs_are_refused_without_a_tokenizer(server: Server, llama: Path) -> None:
    with pytest.raises(UnfitCheckpoint, match="needs the model's tokenizer"):
        completions(server, llama, PAIRS, model_args={"tokenizer": None, "tokenizer_backend": "none"})
    assert server.seen == []


@pytest.mark.slow
def test_the_command_says_it_in_one_sentence(server: Server, llama: Path, tmp_path: Path) -> None:
    arguments = f"model=table,base_url={server.url}/v1/completions,tokenizer={llama}"
    code = INSTALL + NO_DEFAULTS + (
        "from lm_eval.__main__ import cli_evaluate\n"
        f"sys.argv = ['lm_eval', 'run', '--model', 'local-completions', '--model_args', {arguments!r}, "
        "'--tasks', 'xtreme_xnli,xtreme_tatoeba', '--verbosity', 'ERROR']\ncli_evaluate()"
    )  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        env={"PATH": "/usr/bin:/bin", "XSTILTS_BRIDGE": "0", "XSTILTS_DATA": "sample", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 2, done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("xstilts-eval: error: --model local-completions cannot serve xtreme_tatoeba: ")
    assert last.endswith("It can serve: --tasks xtreme_xnli")
    assert "Traceback" not in done.stderr and server.seen == []
