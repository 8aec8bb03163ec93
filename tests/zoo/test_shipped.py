"""The shipped zoo: counts, values copied by hand from the publications, and that its own check is content."""

import statistics
import time
from collections import Counter
from pathlib import Path

import pytest

from xstilts_eval.benchmark import FAMILIES
from xstilts_eval.languages import languages
from xstilts_eval.paths import recipes_path, zoo_path
from xstilts_eval.zoo.check import check
from xstilts_eval.zoo.gating import ungated
from xstilts_eval.zoo.manifest import Zoo, load, read_file

SEEN, SECONDARY, RECALLED = 10_229, 470, 437


@pytest.fixture(scope="module")
def zoo() -> Zoo:
    return load()


def values(zoo: Zoo, model: str, family: str, metric: str, **fields: str) -> dict[str, float]:
    """Values by language of the records that agree with all the fields; each language once."""
    found = [
        record
        for record in zoo.of(model)
        if record.family == family and record.metric == metric
        and all(getattr(record, name) == value for name, value in fields.items())
    ]  # fmt: skip
    table = {record.language: record.value for record in found}
    assert len(table) == len(found), [record.language for record in found]
    return table


# ------------------------------------------------------------------- what is there


def test_counts(zoo: Zoo) -> None:
    """docs/zoo.md gives the same numbers: nothing that was collected is left out."""
    numbers = Counter(record.confidence for record in zoo.records)
    assert numbers == {"seen": SEEN, "secondary": SECONDARY, "recalled": RECALLED}
    assert len(zoo.records) == 10_243 + 456 + 437  # 456: e5 with its prefix, four metrics of 112 pairs and two means
    assert Counter(record.derived for record in zoo.records)[True] == 380


def test_the_check_is_content(zoo: Zoo) -> None:
    verdict = check(zoo)
    assert verdict.errors == ()
    # The list may only shrink.
    assert len(verdict.known) == len(zoo.known) <= 11


def test_known_findings_are_the_ones_that_were_looked_into(zoo: Zoo) -> None:
    kinds = Counter(known.finding.partition(":")[0] for known in zoo.known)
    assert kinds == {"contradiction": 6, "average": 5}


def test_every_family_exists(zoo: Zoo) -> None:
    named = {record.family for record in zoo.records}
    assert named - {"none"} <= {*FAMILIES}
    # All nine of XTREME, the two of Tatoeba, and the other suites.
    assert {name for name in FAMILIES if name.startswith("xtreme_")} <= named
    assert {"bitext_tatoeba", "xtremer_xcopa", "xtremer_panx", "flores200-to_eng", "flores200-from_eng"} <= named


def test_recalled_numbers_are_in_a_file_of_their_own(zoo: Zoo) -> None:
    tables = {path.name: read_file(path).tables for path in sorted((zoo_path().parent / "zoo").glob("*.yaml"))}
    by_file = {name: {table.confidence for table in found} for name, found in tables.items()}
    assert by_file.pop("recalled.yaml") == {"recalled"}
    assert not any("recalled" in found for found in by_file.values())
    assert not any(row.confidence for found in tables.values() for table in found for row in table.rows)


def test_recalled_numbers_have_nothing_to_gate_on(zoo: Zoo) -> None:
    recalled = [record for record in zoo.records if record.confidence == "recalled"]
    assert not any(record.tolerance or record.n or record.stderr for record in recalled)


def test_every_file_is_included(zoo: Zoo) -> None:
    folder = zoo_path().parent / "zoo"
    assert {f"zoo/{path.name}" for path in folder.glob("*.yaml")} == set(read_file(zoo_path()).include)
    assert sum(path.stat().st_size for path in [zoo_path(), *folder.iterdir()]) < 1_000_000


def test_whatever_is_not_known_is_said(zoo: Zoo) -> None:
    assert all(model.hub_id and model.revision and model.licence for model in zoo.models.values())
    pinned = [model for model in zoo.models.values() if model.revision not in ("unknown", "1")]
    assert len(pinned) == 20 and all(len(model.revision) == 40 for model in pinned)


