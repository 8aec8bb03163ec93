"""Taxi1500: the topic of a Bible verse, one of six, in as many languages as you have files of.

Not verified: the English files and the list of languages (1,502, verse_counts.tsv) were read in cisnlp/Taxi1500 @
ce17cf7a; files in other languages are made with that repository's program from corpora that are given on request, and
none was at hand. Editions differ, so say which ones a score is of.
"""

from xstilts_eval.data import files
from xstilts_eval.data.examples import LabelledText
from xstilts_eval.datasets import MACRO_F1, Data, Dataset, Text
from xstilts_eval.errors import DataError
from xstilts_eval.kinds import TEXT

LANGUAGES = ("eng", "deu", "swh", "quy", "yor")  # ISO 639-3; yours, English first
TOPICS = ("Recommendation", "Faith", "Description", "Sin", "Grace", "Violence")


def read(paths, language, split):
    """Lines of verse number, topic and verse, separated by tabs, without a header."""
    found = []
    for number, line in files.lines(paths[0]):
        cells = line.split("\t")
        if len(cells) != 3 or cells[1] not in TOPICS:
            raise DataError(f"{paths[0]}, line {number}: expected verse number, topic ({', '.join(TOPICS)}) and verse")
        found.append(LabelledText(cells[0], cells[2], TOPICS.index(cells[1])))
    return found


def choices(doc):
    """What a language model chooses from, in the order of TOPICS."""
    return [f"{doc['text']} This verse is about {topic.lower()}." for topic in TOPICS]


TAXI1500 = Dataset(
    suite="own",
    name="taxi1500",
    title="Taxi1500",
    kind=TEXT,
    languages=LANGUAGES,
    code_standard="iso639_3",
    data=Data(
        archive="cisnlp/Taxi1500 and the corpora its README names",
        files={split: ((f"taxi1500/{{lg}}_data/{{lg}}_{split}.tsv",),) for split in ("train", "dev", "test")},
        read=read,
        licence="that of each edition",
        citation="Ma et al. 2023, Taxi1500: A Multilingual Dataset for Text Classification in 1500 Languages",
        sizes={"train": {"eng": 860}, "dev": {"eng": 106}, "test": {"eng": 111}},  # lines of eng_data
        hub="not on the hub as labelled files",
        archives="on request",
    ),
    scoring=MACRO_F1,
    labels=TOPICS,
    prompt=Text(choices="taxi1500.choices"),
)
