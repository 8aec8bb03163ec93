"""Turn the hand-written sample (``source/``) into the benchmark's official raw formats (``official/``).

``python -m xstilts_eval.sample.build`` writes the folder, ``--check`` only says what is out of date.
The result is what ``XSTILTS_DATA`` would point at with the real downloads: same names, columns and quirks
(XNLI's 19 columns, MultiNLI's "contradictory", CoNLL-U ranges for fused tokens, BUCC's repeated lines).
Everything is a function of the source files alone, so two builds agree byte for byte.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from hashlib import sha256
from pathlib import Path

from xstilts_eval.benchmark import family
from xstilts_eval.datasets import udpos
from xstilts_eval.errors import SettingError, XstiltsError
from xstilts_eval.languages import language
from xstilts_eval.sample import flores, intermediate, xtremer
from xstilts_eval.sample.source import (
    SOURCE,
    NliBlock,
    Passage,
    SampleError,
    Token,
    detokenize,
    mining_dev,
    nli_blocks,
    paraphrases,
    passages,
    sentences,
)
from xstilts_eval.writing import folder_beside, move_into_place

OFFICIAL = Path(__file__).parent / "official"
TITLE = "# Sample data of xstilts-eval"

README = f"""{TITLE}

Small files in the official raw formats of XTREME and XTREME-R and of the intermediate tasks, for tests and for a
first run without any download.

* Every sentence was written for xstilts-eval and is released under the project's licence, Apache-2.0.
* This is not XTREME data, nor SNLI, SQuAD or the like: no text was taken from XTREME or from any other data set.
* Scores on this sample are not XTREME scores and must not be reported or compared as such.
* FLORES-200 has 204 languages; lines that begin with "Placeholder" stand for languages in which nothing was written.