def test_recipes_and_heads_that_are_named_exist(zoo: Zoo) -> None:
    recipes = {path.stem for path in recipes_path().glob("*.yaml")}
    named = {model.evaluate.recipe for model in zoo.models.values()} - {None}
    assert named and named <= recipes
    heads = {family for model in zoo.models.values() for family in model.evaluate.heads or ()}
    assert heads and all(f"xtreme_{family}" in FAMILIES for family in heads)


NEEDED = (
    "X-STILTs", "XLM-R Base", "XLM-R Large", "XLM-R XL", "mBERT", "XLM-100", "MMTE", "InfoXLM Base", "InfoXLM Large",
    "RemBERT", "mDeBERTa-v3-base", "ERNIE-M Base", "ERNIE-M Large", "VECO Large", "mMiniLM-L12-H384", "mT5-Small",
    "mT5-Base", "mT5-Large", "mT5-XL", "mT5-XXL", "nllb-200-3.3B", "nllb-200-distilled-600M", "m2m100_418M",
    "opus-mt-tc-big-en-fr", "all-MiniLM-L6-v2", "LaBSE", "multilingual-e5-small", "potion-base-2M", "bloom-560m",
    "xglm-7.5B", "llama-7B", "mpt-7b", "mDeBERTa-v3-base-mnli-xnli", "multilingual-MiniLMv2-L6-mnli-xnli",
)  # fmt: skip


@pytest.mark.parametrize("name", NEEDED)
def test_a_model_that_people_will_look_for(name: str, zoo: Zoo) -> None:
    assert zoo.of(name)


# --------------------------------------------- values, copied by hand from the sources


def test_minilm_on_tatoeba(zoo: Zoo) -> None:
    """MTEB raw results @f4cc6c8b, all-MiniLM-L6-v2 @8b3219a9, Tatoeba.json."""
    accuracy = values(zoo, "all-MiniLM-L6-v2", "bitext_tatoeba", "acc")
    f1 = values(zoo, "all-MiniLM-L6-v2", "bitext_tatoeba", "f1")
    assert (accuracy["fra"], round(f1["fra"], 4)) == (0.086, 0.0817)
    assert (accuracy["deu"], round(f1["deu"], 4)) == (0.086, 0.0789)
    assert (accuracy["cmn"], round(f1["cmn"], 4)) == (0.027, 0.0192)
    assert (round(accuracy["swh"], 4), round(f1["swh"], 4)) == (0.0897, 0.0580)
    assert f1["mhr"] == 3.2102728731942214e-06
    assert set(accuracy) - {"avg"} == set(FAMILIES["bitext_tatoeba"].languages)


def test_e5_with_and_without_its_prefix(zoo: Zoo) -> None:
    """MTEB raw results: @f4cc6c8b, fd1525a9/Tatoeba.json (mteb 1.36.32); @319e81d6, e4ce9877/Tatoeba.json (1.12.75)."""
    without = values(zoo, "multilingual-e5-small", "bitext_tatoeba", "acc")
    prefixed = values(zoo, "multilingual-e5-small-query", "bitext_tatoeba", "acc")
    assert (without["deu"], without["jpn"], without["swh"]) == (0.98, 0.875, 0.758974)
    assert (prefixed["deu"], prefixed["jpn"], prefixed["swh"]) == (0.979, 0.809, 0.7153846153846154)
    assert values(zoo, "multilingual-e5-small-query", "bitext_tatoeba", "f1")["deu"] == 0.9721666666666667
    assert set(without) == set(prefixed)
    prompts = [zoo.model(f"multilingual-e5-small{end}").evaluate.prompt for end in ("", "-q4", "-query")]
    assert prompts == ["", "", "query: "]


