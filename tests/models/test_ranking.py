"""Rankings of shared candidates: exact search, ties, one pool for all languages, LAReQA on real weights."""

import json
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.run_host import run_host
from tests.shared_data import DATA, needs_data
from xstilts_eval.benchmark import family, leaf_parts
from xstilts_eval.bundle import Bundle, Head, write
from xstilts_eval.data.examples import Corpus
from xstilts_eval.data.files import read_text
from xstilts_eval.data.ranking import Pool
from xstilts_eval.errors import UnfitCheckpoint
from xstilts_eval.metrics import neighbours
from xstilts_eval.models import retrieval
from xstilts_eval.models.checkpoint import resolve
from xstilts_eval.models.known_vectors import KnownVectors
from xstilts_eval.models.processes import Processes
from xstilts_eval.models.source import Source
from xstilts_eval.results import record

# ------------------------------------------------------------------ the search

GRID = st.lists(st.tuples(*[st.integers(-2, 2)] * 2), min_size=1, max_size=12)


@settings(max_examples=150, deadline=None)
@given(GRID, GRID, st.integers(1, 8), st.integers(1, 5))
def test_the_search_in_blocks_is_a_stable_sort(queries: Any, pool: Any, size: int, block: int) -> None:
    """Small whole numbers give many ties; sorting all scores, first row first among equals, is the reference."""
    left, right = np.array(queries, np.float32), np.array(pool, np.float32)
    near = neighbours.nearest(left, right, size, (block, block))
    for query, found, scores in zip(queries, near.index, near.similarity, strict=True):
        dots = [query[0] * x + query[1] * y for x, y in pool]
        expected = sorted(range(len(pool)), key=lambda row: (-dots[row], row))[:size]
        assert found.tolist() == expected
        assert scores.tolist() == [dots[row] for row in expected]


class Letters:
    """An encoder that knows no letter case: its vector counts a, b and c."""

    def __init__(self) -> None:
        self.embedded: list[str] = []
        self.known = KnownVectors()

    def inputs(self, texts: Any) -> tuple[list[bytes], list[bool]]:
        return [text.lower().encode() for text in texts], ["cc" in text for text in texts]

    def embed(self, texts: Any, label: str) -> Any:
        self.embedded += texts
        counts = np.array([[text.lower().count(letter) for letter in "abc"] for text in texts], np.float32)
        return counts / np.linalg.norm(counts, axis=1, keepdims=True)


def test_candidates_that_are_one_input_share_a_score_and_keep_their_order() -> None:
    pool = Pool(("c1", "a1", "a2", "ab", "a3"), ("c", "a", "A", "ab", "a"), {}, "")
    queries, candidates = Letters(), Letters()
    requests: Any = [SimpleNamespace(doc={"query": text}) for text in ("aa", "cc", "aa")]
    found, cut, cut_candidates = retrieval.rank(requests, pool, retrieval.Ranker(queries, candidates), Processes(), "x")
    assert cut == [0, 1, 0] and cut_candidates == 0
    assert found[0] == {"candidates": ["a1", "a2", "a3", "ab", "c1"], "scores": [1.0, 1.0, 1.0, 0.707107, 0.0]}
    assert found[1]["candidates"][0] == "c1"
    assert found[2] == found[0]
    assert candidates.embedded == ["c", "a", "ab"] and queries.embedded == ["aa", "cc"]


def test_ties_go_by_line_whatever_was_embedded_before() -> None:
    """ "ab" and "ba" are two inputs of one vector; another leaf had them the other way round."""
    share = retrieval.SharedEmbedder(Letters(), Processes())
    share.prepare(["ba", "ab", "c"], "x")
    found = retrieval.search_both_ways(["ab", "c"], ["ab", "ba"], share)
    assert [line["nearest_target"] for line in found] == [0, 0]
    assert [line["nearest_source"] for line in found] == [0, 0]
    assert found[0]["target_score"] == 1.0
    assert retrieval.match_by_margin(["ab", "c"], ["ab", "ba"], share)[0] == {"margin_target": 0, "margin_source": 0}
    pool = Pool(("second", "first", "third"), ("ba", "ab", "BA"), {}, "")
    request: Any = SimpleNamespace(doc={"query": "ab"})
    ranking, _, _ = retrieval.rank([request], pool, retrieval.Ranker(Letters(), Letters()), Processes(), "x")
    assert ranking[0]["candidates"] == ["second", "first", "third"]


