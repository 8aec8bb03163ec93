"""Third-party heads from end to end: the same weights under another's label names must give the answers they name."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.run_host import run_host
from xstilts_eval.benchmark import family
from xstilts_eval.errors import UnfitCheckpoint
from xstilts_eval.label_reading import LabelReading
from xstilts_eval.models import labels, tagging
from xstilts_eval.results import record

LEAF = "xtreme.panx.sw"
NONE = {"outside_label_set": 0, "special_tokens": 0}


def renamed(source: Path, target: Path, names: list[str]) -> Path:
    shutil.copytree(source, target)
    config = json.loads((target / "config.json").read_text())
    config["id2label"] = {str(index): name for index, name in enumerate(names)}
    config["label2id"] = {name: index for index, name in enumerate(names)}
    (target / "config.json").write_text(json.dumps(config))
    return target


def wider(source: Path, target: Path, names: list[str], biases: list[float]) -> Path:
    """A random tagging head with as many classes as names; biases make all of them occur."""
    import torch
    from transformers import AutoTokenizer, BertConfig, BertForTokenClassification

    shape = {name: value for name, value in json.loads((source / "config.json").read_text()).items() if "2" not in name}
    torch.manual_seed(5)
    model = BertForTokenClassification(BertConfig(**shape, id2label=dict(enumerate(names))))
    torch.nn.init.normal_(model.classifier.weight, std=1.0)
    model.classifier.bias.data = torch.tensor(biases)
    model.save_pretrained(target)
    AutoTokenizer.from_pretrained(source).save_pretrained(target)
    return target


def answers(results: dict[str, Any], leaf: str) -> list[list[str]]:
    return [sample["filtered_resps"][0].split() for sample in results["samples"][leaf]]


def chunks(tags: list[str]) -> set[tuple[int, int, str]]:
    """Entities (start, end, type) of a IOB2 sequence without stray I- tags, one at a time."""
    found = set()
    for start, tag in enumerate(tags):
        if tag.startswith("B-"):
            end = start + 1
            while end < len(tags) and tags[end] == f"I-{tag[2:]}":
                end += 1
            found.add((start, end, tag[2:]))
    return found


def test_a_foreign_tagger_answers_in_the_benchmarks_tags(tiny_bundle: Path, tmp_path: Path) -> None:
    """camembert-ner's labels (I- only, MISC): dropped, masked, counted, recorded, against a slow reading of logits."""
    names = ["O", "I-LOC", "I-PER", "I-MISC", "I-ORG"]
    head = wider(tiny_bundle / "panx", tmp_path / "head", names, [0.2, 0.0, 0.0, 0.3, 0.0])
    plain = run_host([LEAF], head)
    own = [[names[index] for index in row] for row in best_classes(head)]
    expected = [spelled_out(row) for row in own]
    assert answers(plain, LEAF) == expected
    assert {tag for row in expected for tag in row} >= {"O", "B-PER", "B-LOC", "B-ORG"}
    info = plain["config"]["xstilts"]
    assert info["counts"]["panx"]["outside_label_set"] == sum(row.count("I-MISC") for row in own) > 0
    assert info["label_maps"]["panx"]["scheme"] == "iob1"
    assert info["label_maps"]["panx"]["map"]["I-MISC"] == "O"

    masked = run_host([LEAF], head, extra_types="mask")
    rows = [[names[index] for index in row] for row in best_classes(head, without=3)]
    assert answers(masked, LEAF) == [spelled_out(row) for row in rows] != expected
    assert masked["config"]["xstilts"]["counts"]["panx"] == info["counts"]["panx"], "as many words were concerned"
    assert masked["config"]["xstilts"]["label_maps"]["panx"]["extra_types"] == "mask"