def test_the_copy_has_the_numbers_of_its_original(zoo: Zoo) -> None:
    original, copy = zoo.of("multilingual-e5-small"), zoo.of("multilingual-e5-small-q4")
    assert [record.value for record in copy] == [record.value for record in original]
    deciding = {record.metric for record in copy if ungated(record, copy) is None}
    assert deciding == {"acc"} and "avg" not in {r.language for r in copy if ungated(r, copy) is None}


TATOEBA = [
    # model, accuracy over 112, F1 over 112, accuracy over XTREME's 36
    ("potion-base-2M", 0.0271, 0.0160, 0.0168),
    ("all-MiniLM-L6-v2", 0.0503, 0.0388, 0.0349),
    ("all-MiniLM-L12-v2", 0.0670, 0.0510, 0.0501),
    ("rubert-tiny2", 0.0733, 0.0545, 0.0681),
    ("granite-embedding-107m-multilingual", 0.5412, 0.4933, 0.7023),
    ("potion-multilingual-128M", 0.3812, 0.3256, 0.5063),
    ("paraphrase-multilingual-MiniLM-L12-v2", 0.5974, 0.5663, 0.7796),
    ("multilingual-e5-small", 0.7307, 0.6894, 0.8686),
    ("multilingual-e5-large", 0.7865, 0.7573, 0.9241),
    ("LaBSE", 0.8350, 0.8114, 0.9522),
    ("baseline-random-encoder", 0.0020, 0.0012, 0.0012),
]


@pytest.mark.parametrize(("model", "accuracy", "f1", "of_36"), TATOEBA)
def test_tatoeba_averages(model: str, accuracy: float, f1: float, of_36: float, zoo: Zoo) -> None:
    """Means computed here from the languages, against the published summary of the same files and the stored means."""
    by_metric = {metric: values(zoo, model, "bitext_tatoeba", metric) for metric in ("acc", "f1")}
    codes = {languages()[code].tatoeba for code in FAMILIES["xtreme_tatoeba"].languages}
    assert len(codes) == 36
    for metric, expected in (("acc", accuracy), ("f1", f1)):
        table = dict(by_metric[metric])
        assert table.pop("avg") == pytest.approx(statistics.fmean(table.values()), abs=6e-7)
        assert statistics.fmean(table.values()) == pytest.approx(expected, abs=5.1e-5)
    mean = statistics.fmean(by_metric["acc"][code] for code in codes)
    assert mean == pytest.approx(of_36, abs=5.1e-5)
    (stored,) = [
        record.value
        for record in zoo.of(model)
        if record.benchmark == "MTEB Tatoeba, 36 languages of XTREME" and record.metric == "acc"
    ]
    assert stored == pytest.approx(mean, abs=6e-7)


@pytest.mark.parametrize(("model", "f1"), [("all-MiniLM-L6-v2", 0.1067), ("LaBSE", 0.9877), ("rubert-tiny2", 0.2527)])
def test_bucc_of_mteb_is_no_family_of_ours(model: str, f1: float, zoo: Zoo) -> None:
    found = [r for r in zoo.of(model) if r.task == "BUCC.v2" and r.metric == "f1"]
    assert [record.value for record in found if record.language == "avg"] == [pytest.approx(f1, abs=5.1e-5)]
    assert {record.family for record in found} == {"none"}
    assert all("not XTREME's mining" in record.note for record in found)


XNLI = ["avg", "en", "fr", "es", "de", "el", "bg", "ru", "tr", "ar", "vi", "th", "zh", "hi", "sw", "ur"]