The files are generated from `../source/` by `python -m xstilts_eval.sample.build`; edit the source instead.
Where a format asks for what the sample does not have, the column is empty (XNLI parses, annotator labels 2-5,
CoNLL-U lemmas) or simple: the `_tokenized` columns of XNLI repeat the plain sentence, and syntax trees are
flat (every word hangs from the root with relation `dep`). They exercise readers; nobody should learn syntax
from them.
"""

XNLI_COLUMNS = (
    "language gold_label sentence1_binary_parse sentence2_binary_parse sentence1_parse sentence2_parse "
    "sentence1 sentence2 promptID pairID genre label1 label2 label3 label4 label5 "
    "sentence1_tokenized sentence2_tokenized match"
)
NLI_LABELS = ("entailment", "neutral", "contradiction")

# Which part of a fused token lends it its tag when several are equally near to the root. Source: the
# precedence lists of UniversalDependencies' conversion tool that XTREME runs. A tag that is not in the
# list of its language makes that tool fail, so the sample may not have one there.
PRECEDENCE = {
    "es": "VERB AUX PRON ADP DET",
    "fr": "VERB AUX PRON NOUN ADJ ADV ADP DET PART SCONJ CONJ",
    "it": "VERB AUX ADV PRON ADP DET INTJ",
}
DEFAULT_PRECEDENCE = "VERB NOUN PROPN PRON ADJ NUM ADV INTJ AUX ADP DET PART CCONJ SCONJ X PUNCT"

ENGLISH_DISTRACTORS = {"training": 40, "sample": 10}

Sentence = tuple[Token, ...]
Files = dict[str, str]


def files(source: Path = SOURCE) -> Files:
    """Contents of every official file by path below the target folder; raises `SampleError`."""
    return {
        "README.md": README,
        **_xnli(source),
        **_pawsx(source),
        **_udpos(source),
        **_panx(source),
        **_questions(source),
        **_tatoeba(source),
        **_bucc(source),
        **flores.files(source),
        **xtremer.files(source),
        **intermediate.files(source),
    }


def build(source: Path = SOURCE, target: Path = OFFICIAL) -> list[str]:
    """Write the official files below `target`, replacing an earlier build; returns their paths.

    The folder appears whole or not at all; one that is not an earlier build is left alone (`SettingError`).
    """
    contents = files(source)
    if target.exists() and not _is_build(target):
        raise SettingError(f"{target} is not an earlier build of the sample: remove it or choose another folder")
    with folder_beside(target) as fresh:
        for name, text in contents.items():
            path = fresh / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode("utf-8"))
        move_into_place(fresh, target)
    return sorted(contents)


def stale(source: Path = SOURCE, target: Path = OFFICIAL) -> list[str]:
    """Paths below `target` that differ from a fresh build, are missing, or should not be there."""
    contents = files(source)
    present = {path.relative_to(target).as_posix() for path in target.rglob("*") if path.is_file()}
    wrong = present ^ set(contents)
    return sorted(
        wrong | {name for name in present & set(contents) if (target / name).read_bytes() != contents[name].encode()}
    )


def _is_build(folder: Path) -> bool:
    readme = folder / "README.md"
    return readme.is_file() and readme.read_text(encoding="utf-8").startswith(TITLE)


def _table(rows: Iterable[Sequence[str]]) -> str:
    return "".join("\t".join(row) + "\n" for row in rows)


def _plain(path: Path) -> list[str]:
    return [detokenize(tokens) for tokens in sentences(path)]


# --- sentence pairs -----------------------------------------------------------------------------------------


def _nli_rows(blocks: Sequence[NliBlock]) -> list[tuple[int, str, str, str]]:
    """(number of the premise, premise, hypothesis, label), three rows per block."""
    return [
        (number, block.premise, str(getattr(block, label)), label)
        for number, block in enumerate(blocks, 1)
        for label in NLI_LABELS
    ]


def _xnli(source: Path) -> Files:
    def table(blocks: dict[str, list[NliBlock]]) -> str:
        columns = XNLI_COLUMNS.split()
        rows = [columns]
        for code, of_language in blocks.items():
            for pair, (prompt, premise, hypothesis, label) in enumerate(_nli_rows(of_language), 1):
                fields = {
                    "language": code,
                    "gold_label": label,
                    "sentence1": premise,
                    "sentence2": hypothesis,
                    "promptID": str(prompt),
                    "pairID": str(pair),
                    "genre": "sample",
                    "label1": label,
                    "sentence1_tokenized": premise,
                    "sentence2_tokenized": hypothesis,
                    "match": "True",
                }
                rows.append([fields.get(column, "") for column in columns])
        return _table(rows)

    training = [["premise", "hypo", "label"]]
    for _, premise, hypothesis, label in _nli_rows(nli_blocks(source / "train" / "xnli.txt")):
        # The machine-translation release spells this one label differently from the test file.
        training.append([premise, hypothesis, "contradictory" if label == "contradiction" else label])
    codes = sorted(family("xnli").languages)
    return {
        "XNLI-1.0/xnli.test.tsv": table({code: nli_blocks(source / "xnli" / f"{code}.txt") for code in codes}),
        "XNLI-1.0/xnli.dev.tsv": table({"en": nli_blocks(source / "dev" / "xnli.txt")}),
        "XNLI-MT-1.0/multinli/multinli.train.en.tsv": _table(training),
    }


def _pawsx(source: Path) -> Files:
    def table(path: Path) -> str:
        rows = [["id", "sentence1", "sentence2", "label"]]
        for number, (label, first, second) in enumerate(paraphrases(path), 1):
            rows.append([str(number), first, second, str(label)])
        return _table(rows)

    return {
        "x-final/en/train.tsv": table(source / "train" / "pawsx.txt"),
        "x-final/en/dev_2k.tsv": table(source / "dev" / "pawsx.txt"),
    } | {f"x-final/{code}/test_2k.tsv": table(source / "pawsx" / f"{code}.txt") for code in family("pawsx").languages}


# --- tagging ------------------------------------------------------------------------------------------------


def _udpos(source: Path) -> Files:
    paths = {"train": source / "train" / "sentences.txt", "dev": source / "dev" / "sentences.txt"}
    made = {
        f"ud-treebanks-v2.5/UD_English-Sample/en_sample-ud-{split}.conllu": conllu(path, "en", split)
        for split, path in paths.items()
    }
    for code in family("xtremer_udpos").languages:
        release = udpos.RELEASES.get(code, udpos.RELEASE)
        name = f"ud-treebanks-v{release}/UD_{language(code).name}-Sample/{code}_sample-ud-test.conllu"
        made[name] = conllu(source / "sentences" / f"{code}.txt", code, "test")
    return made


def conllu(path: Path, code: str, split: str) -> str:
    """The tagged sentences of `path` as CoNLL-U with flat trees; raises `SampleError` naming the line.

    Fused tokens are checked: the benchmark's conversion must give each the tag declared in the source.
    """
    blocks = []
    for number, tokens in enumerate(sentences(path), 1):
        place = f"{path.parent.name}/{path.name}:{number}"
        root = _root(tokens)
        lines = [f"# sent_id = {code}-sample-{split}-{number}", f"# text = {detokenize(tokens)}"]
        word = 0
        for index, token in enumerate(tokens):
            glued = index + 1 < len(tokens) and not tokens[index + 1].space_before
            misc = "SpaceAfter=No" if glued else "_"
            words = token.parts or ((token.form, token.upos),)
            if token.parts:
                _check_fused(token, code, root - word - 1, place)
                # A range line has an id, a form and MISC; the rest belongs to the words below it.
                lines.append("\t".join([f"{word + 1}-{word + len(words)}", token.form, *"_" * 7, misc]))
                misc = "_"
            for form, upos in words:
                word += 1
                head, relation = ("0", "root") if word == root else (str(root), "dep")
                lines.append("\t".join([str(word), form, "_", upos, "_", "_", head, relation, "_", misc]))
        blocks.append("\n".join(lines) + "\n\n")
    return "".join(blocks)


def _root(tokens: Sentence) -> int:
    """Number (from 1) of the word the others hang from: first verb, auxiliary or noun, else first.

    A part of a fused token qualifies only with the token's own tag, because the root decides that tag.
    """
    words = [(upos, upos == token.upos) for token in tokens for _, upos in (token.parts or ((token.form, token.upos),))]
    for wanted in ("VERB", "AUX", "NOUN"):
        if (wanted, True) in words:
            return words.index((wanted, True)) + 1
    return next((number for number, (_, speaks) in enumerate(words, 1) if speaks), 1)


def _check_fused(token: Token, code: str, root: int, place: str) -> None:
    """Apply the benchmark's rule; `root` is the index of the root among the parts, if it is one of them."""
    order = PRECEDENCE.get(code, DEFAULT_PRECEDENCE).split()
    tags = [upos for _, upos in token.parts]
    if root in range(len(tags)):
        found = tags[root]
    else:
        # A flat tree: all parts are equally far from the root, precedence decides.
        unlisted = [tag for tag in tags if tag not in order]
        if unlisted:
            raise SampleError(f"{place}: no precedence for {unlisted[0]} in {code} (fused token {token.form!r})")
        found = min(tags, key=order.index)
    if found != token.upos:
        raise SampleError(
            f"{place}: fused token {token.form!r} is declared {token.upos}, the benchmark's rule gives {found}"
        )


