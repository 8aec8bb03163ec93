"""CoNLL-U with XTREME's fused tokens: every rule by hand, and the official converter on 64 files."""

import hashlib
from pathlib import Path

import pytest

from tests.shared_data import DATA, REFERENCE, needs_reference
from xstilts_eval.data import conllu
from xstilts_eval.data.examples import Tagged
from xstilts_eval.errors import DataError


def _file(folder: Path, *rows: str, name: str = "fr_x-ud-test.conllu") -> Path:
    """A file from rows of "id form upos head [deps]"; "" ends a sentence, ~ is a blank in a form."""
    lines = []
    for row in rows:
        if not row or row.startswith("#"):
            lines.append(row)
            continue
        number, form, tag, head, *deps = row.split()
        form = form.replace("~", " ")
        lines.append("\t".join([number, form, "_", tag, "_", "_", head, "_", deps[0] if deps else "_", "_"]))
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _one(path: Path) -> list[tuple[str, str]]:
    (sentence,) = conllu.read(path)
    return list(zip(sentence.tokens, sentence.tags, strict=True))


def test_sentences_comments_and_ids(tmp_path: Path) -> None:
    path = _file(
        tmp_path, "# sent_id = a", "1 Oui INTJ 0", "", "# text = Non !", "1 Non INTJ 0", "2 ! PUNCT 1", "",
    )  # fmt: skip
    assert conllu.read(path) == [
        Tagged("fr_x-ud-test.0", ("Oui",), ("INTJ",)),
        Tagged("fr_x-ud-test.1", ("Non", "!"), ("INTJ", "PUNCT")),
    ]


def test_the_last_blank_line_may_be_missing(tmp_path: Path) -> None:
    assert _one(_file(tmp_path, "1 Oui INTJ 0")) == [("Oui", "INTJ")]


def test_fused_token_takes_the_tag_of_the_word_nearest_the_root(tmp_path: Path) -> None:
    # 2 hangs on 4 and 3 on 2: the adposition is nearer although DET and ADP would rank otherwise.
    path = _file(
        tmp_path, "1 vient VERB 0", "2-3 du _ _", "2 de ADP 4", "3 le DET 2", "4 nord NOUN 1", "5 . PUNCT 1",
    )  # fmt: skip
    assert _one(path) == [("vient", "VERB"), ("du", "ADP"), ("nord", "NOUN"), (".", "PUNCT")]


@pytest.mark.parametrize(
    ("language", "left", "right", "expected"),
    [
        ("de", "ADP", "DET", "ADP"),  # default list: ADP before DET
        ("de", "DET", "ADP", "ADP"),
        ("de", "ADV", "PRON", "PRON"),  # default: PRON before ADV …
        ("it", "ADV", "PRON", "ADV"),  # … Italian: ADV before PRON
        ("de", "NOUN", "AUX", "NOUN"),  # default: NOUN before AUX …
        ("fr", "NOUN", "AUX", "AUX"),  # … French: AUX before NOUN
        ("es", "NOUN", "DET", "DET"),  # NOUN is missing from the Spanish list and comes last
        ("de", "SYM", "PUNCT", "PUNCT"),  # SYM is missing from the default list
        ("es", "NUM", "NOUN", "NUM"),  # both missing: the leftmost
    ],
)
def test_ties_go_by_the_precedence_of_the_language(
    tmp_path: Path, language: str, left: str, right: str, expected: str
) -> None:
    path = _file(tmp_path, "1-2 xy _ _", f"1 x {left} 3", f"2 y {right} 3", "3 z VERB 0", name=f"{language}_x.conllu")
    assert _one(path) == [("xy", expected), ("z", "VERB")]


def test_the_language_can_be_given(tmp_path: Path) -> None:
    path = _file(tmp_path, "1-2 xy _ _", "1 x ADV 3", "2 y PRON 3", "3 z VERB 0", name="treebank.conllu")
    assert [conllu.read(path, language)[0].tags[0] for language in ("de", "it")] == ["PRON", "ADV"]


def test_ancestors_count_enhanced_edges_but_not_those_from_empty_nodes(tmp_path: Path) -> None:
    # By basic edges 1 (head 3) is nearer than 2 (head 4, whose head is 3). Enhanced edges give 1 two more
    # ancestors, so 2 wins; the edge from the empty node 4.1 counts for nothing.
    basic = ["1-2 xy _ _", "1 x NOUN 3", "2 y VERB 4", "3 z VERB 0", "4 u ADV 3", "4.1 v ADV _", "5 w ADV 3"]
    assert _one(_file(tmp_path, *basic))[0] == ("xy", "NOUN")
    basic[1] = "1 x NOUN 3 3:obj|4:obj|5:obj"
    basic[2] = "2 y VERB 4 4:conj|4.1:conj"
    assert _one(_file(tmp_path, *basic)) == [("xy", "VERB"), ("z", "VERB"), ("u", "ADV"), ("w", "ADV")]


def test_cycles_end(tmp_path: Path) -> None:
    path = _file(tmp_path, "1-2 xy _ _", "1 x NOUN 2", "2 y VERB 1 1:x|3:y", "3 z VERB 0")
    assert _one(path)[0] == ("xy", "VERB")  # ancestors {2, 3, 0} and {1, 3, 0}: a tie, and VERB ranks first


