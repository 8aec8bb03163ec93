"""Which head a run's intermediate stage left, and what that head and the encoder say of a target's English documents.

LEEP, NCE and label agreement need a head with classes that can be asked about the target's units: a pair's head about
pairs, a tagger about words, a multiple-choice head about options. Span heads have no classes (they would need answer
positions to be binned), and a target without labels has nothing to agree with; both are left out with the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from xstilts_eval import bundle, kinds, reading
from xstilts_eval.analysis.relatedness import representations, transferability
from xstilts_eval.analysis.stats.regression import Vector
from xstilts_eval.benchmark import Family
from xstilts_eval.data import sources
from xstilts_eval.data.examples import Choice, LabelledText, Pair, Tagged, document
from xstilts_eval.errors import MissingData, NumericError, XstiltsError
from xstilts_eval.kinds import Halves, Kind
from xstilts_eval.models import choices
from xstilts_eval.models.answering import CLASSIFIERS
from xstilts_eval.models.encoder import Loaded
from xstilts_eval.models.heads import HEADS
from xstilts_eval.models.tagging import FirstPiece
from xstilts_eval.training_tasks import training_task

RECIPE, STAGE = "recipe.json", "stage.json"
SPLITS = ("dev", "train", "test")
"""Where English documents are taken from, the first that is there: scored ones last."""
LEEP, NCE, AGREEMENT, SAME_HEAD = "LEEP", "NCE", "label agreement", "same head type"


@dataclass(frozen=True)
class IntermediateHead:
    """A training task of the intermediate stage and the folder of its head; None: `reason` says why there is none.

    `first_piece` is the rule a tagger was trained by, and is read by.
    """

    task: str
    kind: Kind
    folder: Path | None
    reason: str = ""
    first_piece: FirstPiece = "any"


@dataclass(frozen=True)
class English:
    """English documents of a target and the split they are from."""

    family: Family
    split: str
    examples: tuple[Pair | LabelledText | Tagged | Choice, ...]

    @property
    def labels(self) -> list[str]:
        """One per unit: pair, word, or document with options (the position of the right one)."""
        return PROBES.of(self.family.kind).labels(self)


def english(family: Family, folder: Path, limit: int) -> English:
    """The first `limit` English documents of a target; raises `MissingData` where there are none with labels."""
    if family.kind not in PROBES:
        raise MissingData(f"{family.group}: no classes to ask about in datasets of the kind {family.kind.name!r}")
    for split in SPLITS:
        try:
            found = sources.load(family, family.spelled("en"), split, folder).examples
        except XstiltsError:
            continue
        return English(family, split, tuple(found[:limit]))  # type: ignore[arg-type]
    raise MissingData(f"{family.group}: no English documents under {folder}")


def of(checkpoint: Path) -> list[IntermediateHead]:
    """Heads that the intermediate stages of a bundle, or a stage's folder, left; raises `MissingData` for neither."""
    if not (checkpoint / bundle.MANIFEST).is_file():
        raise MissingData(f"{checkpoint} is no bundle, so its intermediate head is not known")
    manifest = bundle.read(checkpoint)
    if (checkpoint / STAGE).is_file():
        return [_head(checkpoint, name, head) for name, head in manifest.trained.items()]
    wanted, later = _stages(checkpoint, manifest.recipe or "")
    heads = []
    for task in wanted:
        head = manifest.trained.get(task)
        place = Path(head.path).parts[0] if head else ""
        if head is None or ((place in later or place not in wanted[task]) and training_task(task).kind in PROBES):
            why = "its head went on to be trained in a target's stage; give the stage's folder by --encoder"
            heads.append(IntermediateHead(task, training_task(task).kind, None, why if head else "no head was kept"))
        else:
            heads.append(_head(checkpoint, task, head))
    return heads


def _head(folder: Path, task: str, head: bundle.TrainedHead) -> IntermediateHead:
    kind = training_task(task).kind
    is_asked = kind in PROBES
    reason = "" if is_asked else f"a head for datasets of the kind {kind.name!r} has no classes to ask about"
    return IntermediateHead(task, kind, folder / head.path if is_asked else None, reason, head.first_piece)


def _stages(checkpoint: Path, recipe: str) -> tuple[dict[str, tuple[str, ...]], set[str]]:
    """Intermediate tasks with the sub-folders their stage's heads may lie in, and those of the target stages."""
    try:
        content = reading.read_json(checkpoint / RECIPE, "the recipe of a run")["recipe"]
        stages = [[str(task["name"]) for task in stage["tasks"]] for stage in content["intermediate"]]
    except (*reading.UNFIT, OSError) as error:
        raise MissingData(f"{checkpoint} has no {RECIPE} that says which tasks were intermediate") from error
    named = [part.strip().split("@") for part in recipe.partition(":")[2].split("→")]
    folders = [(name, f"{name}-{key[0]}" if key else name) for name, *key in named]
    tasks: dict[str, tuple[str, ...]] = {
        task: folders[n] for n, stage in enumerate(stages) for task in stage if n < len(folders)
    }
    return tasks, {folder for pair in folders[len(stages) :] for folder in pair}