@pytest.mark.parametrize(
    ("model", "row"),
    [
        ("XLM-R Large", "80.9 89.1 84.1 85.1 83.9 82.9 84.0 81.2 79.6 79.8 80.8 78.1 80.2 76.9 73.9 73.8"),
        ("XLM-R Base", "76.2 85.8 79.7 80.7 78.7 77.5 79.6 78.1 74.2 73.8 76.5 74.6 76.7 72.4 66.5 68.3"),
        ("mDeBERTa-v3-base", "79.8 88.2 82.6 84.4 82.7 82.3 82.4 80.8 79.5 78.5 78.1 76.4 79.5 75.9 73.9 72.4"),
        ("mMiniLM-L12-H384", "71.1 81.5 74.8 75.7 72.9 73.0 74.5 71.3 69.7 68.8 72.1 67.8 70.0 66.2 63.3 64.2"),
        ("InfoXLM Large", "81.4 89.7 84.5 85.5 84.1 83.4 84.2 81.3 80.9 80.4 80.8 78.9 80.9 77.9 74.8 73.7"),
    ],
)
def test_xnli_rows(model: str, row: str, zoo: Zoo) -> None:
    """XLM-R paper Table 1, mDeBERTa card, MiniLM README, ERNIE-M README; all zero-shot."""
    table = values(zoo, model, "xtreme_xnli", "acc", benchmark="XNLI", setting="zero-shot", stage="base")
    assert table == dict(zip(XNLI, map(float, row.split()), strict=True))


MT5 = [
    # XNLI, PAWS-X, PAN-X, XQuAD, MLQA, TyDiQA: README of google-research/multilingual-t5
    ("mT5-Small", 67.5, 82.4, 50.5, 58.1, 54.6, 36.4),
    ("mT5-Base", 75.4, 86.4, 55.7, 67.0, 64.6, 59.1),
    ("mT5-Large", 81.1, 88.9, 58.5, 77.8, 71.2, 68.4),
    ("mT5-XL", 82.9, 89.6, 65.5, 79.5, 73.5, 77.8),
    ("mT5-XXL", 85.0, 90.0, 69.2, 82.5, 76.0, 82.0),
]
MT5_COLUMNS = (
    ("xtreme_xnli", "acc"), ("xtreme_pawsx", "acc"), ("xtreme_panx", "f1"), ("xtreme_xquad", "f1"),
    ("xtreme_mlqa", "f1"), ("xtreme_tydiqa", "f1"),
)  # fmt: skip


@pytest.mark.parametrize("row", MT5, ids=lambda row: str(row[0]))
def test_mt5_rows(row: tuple[str, float, float, float, float, float, float], zoo: Zoo) -> None:
    for (family, metric), value in zip(MT5_COLUMNS, row[1:], strict=True):
        assert values(zoo, row[0], family, metric, confidence="seen") == {"avg": value}


def test_phang_et_al(zoo: Zoo) -> None:
    """RemBERT Table 16, as quoted by mT5, and the abstract of arXiv:2005.13013."""
    leaderboard = {"source": "rembert_t16"}
    assert values(zoo, "X-STILTs", "xtreme_xnli", "acc", **leaderboard) == {"avg": 80.0}
    assert values(zoo, "X-STILTs", "xtreme_tydiqa", "exact_match", **leaderboard) == {"avg": 59.5}
    assert values(zoo, "X-STILTs", "xtreme_xnli", "acc", source="mt5_readme") == {"avg": 80.4}
    gains = {r.stage: (r.value, r.confidence) for r in zoo.of("X-STILTs") if r.metric == "gain"}
    assert gains == {
        "intermediate: best per target": (5.4, "seen"),
        "intermediate: squad": (8.2, "secondary"),
        "intermediate: mnli": (7.5, "secondary"),
        "intermediate: hellaswag": (7.0, "secondary"),
        "intermediate: all nine": (8.7, "secondary"),
    }