def _panx(source: Path) -> Files:
    def columns(path: Path, code: str) -> str:
        return "".join(
            "".join(f"{code}:{token.form}\t{token.ner}\n" for token in tokens) + "\n" for tokens in sentences(path)
        )

    return {
        f"panx_dataset/en/{split}": columns(source / split / "sentences.txt", "en") for split in ("train", "dev")
    } | {
        f"panx_dataset/{code}/test": columns(source / "sentences" / f"{code}.txt", code)
        for code in family("xtremer_panx").languages
    }


# --- question answering -------------------------------------------------------------------------------------


def squad(found: Sequence[Passage], prefix: str) -> str:
    """Passages in the layout of SQuAD v1.1; `answer_start` counts code points."""
    data = []
    for number, passage in enumerate(found, 1):
        questions = [
            {
                "id": f"{prefix}-p{number}-q{index}",
                "question": item.question,
                "answers": [{"text": item.answer, "answer_start": passage.text.index(item.answer)}],
            }
            for index, item in enumerate(passage.questions, 1)
        ]
        paragraph = {"context": passage.text, "qas": questions}
        data.append({"title": f"Sample {number}", "paragraphs": [paragraph]})
    return json.dumps({"version": "1.1", "data": data}, ensure_ascii=False, indent=1) + "\n"


def _questions(source: Path) -> Files:
    test = {
        code: passages(source / "passages" / f"{code}.txt")
        for name in ("xtremer_xquad", "mlqa", "tydiqa")
        for code in family(name).languages
    }
    train, dev = (passages(source / split / "passages.txt") for split in ("train", "dev"))
    made = {
        "squad/train-v1.1.json": squad(train, "train"),
        "squad/dev-v1.1.json": squad(dev, "dev"),
        "tydiqa-goldp-v1.1-train/tydiqa.goldp.en.train.json": squad(train, "english-train"),
    }
    for code in family("xtremer_xquad").languages:
        made[f"xquad/xquad.{code}.json"] = squad(test[code], "sample")
    for code in family("mlqa").languages:
        made[f"MLQA_V1/test/test-context-{code}-question-{code}.json"] = squad(test[code], "sample")
    for code in family("tydiqa").languages:
        # The official release is one file for all languages, told apart by the English name in the id.
        ids = f"{language(code).name.lower()}-sample"
        made[f"tydiqa-goldp-v1.1-dev/tydiqa.goldp.{code}.dev.json"] = squad(test[code], ids)
    return made