def test_empty_nodes_vanish_even_before_the_first_word(tmp_path: Path) -> None:
    path = _file(tmp_path, "0.1 weg VERB _", "1 a NOUN 0", "1.1 weg VERB _", "1.2 weg VERB _", "2 b NOUN 1")
    assert _one(path) == [("a", "NOUN"), ("b", "NOUN")]


def test_blanks_and_zero_width_non_joiners_leave_tokens(tmp_path: Path) -> None:
    path = _file(tmp_path, "1 10~000 NUM 2", "2 می\u200cروم VERB 0", "3-4 a~\u200cb _ _", "3 a X 2", "4 b X 2")
    assert [token for token, _ in _one(path)] == ["10000", "می" + "روم", "ab"]


def test_sentences_without_text_are_dropped_and_ids_keep_their_place(tmp_path: Path) -> None:
    path = _file(
        tmp_path,
        "1 _ NOUN 0", "2 . PUNCT 1", "",  # 1 of 2: not fewer than 2 - 1
        "1 _ NOUN 0", "2 _ PUNCT 1", "3 . PUNCT 1", "",  # 2 of 3
        "1 _ PUNCT 2", "2 b NOUN 0", "3 . PUNCT 1", "",  # 1 of 3: a real underscore
        "1 _ PUNCT 0", "",  # 1 of 1
    )  # fmt: skip
    assert conllu.read(path) == [Tagged("fr_x-ud-test.2", ("_", "b", "."), ("PUNCT", "NOUN", "PUNCT"))]


def test_a_stray_underscore_tag_stays(tmp_path: Path) -> None:
    assert _one(_file(tmp_path, "1 a _ 0", "2 b NOUN 1")) == [("a", "_"), ("b", "NOUN")]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (["1 a NOUN 0", "2 b CONJ 1"], r"line 2: UPOS 'CONJ'; allowed: ADJ .* and _"),
        (["1 a NOUN 0", "3 b NOUN 1"], "line 2: id '3' where 2 was expected"),
        (["1 a NOUN 0", "x b NOUN 1"], "line 2: id 'x' where 2"),
        (["2-3 ab _ _", "1 a NOUN 0"], "line 1: span 2-3 where one from 1"),
        (
            ["1-2 ab _ _", "1 a NOUN 0", "2-3 bc _ _", "2 b NOUN 1", "3 c X 1"],
            "line 3: span 2-3 where one from 3",
        ),
        (["1-x ab _ _", "1 a NOUN 0"], "line 1: id '1-x' is neither"),
        (["1 a NOUN 0", "2-4 bc _ _", "2 b NOUN 1", "3 c NOUN 1"], "at line 1: span 2-4 goes beyond .* 3"),
        (["1 a NOUN 0", "2 b NOUN 5"], "at line 1: the head of word 2 is 5"),
        (["1 a NOUN root"], "line 1: head 'root'"),
        (["1 a NOUN 0", "2.1 b NOUN _", "2 c NOUN 1"], "line 2: empty node '2.1'"),
        (["0.1 a NOUN _"], "no words"),
    ],
)
def test_malformed_lines_are_refused_with_file_and_line(tmp_path: Path, rows: list[str], message: str) -> None:
    with pytest.raises(DataError, match=rf"fr_x-ud-test\.conllu.*{message}"):
        conllu.read(_file(tmp_path, *rows))


def test_columns_and_empty_files(tmp_path: Path) -> None:
    path = tmp_path / "fr_x-ud-test.conllu"
    path.write_text("1\ta\tNOUN\n", encoding="utf-8")
    with pytest.raises(DataError, match="line 1: 3 columns separated by TAB; CoNLL-U has 10"):
        conllu.read(path)
    path.write_text("# nothing\n\n", encoding="utf-8")
    with pytest.raises(DataError, match="no examples"):
        conllu.read(path)


def _oracle() -> list[dict[str, str]]:
    path = REFERENCE / "ud_oracle.tsv"
    if not path.exists():
        return []
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    header = lines[0].split("\t")
    return [dict(zip(header, line.split("\t"), strict=True)) for line in lines[1:]]


@needs_reference
def test_the_oracle_is_whole() -> None:
    assert len(_oracle()) == 64


@needs_reference
@pytest.mark.parametrize("row", _oracle(), ids=lambda row: f"{row['treebank']}-{row['release']}-{row['file']}")
def test_equals_the_official_converter(row: dict[str, str]) -> None:
    """Expected: what XTREME's own converter and reader made of the file (see the head of ud_oracle.tsv)."""
    sentences = conllu.read(DATA / "ud" / row["treebank"] / row["release"] / f"{row['file']}.gz")
    tables = [
        "".join(f"{token}\t{tag}\n" for token, tag in zip(sentence.tokens, sentence.tags, strict=True))
        for sentence in sentences
    ]
    assert len(sentences) == int(row["sentences_kept"])
    assert sum(len(sentence.tokens) for sentence in sentences) == int(row["tokens_after_fusing"])
    assert hashlib.sha256("\n".join(tables).encode()).hexdigest() == row["sha256_of_official_tsv"]
