"""What a checkpoint is and which datasets it can serve, decided before anything heavy is loaded.

`pretrained` may be a bundle (``bundle.json``), a sentence-transformers folder (``modules.json``), a plain Hugging Face
folder with or without a head, or a hub id.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from xstilts_eval import bundle as bundles
from xstilts_eval.benchmark import Family
from xstilts_eval.bundle import MANIFEST, Bundle, Retrieval
from xstilts_eval.errors import UnfitCheckpoint
from xstilts_eval.label_reading import ExtraTypes, PosMap, listed
from xstilts_eval.models import forced_languages, labels, memory, peft_adapter
from xstilts_eval.models.heads import HEADS
from xstilts_eval.models.label_map import LabelMap, says_nothing
from xstilts_eval.models.sentence_transformers_settings import sentence_transformers_settings
from xstilts_eval.models.source import Source
from xstilts_eval.models.tagging import FirstPiece

SHARED = "shared"
_DECODERS = ("ForCausalLM", "LMHeadModel")
_LANGUAGE_MODELS = (*_DECODERS, "ForConditionalGeneration")


def is_language_model(config: Any) -> bool:
    """Whether a configuration names a decoder or an encoder-decoder with its vocabulary head."""
    return any(str(name).endswith(_LANGUAGE_MODELS) for name in config.architectures or [])


def backend_of(config: Any) -> Literal["causal", "seq2seq"]:
    """The host's word for a language model: a decoder, or an encoder-decoder."""
    return "causal" if any(str(name).endswith(_DECODERS) for name in config.architectures) else "seq2seq"


@dataclass(frozen=True)
class Reading:
    """How the user wants the label names of heads to be read.

    `order` names the classes of heads whose own names say nothing, `orders` those of single families; `extra_types`,
    `udpos_map` and `gpe` go to `labels.understand`, `first_piece` to taggers, in place of what the bundle says.
    """

    order: tuple[str, ...] = ()
    orders: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    extra_types: ExtraTypes = "drop"
    udpos_map: PosMap | None = None
    gpe: Literal["loc"] | None = None
    first_piece: FirstPiece | None = None


