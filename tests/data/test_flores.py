"""FLORES-200's files: layouts, what does not fit together, real devtest."""

import gzip
from pathlib import Path

import pytest

from tests.shared_data import DATA, needs_data
from xstilts_eval.benchmark import FAMILIES, Family
from xstilts_eval.data import archives, files, flores, hub, sources
from xstilts_eval.data.examples import Translation
from xstilts_eval.errors import DataError, MissingData, SettingError, UnknownName
from xstilts_eval.paths import sample_path

TO_ENGLISH, FROM_ENGLISH = FAMILIES["flores200-to_eng"], FAMILIES["flores200-from_eng"]
PAIR = FAMILIES["flores200pair_translation"]


def write(folder: Path, name: str, *lines: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    content = "".join(f"{line}\n" for line in lines).encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)


def lines_of(family: Family, language: str, folder: Path) -> list[Translation]:
    return [e for e in sources.load(family, language, "test", folder).examples if isinstance(e, Translation)]


@pytest.fixture(params=["flores200_dataset", "flores200/flores200_dataset", "flores200", "."])
def release(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Three lines from two articles, in every layout that is read."""
    root = f"{request.param}/"
    write(tmp_path, f"{root}devtest/eng_Latn.devtest", "One.", "Two.", "Three.")
    write(tmp_path, f"{root}devtest/deu_Latn.devtest.gz", "Eins.", "Zwei.", "Drei.")
    write(tmp_path, f"{root}metadata_devtest.tsv", "domain\tURL\ttopic", "a\tx\tt", "a\ty\tt", "a\tx\tt")
    return tmp_path


def test_lines_lie_side_by_side_with_their_articles(release: Path) -> None:
    loaded = sources.load(TO_ENGLISH, "deu_Latn", "test", release)
    lines = lines_of(TO_ENGLISH, "deu_Latn", release)
    assert [(line.source, line.target, line.group) for line in lines] == [
        ("Eins.", "One.", "article 1"),
        ("Zwei.", "Two.", "article 2"),
        ("Drei.", "Three.", "article 1"),
    ]
    assert lines[2].id == "devtest.3" and not loaded.complete
    assert loaded.notes == ("partial: 3 of 1,012 lines",)


def test_from_english_is_the_other_way_round(release: Path) -> None:
    first = lines_of(FROM_ENGLISH, "deu_Latn", release)[0]
    assert (first.source, first.target) == ("One.", "Eins.")
    assert (first.source_language, first.target_language) == ("eng_Latn", "deu_Latn")


def test_revision_changes_with_either_side_and_the_articles(release: Path) -> None:
    def revision() -> str:
        flores._lines.cache_clear()
        flores._articles.cache_clear()
        return sources.load(TO_ENGLISH, "deu_Latn", "test", release).revision

    seen = {revision()}
    for path in sorted(path for path in release.rglob("*") if path.is_file()):
        content = files.read_text(path)
        changed = content.replace("Two", "2").replace("Zwei", "2").replace("\ty\t", "\tz\t")
        path.write_bytes(gzip.compress(changed.encode()) if path.suffix == ".gz" else changed.encode())
        seen.add(revision())
    assert len(seen) == 4


def test_without_metadata_a_line_is_the_unit(tmp_path: Path) -> None:
    for code in ("eng_Latn", "deu_Latn"):
        write(tmp_path, f"devtest/{code}.devtest", "a", "b")
    loaded = sources.load(TO_ENGLISH, "deu_Latn", "test", tmp_path)
    assert [line.group for line in lines_of(TO_ENGLISH, "deu_Latn", tmp_path)] == ["line 1", "line 2"]
    assert "intervals resample sentences" in loaded.notes[1]


@pytest.mark.parametrize(
    ("name", "lines", "message"),
    [
        ("devtest/deu_Latn.devtest", ["a"], "has 1 line and .* has 2"),
        ("devtest/deu_Latn.devtest", ["a", " "], "line 2: blank"),
        ("devtest/deu_Latn.devtest", [], "holds no sentences"),
        ("metadata_devtest.tsv", ["address", "x", "y"], "no column URL"),
        ("metadata_devtest.tsv", ["URL", "x"], "names an article for 1 line"),
    ],
)
def test_files_that_do_not_fit_are_refused(tmp_path: Path, name: str, lines: list[str], message: str) -> None:
    for code in ("eng_Latn", "deu_Latn"):
        write(tmp_path, f"devtest/{code}.devtest", "a", "b")
    write(tmp_path, name, *lines)
    with pytest.raises(DataError, match=message):
        sources.load(TO_ENGLISH, "deu_Latn", "test", tmp_path)


def test_what_is_missing_is_named_with_its_archive(tmp_path: Path) -> None:
    with pytest.raises(MissingData, match=r"looked for devtest/lao_Laoo\.devtest .*/nllb/flores200_dataset\.tar\.gz"):
        sources.load(TO_ENGLISH, "lao_Laoo", "test", tmp_path)
    with pytest.raises(MissingData, match="no train data"):
        sources.load(TO_ENGLISH, "lao_Laoo", "train", tmp_path)
    with pytest.raises(MissingData, match="no commit of FLORES-200 on the hub"):
        hub.plan(TO_ENGLISH, "lao_Laoo", "test")


def test_the_archive_is_pinned_and_gives_what_a_leaf_needs() -> None:
    (archive,) = archives.archives(TO_ENGLISH, "deu_Latn", "test")
    assert archive.sha256 == "b8b0b76783024b85797e5cc75064eb83fc5288b41e9654dabc7be6ae944011f6"
    root = "flores200_dataset"
    for member in ("devtest/deu_Latn.devtest", "devtest/eng_Latn.devtest", "metadata_devtest.tsv"):
        assert archive.place(f"./{root}/{member}") == archive.place(f"{root}/{member}") == f"flores200/{root}/{member}"
    for other in ("dev/deu_Latn.dev", "devtest/fra_Latn.devtest", "README", "metadata_dev.tsv"):
        assert archive.place(f"./{root}/{other}") is None
    with pytest.raises(MissingData, match="no train data"):
        archives.archives(TO_ENGLISH, "deu_Latn", "train")


@needs_data
def test_the_english_side_beside_the_project_is_that_of_the_archive() -> None:
    """The hash that others recorded of the archive's member (2026)."""
    digest = files.sha256(DATA / "flores200" / "devtest" / "eng_Latn.devtest.gz")
    assert digest == "612e9fbe87997617c0fa8fa8929654a4f49b728d96738112c2b86ef6a1d78d88"


def test_a_pair_is_named_by_codes_of_any_standard() -> None:
    assert flores.pair("de", "fra") == "deu_Latn-fra_Latn"
    assert flores.languages_of(PAIR, "deu_Latn-fra_Latn") == ("deu_Latn", "fra_Latn")
    with pytest.raises(UnknownName, match="zho_Hans"):
        flores.pair("de", "zho")
    with pytest.raises(SettingError, match="one language of FLORES-200, deu_Latn"):
        flores.pair("de", "deu_Latn")
    with pytest.raises(SettingError, match="needs a pair"):
        flores.languages_of(PAIR, "any")


def test_the_sample_says_where_it_has_no_text() -> None:
    written = sources.load(TO_ENGLISH, "swh_Latn", "test", sample_path())
    placeholders = sources.load(TO_ENGLISH, "lao_Laoo", "test", sample_path())
    assert "placeholder lines, not Lao" in placeholders.notes
    assert not any(note.startswith(flores.PLACEHOLDER_NOTE) for note in written.notes)
    assert all(line.source.startswith("Placeholder ") for line in lines_of(TO_ENGLISH, "lao_Laoo", sample_path()))
    assert {line.group for line in lines_of(TO_ENGLISH, "swh_Latn", sample_path())} == {
        f"article {n}" for n in range(1, 6)
    }


@needs_data
@pytest.mark.parametrize("language", ["ace_Arab", "mar_Deva", "sat_Olck", "zho_Hant"])
def test_real_devtest_is_complete(language: str) -> None:
    loaded = sources.load(TO_ENGLISH, language, "test", DATA)
    assert loaded.complete and loaded.notes == () and loaded.rows == 1_012
    assert len({line.group for line in lines_of(TO_ENGLISH, language, DATA)}) == 281  # analysis notes, section 1