def same_type(heads: Sequence[IntermediateHead], family: Family) -> float:
    """1 where an intermediate task asks for the kind of head that the target has, else 0."""
    return float(any(head.kind is family.kind for head in heads))


def from_head(head: IntermediateHead, target: English) -> dict[str, float]:
    """LEEP, NCE and label agreement of a head for a target's labels.

    Raises `MissingData` where the head cannot be asked, `NumericError` where the labels do not vary.
    """
    if head.folder is None:
        raise MissingData(f"{head.task}: {head.reason}")
    if head.kind is not target.family.kind:
        asked, wanted = (PROBES.of(kind).units for kind in (head.kind, target.family.kind))
        raise MissingData(f"{head.task}: a head for {asked} says nothing about {wanted}")
    auto_class = HEADS.of(head.kind).auto_class
    model = representations.load(head.folder, auto_class=auto_class, first_piece=head.first_piece)
    return from_probabilities(probabilities(model, target), target.labels)


def from_probabilities(theta: Vector, labels: Sequence[str]) -> dict[str, float]:
    """The three estimates from the head's probabilities [units, classes] and the target's labels."""
    decided = theta.argmax(axis=1)
    return {
        LEEP: transferability.leep(theta, labels),
        NCE: transferability.nce(decided, labels),
        AGREEMENT: transferability.label_agreement(decided, labels),
    }


def probabilities(head: Loaded, target: English) -> Vector:
    """Probabilities [units, classes] of a head of the target's kind, its classes in its own order."""
    scores = PROBES.of(target.family.kind).scores(head, target)
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    found: Vector = weights / weights.sum(axis=1, keepdims=True)
    return found


def features(encoder: Loaded, target: English) -> tuple[Any, list[str]]:
    """Last hidden states and labels by unit: words; texts and pairs, mean-pooled; options behind their premise, right
    or not."""
    return PROBES.of(target.family.kind).features(encoder, target)


# --- by kind


@dataclass(frozen=True)
class Probe:
    """What a head can be asked about documents of a kind: about which `units`, with which gold `labels`.

    `scores` are log-probabilities [units, classes] of a head; `features` last hidden states, with their labels.
    """

    units: str
    labels: Callable[[English], list[str]]
    scores: Callable[[Loaded, English], Vector]
    features: Callable[[Loaded, English], tuple[Any, list[str]]]


def _tags(target: English) -> list[str]:
    return [tag for one in _sentences(target) for tag in one.tags]


def _classes(target: English) -> list[str]:
    return [str(one.label) for one in target.examples if not isinstance(one, Tagged)]


def _of_words(head: Loaded, target: English) -> Vector:
    logits, _ = representations.word_outputs(head, _sentences(target), lambda output, _: output.logits)
    return np.asarray(logits, dtype=np.float64)


def _of_documents(head: Loaded, target: English) -> Vector:
    classify = CLASSIFIERS.of(target.family.kind)
    values, _ = classify(head, _documents(target), range(head.model.config.num_labels))
    if len({len(row) for row in values}) > 1:
        raise NumericError(f"{target.family.group}: documents differ in the number of options")
    return np.asarray(values, dtype=np.float64)


def _word_features(encoder: Loaded, target: English) -> tuple[Any, list[str]]:
    return representations.word_features(encoder, _sentences(target))


def _pair_features(encoder: Loaded, target: English) -> tuple[Any, list[str]]:
    texts = [(row["premise"], row["hypothesis"]) for row in _documents(target)]
    return representations.pair_features(encoder, texts), target.labels


def _text_features(encoder: Loaded, target: English) -> tuple[Any, list[str]]:
    texts = [row["text"] for row in _documents(target)]
    return representations.text_features(encoder, texts), target.labels


def _option_features(encoder: Loaded, target: English) -> tuple[Any, list[str]]:
    rows = _documents(target)
    options = [row for per_document in choices.encoded(encoder, rows) for row in per_document]
    right = [str(int(place == row["label"])) for row in rows for place in range(len(row["choices"]))]
    return representations.pooled(encoder, options), right


PROBES: Halves[Probe] = Halves("probe")
PROBES.register(kinds.PAIR, Probe("pairs", _classes, _of_documents, _pair_features))
PROBES.register(kinds.TEXT, Probe("texts", _classes, _of_documents, _text_features))
PROBES.register(kinds.TAGGED, Probe("words", _tags, _of_words, _word_features))
PROBES.register(kinds.CHOICE, Probe("options", _classes, _of_documents, _option_features))


def _sentences(target: English) -> list[Tagged]:
    return [one for one in target.examples if isinstance(one, Tagged)]


def _documents(target: English) -> list[Any]:
    return [document(one, target.family.name, target.family.spelled("en")) for one in target.examples]