@pytest.mark.parametrize(
    ("model", "xnli", "xcopa"),
    [("bloom-560m", 0.3743, 0.5398), ("xglm-1.7B", 0.4242, 0.5707), ("bloom-7b1", 0.4157, 0.5689)],
)
def test_decoders(model: str, xnli: float, xcopa: float, zoo: Zoo) -> None:
    """lm-evaluation-harness @4a0b0d6e, results/: means over 15 and 11 languages, test splits of 5,010 and 500."""
    for family, count, expected, n in (("xtreme_xnli", 15, xnli, 5010), ("xtremer_xcopa", 11, xcopa, 500)):
        found = [record for record in zoo.of(model) if record.family == family and not record.derived]
        assert len(found) == count and {record.n for record in found} == {n}
        assert statistics.fmean(record.value for record in found) == pytest.approx(expected, abs=5.1e-5)


def test_standard_errors_of_decoders_are_binomial(zoo: Zoo) -> None:
    """The published standard error is that of n - 1 draws, so n is right and so are both numbers."""
    checked = 0
    for record in zoo.records:
        if record.source == "lmeval" and record.n and record.stderr:
            expected = (record.value * (1 - record.value) / (record.n - 1)) ** 0.5
            assert record.stderr == pytest.approx(expected, rel=1e-6), record
            checked += 1
    assert checked == 616


def test_pawsx_of_the_host_is_not_compared_because_its_labels_were_inverted(zoo: Zoo) -> None:
    found = [r for r in zoo.records if r.source == "lmeval" and r.task == "pawsx"]
    assert len(found) == 112 and {r.family for r in found} == {"none"} and all("inverted" in r.note for r in found)


@pytest.mark.parametrize(
    ("model", "direction", "language", "score"),
    [
        ("nllb-200-distilled-600M", "from_eng", "fra_Latn", 0.6519),
        ("nllb-200-3.3B", "to_eng", "fra_Latn", 0.6732),
        ("m2m100_418M", "to_eng", "hin_Deva", 0.5537),
        ("nllb-200-1.3B", "from_eng", "spa_Latn", 0.5321),
    ],
)
def test_translation(model: str, direction: str, language: str, score: float, zoo: Zoo) -> None:
    """Score files of Helsinki-NLP/External-MT-leaderboard."""
    assert values(zoo, model, f"flores200-{direction}", "chrf++")[language] == pytest.approx(score, abs=5.1e-5)


@pytest.mark.parametrize(
    ("model", "numbers"),
    [
        ("multilingual-MiniLMv2-L6-mnli-xnli", {"avg": 0.713, "en": 0.789, "sw": 0.642, "ur": 0.664}),
        ("mDeBERTa-v3-base-mnli-xnli", {"avg": 0.808, "en": 0.883, "zh": 0.8116, "ur": 0.740}),
    ],
)
def test_public_nli_checkpoints(model: str, numbers: dict[str, float], zoo: Zoo) -> None:
    """Model cards of M. Laurer's checkpoints."""
    table = values(zoo, model, "xtreme_xnli", "acc")
    assert {language: table[language] for language in numbers} == numbers
    assert zoo.model(model).evaluate.heads == {"xnli": zoo.model(model).hub_id}


# ------------------------------------------------------------------- against our own tables


def test_sizes_of_tatoeba_are_those_of_the_files(zoo: Zoo) -> None:
    data = FAMILIES["bitext_tatoeba"].data
    found = {r.language: r.n for r in zoo.of("LaBSE") if r.family == "bitext_tatoeba" and r.metric == "acc"}
    assert found.pop("avg") is None
    assert len(found) == 112
    assert found == {language: data.size("test", language) for language in found}


def test_sizes_of_the_test_sets(zoo: Zoo) -> None:
    """XTREME's dataset card: 75,150 XNLI rows in 15 languages, 5,077 questions of TyDiQA. And what readers expect."""
    sizes = {name: {code: size.of(code) for code in FAMILIES[name].languages} for name, size in zoo.sizes.items()}
    assert set(sizes) == {"xtreme_xnli", "xtreme_pawsx", "xtreme_xquad", "xtreme_mlqa", "xtreme_tydiqa"}
    assert (sum(sizes["xtreme_xnli"].values()), sum(sizes["xtreme_tydiqa"].values())) == (75_150, 5_077)  # type: ignore[arg-type]
    for name, by_language in sizes.items():
        assert by_language == {code: FAMILIES[name].data.size("test", code) for code in by_language}, name
    assert (zoo.sizes["xtreme_mlqa"].of("avg"), zoo.sizes["xtreme_tydiqa"].of("avg")) == (4_517, 113)