# --- retrieval ----------------------------------------------------------------------------------------------


def _tatoeba(source: Path) -> Files:
    english = _plain(source / "sentences" / "en.txt")
    made = {}
    for code in family("xtremer_tatoeba").languages:
        pair = f"tatoeba/v1/tatoeba.{language(code).tatoeba}-eng"
        foreign = _plain(source / "sentences" / f"{code}.txt")
        if len(foreign) != len(english):
            raise SampleError(f"sentences/{code}.txt has {len(foreign)} sentences, English has {len(english)}")
        made[f"{pair}.{pair[-7:-4]}"] = _table([text] for text in foreign)
        made[f"{pair}.eng"] = _table([text] for text in english)
    return made


def _bucc(source: Path) -> Files:
    """BUCC's "training" set (scored as test) and "sample" set (for the threshold) of each language.

    Foreign distractors are the sentences of the language's NLI file, divided between the two sets; English
    ones are training and development sentences, so no distractor has a translation on the other side.
    """
    english = {
        "training": _plain(source / "sentences" / "en.txt"),
        "sample": mining_dev(source / "mining_dev" / "en.txt"),
    }
    english_pool = {split: _plain(source / name / "sentences.txt") for split, name in _SPLIT_OF.items()}
    made = {}
    for code in family("bucc2018").languages:
        blocks = nli_blocks(source / "xnli" / f"{code}.txt")
        foreign = {
            "training": _plain(source / "sentences" / f"{code}.txt"),
            "sample": mining_dev(source / "mining_dev" / f"{code}.txt"),
        }
        foreign_pool = {
            "training": [text for block in blocks for text in (block.premise, block.entailment, block.neutral)],
            "sample": [block.contradiction for block in blocks],
        }
        for split, size in ENGLISH_DISTRACTORS.items():
            stem = f"bucc2018/{code}-en/{code}-en.{split}"
            if len(foreign[split]) != len(english[split]):
                raise SampleError(f"{stem}: {len(foreign[split])} sentences, English has {len(english[split])}")
            ours, our_ids = _monolingual(foreign[split], foreign_pool[split], code, stem)
            theirs, their_ids = _monolingual(english[split], english_pool[split][:size], "en", stem)
            made[f"{stem}.{code}"] = ours
            made[f"{stem}.en"] = theirs
            made[f"{stem}.gold"] = _table(sorted(zip(our_ids, their_ids, strict=True)))
    return made


_SPLIT_OF = {"training": "train", "sample": "dev"}


def _monolingual(parallel: list[str], distractors: list[str], code: str, stem: str) -> tuple[str, list[str]]:
    """One side of a mining corpus, and the ids of its parallel sentences in their order.

    One distractor is there twice, because the benchmark has a rule for it: repeated sentences never count.
    """
    once = [*parallel, *distractors]
    repeated = [text for text, count in Counter(once).items() if count > 1]
    if repeated:
        raise SampleError(f"{stem}.{code}: {repeated[0]!r} would occur twice and its pair be lost")
    texts = [*once, distractors[0]]

    def shuffled(index: int) -> str:
        return sha256(f"{stem}.{code}\t{index}\t{texts[index]}".encode()).hexdigest()

    order = sorted(range(len(texts)), key=shuffled)
    ids = {index: f"{code}-{number:09d}" for number, index in enumerate(order, 1)}
    rows = [(ids[index], texts[index]) for index in order]
    return _table(rows), [ids[index] for index in range(len(parallel))]


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line: 0 done or up to date, 1 out of date, 2 a mistake in the source."""
    parser = argparse.ArgumentParser(prog="python -m xstilts_eval.sample.build", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; list the files that are out of date")
    options = parser.parse_args(arguments)
    try:
        if options.check:
            differing = stale()
            print("\n".join(differing) if differing else f"{OFFICIAL} is up to date")
            return 1 if differing else 0
        names = build()
    except XstiltsError as error:
        print(error, file=sys.stderr)
        return 2
    size = sum((OFFICIAL / name).stat().st_size for name in names)
    print(f"{OFFICIAL}: {len(names)} files, {size / 1e6:.2f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