@dataclass
class Checkpoint:
    """A resolved `pretrained` argument: one encoder and any number of heads.

    `label_order` holds the class names that a bundle gives for its heads, `first_piece` the piece of a word that its
    taggers were trained on, `languages` those of the data they were trained on, and under `SHARED` those of the encoder
    or language model. `given_heads` are the heads that the user named by family, as they were named. `thinks` says that
    the language model is to think before it answers.
    """

    name: str
    encoder: Source | None
    heads: dict[str, Source] = field(default_factory=dict)
    plain_head: Source | None = None
    retrieval: Retrieval | None = None
    label_order: dict[str, tuple[str, ...]] = field(default_factory=dict)
    first_piece: dict[str, FirstPiece] = field(default_factory=dict)
    languages: dict[str, tuple[str, ...]] = field(default_factory=dict)
    bundle: Bundle | None = None
    language_model: Source | None = None
    reading: Reading = field(default_factory=Reading)
    given_heads: dict[str, str] = field(default_factory=dict)
    thinks: bool = False

    def head_name(self, family: Family) -> str:
        """The dataset whose head serves `family`: its own, or the first there is of those that serve it too."""
        return next((name for name in (family.name, *family.served_by) if name in self.heads), family.name)

    def is_generated(self, family: Family) -> bool:
        """Whether a language model answers `family` with text, no head of its own being there."""
        return not family.is_embedded and self.language_model is not None and self.head_name(family) not in self.heads

    def has_head(self, family: Family) -> bool:
        """Whether a head answers `family`, rather than a language model or sentence vectors."""
        return not family.is_embedded and not self.is_generated(family)

    def forces_languages(self, family: Family) -> bool:
        """Whether the language model that alone can answer `family` is told its languages by code (NLLB, M2M-100)."""
        model = self.language_model
        return family.kind.is_generated and model is not None and forced_languages.applies(model.config)

    def ranker(self, family: Family) -> tuple[Source, Retrieval | None]:
        """What embeds the queries and candidates of a ranking family: its own dual encoder, else the encoder.

        Raises `UnfitCheckpoint` when there is neither. A dual encoder's vector is its pooler's output
        (google-research/xtreme @ 838c13b, `third_party/bert.py`), unless it is a sentence-transformers checkpoint.
        """
        own = self.heads.get(family.name)
        if own is not None:
            return own, sentence_transformers_settings(own) or Retrieval(pooling="pooler")
        if self.encoder is None:
            raise UnfitCheckpoint("the bundle names no encoder for retrieval")
        return self.encoder, self.retrieval

    def trained_on(self, family: Family) -> tuple[str, ...]:
        """Languages of the labelled data behind what serves `family`, as its bundle says; () where none says."""
        name = self.head_name(family)
        return self.languages.get(name if name in self.heads else SHARED, ())

    def fingerprint(self) -> dict[str, object]:
        """Files and settings of every part, for telling whether a checkpoint at the same path is still the same."""
        parts = {"encoder": self.encoder, "head": self.plain_head, **self.heads}
        files = {
            name: {"checkpoint": source.name, "revision": source.revision, "files": source.fingerprint()}
            for name, source in parts.items()
            if source
        }
        retrieval = self.retrieval.model_dump() if self.retrieval else None
        reading = asdict(self.reading)
        return {"files": files, "retrieval": retrieval, "label_order": self.label_order, "reading": reading}

    def head(self, family: Family) -> Source:
        """The model that serves a trained family; raises `UnfitCheckpoint` saying what is missing."""
        found = self.heads.get(self.head_name(family)) or self.plain_head
        if found is None:
            raise UnfitCheckpoint(f"no head for {family.name}")
        if family.kind not in HEADS:
            known = ", ".join(HEADS)
            raise UnfitCheckpoint(f"no head serves datasets of the kind {family.kind.name!r}; there are: {known}")
        wanted = HEADS.of(family.kind)
        architectures = found.config.architectures or []
        if not any(name.endswith(wanted.architecture) for name in architectures):
            raise UnfitCheckpoint(
                f"{family.name} needs a {wanted.title} head; the checkpoint is {' '.join(architectures) or '?'}"
            )
        return found

    def check(self, family: Family) -> None:
        """Raise `UnfitCheckpoint` with the reason when this checkpoint cannot serve `family`."""
        if family.is_embedded:
            if family.kind.learns:
                self.ranker(family)
            elif self.encoder is None:
                raise UnfitCheckpoint("the bundle names no encoder for retrieval")
            return
        if self.is_generated(family):
            if self.thinks and family.kind.request == "multiple_choice":
                raise UnfitCheckpoint(
                    "the likelihood of given text has no place for thinking; leave enable_thinking out"
                )
            return
        if family.kind.is_generated:
            raise UnfitCheckpoint(f"{family.kind.name} needs a language model: a decoder or an encoder-decoder")
        self.head(family)
        if family.kind.by_word:
            with self._blaming_its_folder(family):
                labels.refuse_crf(self.head(family).raw_config)
        if family.kind.has_labels:
            self.label_map(family)

    def label_map(self, family: Family) -> LabelMap:
        """How the classes of the family's head are read; raises `UnfitCheckpoint` naming both label sets.

        The refusal names the head's own folder or hub id where that is another than the checkpoint.
        """
        with self._blaming_its_folder(family):
            names, how = self.label_names(family), self.reading
            found = labels.understand(family, names, how.extra_types, how.udpos_map, how.gpe)
            if names == self.own_label_names(family) and labels.speaks_by_label2id(self.head(family).raw_config):
                note = f"{family.name}: its id2label says LABEL_0 …; the names are those of label2id: {listed(names)}"
                found = replace(found, notes=(note, *found.notes))
            if how.order and family.name not in how.orders and labels.differ(names, how.order):
                note = f"{family.name}: label_order is not used, the head has names of its own: {listed(names)}"
                found = replace(found, notes=(note, *found.notes))
        return found

    @contextmanager
    def _blaming_its_folder(self, family: Family) -> Iterator[None]:
        head = self.head(family)
        try:
            yield
        except UnfitCheckpoint as error:
            if head == self.plain_head:
                raise
            raise UnfitCheckpoint(f"{head.name}: {error}", label_orders=error.label_orders) from error

    def label_names(self, family: Family) -> list[str]:
        """The label names of the family's head by class index.

        A label order, in a bundle or given by the user, is for heads whose own names say nothing or too little.
        """
        names = self.own_label_names(family)
        if (name := self.head_name(family)) in self.label_order:
            names = labels.given_names(family, names, self.label_order[name], f"{MANIFEST}: label_order")
        if family.name in self.reading.orders:
            return labels.given_names(family, names, self.reading.orders[family.name])
        order = self.reading.order
        return list(order) if says_nothing(names) and len(order) == len(names) else names

    def own_label_names(self, family: Family) -> list[str]:
        """The names in the configuration of the family's head."""
        source = self.head(family)
        made_up = [str(name) for _, name in sorted(source.config.id2label.items())]
        return labels.own_names(source.raw_config) or made_up

    def piece_with_tag(self, family: Family) -> FirstPiece:
        """Which piece of a word a tagger is read at: the user's word, else what it was trained on, else the first."""
        return self.reading.first_piece or self.first_piece.get(self.head_name(family), "any")

    def verify(self, source: Source) -> None:
        """Raise `UnfitCheckpoint` when `source` is a part of the bundle whose files are no longer what was written."""
        folder = Path(self.name).expanduser()
        for path in self.bundle.paths if self.bundle else ():
            if source == Source(str(folder / path)):
                bundles.verify(self.bundle, folder, path)  # type: ignore[arg-type]


