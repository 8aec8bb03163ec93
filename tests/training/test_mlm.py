"""Masked-language-model co-training: what is drawn and masked against formulas, the head against transformers' own."""

from __future__ import annotations

import json
import math
from collections import Counter, defaultdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from tests.models.test_xlmr_shape import xlmr_tokenizer
from tests.tiny import make_tokenizer, texts
from xstilts_eval.benchmark import family
from xstilts_eval.data import sources
from xstilts_eval.data.corpora import Text
from xstilts_eval.errors import MissingData, UnfitCheckpoint
from xstilts_eval.models.batching import pad
from xstilts_eval.models.source import Source
from xstilts_eval.paths import sample_path
from xstilts_eval.training import mlm
from xstilts_eval.training.rows import IGNORED

TINY = 1e-9
"""Chance that a right implementation breaks one bound; seeds are fixed, so it breaks always or never."""


@pytest.fixture(scope="module")
def bert_tokenizer() -> Any:
    return make_tokenizer(texts())


@pytest.fixture(scope="module")
def xlmr() -> Any:
    return xlmr_tokenizer()


def vocabulary(size: int = 1000, special: int = 5, mask: int = 4) -> mlm.Vocabulary:
    flags = np.zeros(size, np.bool_)
    flags[:special] = True
    return mlm.Vocabulary(mask, flags, np.arange(special, size))


def text(lines: list[str], size: int | None = None) -> Text:
    return Text(tuple(lines), len(lines) if size is None else size, 0, "made up")


def settings_of(**more: Any) -> mlm.MlmSettings:
    return mlm.MlmSettings.model_validate({"share": 0.5, "folder": "text"} | more)


def assert_binomial(count: int, trials: int, probability: float) -> None:
    """`count` lies within the exact binomial bounds that leave out `TINY` on either side."""
    low, high = stats.binom.ppf([TINY, 1 - TINY], trials, probability)
    assert low <= count <= high, f"{count} of {trials}, expected {probability:.4f}"


# --- masking


def test_rates_of_masking() -> None:
    """15 % of ordinary tokens are chosen; of these 80 % masked, 10 % replaced evenly by words, 10 % kept."""
    words = vocabulary(size=65)
    counts: Counter[str] = Counter()
    drawn: Counter[int] = Counter()
    draw = np.random.default_rng(5)
    for row in range(2_000):
        ids = np.concatenate([[2], draw.integers(5, 65, 100), [3, 0, 0]])
        masked, labels = mlm.mask(ids, words, 0.15, 7, (row,))
        chosen = labels != IGNORED
        counts["tokens"] += 100
        counts["chosen"] += int(chosen.sum())
        counts["masked"] += int((masked == 4).sum())
        replaced = chosen & (masked != 4) & (masked != ids)
        counts["replaced"] += int(replaced.sum())
        counts["kept"] += int((chosen & (masked == ids)).sum())
        drawn.update(masked[replaced].tolist())
    assert counts["chosen"] == counts["masked"] + counts["replaced"] + counts["kept"]
    assert_binomial(counts["chosen"], counts["tokens"], 0.15)
    assert_binomial(counts["masked"], counts["chosen"], 0.8)
    assert_binomial(counts["replaced"], counts["chosen"], 0.1 * 59 / 60)  # a word may be drawn in its own place
    assert_binomial(counts["kept"], counts["chosen"], 0.1 + 0.1 / 60)
    assert set(drawn) == set(range(5, 65))
    assert stats.chisquare(list(drawn.values())).pvalue > TINY


