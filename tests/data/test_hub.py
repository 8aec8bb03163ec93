"""The hub's rows, back in the official formats, read as the same examples as the official files."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from tests import hub_rows
from xstilts_eval.benchmark import FAMILIES, XTREME, Family, family
from xstilts_eval.data import hub, sources
from xstilts_eval.data.examples import Corpus, Pair, Question, Tagged
from xstilts_eval.data.sources import Loaded
from xstilts_eval.errors import FetchError, MissingData


def _plans() -> list[tuple[Family, str, str, hub.Plan]]:
    found = []
    for one in FAMILIES.values():
        for language in one.languages:
            for split in sources.SPLITS:
                try:
                    found.append((one, language, split, hub.plan(one, language, split)))
                except MissingData:
                    continue
    return found


def _converted(folder: Path, name: str, language: str, files: dict[str, bytes]) -> tuple[Loaded, hub.Output]:
    """What a run would read after the files have been fetched."""
    plan = hub.plan(family(name), language, "test")
    parts = []
    for code, pattern in plan.patterns.items():
        rows: list[dict[str, Any]] = []
        for path in sorted(path for path in files if re.fullmatch(pattern, path)):
            target = folder / "hub" / path.replace("/", "-")
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(files[path])
            rows += hub.read_rows(target, path)
        parts.append(hub.Part(code, rows))
    output = hub.convert(plan, parts)
    for path, text in output.files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return sources.load(family(name), language, "test", folder), output


def _sample(name: str, language: str) -> Loaded:
    return sources.load(family(name), language, "test", hub_rows.SAMPLE)


def test_every_leaf_has_a_pinned_source() -> None:
    served = {(one.group, language) for one, language, split, _ in _plans() if split == "test"}
    everything = {(one.group, language) for one in FAMILIES.values() for language in one.languages}
    elsewhere = {leaf for leaf in everything - served if leaf[0].startswith(("xtremer_", "flores200", "beyond_"))}
    assert served | elsewhere == everything, "XTREME and the Tatoeba pairs are on the hub whole"
    assert {group for group, _ in elsewhere} == {
        *("xtremer_xcopa", "xtremer_mewslix", "xtremer_lareqa", "xtremer_udpos", "xtremer_panx"),
        *(one.group for one in FAMILIES.values() if one.suite.startswith(("flores200", "beyond"))),
    }
    assert {language for group, language in elsewhere if group == "xtremer_udpos"} == {"lt", "pl", "uk", "wo", "ro"}
    for repository in hub.repositories():
        assert re.fullmatch(r"[0-9a-f]{40}", repository.revision) and repository.seen
    assert len({repository.revision for repository in hub.repositories()}) == len(hub.repositories())


def test_pins_are_those_read_in_public_code() -> None:
    """Typed a second time, in tests/hub_rows.py; a slip of a finger in either fails here."""
    assert {one.name: one.revision for one in hub.repositories()} == hub_rows.SHA


def test_what_is_written_is_what_sources_look_for(tmp_path: Path) -> None:
    """Whatever a plan writes must be found, hence: an empty file at each path gives a complaint about content."""
    for one, language, split, plan in _plans():
        if one.name == "tatoeba" and one.suite == "bitext" and language not in ("swh", "kat"):
            continue
        for path in plan.paths:
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text("", encoding="utf-8")
        with pytest.raises(ValueError) as caught:
            sources.load(one, language, split, tmp_path)
        assert not isinstance(caught.value, MissingData), (one.group, language, split)


def test_patterns_take_one_configuration() -> None:
    listed = [
        "PAN-X.sw/test-00000-of-00001.parquet",
        "PAN-X.sw/validation-00000-of-00001.parquet",
        "MLQA.de.de/test-00000-of-00001.parquet",
        "MLQA.de.en/test-00000-of-00001.parquet",
        "udpos.French/test-00000-of-00002.parquet",
        "udpos.French/test-00001-of-00002.parquet",
        "test/swh-eng.jsonl.gz",
        "swh-eng/test-00000-of-00001.parquet",
        "test/arz-eng.jsonl.gz",
        "README.md",
    ]
    taken = {}
    for name, language in (("panx", "sw"), ("mlqa", "de"), ("udpos", "fr"), ("tatoeba", "sw")):
        (pattern,) = hub.plan(family(name), language, "test").patterns.values()
        taken[name] = [path for path in listed if re.fullmatch(pattern, path)]
    assert taken == {"panx": listed[:1], "mlqa": listed[2:3], "udpos": listed[4:6], "tatoeba": listed[6:8]}


def test_splits_that_the_hub_lacks() -> None:
    with pytest.raises(MissingData, match=r"no sample \(dev\) set of BUCC 2018.*--split dev --from archives"):
        hub.plan(family("bucc2018"), "de", "dev")
    with pytest.raises(MissingData, match="no dev data of xtreme_tydiqa; it has test and train"):
        hub.plan(family("tydiqa"), "sw", "dev")
    with pytest.raises(MissingData, match="xtreme_xnli has train data in English only"):
        hub.plan(family("xnli"), "sw", "train")


def _texts(examples: tuple[Any, ...]) -> list[tuple[Any, ...]]:
    """Everything but what the hub does not keep: ids and, for questions, groups."""
    if isinstance(examples[0], Pair):
        return [(one.premise, one.hypothesis, one.label) for one in examples]
    if isinstance(examples[0], Question):
        return [(one.id, one.context, one.question, one.answers) for one in examples]
    return [tuple(vars(one).items()) for one in examples]


CASES: list[tuple[str, str, Callable[[], dict[str, bytes]]]] = [
    ("xnli", "sw", hub_rows.xnli),
    ("pawsx", "ko", lambda: hub_rows.pawsx("ko")),
    ("panx", "sw", lambda: hub_rows.panx("sw") | hub_rows.panx("yo")),
    ("panx", "th", lambda: hub_rows.panx("th")),
    ("xquad", "th", lambda: hub_rows.xquad("th")),
    ("mlqa", "hi", lambda: hub_rows.mlqa("hi")),
    ("tydiqa", "sw", hub_rows.tydiqa),
    ("tatoeba", "ka", lambda: hub_rows.tatoeba("kat")),
]


@pytest.mark.parametrize(("name", "language", "files"), CASES, ids=[f"{name}-{lg}" for name, lg, _ in CASES])
def test_same_examples_as_the_official_files(
    tmp_path: Path, name: str, language: str, files: Callable[[], dict[str, bytes]]
) -> None:
    loaded, _ = _converted(tmp_path, name, language, files())
    assert _texts(loaded.examples) == _texts(_sample(name, language).examples)


def test_bucc_keeps_texts_and_pairs_under_other_ids(tmp_path: Path) -> None:
    (made,) = _converted(tmp_path, "bucc2018", "zh", hub_rows.bucc("zh"))[0].examples
    (official,) = _sample("bucc2018", "zh").examples
    assert isinstance(made, Corpus) and isinstance(official, Corpus)
    assert list(made.source.values()) == list(official.source.values())
    assert list(made.target.values()) == list(official.target.values())
    pairs = [{(one.source[a], one.target[b]) for a, b in one.gold} for one in (made, official)]
    assert pairs[0] == pairs[1] and len(made.gold) == len(official.gold)
    assert next(iter(made.source)) == "zh-000000001"


def test_udpos_words_are_split_and_tags_their_own(tmp_path: Path) -> None:
    made = _converted(tmp_path, "udpos", "fr", hub_rows.udpos("fr", "French"))[0].examples
    (path,) = hub_rows.SAMPLE.rglob("fr_*-ud-test.conllu")
    expected = []
    for block in path.read_text(encoding="utf-8").strip().split("\n\n"):
        cells = [line.split("\t") for line in block.split("\n") if line[0].isdigit()]
        words = [cell for cell in cells if cell[0].isdigit()]
        expected.append((tuple(w[1].replace(" ", "") for w in words), tuple(w[3] for w in words)))
    assert [(one.tokens, one.tags) for one in made if isinstance(one, Tagged)] == expected
    assert made != _sample("udpos", "fr").examples  # the sample has French multi-word tokens


def test_rows_without_a_label_are_left_out_and_counted(tmp_path: Path) -> None:
    loaded, output = _converted(tmp_path, "pawsx", "en", hub_rows.pawsx("en"))
    assert output.changes == {"rows without a label left out": 1}
    assert loaded.rows == output.rows == _sample("pawsx", "en").rows


def _one_question(context: str, text: str, start: int) -> hub.Output:
    answers = {"text": [text], "answer_start": [start]}
    row = {"id": "q", "context": context, "question": "?", "answers": answers}
    return hub.convert(hub.plan(family("xquad"), "en", "test"), [hub.Part("en", [row])])


def test_answers_are_moved_to_the_nearest_place_where_they_stand(tmp_path: Path) -> None:
    output = _one_question("ab cd ab cd ab", "ab", 7)  # white space was cut off the front: really at 6
    assert '"answer_start": 6' in output.files["xquad/xquad.en.json"]
    assert output.changes == {"answers moved to where they stand in the context": 1}
    assert _one_question("ab cd", "cd", 3).changes == {}
    with pytest.raises(FetchError, match="question 'q': its answer 'xy' does not occur"):
        _one_question("ab cd", "xy", 0)


def test_tabs_and_line_ends_inside_texts_become_blanks_and_are_counted() -> None:
    rows = [{"id": 1, "sentence1": "a\tb", "sentence2": "c\r\nd\n", "label": "1"}]
    output = hub.convert(hub.plan(family("pawsx"), "en", "test"), [hub.Part("en", rows)])
    assert output.files["pawsx/x-final/en/test_2k.tsv"].split("\n")[1] == "1\ta b\tc d\t1"
    assert list(output.changes.values()) == [2]


def test_other_columns_are_one_sentence() -> None:
    with pytest.raises(FetchError, match=r"google/xtreme@ec5f1f46.*rows are not as expected \(KeyError: 'ner_tags'\)"):
        hub.convert(hub.plan(family("panx"), "sw", "test"), [hub.Part("sw", [{"tokens": ["a"]}])])


def test_broken_files_are_one_sentence(tmp_path: Path) -> None:
    for name, content in (("a.parquet", b"PAR1 no"), ("a.jsonl.gz", b"\x1f\x8b no"), ("a.jsonl", b"{")):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(FetchError, match=rf"{name}(: cannot be read|, line 1: not JSON)"):
            hub.read_rows(tmp_path / name, f"x/{name}")


@pytest.mark.parametrize(
    "description", ["{", "[]", '{"info": 5}', '{"info": {"features": {"label": {"_type": "Program"}}}}']
)
def test_a_description_of_columns_that_is_none_is_one_sentence(tmp_path: Path, description: str) -> None:
    table = pyarrow.table({"label": [0, 1]}).replace_schema_metadata({"huggingface": description})
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(FetchError, match=r"x/a.parquet: cannot be read \("):
        hub.read_rows(tmp_path / "a.parquet", "x/a.parquet")


def test_class_names_stand_in_columns_and_in_lists_of_either_form(tmp_path: Path) -> None:
    """`datasets` 4 wrote lists as ``List``, 3 as ``Sequence``, 1 as a list in JSON; an index without a name stays."""
    tag = {"_type": "ClassLabel", "names": ["O", "B-LOC"]}
    for form in ({"_type": "List", "feature": tag}, {"_type": "Sequence", "feature": tag}, [tag]):
        description = json.dumps({"info": {"features": {"text": {"_type": "Value", "dtype": "string"}, "tags": form}}})
        table = pyarrow.table({"text": ["a b c"], "tags": [[1, 0, -1]]})
        pyarrow.parquet.write_table(table.replace_schema_metadata({"huggingface": description}), tmp_path / "a.parquet")
        assert hub.read_rows(tmp_path / "a.parquet", "a.parquet") == [{"text": "a b c", "tags": ["B-LOC", "O", -1]}]


def test_nine_families() -> None:
    assert {one.name for one in XTREME} == {one.name for one, _, split, _ in _plans() if split == "test"}