def test_no_text_is_embedded_for_a_second_dataset() -> None:
    """Rankings, bitexts and mining of one encoder, in whatever order, each with new texts and known ones."""
    encoder = Letters()
    pool = Pool(("one", "two"), ("a", "ab"), {}, "")
    requests: Any = [SimpleNamespace(doc={"query": "b"})]
    ranked = retrieval.rank(requests, pool, retrieval.Ranker(encoder, encoder), Processes(), "x")
    assert sorted(encoder.embedded) == ["a", "ab", "b"]
    share = retrieval.SharedEmbedder(encoder, Processes())
    share.prepare(["c", "AB", "bc", "a"], "x")
    assert encoder.embedded[3:] == ["c", "bc"]
    np.testing.assert_array_equal(share(["bc", "a", "AB"]), Letters().embed(["bc", "a", "ab"], ""))
    corpus = Corpus("x", {"f1": "a", "f2": "abc"}, {"e1": "A", "e2": "c"}, frozenset({("f1", "e1")}))
    retrieval.mine_corpus(corpus, corpus, encoder, Processes(), "x")
    assert encoder.embedded[5:] == ["abc"]
    assert b"abc" not in encoder.known, "sentences of a corpus are not kept"
    again = retrieval.rank(requests, pool, retrieval.Ranker(encoder, encoder), Processes(), "x")
    assert again == ranked and len(encoder.embedded) == 6


def test_vectors_are_kept_as_far_as_there_is_room() -> None:
    encoder = Letters()
    encoder.known = KnownVectors(room=2 * 3 * 4)
    retrieval.SharedEmbedder(encoder, Processes()).prepare(["a", "b"], "x")
    for _ in range(2):
        share = retrieval.SharedEmbedder(encoder, Processes())
        share.prepare(["c", "b"], "x")
        np.testing.assert_array_equal(share(["b", "c"]), Letters().embed(["b", "c"], ""))
    assert encoder.embedded == ["a", "b", "c", "c"]


# ------------------------------------------------------------------ through the host


def _responses(results: dict[str, Any], leaf: str) -> list[dict[str, Any]]:
    return [sample["filtered_resps"][0] for sample in sorted(results["samples"][leaf], key=lambda s: s["doc_id"])]


def test_a_limit_keeps_the_pool_whole(tiny_bundle: Path) -> None:
    leaf = "xtremer.lareqa.de"
    whole, limited = (_responses(run_host([leaf], tiny_bundle, limit=limit), leaf) for limit in (None, 3))
    assert len(limited) == 3
    for response, expected in zip(limited, whole, strict=False):
        assert response["scores"] == pytest.approx(expected["scores"], abs=1e-5)  # other batches round otherwise
    found = {one.split("_")[0] for response in limited for one in response["candidates"]}
    assert len(found) > 3, "candidates of other languages than the question's"


@pytest.fixture
def dual(tiny_bundle: Path, tmp_path: Path) -> Path:
    """The tiny bundle with a dual encoder of its own, another seed's BERT, for LAReQA."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    folder = tmp_path / "dual"
    shutil.copytree(tiny_bundle / "encoder", folder / "encoder")
    torch.manual_seed(5)
    model = AutoModel.from_config(AutoModel.from_pretrained(folder / "encoder").config)
    model.save_pretrained(folder / "lareqa")
    AutoTokenizer.from_pretrained(folder / "encoder").save_pretrained(folder / "lareqa")
    write(Bundle(encoder="encoder", heads={"lareqa": Head(path="lareqa")}), folder)
    return folder


def test_a_trained_dual_encoder_gives_its_poolers_output(dual: Path) -> None:
    """Against the library's own `pooler_output`, one text at a time."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    leaf = "xtremer.lareqa.en"
    results = run_host([leaf, "xtremer.mewslix.en"], dual, limit=4)
    model, tokenizer = AutoModel.from_pretrained(dual / "lareqa").eval(), AutoTokenizer.from_pretrained(dual / "lareqa")

    def vector(text: str, length: int) -> Any:
        with torch.inference_mode():
            inputs = tokenizer(text, truncation=True, max_length=length, return_tensors="pt")
            return torch.nn.functional.normalize(model(**inputs).pooler_output[0], dim=-1)

    from xstilts_eval.tasks.documents import load_leaf

    pool = load_leaf(family("lareqa"), "en", "sample").candidates
    assert pool is not None
    texts = dict(zip(pool.ids, pool.texts, strict=True))
    samples = sorted(results["samples"][leaf], key=lambda sample: sample["doc_id"])
    for sample in samples:
        response = sample["filtered_resps"][0]
        query = vector(sample["doc"]["query"], 96)
        for one, score in zip(response["candidates"], response["scores"], strict=True):
            assert score == pytest.approx(float(query @ vector(texts[one], 256)), abs=1e-4)
    by_leaf = {one.leaf: one.signature for one in record.from_host(results).leaves}
    assert "|layer:last|pooling:pooler|max_length:96/256|" in by_leaf[leaf]
    assert "|pooling:mean|max_length:64/64|" in by_leaf["xtremer.mewslix.en"], "no dual encoder of its own"
    assert by_leaf[leaf].split("ckpt:")[1] != by_leaf["xtremer.mewslix.en"].split("ckpt:")[1]