def test_every_place_and_neighbouring_pairs_have_the_same_chance() -> None:
    """Choices are independent: by place in the row, and for a place and the next one together."""
    ids, words = np.full(40, 9), vocabulary()
    chosen = np.array([mlm.mask(ids, words, 0.15, 1, (0, 0, visit))[1] != IGNORED for visit in range(4_000)])
    for place in range(40):
        assert_binomial(int(chosen[:, place].sum()), 4_000, 0.15)
    assert_binomial(int((chosen[:, ::2] & chosen[:, 1::2]).sum()), 4_000 * 20, 0.15**2)
    assert_binomial(int((chosen[:-1:2] & chosen[1::2]).sum()), 2_000 * 40, 0.15**2)  # a visit and the next one


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(0, 99), max_size=40),
    st.integers(-(2**63), 2**64),
    st.tuples(st.integers(0, 60), st.integers(0, 2**40), st.integers(0, 10**6)),
    st.sampled_from([0.01, 0.15, 0.99]),
)
def test_what_masking_may_do(tokens: list[int], seed: int, row: tuple[int, int, int], probability: float) -> None:
    words = vocabulary(size=100)
    ids = np.array(tokens, np.int64)
    masked, labels = mlm.mask(ids, words, probability, seed, row)
    again = mlm.mask(ids, words, probability, seed, row)
    assert np.array_equal(masked, again[0]) and np.array_equal(labels, again[1])
    for before, after, label in zip(tokens, masked.tolist(), labels.tolist(), strict=True):
        assert label in (IGNORED, before)
        if label == IGNORED:
            assert after == before
        else:
            assert before >= 5, "special tokens are never chosen"
            assert after == 4 or after >= 5


def test_seed_row_and_visit_decide_and_nothing_else() -> None:
    ids, words = np.arange(5, 205), vocabulary()
    states = torch.get_rng_state(), np.random.get_state()[1].copy()  # type: ignore[index]
    found = {
        (seed, *row): tuple(mlm.mask(ids, words, 0.15, seed, row)[1].tolist())
        for seed in (1, 2)
        for row in ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1))
    }
    assert len(set(found.values())) == 8
    assert torch.equal(states[0], torch.get_rng_state())
    assert np.array_equal(states[1], np.random.get_state()[1])  # type: ignore[index]


def test_the_choice_of_a_token_is_the_same_whatever_is_read_before(bert_tokenizer: Any) -> None:
    """Rows come out equal in any order, out of a longer plan, and in a process that goes on at row 30."""
    lines = {"en": text([f"the bird number {n} sings" for n in range(9)]), "sw": text(["ndege mdogo anaimba sana"] * 4)}

    def rows(count: int) -> mlm.MaskedRows:
        return mlm.MaskedRows(lines, bert_tokenizer, settings_of(), count, 3, len(bert_tokenizer))

    whole = rows(60)
    expected = whole[:]
    assert [whole[place] for place in reversed(range(60))] == expected[::-1]
    assert rows(200)[:60] == expected
    assert [rows(60)[place] for place in range(30, 60)] == expected[30:]
    assert mlm.MaskedRows(lines, bert_tokenizer, settings_of(), 60, 4, len(bert_tokenizer))[:] != expected


# --- the tokenizer's side


@pytest.mark.parametrize("kind", ["bert_tokenizer", "xlmr"])
def test_rows_are_the_tokenizers_own(kind: str, request: pytest.FixtureRequest) -> None:
    """Without their masks rows equal the tokenizer's own encoding, cut at the same length; what was cut is counted."""
    tokenizer = request.getfixturevalue(kind)
    found = sources.load(family("udpos"), "th", "test", sample_path()).examples
    lines = [" ".join(example.tokens) for example in found] + ["\u200b", "short"]  # type: ignore[union-attr]
    rows = mlm.MaskedRows({"th": text(lines)}, tokenizer, settings_of(max_length=16), len(lines), 1, len(tokenizer))
    assert sorted(rows.draws.line) == list(range(len(lines)))
    special, cut = set(tokenizer.all_special_ids), 0
    for place, line in enumerate(rows.draws.line):
        own = tokenizer(lines[line], truncation=True, max_length=16)
        row = rows[place]
        gold = [
            label if label != IGNORED else token for label, token in zip(row["labels"], row["input_ids"], strict=True)
        ]
        assert gold == own["input_ids"]
        assert row["attention_mask"] == own["attention_mask"]
        assert rows.lengths[place] == len(gold) <= 16
        assert not special & {label for label in row["labels"] if label != IGNORED}
        assert all(row["labels"][end] == IGNORED for end in (0, -1))
        cut += len(tokenizer(lines[line])["input_ids"]) > 16
    assert rows.cut == cut > 0
    assert set(row) == {"input_ids", "attention_mask", "labels"}
    with_types = mlm.MaskedRows(
        {"th": text(lines)}, tokenizer, settings_of(max_length=16), 1, 1, len(tokenizer),
        ("input_ids", "attention_mask", "token_type_ids"),
    )[0]  # fmt: skip
    assert with_types["token_type_ids"] == [0] * len(with_types["input_ids"])


