"""What decides about answers of a checkpoint to a leaf: the keys under which the store keeps them.

Everything counts that is not known to change nothing. No key, and so nothing kept, where the content of a checkpoint is
not fixed (a model in memory, a hub id without a known commit) or its answers are made by somebody else's code.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from xstilts_eval import own_datasets
from xstilts_eval.benchmark import Family
from xstilts_eval.bundle import Retrieval
from xstilts_eval.models import answering, embedding
from xstilts_eval.models.arguments import Arguments
from xstilts_eval.models.checkpoint import Checkpoint
from xstilts_eval.models.encoder import Runtime
from xstilts_eval.reading import Json
from xstilts_eval.store import key
from xstilts_eval.store.key import Key

if TYPE_CHECKING:
    from xstilts_eval.tasks.documents import LeafData

NAMES = ("pretrained", "revision", "heads")
"""Arguments that name a checkpoint: its content counts."""
UNMOVED = ("device", "batch_tokens", "show_progress", "store")
"""Arguments that change no answer; of the device, what kind it is counts by itself."""
OF_VECTORS = ("layer", "pooling", "prompt", "query_prompt", "passage_prompt")
"""Arguments that neither heads nor language models look at."""
_OURS = "xstilts_eval."


class Keys:
    """Keys for one checkpoint as it is run."""

    def __init__(self, checkpoint: Checkpoint, arguments: Arguments, runtime: Runtime) -> None:
        self._checkpoint, self._runtime = checkpoint, runtime
        given = arguments.model_dump(mode="json", exclude={*NAMES, *UNMOVED})
        self._settings: Mapping[str, Json] = {name: given[name] for name in given if name not in OF_VECTORS}
        self._settings_of_vectors: Mapping[str, Json] = given

    def of_head(self, leaf: LeafData) -> Key | None:
        """Of what a head says of a leaf's documents."""
        family, checkpoint = leaf.family, self._checkpoint
        halves = (answering.CLASSIFIERS, answering.EXTRACTORS)
        makers = [half.of(family.kind).__module__ for half in halves if family.kind in half]
        if not all(maker.startswith(_OURS) for maker in makers):
            return None
        labels = checkpoint.label_map(family) if family.kind.has_labels else None
        more: dict[str, Json] = {
            "settings": self._settings,
            "max_length": family.max_length,
            "labels": list(family.labels),
            "classes": labels.reading().model_dump(mode="json") if labels else None,
            "class_names": list(labels.names) if labels else None,
            "first_piece": checkpoint.piece_with_tag(family) if family.kind.by_word else None,
        }
        return self._key(family.leaf(leaf.language), checkpoint.head(family).content, leaf, more)

    def of_language_model(self, task: str, leaf: LeafData | None, request: str, is_conversing: bool) -> Key | None:
        """Of what a language model says to the requests of a task, which need not be ours."""
        model = self._checkpoint.language_model
        assert model is not None
        more: dict[str, Json] = {"settings": self._settings, "request": request, "conversing": is_conversing}
        return self._key(task, model.content, leaf, more)

    def of_vectors(self, leaf: LeafData, settings: Retrieval | None) -> Key | None:
        """Of what is found among sentence vectors; `settings` are the encoder's, where there is one."""
        family, own = leaf.family, None
        source = self._checkpoint.encoder
        if family.kind.learns:
            source, own = self._checkpoint.ranker(family)
        assert source is not None
        lengths = embedding.ranking_lengths(family) if family.kind.learns else None
        more: dict[str, Json] = {
            "settings": self._settings_of_vectors,
            "retrieval": settings.model_dump(mode="json") if settings else None,
            "own_retrieval": own.model_dump(mode="json") if own else None,
            "max_length": list(lengths) if lengths else embedding.MAX_LENGTH,
            "searched": _searched(leaf),
        }
        return self._key(family.leaf(leaf.language), source.content, leaf, more)

    def _key(self, task: str, content: str | None, leaf: LeafData | None, more: Mapping[str, Json]) -> Key | None:
        if content is None:
            return None
        about: dict[str, Json] = {"checkpoint": content, "device": self._runtime.device.type, **more}
        if leaf is not None:
            about |= _of_leaf(leaf.family, leaf)
        return Key(task, self._checkpoint.name, about)


def _of_leaf(family: Family, leaf: LeafData) -> Mapping[str, Json]:
    return {
        "task": family.version,
        "kind": family.kind.name,
        "dataset": own_datasets.origin(family),
        "data": leaf.revision,
        "split": leaf.split,
    }


def _searched(leaf: LeafData) -> str:
    """Digest of all sentences that a document's answer depends on; a shared pool is known by its revision."""
    corpora = [
        [list(one.source.items()), list(one.target.items()), sorted(one.gold)]
        for one in (leaf.corpus, leaf.development)
        if one is not None
    ]
    return key.of([leaf.pool, corpora, leaf.candidates.revision if leaf.candidates else None])