def test_strangers_are_listed_in_output_results_and_signature(
    tiny_bundle: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Junk and another type are O and counted, special tokens are never predicted, equal names are one class."""
    names = ["[PAD]", "O", "B-PER", "I-PER", "B-ORG", "I-ORG", "B-LOC", "I-LOC", "B-MISC", "<unk>", "B-PER", "junk|x"]
    head = wider(tiny_bundle / "panx", tmp_path / "head", names, [2.0] + [0.0] * 10 + [0.2])
    found = run_host([LEAF], head)
    rows, outside, special = [], 0, 0
    for scores in class_scores(head):
        row = []
        for word in scores:
            one = {name: sum(np.exp(v) for v, n in zip(word, names, strict=True) if n == name) for name in names}
            special += max(one, key=one.__getitem__) in ("[PAD]", "<unk>")
            row.append(max((name for name in one if name[0] not in "[<"), key=one.__getitem__))
            outside += row[-1] in ("B-MISC", "junk|x")
        rows.append(["O" if tag in ("B-MISC", "junk|x") else tag for tag in row])
    assert answers(found, LEAF) == rows
    info = found["config"]["xstilts"]
    assert (info["counts"]["panx"]["outside_label_set"], info["counts"]["panx"]["special_tokens"]) == (outside, special)
    assert outside > 0 and special > 0
    reading = LabelReading.model_validate(info["label_maps"]["panx"])
    assert (reading.extra, reading.masked, reading.repeated) == (("B-MISC", "junk|x"), ("[PAD]", "<unk>"), ("B-PER",))
    (leaf,) = record.from_host(found).leaves
    assert "|extra:B-MISC,junk%7Cx|masked:[PAD],<unk>|repeated:B-PER|dtype:" in leaf.signature
    told = leaf.signed.fields()
    assert (told["extra"], told["dtype"]) == ("B-MISC,junk%7Cx", "float32")
    said = [entry.message for entry in caplog.records if entry.message.startswith("panx: ")]
    assert said == [
        "panx: B-MISC, junk|x read as O and counted where predicted",
        "panx: [PAD], <unk> never predicted (special tokens)",
        "panx: several classes are called B-PER; their probabilities add",
    ]


def test_a_tagger_without_names_is_told_by_an_order(tiny_bundle: Path, tmp_path: Path) -> None:
    """As an argument, for one family or for all; an order may hold what a set of names may hold."""
    plain = run_host([LEAF], tiny_bundle / "panx")
    own = list(family("panx").labels)
    nameless = renamed(tiny_bundle / "panx", tmp_path / "nameless", [f"LABEL_{n}" for n in range(7)])
    with pytest.raises(UnfitCheckpoint, match=r"label_order=O\|B-PER\|I-PER"):
        run_host([LEAF], nameless)
    for given in ({"panx_label_order": "|".join(own)}, {"label_order": own}):
        found = run_host([LEAF], nameless, **given)
        assert answers(found, LEAF) == answers(plain, LEAF)
        (leaf,) = record.from_host(found).leaves
        assert f"|labels:{'/'.join(own)}|" in leaf.signature
    strange = [*own[:5], "[SEP]", "x|y"]
    with pytest.raises(UnfitCheckpoint, match="LOC cannot be found"):
        run_host([LEAF], nameless, panx_label_order=r"O|B-PER|I-PER|B-ORG|I-ORG|[SEP]|x\|y")
    nameless = wider(tiny_bundle / "panx", tmp_path / "nine", [f"tag{n}" for n in range(9)], [0.0] * 9)
    found = run_host([LEAF], nameless, panx_label_order="|".join([*own, "[SEP]", r"x\|y"]))
    assert found["config"]["xstilts"]["label_order"]["panx"][-1] == strange[-1]
    assert found["config"]["xstilts"]["label_maps"]["panx"]["masked"] == ["[SEP]"]


def test_an_order_that_no_head_needs_is_said(tiny_bundle: Path, caplog: pytest.LogCaptureFixture) -> None:
    """One order for all heads cannot be refused for one of them; that it was not used must not go unsaid."""
    run_host(["xtreme.xnli.de"], tiny_bundle, label_order="a|b|c")
    own = json.loads((tiny_bundle / "xnli" / "config.json").read_text())["id2label"]
    said = f"xnli: label_order is not used, the head has names of its own: {', '.join(own[str(n)] for n in range(3))}"
    assert [record.message for record in caplog.records].count(said) == 1
    caplog.clear()
    run_host(["xtreme.xnli.de"], tiny_bundle, label_order="|".join(own[str(n)] for n in range(3)))
    assert "label_order" not in caplog.text


def test_names_of_label2id_are_used_with_one_notice(
    tiny_bundle: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    head = renamed(tiny_bundle / "xnli", tmp_path / "head", ["entailment", "neutral", "contradiction"])
    named = run_host(["xtreme.xnli.sw", "xtreme.xnli.de"], head)
    config = json.loads((head / "config.json").read_text())
    config["id2label"] = {str(n): f"LABEL_{n}" for n in range(3)}
    (head / "config.json").write_text(json.dumps(config))
    found = run_host(["xtreme.xnli.sw", "xtreme.xnli.de"], head)
    scores = [[s["filtered_resps"] for s in results["samples"]["xtreme.xnli.sw"]] for results in (named, found)]
    assert scores[0] == scores[1]
    notice = "xnli: its id2label says LABEL_0 …; the names are those of label2id: entailment, neutral, contradiction"
    assert [entry.message for entry in caplog.records if "label2id" in entry.message] == [notice]
    assert found["config"]["xstilts"]["label_maps"]["xnli"]["notes"] == [notice]


def test_a_refusal_names_the_folder_of_the_labels(tiny_bundle: Path, tmp_path: Path) -> None:
    bad = renamed(tiny_bundle / "xnli", tmp_path / "B", ["good", "bad", "so so"])
    with pytest.raises(UnfitCheckpoint) as refusal:
        run_host(["xtreme.xnli.sw", "xtreme.pawsx.de"], tiny_bundle, xnli=str(bad))
    assert f"{tiny_bundle} with xnli={bad} cannot serve xtreme_xnli: {bad}: its labels are [good" in str(refusal.value)
    with pytest.raises(UnfitCheckpoint) as refusal:
        run_host(["xtreme.xnli.sw"], bad)
    assert f"{bad} cannot serve xtreme_xnli: its labels are [good" in str(refusal.value), "once is enough"


def spelled_out(tags: list[str]) -> list[str]:
    """I- only to IOB2, entity by entity."""
    found, before = [], ""
    for tag in tags:
        kind = tag[2:]
        found.append("O" if kind in ("", "MISC") else ("I-" if kind == before else "B-") + kind)
        before = kind
    return found


def best_classes(head: Path, without: int | None = None) -> list[list[int]]:
    """Most probable class of each word, of all or of all but one."""
    found = class_scores(head)
    for scores in found:
        if without is not None:
            scores[:, without] = -np.inf
    return [scores.argmax(axis=-1).tolist() for scores in found]


def class_scores(head: Path) -> list[NDArray[np.float64]]:
    """Scores [words, classes] at each word's first sub-word, one sentence at a time and straight from the library."""
    import torch
    from transformers import AutoModelForTokenClassification, AutoTokenizer

    from tests.run_host import load_tasks

    model, tokenizer = AutoModelForTokenClassification.from_pretrained(head), AutoTokenizer.from_pretrained(head)
    found = []
    for doc in load_tasks([LEAF])["tasks"][LEAF].test_docs():
        encoding = tokenizer(doc["tokens"], is_split_into_words=True, return_tensors="pt")
        assert len(encoding["input_ids"][0]) <= 128, "not cut"
        with torch.no_grad():
            logits = model(**encoding).logits[0].double().numpy()
        words = encoding.word_ids()
        found.append(logits[[words.index(number) for number in range(len(doc["tokens"]))]])
    return found


def test_class_numbers_do_not_shift(tiny_bundle: Path, tmp_path: Path) -> None:
    """The benchmark's own head under shuffled, spelled-out names is another head with the same entities renamed."""
    plain = run_host([LEAF], tiny_bundle / "panx")
    names = ["B-person", "I-person", "O", "B-location", "I-location", "B-Organisation", "I-Organisation"]
    own = family("panx").labels  # the names of the unchanged head
    meaning = ["B-PER", "I-PER", "O", "B-LOC", "I-LOC", "B-ORG", "I-ORG"]
    found = run_host([LEAF], renamed(tiny_bundle / "panx", tmp_path / "head", names))
    swap = dict(zip(own, meaning, strict=True))
    assert answers(found, LEAF) == [[swap[tag] for tag in row] for row in answers(plain, LEAF)]


def test_the_order_of_nli_classes_moves_with_the_names(tiny_bundle: Path, tmp_path: Path) -> None:
    plain = run_host(["xtreme.xnli.sw"], tiny_bundle / "xnli")
    head = renamed(tiny_bundle / "xnli", tmp_path / "head", ["ENTAILMENT", "not sure", "Contradictory"])
    with pytest.raises(UnfitCheckpoint, match=r"\[ENTAILMENT, not sure, Contradictory\], xnli needs \[contradiction"):
        run_host(["xtreme.xnli.sw"], head)
    reversed_ = renamed(tiny_bundle / "xnli", tmp_path / "other", ["Neutral", "CONTRADICTORY", "entails"])
    found = run_host(["xtreme.xnli.sw"], reversed_)
    for one, other in zip(plain["samples"]["xtreme.xnli.sw"], found["samples"]["xtreme.xnli.sw"], strict=True):
        (first, second, third), moved = ([score for score, _ in s["filtered_resps"]] for s in (one, other))
        assert moved == pytest.approx([second, third, first])
    assert found["config"]["xstilts"]["label_maps"]["xnli"]["map"]["CONTRADICTORY"] == "contradiction"


def test_a_crf_head_is_refused_before_its_weights_are_read(tiny_bundle: Path, tmp_path: Path) -> None:
    head = renamed(tiny_bundle / "panx", tmp_path / "crf", list(family("panx").labels))
    config = json.loads((head / "config.json").read_text()) | {"crf_state_dict": {"transitions": [[0.0]]}}
    (head / "config.json").write_text(json.dumps(config))
    with pytest.raises(UnfitCheckpoint, match="CRF"):
        run_host([LEAF], head)


def test_penn_tags_on_request(tiny_bundle: Path, tmp_path: Path) -> None:
    names = ["O", "NN", "VBZ", "-LRB-", "PRP$", "IN"]
    head = wider(tiny_bundle / "udpos", tmp_path / "head", names, [0.1, 0.0, 0.0, 0.0, 0.0, 0.0])
    with pytest.raises(UnfitCheckpoint, match="udpos_map=ptb"):
        run_host(["xtreme.udpos.de"], head)
    found = run_host(["xtreme.udpos.de"], head, udpos_map="ptb")
    tags = {tag for row in answers(found, "xtreme.udpos.de") for tag in row}
    assert {"O"} < tags <= {"O", "NOUN", "VERB", "PUNCT", "PRON", "ADP"}
    info = found["config"]["xstilts"]
    assert info["label_maps"]["udpos"]["scheme"] == "ptb"
    assert info["counts"]["udpos"]["outside_label_set"] > 0


def test_pieces_of_a_sentence_are_decoded_together() -> None:
    """An entity that runs over a cut is one entity."""
    heads = labels.understand(family("panx"), ["O", "LOC", "PER", "ORG"])
    one_hot = np.eye(4, dtype=np.float32)
    tags, outside = tagging.decode([one_hot[[0, 2]], one_hot[[2, 1]]], heads)
    assert (tags, outside) == (["O", "B-PER", "I-PER", "B-LOC"], NONE)
    assert chunks(tags) == {(1, 3, "PER"), (3, 4, "LOC")}
    assert tagging.decode([], heads) == ([], NONE)