def test_rows_of_special_tokens_only_are_counted(bert_tokenizer: Any) -> None:
    rows = mlm.MaskedRows({"xx": text(["\u200b", "bird"])}, bert_tokenizer, settings_of(), 2, 1, len(bert_tokenizer))
    assert rows.empty == 1 and rows.cut == 0


def test_random_words_have_embeddings_and_are_not_special(xlmr: Any) -> None:
    words = mlm.Vocabulary.of(xlmr, size=50)
    assert words.words.tolist() == [number for number in range(50) if number not in xlmr.all_special_ids]
    assert words.mask == xlmr.mask_token_id
    assert set(np.flatnonzero(words.special)) == set(xlmr.all_special_ids)


def test_a_tokenizer_without_a_mask_token_is_refused(bert_tokenizer: Any) -> None:
    decoder = transformers.PreTrainedTokenizerFast(
        tokenizer_object=bert_tokenizer.backend_tokenizer, eos_token="[SEP]", pad_token="[PAD]"
    )
    with pytest.raises(UnfitCheckpoint, match=r"has no mask token.*leave mlm out of the recipe$"):
        mlm.Vocabulary.of(decoder, 100)


# --- languages


def test_shares_follow_the_exponent() -> None:
    """Values worked out by hand: 1000 ** 0.3 = 7.943282, 10 ** 0.3 = 1.995262."""
    sizes = {"en": 1000, "sw": 10}
    assert mlm.shares(sizes, 0.3) == pytest.approx({"en": 0.799240, "sw": 0.200760}, abs=1e-6)
    assert mlm.shares(sizes, 1.0) == pytest.approx({"en": 1000 / 1010, "sw": 10 / 1010})
    assert mlm.shares(sizes, 0.0) == {"en": 0.5, "sw": 0.5}
    assert sum(mlm.shares({"a": 10**10, "b": 1, "c": 77}, 0.3).values()) == pytest.approx(1)


def test_languages_come_as_often_as_asked() -> None:
    asked = mlm.shares({"en": 5_000_000, "th": 120_000, "sw": 9_000, "yo": 300}, 0.3)
    draws = mlm.draw({"en": 50, "th": 20, "sw": 10, "yo": 3}, asked, 50_000, 11)
    seen = draws.seen()
    assert list(seen) == list(asked)
    for language, share in seen.items():
        assert_binomial(round(share * 50_000), 50_000, asked[language])
    pairs = Counter(zip(draws.language[:-1].tolist(), draws.language[1:].tolist(), strict=True))
    assert_binomial(pairs[0, 0], 49_999, asked["en"] ** 2)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 9), min_size=1, max_size=4), st.integers(0, 120), st.integers(0, 2**64 - 1))
def test_lines_repeat_only_after_all_had_their_turn(sizes: list[int], count: int, seed: int) -> None:
    """By a slow loop; and a shorter plan is the beginning of a longer one."""
    lines = {f"l{number}": size for number, size in enumerate(sizes)}
    draws = mlm.draw(lines, mlm.shares(lines, 0.3), count, seed)
    turns: dict[tuple[int, int], list[int]] = defaultdict(list)
    for language, line, visit in zip(draws.language, draws.line, draws.visit, strict=True):
        assert all(len(turns[int(language), before]) == sizes[language] for before in range(visit))
        turns[int(language), int(visit)].append(int(line))
    for (language, _), seen in turns.items():
        assert len(set(seen)) == len(seen) and set(seen) <= set(range(sizes[language]))
    longer = mlm.draw(lines, mlm.shares(lines, 0.3), count + 17, seed)
    for name in ("language", "line", "visit"):
        assert np.array_equal(getattr(longer, name)[:count], getattr(draws, name))