def resolve(
    pretrained: str,
    revision: str | None = None,
    heads: dict[str, str] | None = None,
    reading: Reading | None = None,
) -> Checkpoint:
    """Understand `pretrained` and per-family `heads` (``owner/name@revision`` pins a hub id); reads small files only.

    Raises `UnfitCheckpoint` when nothing loadable is there or a bundle is malformed.
    """
    if pretrained.startswith(memory.SCHEME):
        source = memory.find(pretrained)
    else:
        source = _opened(Source(str(pretrained), revision), asks_the_hub=True)
    folder = source.folder
    if folder is not None and (folder / bundles.MANIFEST).is_file():
        checkpoint = _from_bundle(source, folder)
    else:
        retrieval = sentence_transformers_settings(source)
        is_generative = is_language_model(source.config)
        has_head = any("For" in name and not name.endswith("MaskedLM") for name in source.config.architectures or [])
        checkpoint = Checkpoint(
            source.name,
            source,
            plain_head=source if has_head and not is_generative else None,
            retrieval=retrieval,
            language_model=source if is_generative else None,
        )
    for family, name in (heads or {}).items():
        checkpoint.heads[family] = _named(name)
        checkpoint.label_order.pop(family, None)  # all three belonged to the head that is replaced
        checkpoint.first_piece.pop(family, None)
        checkpoint.languages.pop(family, None)
    checkpoint.given_heads = dict(heads or {})
    checkpoint.reading = reading or Reading()
    return checkpoint


def _named(name: str) -> Source:
    """A folder, or a hub id with the revision behind its ``@``."""
    hub_id, sign, revision = name.rpartition("@")
    return _opened(Source(hub_id, revision) if sign and Source(name).folder is None else Source(name))


def _opened(source: Source, asks_the_hub: bool = False) -> Source:
    """The same checkpoint, if no link leads out of it; where it is an adapter only, merged into its base.

    Parts on the hub are looked at when they are used, not before.
    """
    source.refuse_links()
    is_adapter = (asks_the_hub or source.folder is not None) and peft_adapter.is_adapter(source)
    return peft_adapter.AdapterSource(source.name, source.revision, source.on_hub) if is_adapter else source


def _from_bundle(source: Source, folder: Path) -> Checkpoint:
    bundle = bundles.read(folder)
    checkpoint = Checkpoint(source.name, None, retrieval=bundle.retrieval, bundle=bundle)
    if bundle.language_model is not None:
        checkpoint.language_model = _part(folder, bundle.language_model, bundle.language_model_revision)
        checkpoint.encoder = checkpoint.language_model
    elif bundle.encoder is not None:
        checkpoint.encoder = _part(folder, bundle.encoder, bundle.encoder_revision)
    if checkpoint.encoder is not None and checkpoint.retrieval is None:
        checkpoint.retrieval = sentence_transformers_settings(checkpoint.encoder)
    checkpoint.languages[SHARED] = bundle.languages.get(bundle.language_model or bundle.encoder or "", ())
    for family, head in bundle.heads.items():
        checkpoint.heads[family] = _part(folder, head.path, head.revision)
        checkpoint.languages[family] = bundle.languages.get(head.path, ())
        if head.label_order:
            checkpoint.label_order[family] = head.label_order
        checkpoint.first_piece[family] = head.first_piece
    return checkpoint


def _part(folder: Path, path: str, revision: str | None = None) -> Source:
    """A sub-folder of the bundle, or a hub id (``owner/name``); never a folder that happens to be where we run."""
    inner = folder / path
    if inner.is_dir():
        return _opened(Source(str(inner)))
    if path.count("/") != 1:
        raise UnfitCheckpoint(f"{folder}: the bundle names a part {path!r}, and it has no such sub-folder")
    return Source(path, revision, on_hub=True)
