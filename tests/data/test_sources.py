"""Where leaves lie below a data folder, what is said about them, and what the real folder holds."""

import gzip
import json
import shutil
from pathlib import Path

import pytest

from tests.shared_data import DATA, needs_data
from xstilts_eval.benchmark import FAMILIES, FLORES_PAIR, family
from xstilts_eval.data import sources
from xstilts_eval.data.examples import Bitext, Corpus, Question, Tagged
from xstilts_eval.data.sources import Loaded, load
from xstilts_eval.errors import DataError, MissingData, SettingError, UnknownName
from xstilts_eval.paths import sample_path


def _put(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


XNLI = "language\tgold_label\t\t\t\t\tsentence1\tsentence2\tpromptID\tpairID\nsw\tneutral\t\t\t\t\ta\tb\t1\t7\n"
PAWSX = "id\tsentence1\tsentence2\tlabel\n7\ta\tb\t1\n"
PAIR = "a\tb\t1\n"
MULTINLI = "premise\thypo\tlabel\na\tb\tneutral\n"
UD = "1\ta\t_\tX\t_\t_\t_\t_\t_\t_\n"
QA = json.dumps(
    {
        "data": [
            {
                "paragraphs": [
                    {
                        "context": "abc",
                        "qas": [
                            {
                                "id": "finnish-1",
                                "question": "?",
                                "answers": [{"text": "b", "answer_start": 1}],
                            },
                            {
                                "id": "swahili-2",
                                "question": "?",
                                "answers": [{"text": "c", "answer_start": 2}],
                            },
                        ],
                    }
                ]
            }
        ]
    }
)


@pytest.mark.parametrize(
    ("name", "language", "split", "file", "text"),
    [
        ("xnli", "sw", "test", "xnli/XNLI-1.0/xnli.test.tsv", XNLI),
        ("xnli", "sw", "dev", "XNLI-1.0/xnli.dev.tsv.gz", XNLI),
        ("xnli", "sw", "test", "xnli/xnli.test.tsv", XNLI),
        ("xnli", "en", "train", "XNLI-MT-1.0/multinli/multinli.train.en.tsv", MULTINLI),
        ("pawsx", "de", "test", "x-final/de/test_2k.tsv", PAWSX),
        ("pawsx", "de", "dev", "pawsx/x-final/de/dev_2k.tsv.gz", PAWSX),
        ("pawsx", "en", "train", "x-final/en/train.tsv", PAWSX),
        ("pawsx", "ko", "dev", "pawsx/xtreme_format/dev-ko.tsv.gz", PAIR),
        ("panx", "yo", "test", "panx_dataset/yo/test", "yo:a\tO\n"),
        ("panx", "yo", "test", "panx/panx_dataset/yo/test.gz", "yo:a\tO\n"),
        ("panx", "en", "train", "panx/en/train", "en:a\tO\n"),
        ("panx", "en", "dev", "panx_dataset/en-dev", "en:a\tO\n"),
        ("xquad", "el", "test", "xquad/xquad.el.json", QA),
        ("xquad", "el", "test", "xquad.el.json.gz", QA),
        ("xquad", "en", "train", "squad/train-v1.1.json", QA),
        ("xquad", "en", "dev", "squad/dev-v1.1.json", QA),
        ("mlqa", "hi", "test", "MLQA_V1/test/test-context-hi-question-hi.json", QA),
        ("mlqa", "hi", "dev", "mlqa/MLQA_V1/dev/dev-context-hi-question-hi.json.gz", QA),
        ("tydiqa", "sw", "test", "tydiqa/tydiqa-goldp-v1.1-dev/tydiqa.goldp.sw.dev.json", QA),
        ("tydiqa", "sw", "test", "tydiqa-goldp-v1.1-dev/tydiqa-goldp-dev-swahili.json.gz", QA),
        ("tydiqa", "en", "train", "tydiqa/tydiqa-goldp-v1.1-train/tydiqa.goldp.en.train.json", QA),
        ("udpos", "tl", "test", "ud-treebanks-v2.5/UD_Tagalog-TRG/tl_trg-ud-test.conllu", UD),
    ],
)  # fmt: skip
def test_known_places(tmp_path: Path, name: str, language: str, split: str, file: str, text: str) -> None:
    path = _put(tmp_path, file, text)
    loaded = load(family(name), language, split, tmp_path)
    assert loaded.files == (path,)
    assert loaded.split == split
    assert not loaded.complete and any("partial: " in note for note in loaded.notes)


def test_official_undivided_tydiqa_file_is_divided_by_language(tmp_path: Path) -> None:
    _put(tmp_path, "tydiqa/tydiqa-goldp-v1.1-train.json", QA)
    (question,) = load(family("tydiqa"), "sw", "train", tmp_path).examples
    assert isinstance(question, Question) and question.id == "swahili-2"
    with pytest.raises(DataError, match="no questions whose id begins with 'korean-'"):
        load(family("tydiqa"), "ko", "train", tmp_path)


@pytest.mark.parametrize(
    ("folder", "part", "split"),
    [
        ("bucc2018/de-en", "training", "test"),
        ("bucc2018/de-en", "sample", "dev"),
        ("bucc2018", "test", "test"),
        (".", "dev", "dev"),
    ],
)
def test_bucc_training_plays_test_and_sample_plays_dev(tmp_path: Path, folder: str, part: str, split: str) -> None:
    for ending, text in {"de": "de-1\ta\n", "en": "en-1\tb\n", "gold": "de-1\ten-1\n"}.items():
        _put(tmp_path, f"{folder}/de-en.{part}.{ending}", text)
    loaded = load(family("bucc2018"), "de", split, tmp_path)
    (corpus,) = loaded.examples
    assert isinstance(corpus, Corpus)
    assert (corpus.id, corpus.gold) == (f"de-en.{split}", frozenset([("de-1", "en-1")]))
    assert [path.suffix for path in loaded.files] == [".de", ".en", ".gold"]
    assert loaded.notes == (f"partial: 1 of {9580 if split == 'test' else 1038:,} gold pairs",)
    other = "dev" if split == "test" else "test"
    with pytest.raises(MissingData):
        load(family("bucc2018"), "de", other, tmp_path)


def test_bucc_without_gold_names_the_gold_file(tmp_path: Path) -> None:
    for ending in ("de", "en"):
        _put(tmp_path, f"bucc2018/de-en/de-en.training.{ending}", "x-1\ta\n")
    # The two files that are there are not named among those looked for in vain.
    with pytest.raises(MissingData, match=r"looked for bucc2018/de-en/de-en\.training\.gold, bucc2018/bucc2018/"):
        load(family("bucc2018"), "de", "test", tmp_path)


def test_tatoeba_codes(tmp_path: Path) -> None:
    for code in ("swh", "cmn", "cym"):
        _put(tmp_path, f"tatoeba/v1/tatoeba.{code}-eng.{code}", f"{code}\n")
        _put(tmp_path, f"tatoeba/v1/tatoeba.{code}-eng.eng", "yes\n")
    swahili = load(family("xtreme_tatoeba"), "sw", "test", tmp_path)
    assert swahili.examples == (Bitext("0", "swh", "yes"),)
    assert swahili == load(family("bitext_tatoeba"), "swh", "test", tmp_path)
    assert swahili.notes == ("partial: 1 of 390 pairs",)
    assert load(family("xtreme_tatoeba"), "zh", "test", tmp_path).examples == (Bitext("0", "cmn", "yes"),)
    welsh = load(family("bitext_tatoeba"), "cym", "test", tmp_path)
    assert welsh.complete and welsh.notes == ("1 pairs; the official number is not known here",)


def test_revision_follows_the_content_only(tmp_path: Path) -> None:
    first = load(family("xnli"), "sw", "test", _put(tmp_path / "a", "xnli.test.tsv", XNLI).parent)
    _put(tmp_path / "b", "xnli/XNLI-1.0/xnli.test.tsv.gz", XNLI)
    second = load(family("xnli"), "sw", "test", tmp_path / "b")
    _put(tmp_path / "c", "xnli.test.tsv", XNLI.replace("neutral", "entailment"))
    third = load(family("xnli"), "sw", "test", tmp_path / "c")
    # printf 'xnli.test.tsv\t%s\n' "$(sha256sum < xnli.test.tsv | cut -c-64)" | sha256sum | cut -c-12
    assert first.revision == second.revision == "03d57c4e485f"
    assert third.revision != first.revision


def test_exact_size_is_complete_and_more_is_not(tmp_path: Path) -> None:
    _put(tmp_path, "panx/yo/test", "yo:a\tO\n\n" * 100)
    loaded = load(family("panx"), "yo", "test", tmp_path)
    assert (loaded.rows, loaded.complete, loaded.notes) == (100, True, ())
    _put(tmp_path, "panx/yo/test", "yo:a\tO\n\n" * 101)
    loaded = load(family("panx"), "yo", "test", tmp_path)
    assert (loaded.complete, loaded.notes) == (False, ("101 sentences where 100 were expected",))


def test_missing_data_names_everything_needed(tmp_path: Path) -> None:
    with pytest.raises(MissingData) as caught:
        load(family("xnli"), "sw", "test", tmp_path)
    message = str(caught.value)
    for part in (
        "xtreme_xnli",
        "'sw'",
        str(tmp_path),
        "XNLI-1.0/xnli.test.tsv",
        ".gz",
        "XNLI-1.0.zip",
        "facebookres",
    ):
        assert part in message
    assert "\n" not in message


WITH_DATA = [(f.group, f.languages[0]) for f in FAMILIES.values() if f.suite != FLORES_PAIR]


@pytest.mark.parametrize("leaf", WITH_DATA, ids=lambda leaf: leaf[0])
def test_every_family_says_what_is_missing(tmp_path: Path, leaf: tuple[str, str]) -> None:
    with pytest.raises(MissingData, match=rf"no test data of {leaf[0]} in '{leaf[1]}' under .* get .* put it there"):
        load(family(leaf[0]), leaf[1], "test", tmp_path)


def test_splits_and_languages_a_family_lacks(tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="split 'validation'; allowed: test, dev, train"):
        load(family("xnli"), "sw", "validation", tmp_path)
    with pytest.raises(MissingData, match="xtreme_tydiqa has no dev data; it has test and train"):
        load(family("tydiqa"), "en", "dev", tmp_path)
    with pytest.raises(MissingData, match="xtreme_bucc2018 has no train data"):
        load(family("bucc2018"), "en", "train", tmp_path)
    with pytest.raises(MissingData, match="xtreme_xnli has train data in English only, not in 'sw'"):
        load(family("xnli"), "sw", "train", tmp_path)
    with pytest.raises(UnknownName, match="yo"):
        load(family("xnli"), "yo", "test", tmp_path)


# Universal Dependencies


def _treebank(folder: Path, place: str, sentences: int, tag: str = "X") -> Path:
    return _put(folder, place, f"1\ta\t_\t{tag}\t_\t_\t0\troot\t_\t_\n\n" * sentences)


def _index(folder: Path, *rows: tuple[str, str, str, str]) -> None:
    lines = ["treebank\tlang\trelease\tfile\tr2.5_blob"]
    lines += [f"{name}\ttr\t{release}\tud/{name}/{release}/{file}.gz\t{blob}" for name, release, file, blob in rows]
    _put(folder, "INDEX.tsv", "\n".join(lines) + "\n")


def test_udpos_takes_each_treebank_once_and_says_what_it_left(tmp_path: Path) -> None:
    ud = tmp_path / "ud"
    chosen = [
        _treebank(ud, "UD_Turkish-D/r2.5/tr_a-ud-test.conllu.gz", 1),
        _treebank(ud, "UD_Turkish-C/r2.7/tr_b-ud-test.conllu.gz", 2, "NOUN"),
        _treebank(ud, "UD_Turkish-B/r2.7/tr_c-ud-test.conllu.gz", 4, "VERB"),
    ]
    _treebank(ud, "UD_Turkish-D/r2.7/tr_a-ud-test.conllu.gz", 8)
    _treebank(ud, "UD_Turkish-B/r2.17/tr_c-ud-test.conllu.gz", 16)
    _treebank(ud, "UD_Turkish-A/r2.16/tr_d-ud-test.conllu.gz", 32)
    _treebank(ud, "UD_Turkish-D/r2.5/tr_a-ud-dev.conllu.gz", 64)
    _treebank(ud, "UD_Trukese-X/r2.5/trk_a-ud-test.conllu.gz", 128)
    _index(
        ud,
        ("UD_Turkish-D", "r2.5", "tr_a-ud-test.conllu", "same"),
        ("UD_Turkish-D", "r2.7", "tr_a-ud-test.conllu", "differs"),
        ("UD_Turkish-C", "r2.7", "tr_b-ud-test.conllu", "same"),
        ("UD_Turkish-B", "r2.7", "tr_c-ud-test.conllu", "differs"),
        ("UD_Turkish-A", "r2.16", "tr_d-ud-test.conllu", "absent"),
    )
    loaded = load(family("udpos"), "tr", "test", tmp_path)
    assert loaded.files == tuple(chosen)  # sorted by file name, not by treebank
    assert [example.tags[0] for example in loaded.examples if isinstance(example, Tagged)] == (
        ["X"] + ["NOUN"] * 2 + ["VERB"] * 4
    )
    assert loaded.notes == (
        "UD_Turkish-B: other release (r2.7)",
        "left out: UD_Turkish-A (not in UD v2.5)",
        "partial: 7 of 4,785 sentences",
    )
    assert load(family("udpos"), "tr", "test", ud) == loaded  # the folder itself may be given, too


def test_udpos_official_folder_wins_and_needs_no_index(tmp_path: Path) -> None:
    official = _treebank(tmp_path, "ud/ud-treebanks-v2.5/UD_Tagalog-TRG/tl_trg-ud-test.conllu", 55)
    _treebank(tmp_path, "ud/UD_Tagalog-TRG/r2.7/tl_trg-ud-test.conllu.gz", 128)
    loaded = load(family("udpos"), "tl", "test", tmp_path)
    assert (loaded.files, loaded.complete, loaded.notes) == ((official,), True, ())
    inside = load(family("udpos"), "tl", "test", tmp_path / "ud/ud-treebanks-v2.5")
    assert (inside.files, inside.complete) == ((official,), True)


def test_udpos_of_another_release_is_never_complete(tmp_path: Path) -> None:
    _treebank(tmp_path, "ud-treebanks-v2.7/UD_Tagalog-TRG/tl_trg-ud-test.conllu", 55)
    loaded = load(family("udpos"), "tl", "test", tmp_path)
    assert (loaded.complete, loaded.notes) == (False, ("UD_Tagalog-TRG: other release (r2.7)",))
    _treebank(tmp_path / "b", "UD_Tagalog-TRG/tl_trg-ud-test.conllu", 55)
    loaded = load(family("udpos"), "tl", "test", tmp_path / "b")
    assert (loaded.complete, loaded.notes) == (False, ("UD_Tagalog-TRG: release unknown",))


def test_udpos_packed_and_plain_copies_count_once(tmp_path: Path) -> None:
    plain = _treebank(tmp_path, "ud-treebanks-v2.5/UD_Tagalog-TRG/tl_trg-ud-test.conllu", 55)
    _treebank(tmp_path, "ud-treebanks-v2.5/UD_Tagalog-TRG/tl_trg-ud-test.conllu.gz", 55)
    assert load(family("udpos"), "tl", "test", tmp_path).files == (plain,)


def test_udpos_treebanks_of_later_releases_alone_are_missing_data(tmp_path: Path) -> None:
    _treebank(tmp_path, "ud/UD_Greek-GUD/r2.17/el_gud-ud-test.conllu.gz", 3)
    _index(tmp_path / "ud", ("UD_Greek-GUD", "r2.17", "el_gud-ud-test.conllu", "absent"))
    with pytest.raises(MissingData, match=r"left out: UD_Greek-GUD \(not in UD v2\.5\)"):
        load(family("udpos"), "el", "test", tmp_path)


def test_udpos_takes_the_languages_of_xtreme_r_from_its_own_release(tmp_path: Path) -> None:
    """xtreme_spec.md 1.2: lt pl uk wo ro from v2.7, all others from v2.5, whichever else lies there."""
    family_r = family("xtremer_udpos")
    for release, rows in (("2.5", 1), ("2.7", 2)):
        for code, name in (("pl", "Polish-A"), ("tl", "Tagalog-TRG")):
            _treebank(tmp_path, f"ud-treebanks-v{release}/UD_{name}/{code}_a-ud-test.conllu", rows)
    polish, tagalog = (load(family_r, code, "test", tmp_path) for code in ("pl", "tl"))
    assert (polish.rows, tagalog.rows) == (2, 1)
    assert not polish.complete and polish.notes == ("partial: 2 of 4,942 sentences",)
    assert load(family("xtreme_udpos"), "tl", "test", tmp_path).examples == tagalog.examples


def test_udpos_of_another_release_than_2_7_is_not_xtreme_rs(tmp_path: Path) -> None:
    family_r = family("xtremer_udpos")
    _treebank(tmp_path, "ud-treebanks-v2.5/UD_Polish-A/pl_a-ud-test.conllu", 3)
    loaded = load(family_r, "pl", "test", tmp_path)
    assert not loaded.complete and "UD_Polish-A: other release (r2.5)" in loaded.notes
    _treebank(tmp_path, "b/ud/UD_Ukrainian-P/r2.16/uk_p-ud-test.conllu.gz", 3)
    _index(tmp_path / "b/ud", ("UD_Ukrainian-P", "r2.16", "uk_p-ud-test.conllu", "absent"))
    with pytest.raises(MissingData, match=r"ud-treebanks-v2\.7/UD_\*/uk_.*not known to be in UD v2\.7"):
        load(family_r, "uk", "test", tmp_path / "b")
    _treebank(tmp_path, "c/ud/UD_Polish-B/r2.7/pl_b-ud-test.conllu.gz", 3)
    _index(tmp_path / "c/ud", ("UD_Polish-B", "r2.7", "pl_b-ud-test.conllu", "absent"))
    assert load(family_r, "pl", "test", tmp_path / "c").notes == ("partial: 3 of 4,942 sentences",)


def test_udpos_broken_index(tmp_path: Path) -> None:
    _treebank(tmp_path, "UD_Tagalog-TRG/r2.5/tl_trg-ud-test.conllu", 1)
    _put(tmp_path, "INDEX.tsv", "treebank\trelease\nUD_Tagalog-TRG\tr2.5\n")
    with pytest.raises(DataError, match=r"INDEX\.tsv, line 2: needs the columns"):
        load(family("udpos"), "tl", "test", tmp_path)


# The bundled sample and the real folder


def test_every_leaf_of_the_sample_loads() -> None:
    for each in FAMILIES.values():
        if each.suite == "xtreme":
            for language in each.languages:
                loaded = load(each, language, "test", sample_path())
                assert loaded.rows > 0 and not loaded.complete


@pytest.fixture(scope="module")
def real() -> dict[tuple[str, str], Loaded]:
    """The leaves of the real folder that can be loaded."""
    found = {}
    for name in ("xtreme_udpos", "xtreme_xquad", "xtreme_tatoeba", "xtreme_pawsx"):
        for language in family(name).languages:
            try:
                found[name, language] = load(family(name), language, "test", DATA)
            except DataError:
                continue
    return found


@needs_data
def test_real_leaves(real: dict[tuple[str, str], Loaded]) -> None:
    """As SOURCES.md says: 33 of 36 Tatoeba, 9 of 11 XQuAD, two labelled PAWS-X tests."""
    by_family = {name: {language for group, language in real if group == name} for name, _ in sorted(real)}
    assert set(family("tatoeba").languages) - by_family["xtreme_tatoeba"] == {"hu", "mr", "tl"}
    assert set(family("xquad").languages) - by_family["xtreme_xquad"] == {"el", "tr"}
    assert by_family["xtreme_pawsx"] == {"de", "zh"}
    assert set(family("udpos").languages) - by_family["xtreme_udpos"] == {
        "bg",
        "el",
        "et",
        "eu",
        "he",
        "hu",
        "ta",
        "ur",
    }
    for (group, language), loaded in real.items():
        if group != "xtreme_udpos":
            assert loaded.complete and loaded.notes == (), (group, language)


@needs_data
def test_real_udpos_completeness(real: dict[tuple[str, str], Loaded]) -> None:
    """Sums of ud_oracle.tsv over the v2.5 treebanks at hand, against the counts of XTREME's own files."""
    rows = {language: loaded.rows for (name, language), loaded in real.items() if name == "xtreme_udpos"}
    complete = {language for (name, language), loaded in real.items() if name == "xtreme_udpos" and loaded.complete}
    assert complete == {"af", "fa", "fi", "kk", "mr", "nl", "te", "th", "tl", "vi", "yo"}
    assert rows["fi"] == 1867 + 1000 + 1555
    assert rows["en"] == 2077 + 1000 and real["xtreme_udpos", "en"].notes == ("partial: 3,077 of 5,440 sentences",)
    assert real["xtreme_udpos", "de"].notes == ("partial: 1,000 of 22,358 sentences",)
    # French and Chinese are made of six and five treebanks, of which one and two are here; of the Greek one none is.
    assert real["xtreme_udpos", "fr"].notes == ("partial: 1,000 of 5,009 sentences",)
    assert real["xtreme_udpos", "zh"].notes == ("partial: 1,500 of 3,455 sentences",)
    assert real["xtreme_udpos", "tr"].notes == (
        "left out: UD_Turkish-BOUN (not in UD v2.5)",
        "partial: 1,000 of 4,785 sentences",
    )
    assert [path.parent.name for path in real["xtreme_udpos", "pt"].files] == ["r2.5", "r2.5"]
    assert [path.parent.name for path in real["xtreme_udpos", "zh"].files] == ["r2.5", "r2.7"]


@needs_data
def test_real_training_data() -> None:
    assert load(family("udpos"), "en", "train", DATA).notes == ("partial: 12,543 of 21,253 sentences",)
    assert load(family("tydiqa"), "en", "train", DATA).complete
    assert load(family("xquad"), "en", "train", DATA).notes == ("partial: 78,161 of 87,599 questions",)


@needs_data
def test_real_mlqa_is_dev_only() -> None:
    """Counts: SOURCES.md."""
    sizes = {"ar": 517, "de": 512, "en": 1148, "es": 500, "hi": 507, "vi": 511, "zh": 504}
    for language, size in sizes.items():
        loaded = load(family("mlqa"), language, "dev", DATA)
        assert (loaded.rows, loaded.complete) == (size, True)
        with pytest.raises(MissingData):
            load(family("mlqa"), language, "test", DATA)


@needs_data
def test_real_folder_may_be_linked_or_be_a_family_folder(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(DATA.resolve(), target_is_directory=True)
    linked = load(family("xquad"), "th", "test", tmp_path / "link")
    inside = load(family("xquad"), "th", "test", DATA / "xquad")
    assert linked.examples == inside.examples and linked.revision == inside.revision
    assert load(family("udpos"), "yo", "test", DATA / "ud").rows == 100


@needs_data
def test_changed_copy_has_another_revision(tmp_path: Path) -> None:
    shutil.copy(DATA / "xquad/xquad.th.json", tmp_path / "xquad.th.json")
    (tmp_path / "xquad.th.json").chmod(0o644)
    same = load(family("xquad"), "th", "test", tmp_path)
    with (tmp_path / "xquad.th.json").open("ab") as file:
        file.write(b"\n")
    assert load(family("xquad"), "th", "test", tmp_path).revision != same.revision
    assert sources.load(family("xquad"), "th", "test", DATA).revision == same.revision