def test_every_round_has_another_order() -> None:
    draws = mlm.draw({"en": 30, "sw": 30}, {"en": 0.5, "sw": 0.5}, 240, 1)
    orders = {
        tuple(draws.line[(draws.language == language) & (draws.visit == visit)][:20].tolist())
        for language in (0, 1)
        for visit in (0, 1)
    }
    assert len(orders) == 4 and tuple(range(20)) not in orders
    other = mlm.draw({"en": 30, "sw": 30}, {"en": 0.5, "sw": 0.5}, 240, 2)
    assert not np.array_equal(other.line, draws.line) and not np.array_equal(other.language, draws.language)


def test_size_decides_how_often_and_lines_what(bert_tokenizer: Any) -> None:
    """A language of which few lines are kept still counts by the size of its corpus."""
    lines = {"en": text(["bird"] * 3, size=1_000), "sw": text(["ndege"] * 3, size=10)}
    rows = mlm.MaskedRows(lines, bert_tokenizer, settings_of(), 5_000, 1, len(bert_tokenizer))
    assert rows.asked == pytest.approx({"en": 0.799240, "sw": 0.200760}, abs=1e-6)
    assert_binomial(round(rows.draws.seen()["sw"] * 5_000), 5_000, 0.200760)


# --- settings


def test_settings_say_where_the_text_is(tmp_path: Path) -> None:
    (tmp_path / "sw.txt").write_text("moja\nmbili\n", encoding="utf-8")
    (tmp_path / "yo.txt").write_text("kan\n", encoding="utf-8")
    assert list(mlm.read(settings_of(folder=tmp_path))) == ["sw", "yo"]
    assert list(mlm.read(settings_of(folder=tmp_path, languages=("yo",)))) == ["yo"]
    one = settings_of(folder=None, files={"sw": str(tmp_path / "sw.txt")}, max_lines=1)
    assert mlm.read(one)["sw"].lines == ("moja",) and mlm.read(one)["sw"].size == 2
    with pytest.raises(MissingData, match="no such file"):
        mlm.read(settings_of(folder=None, files={"sw": [tmp_path / "x.txt"]}))


def test_the_identity_is_that_of_the_text_and_not_of_its_place(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "yo.txt").write_text("kan\n", encoding="utf-8")
        (tmp_path / name / "sw.txt").write_text("moja\n", encoding="utf-8")
    first = settings_of(folder=tmp_path / "a").identity()
    files = {"yo": tmp_path / "b/yo.txt", "sw": tmp_path / "b/sw.txt"}
    assert settings_of(folder=None, files=files).identity() == first
    assert json.loads(json.dumps(first)) == first
    assert list(mlm.read(settings_of(folder=None, files=files))) == ["sw", "yo"]
    assert {lg: text.revision for lg, text in mlm.read(settings_of(folder=tmp_path / "a")).items()} == first["text"]
    others: list[dict[str, Any]] = [
        {"languages": ("sw",)},
        {"exponent": 0.7},
        {"share": 0.1},
        {"max_lines": 1},
        {"probability": 0.2},
    ]
    changed = [settings_of(folder=tmp_path / "a", **other).identity() for other in others]
    (tmp_path / "a" / "sw.txt").write_text("mbili\n", encoding="utf-8")
    changed.append(settings_of(folder=tmp_path / "a").identity())
    assert len({json.dumps(one, sort_keys=True) for one in [first, *changed]}) == 7
    pinned: list[Any] = [
        settings_of(folder=None, languages=("sw", "yo"), hub={"revision": digit * 40}).identity()["text"]
        for digit in "01"
    ]
    assert list(pinned[0]) == ["sw", "yo"] and pinned[0] != pinned[1]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"folder": None}, "text comes from one of files, folder or hub, not from none"),
        ({"hub": {}, "languages": ["sw"]}, "not from folder and hub"),
        ({"folder": None, "hub": {}}, "a hub corpus needs the list of languages"),
        ({"folder": None, "files": {"sw": "a"}, "languages": ["te"]}, "languages without files: te"),
        ({"share": 1.0}, "less than 1"),
        ({"share": 0.0}, "greater than 0"),
        ({"probability": 0.0}, "greater than 0"),
        ({"exponent": 1.5}, "less than or equal to 1"),
        ({"max_lenght": 128}, "Extra inputs are not permitted"),
        ({"folder": None, "hub": {"revision": "main"}, "languages": ["sw"]}, "pattern"),
    ],
)
def test_settings_that_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        settings_of(**changes)
    with pytest.raises(ValueError, match="share"):
        mlm.MlmSettings(folder=Path("text"))  # type: ignore[call-arg]