def test_a_dual_encoder_without_a_poolers_weights_is_refused(dual: Path) -> None:
    from safetensors.torch import load_file, save_file

    path = dual / "lareqa/model.safetensors"
    weights = {name: value for name, value in load_file(path).items() if "pooler" not in name}
    save_file(weights, path, metadata={"format": "pt"})
    with pytest.raises(UnfitCheckpoint, match=r"the checkpoint lacks weights: pooler\.dense\.bias"):
        run_host(["xtremer.lareqa.en"], dual / "lareqa", limit=1, lareqa=str(dual / "lareqa"))


def test_the_prompts_of_the_two_sides(tiny_bundle: Path) -> None:
    leaf = "xtremer.mewslix.en"
    both = run_host([leaf], tiny_bundle, prompt="'zz '")
    apart = run_host([leaf], tiny_bundle, query_prompt="'zz '", passage_prompt="'zz '")
    plain = run_host([leaf], tiny_bundle)
    assert _responses(both, leaf) == _responses(apart, leaf) != _responses(plain, leaf)
    assert "query_prompt:'zz '|passage_prompt:'zz '" in record.from_host(apart).leaves[0].signature


def test_what_ranks_is_the_families_own_encoder_or_the_encoder(dual: Path) -> None:
    checkpoint = resolve(str(dual))
    assert checkpoint.ranker(family("lareqa"))[0] == Source(str(dual / "lareqa"))
    assert checkpoint.ranker(family("mewslix"))[0] == Source(str(dual / "encoder"))


# ------------------------------------------------------------------ real files, real weights

CODES = ("de", "en", "zh")


@pytest.fixture(scope="module")
def cut(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first four paragraphs of the real XQuAD-R in three languages."""
    folder = tmp_path_factory.mktemp("xquad-r")
    (folder / "xquad-r").mkdir()
    for code in CODES:
        content = json.loads(read_text(DATA / f"lareqa/xquad-r/{code}.json.gz"))
        content["data"] = [{"paragraphs": content["data"][0]["paragraphs"][:4]}]
        (folder / f"xquad-r/{code}.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


@needs_data
def test_lareqa_equals_a_slow_reference(cut: Path, minilm: Path) -> None:
    """mAP@20 from the raw files alone: the library's model, mean pooling, dot products and sorts in plain loops."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    model, tokenizer = AutoModel.from_pretrained(minilm).eval(), AutoTokenizer.from_pretrained(minilm)

    def vector(text: str, length: int) -> list[float]:
        inputs = tokenizer(text.replace("\n", ""), truncation=True, max_length=length, return_tensors="pt")
        with torch.inference_mode():
            mean = model(**inputs).last_hidden_state[0].mean(dim=0)
        found: list[float] = (mean / mean.norm()).tolist()
        return found

    candidates: list[tuple[list[float], set[str]]] = []
    questions: list[tuple[str, str, list[float]]] = []
    for code in CODES:
        (article,) = json.loads((cut / f"xquad-r/{code}.json").read_text(encoding="utf-8"))["data"]
        for paragraph in article["paragraphs"]:
            context = paragraph["context"]
            answered: dict[int, set[str]] = {}
            for question in paragraph["qas"]:
                start = question["answers"][0]["answer_start"]
                place = next(i for i, (a, b) in enumerate(paragraph["sentence_breaks"]) if a <= start < b)
                answered.setdefault(place, set()).add(question["id"])
                questions.append((code, question["id"], vector(question["question"], 96)))
            for place, (a, b) in enumerate(paragraph["sentence_breaks"]):
                candidates.append((vector(context[a:b] + context, 256), answered.get(place, set())))
    scores: dict[str, list[float]] = {code: [] for code in CODES}
    for code, name, query in questions:
        order = sorted(candidates, key=lambda item: -sum(x * y for x, y in zip(query, item[0], strict=True)))
        hits, total = 0, 0.0
        for rank, (_, answers) in enumerate(order[:20], 1):
            if name in answers:
                hits += 1
                total += hits / rank
        scores[code].append(total / min(20, sum(name in answers for _, answers in candidates)))
    leaves = [f"xtremer.lareqa.{code}" for code in CODES]
    results = run_host(leaves, minilm, str(cut))
    for leaf in leaves:
        expected = scores[leaf_parts(leaf)[1]]
        assert results["results"][leaf]["map_at_20,none"] == pytest.approx(sum(expected) / len(expected), abs=1e-9)
        assert [sample["map_at_20"] for sample in results["samples"][leaf]] == pytest.approx(expected, abs=1e-9)