def test_chunk_f1_has_no_n(zoo: Zoo) -> None:
    """Sentences are not what is counted there."""
    assert not any(r.n for r in zoo.records if r.family in ("xtreme_udpos", "xtreme_panx"))


def test_accuracies_are_counts_of_so_many_sentences(zoo: Zoo) -> None:
    """Accuracy times n is a whole number, which a wrong n would break."""
    checked = 0
    for record in zoo.records:
        if record.family == "bitext_tatoeba" and record.metric == "acc" and record.n:
            right = record.value * record.n
            assert abs(right - round(right)) < 1e-6 * record.n, record
            checked += 1
    assert checked == 20 * 105


def test_percentages_of_all_scales_lie_together(zoo: Zoo) -> None:
    """Three classes: nothing below chance by much, nothing above the best English score that is published."""
    xnli = [record.percent for record in zoo.records if record.family == "xtreme_xnli"]
    assert min(xnli) > 33 and max(xnli) < 93
    tatoeba = [record.percent for record in zoo.records if record.family == "bitext_tatoeba"]
    assert min(tatoeba) >= 0 and 99 < max(tatoeba) <= 100


def test_loading_is_fast(zoo: Zoo) -> None:
    start = time.process_time()
    load()
    assert time.process_time() - start < 2  # measured: 0.3 s


def test_paths_lead_nowhere_else() -> None:
    for path in [zoo_path(), *(zoo_path().parent / "zoo").iterdir()]:
        text = Path(path).read_text(encoding="utf-8")
        assert "/home/" not in text and "/work/" not in text and "/tmp/" not in text


# ------------------------------------------------------------------- the page about it


def numbers_of(page: str, heading: str) -> list[list[str]]:
    """Cells of the first table after a line that starts so."""
    rest = page[page.index(heading) :]
    lines = [line for line in rest.split("\n\n|", 1)[1].split("\n\n")[0].splitlines() if "---" not in line]
    return [[cell.strip(" *`") for cell in line.strip("|").split("|")] for line in lines[1:]]


def test_the_page_counts_right(zoo: Zoo) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "zoo.md").read_text(encoding="utf-8")
    *rows, total = numbers_of(page, "## What is in it")
    for name, _, *numbers in rows:
        tables = read_file(zoo_path().parent / "zoo" / name).tables
        found: Counter[str] = Counter()
        for table in tables:
            for row in table.rows:
                found[str(table.confidence)] += len(row.values) + len(row.derived) + len(row.cells)
        expected = [found[kind] for kind in ("seen", "secondary", "recalled")]
        assert [int(number.replace(",", "")) for number in numbers] == [*expected, sum(expected)], name
    assert total[2:] == ["10,229", "470", "437", "11,136"]
    reasons = numbers_of(page, "8,712 numbers belong")
    without = sum(record.family == "none" for record in zoo.records)
    assert sum(int(number.replace(",", "")) for number, *_ in reasons) == without == 2_424
    assert f"lists {len(zoo.models)} models" in page and len(zoo.records) - without == 8_712
    records = {name: zoo.of(name) for name, model in zoo.models.items() if not model.copy_of}  # each number once
    deciding = {name: sum(ungated(r, found) is None for r in found) for name, found in records.items()}
    able = sum(count > 0 for count in deciding.values())
    assert f"{sum(deciding.values()):,} numbers of {able} models can decide" in page
    for name in ("XLM-R Large", "mBERT", "mT5-XXL", "RemBERT", "X-STILTs", "InfoXLM Large", "mDeBERTa-v3-base"):
        assert deciding[name], name