# --- the head

SHAPE = {
    "vocab_size": 97, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64,
    "max_position_embeddings": 64, "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0,
}  # fmt: skip
KINDS: dict[str, dict[str, Any]] = {
    "bert": {},
    "xlm-roberta": {},
    "albert": {"embedding_size": 16},
    "deberta-v2": {"relative_attention": True, "pos_att_type": ["c2p", "p2c"], "legacy": False},
    "distilbert": {"dim": 32, "hidden_dim": 64, "n_layers": 2, "n_heads": 2, "dropout": 0.0, "attention_dropout": 0.0},
    "electra": {"embedding_size": 16},
    "modernbert": {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "cls_token_id": 1, "sep_token_id": 2},
    "mpnet": {},
    "rembert": {"input_embedding_size": 16, "output_embedding_size": 48},
    "xlm": {"emb_dim": 32, "n_words": 97, "n_layers": 2, "n_heads": 2, "dropout": 0.0, "attention_dropout": 0.0},
}


def checkpoint(folder: Path, kind: str, **more: Any) -> Any:
    """A masked language model of random weights in `folder`."""
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    torch.manual_seed(2)
    config = transformers.AutoConfig.for_model(kind, **(SHAPE | KINDS.get(kind, {}) | more))
    model = transformers.AutoModelForMaskedLM.from_config(config)
    with torch.no_grad():
        for weight in model.parameters():
            weight.normal_(std=0.3)
    model.save_pretrained(folder)
    return model.eval()


