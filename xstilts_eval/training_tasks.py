"""Training tasks as a table: the intermediate tasks of X-STILTs and XTREME's own English training sets.

No I/O and no torch here; `data.intermediate` says where the files of a task lie. Which nine tasks were used, their
sizes and their input formats are section 4.2 of the project's notes on Phang et al. 2020 (2005.13013) and of
nyu-mll/jiant @ daa5a258, `jiant/tasks/lib/*.py`; the comment beside a size says where the number was read, and
"recalled, unverified" where it was not.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from xstilts_eval import kinds
from xstilts_eval.benchmark import FAMILIES, PANX_TAGS, UPOS
from xstilts_eval.data.examples import ChoiceDocument
from xstilts_eval.datasets import lareqa, mewslix
from xstilts_eval.datasets._dataset import Dataset
from xstilts_eval.errors import UnknownName
from xstilts_eval.kinds import Kind
from xstilts_eval.suites import DATASETS

NLI = ("contradiction", "entailment", "neutral")
"""Class order of XNLI in XTREME (`evaluate.py`) and of MNLI, SNLI and ANLI (c, e, n) in jiant: one head fits all."""
BINARY = ("0", "1")


@dataclass(frozen=True)
class TrainingTask:
    """One task a model can be trained on in English.

    `head` names the layer on top of the encoder: tasks of equal `head`, `kind` and `labels` can share it. `labels` are
    classes or tags in the order of the head's outputs; () for spans, options and rankings, and for CCG, whose tags come
    with the user's files. `metric` is that of the development set: ``accuracy``, ``accuracy_f1`` (mean of both),
    ``chunk_f1`` (entities), ``pos_f1`` (chunks by the benchmark's rule for parts of speech), ``word_accuracy``,
    ``squad`` (mean of F1 and exact match), ``squad_v2`` (the same at the best threshold for "no answer") or ``mrr``
    (mean reciprocal rank of a query's own candidate among those of the set).
    `parts` are the tasks a joint one consists of. `serves` are the families that ask exactly what the trained head
    answers. `train_size` and `dev_size` count the usable examples of the official files; None where no such number
    exists. `dataset` is the one whose files it is trained on where it has none of its own, in other languages too, and
    `fetched_as` the one whose English files hold its examples. `dev_is_scored` says that the development set is what
    the benchmark scores as test, so that nothing is chosen on it. `lengths` are those of `Dataset`. `asked_as` is the
    dataset whose question, in its words, a language model is asked; "" where the kind asks all in one way.
    """

    name: str
    title: str
    kind: Kind
    head: str
    labels: tuple[str, ...] = ()
    metric: str = "accuracy"
    parts: tuple[str, ...] = ()
    serves: tuple[str, ...] = ()
    train_size: int | None = None
    dev_size: int | None = None
    dataset: str = ""
    fetched_as: str = ""
    dev_is_scored: bool = False
    lengths: tuple[int, int] | None = None
    asked_as: str = ""


def _nli(name: str, title: str, train_size: int, dev_size: int | None, **more: Any) -> TrainingTask:
    usual: dict[str, Any] = {"serves": ("xnli",), "asked_as": "xnli", "train_size": train_size, "dev_size": dev_size}
    return TrainingTask(name, title, kinds.PAIR, "nli", NLI, **usual, **more)


def _choice(name: str, title: str, train_size: int, dev_size: int, **more: Any) -> TrainingTask:
    return TrainingTask(name, title, kinds.CHOICE, "choice", train_size=train_size, dev_size=dev_size, **more)


_ANLI_PLUS = ("snli", "mnli", "anli_r1", "anli_r2", "anli_r3")

_TASKS = (
    # Dataset card of nyu-mll/glue; dev is the matched set.
    _nli("mnli", "MultiNLI", 392_702, 9_815, dataset="xnli"),
    # Of 550,152 and 10,000 pairs, those with a gold label; counts in several public programs that drop the rest.
    _nli("snli", "SNLI", 549_367, 9_842),
    # Public programs that quote or check the card of facebook/anli.
    _nli("anli_r1", "ANLI round 1", 16_946, 1_000),
    _nli("anli_r2", "ANLI round 2", 45_460, 1_000),
    _nli("anli_r3", "ANLI round 3", 100_459, 1_200),
    # The sum of the parts, which is the number recalled from Phang et al.
    _nli("anli_plus", "ANLI+ (SNLI, MNLI and ANLI with one head)", 1_104_934, None, parts=_ANLI_PLUS),
    # Dataset card of nyu-mll/glue. Duplicate questions are not PAWS-X's question, so the head serves no family.
    TrainingTask(
        "qqp",
        "Quora Question Pairs",
        kinds.PAIR,
        "paraphrase",
        BINARY,
        "accuracy_f1",
        train_size=363_846,
        dev_size=40_430,
        asked_as="pawsx",
    ),
    # Dataset card of `xtreme`.
    TrainingTask(
        "squad",
        "SQuAD v1.1",
        kinds.QUESTION,
        "span",
        metric="squad",
        serves=("xquad", "mlqa", "tydiqa"),
        train_size=87_599,
        dev_size=10_570,
        fetched_as="xquad",
        asked_as="xquad",
    ),
    # Public programs that check the row counts of rajpurkar/squad_v2; dev also counted on the official browsing pages.
    TrainingTask(
        "squad_v2",
        "SQuAD v2.0",
        kinds.QUESTION,
        "span_or_none",
        metric="squad_v2",
        train_size=130_319,
        dev_size=11_873,
        asked_as="xquad",
    ),
    # Train: card of a copy of Rowan/hellaswag on the hub; dev counted in a full copy of the validation set.
    _choice("hellaswag", "HellaSwag", 39_905, 10_042),
    # Recalled, unverified; the size of a development set depends on the user's conversion.
    TrainingTask("ccg", "CCG supertagging (CCGbank)", kinds.TAGGED, "ccg", metric="word_accuracy", train_size=38_015),
    # Dataset card of allenai/cosmos_qa (the paper's table has 25,588 for train); dev also counted in the file.
    _choice("cosmosqa", "Cosmos QA", 25_262, 2_985, serves=("belebele",)),
    # Counted in the official files (random split, v1.11).
    _choice("commonsenseqa", "CommonsenseQA", 9_741, 1_221),
    # Train: card of a copy of allenai/social_i_qa on the hub; dev also counted in the official file (v1.4).
    _choice("siqa", "Social IQa", 33_410, 1_954),
    # COPA's 500 development items as SuperGLUE divides them (a public note on its COPA.zip: 400/100/500).
    _choice("copa", "COPA", 400, 100, serves=("xcopa",), dataset="xcopa"),
    # The four below: `data.sources`.
    TrainingTask(
        "pawsx",
        "PAWS-X (English)",
        kinds.PAIR,
        "paraphrase",
        BINARY,
        serves=("pawsx",),
        train_size=49_401,
        dev_size=2_000,
        dataset="pawsx",
        asked_as="pawsx",
    ),
    TrainingTask(
        "udpos",
        "UD-POS (English)",
        kinds.TAGGED,
        "upos",
        UPOS,
        "pos_f1",
        serves=("udpos",),
        train_size=21_253,
        dev_size=3_974,
        dataset="udpos",
    ),
    TrainingTask(
        "panx",
        "PAN-X (English)",
        kinds.TAGGED,
        "ner",
        PANX_TAGS,
        "chunk_f1",
        serves=("panx",),
        train_size=20_000,
        dev_size=10_000,
        dataset="panx",
    ),
    # Has no development set of its own: the official dev file is what XTREME scores as test.
    TrainingTask(
        "tydiqa",
        "TyDiQA-GoldP (English)",
        kinds.QUESTION,
        "span",
        metric="squad",
        serves=("tydiqa",),
        train_size=3_696,
        dev_size=440,
        dataset="tydiqa",
        dev_is_scored=True,
        asked_as="tydiqa",
    ),
    # SQuAD v1.1 again, less what the sentence splitter fails on.
    TrainingTask(
        "lareqa",
        "Questions and answer sentences of SQuAD v1.1",
        kinds.RANKING,
        "dual_encoder",
        metric="mrr",
        serves=("lareqa",),
        train_size=87_599,
        dev_size=10_570,
        fetched_as="xquad",
        lengths=lareqa.XTREMER.lengths,
    ),
    # mewsli-x.md of google-research/google-research @ 47071fbe.
    TrainingTask(
        "mewslix",
        "Mentions and entities of Mewsli-X (English Wikipedia)",
        kinds.RANKING,
        "dual_encoder",
        metric="mrr",
        serves=("mewslix",),
        train_size=167_719,
        dev_size=14_051,
        lengths=mewslix.XTREMER.lengths,
    ),
)


def of_dataset(dataset: Dataset) -> TrainingTask:
    """Training on the English part of a dataset that says so by `learned`; the head is the dataset's own."""
    english = dataset.spelled("en")
    return TrainingTask(
        dataset.name,
        f"{dataset.title} (English)",
        dataset.kind,
        dataset.name,
        dataset.labels,
        dataset.scoring.learned_by,
        serves=(dataset.name,),
        train_size=dataset.data.size("train", english),
        dev_size=dataset.data.size("dev", english),
        dataset=dataset.group,
        asked_as=dataset.group,
    )


TRAINING_TASKS: dict[str, TrainingTask] = {task.name: task for task in _TASKS}
TRAINING_TASKS |= {
    dataset.name: of_dataset(dataset)
    for dataset in DATASETS.values()
    if dataset.learned == dataset.name and dataset.name not in TRAINING_TASKS
}
ALIASES: Mapping[str, str] = {
    dataset.name: dataset.learned for dataset in DATASETS.values() if dataset.learned not in ("", dataset.name)
} | {"squad_v1": "squad"}
"""Names of datasets (and jiant's of SQuAD) by the task they are trained on."""


def _own(name: str) -> TrainingTask | None:
    """What a dataset that came after this table was made teaches: one of a user's, with a training split."""
    found = (one for one in FAMILIES.values() if one.name == name and "train" in one.data.files)
    return next((of_dataset(one) for one in found if one.kind.request != "embed"), None)


def training_task(name: str) -> TrainingTask:
    """The task by its name, one of its `ALIASES` or a dataset's group; raises `UnknownName` with close matches."""
    name = FAMILIES[name].name if name in FAMILIES else name
    found = TRAINING_TASKS.get(ALIASES.get(name, name)) or _own(name)
    if found is None and any(one.name == name and one.is_embedded for one in FAMILIES.values()):
        raise UnknownName(f"{name} is not trained: every run serves it with the encoder it ends with; take it out")
    if found is None:
        raise UnknownName.of("training task", name, [*TRAINING_TASKS, *ALIASES])
    return found


def choice_texts(document: ChoiceDocument) -> tuple[str, tuple[str, ...]]:
    """First segment and options of a choice document, as the encoder reads them.

    XCOPA's question stays English in every language: ``{premise} What was the {cause or effect}?``
    (google-research/xtreme @ 838c13b, `third_party/run_xcopa.py:288-337`).
    """
    premise, question = document["premise"], document["question"]
    first = f"{premise} What was the {question}?" if question else premise
    return first, tuple(document["choices"])