def batch(rows: int = 3, length: int = 11) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Ids, attention mask with one short row, labels on about a third of the tokens."""
    draw = torch.Generator().manual_seed(6)
    ids = torch.randint(5, 97, (rows, length), generator=draw)
    attention = torch.ones_like(ids)
    attention[-1, 7:] = 0
    labels = torch.where(torch.rand(ids.shape, generator=draw) < 0.3, ids, IGNORED)
    return ids, attention, torch.where(attention > 0, labels, IGNORED)


@pytest.mark.parametrize("kind", KINDS)
def test_loss_and_gradients_are_those_of_all_logits(tmp_path: Path, kind: str) -> None:
    """transformers computes the logits of every position; the loss of the labelled ones and its gradients agree."""
    full = checkpoint(tmp_path, kind)
    source = Source(str(tmp_path))
    encoder = source.load(transformers.AutoModel, new_weights=True).eval()
    head = mlm.mlm_head(source, encoder).eval()
    assert head.is_local and head.new == ()
    ids, attention, labels = batch()
    expected = full(input_ids=ids, attention_mask=attention, labels=labels).loss
    total, count = head(encoder(input_ids=ids, attention_mask=attention).last_hidden_state, labels)
    assert int(count) == int((labels != IGNORED).sum())
    assert float((total / count).detach()) == pytest.approx(float(expected.detach()), abs=1e-5)
    expected.backward()
    (total / count).backward()
    theirs = {name: weight.grad for name, weight in full.base_model.named_parameters()}
    ours = {name: weight.grad for name, weight in encoder.named_parameters()}
    compared = [name for name in theirs if theirs[name] is not None]
    assert len(compared) > 10
    for name in compared:
        torch.testing.assert_close(ours[name], theirs[name], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", ["bert", "xlm-roberta"])
def test_only_labelled_positions_reach_the_output_layer(tmp_path: Path, kind: str) -> None:
    checkpoint(tmp_path, kind)
    source = Source(str(tmp_path))
    encoder = source.load(transformers.AutoModel, new_weights=True)
    head = mlm.mlm_head(source, encoder)
    seen = []
    output = head.model.get_output_embeddings()
    assert output.weight is encoder.get_input_embeddings().weight, "tied to the encoder that is trained"
    output.register_forward_hook(lambda module, inputs, result: seen.append(result.numel() // result.shape[-1]))
    ids, attention, labels = batch()
    head(encoder(input_ids=ids, attention_mask=attention).last_hidden_state, labels)
    assert seen == [int((labels != IGNORED).sum())]


def test_the_encoder_is_no_part_of_the_head(tmp_path: Path) -> None:
    checkpoint(tmp_path, "bert")
    source = Source(str(tmp_path))
    encoder = source.load(transformers.AutoModel, new_weights=True)
    head = mlm.mlm_head(source, encoder)
    shared = {id(weight) for weight in encoder.parameters()} & {id(weight) for weight in head.parameters()}
    assert shared == {id(encoder.get_input_embeddings().weight)}
    assert not [name for name in head.state_dict() if "attention" in name]


def test_nothing_masked_is_no_loss(tmp_path: Path) -> None:
    checkpoint(tmp_path, "bert")
    source = Source(str(tmp_path))
    encoder = source.load(transformers.AutoModel, new_weights=True)
    ids, attention, labels = batch()
    states = encoder(input_ids=ids, attention_mask=attention).last_hidden_state
    total, count = mlm.mlm_head(source, encoder)(states, torch.full_like(labels, IGNORED))
    total.backward()
    assert (float(total.detach()), int(count)) == (0.0, 0)
    assert not any(weight.grad.abs().sum() for weight in encoder.parameters() if weight.grad is not None)


def test_weights_that_stand_twice_with_other_values_stay_two(tmp_path: Path) -> None:
    """A checkpoint whose output layer was trained apart, though its configuration says tied."""
    full = checkpoint(tmp_path, "bert", tie_word_embeddings=False)
    config = full.config
    config.tie_word_embeddings = True
    config.save_pretrained(tmp_path)
    source = Source(str(tmp_path))
    encoder = source.load(transformers.AutoModel, new_weights=True).eval()
    head = mlm.mlm_head(source, encoder).eval()
    ids, attention, labels = batch()
    total, count = head(encoder(input_ids=ids, attention_mask=attention).last_hidden_state, labels)
    expected = full(input_ids=ids, attention_mask=attention, labels=labels).loss
    assert float((total / count).detach()) == pytest.approx(float(expected.detach()), abs=1e-5)


def test_a_head_that_the_checkpoint_lacks_is_said_to_be_new(minilm: Path) -> None:
    """all-MiniLM-L6-v2 is a bare encoder: a fresh layer, outputs tied to the embeddings that it has."""
    source = Source(str(minilm))
    encoder = source.load(transformers.AutoModel)
    torch.manual_seed(1)
    head = mlm.mlm_head(source, encoder)
    layer = {f"transform.{name}" for name in ("dense.weight", "dense.bias", "LayerNorm.weight", "LayerNorm.bias")}
    assert set(head.new) == {f"cls.predictions.{name}" for name in layer | {"bias", "decoder.bias"}}
    assert head.model.get_output_embeddings().weight is encoder.get_input_embeddings().weight
    torch.manual_seed(1)
    again = mlm.mlm_head(source, encoder)
    assert all(torch.equal(one, other) for one, other in zip(head.parameters(), again.parameters(), strict=True))


def test_heads_that_look_at_neighbours_see_all_positions() -> None:
    class Smoothing(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.output = torch.nn.Linear(8, 20)

        def forward(self, inputs_embeds: torch.Tensor) -> Any:
            return SimpleNamespace(logits=self.output(inputs_embeds + inputs_embeds.roll(1, dims=1)))

    torch.manual_seed(4)
    encoder = SimpleNamespace(
        get_input_embeddings=lambda: torch.nn.Embedding(20, 8), config=SimpleNamespace(hidden_size=8)
    )
    head = mlm.MlmHead(Smoothing())
    assert not mlm._is_local(head, encoder)
    head.is_local = False
    states, labels = torch.randn(2, 5, 8), torch.tensor([[3, IGNORED, 7, IGNORED, 1], [IGNORED, 2, IGNORED, 4, 4]])
    logits = head.model.output(states + states.roll(1, dims=1)).log_softmax(-1)
    expected = -sum(logits[row, at, labels[row, at]] for row in (0, 1) for at in range(5) if labels[row, at] != IGNORED)
    total, count = head(states, labels)
    assert float(total.detach()) == pytest.approx(float(expected.detach()), abs=1e-5)
    assert int(count) == 6


def test_models_without_such_a_head_are_refused(tmp_path: Path) -> None:
    for kind, shape in (
        ("t5", {"d_model": 16, "d_ff": 16, "d_kv": 8, "num_layers": 1, "num_heads": 2}),
        ("llama", {"num_hidden_layers": 1}),
        ("bart", {"d_model": 16}),
    ):
        transformers.AutoConfig.for_model(kind, vocab_size=97, **shape).save_pretrained(tmp_path)
        with pytest.raises(
            UnfitCheckpoint, match=f"no masked-language-model head for {kind} encoders; take an encoder"
        ):
            mlm.mlm_head(Source(str(tmp_path)), None)


def test_a_head_of_another_encoder_is_refused(tmp_path: Path) -> None:
    checkpoint(tmp_path / "bert", "bert")
    checkpoint(tmp_path / "more", "bert", vocab_size=101)
    checkpoint(tmp_path / "xlmr", "xlm-roberta")
    for name in ("more", "xlmr"):
        encoder = Source(str(tmp_path / name)).load(transformers.AutoModel, new_weights=True)
        with pytest.raises(UnfitCheckpoint, match=r"stands on BertModel with a vocabulary of 97, the encoder is"):
            mlm.mlm_head(Source(str(tmp_path / "bert")), encoder)


def test_training_learns_the_text(tmp_path: Path, bert_tokenizer: Any) -> None:
    """From rows to a falling loss: which of the vocabulary occurs at all is learnt in a few steps."""
    checkpoint(tmp_path, "bert", vocab_size=len(bert_tokenizer), initializer_range=0.02)
    source = Source(str(tmp_path))
    torch.manual_seed(1)
    encoder = transformers.AutoModel.from_config(source.config)
    head = mlm.mlm_head(source, encoder)
    lines = {
        "en": text(["the old man went to the market", "a bird sings in the morning"]),
        "sw": text(["ndege anaimba"]),
    }
    rows = mlm.MaskedRows(lines, bert_tokenizer, settings_of(), 25 * 8, 1, len(bert_tokenizer))
    weights = list({id(weight): weight for part in (encoder, head) for weight in part.parameters()}.values())
    losses = []
    for step in range(25):
        inputs = pad(rows[step * 8 : step * 8 + 8], {"labels": IGNORED}, torch.device("cpu"))
        labels = inputs.pop("labels")
        total, count = head(encoder(**inputs).last_hidden_state, labels)
        gradients = torch.autograd.grad(total / count, weights, allow_unused=True)
        with torch.no_grad():  # steps of equal size, much as those of Adam
            for weight, gradient in zip(weights, gradients, strict=True):
                weight -= 0 if gradient is None else 0.01 * gradient.sign()
        losses.append(float((total / count).detach()))
    assert losses[0] > math.log(len(bert_tokenizer)) - 1
    assert np.mean(losses[-5:]) < losses[0] / 2, losses
