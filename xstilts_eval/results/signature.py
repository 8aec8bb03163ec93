"""The signature of a score: every choice that could move the number, as an object and as one line.

``xtreme.xnli.sw|data:local@0a1b2c3d4e5f|split:test|task:1.0|metric:acc|v1|ckpt:…|max_length:128|dtype:float32|shots:0|…``

`Signature.parse` is the only reader of such lines, and ``str`` the only writer; each undoes the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from xstilts_eval.errors import DataError

_BAR, _ESCAPED = "|", "\\x7c"
"""Between two fields; inside a free text it is written as Python writes it in hexadecimal."""
_STANDINGS = ("sample", "partial")
_MAY_DIFFER = ("ckpt", "model", "dtype", "copy", "xstilts", "lm_eval")
"""Fields that do not say what was measured, nor how: a team may retrain; what precision and versions do is what a
regression is there to find; and copies with one content hash are one."""

Field = tuple[str, str | None]


@dataclass(frozen=True)
class Signature:
    """What a score depends on; a field that does not apply is None or empty, and is not written.

    `source` and `revision` are where the documents came from (sample, local, hub) and the first 12 hex digits of a
    sha256 over the files; `documents` is complete, partial or sample; `copy` names the hub's repository and commit and
    how it differs from the official files; `scored` counts documents with a score and all of them, where these differ.
    `metric` is the metric's own signature, which has bars in it. `checkpoint` (a hash, or hub id and commit) and
    `model` (another adapter's name of it) exclude each other. `settings` say how it was run, by name and in the order
    of the line (layer, pooling, max_length, prompt, chat_template, labels, dtype …): a new one needs no change here.
    `versions` are those of torch and transformers. `limit` is the host's ``--limit`` as it was written.
    """

    leaf: str
    source: str
    revision: str
    split: str
    task: str
    metric: str
    documents: str = "complete"
    copy: str | None = None
    scored: tuple[int, int] | None = None
    checkpoint: str | None = None
    model: str | None = None
    settings: tuple[tuple[str, str], ...] = ()
    shots: int = 0
    limit: str | None = None
    versions: tuple[tuple[str, str], ...] = ()
    xstilts: str = ""
    lm_eval: str = "?"

    def __str__(self) -> str:
        return _BAR.join([self.leaf, *map(_field, self._written())])

    def _written(self) -> Iterator[Field]:
        """Names and texts of the fields behind the leaf's name, in the order of the line; `sample` has no text."""
        yield from self._of_data()
        yield "task", self.task
        yield "metric", self.metric
        yield from self._of_run()
        yield "shots", str(self.shots)
        yield "limit", self.limit or "none"
        yield from ((name, _escaped(value)) for name, value in self.versions)
        yield "xstilts", self.xstilts
        yield "lm_eval", self.lm_eval

    def _of_data(self) -> Iterator[Field]:
        yield "data", f"{self.source}@{self.revision}"
        yield "split", self.split
        if self.documents != "complete":
            yield self.documents, None
        if self.copy is not None:
            yield "copy", _escaped(self.copy)
        if self.scored is not None:
            yield "scored", "{}/{}".format(*self.scored)

    def _of_run(self) -> Iterator[tuple[str, str]]:
        """Who answered, and under which settings."""
        if self.checkpoint is not None:
            yield "ckpt", _escaped(self.checkpoint)
        if self.model is not None:
            yield "model", _escaped(self.model)
        yield from ((name, _escaped(value)) for name, value in self.settings)

    @classmethod
    def parse(cls, text: str) -> Signature:
        """The signature that was written as `text`; raises `DataError` naming the field that is missing or strange."""
        return _Reader(text).read()

    def measured(self) -> dict[str, str]:
        """The fields that two scores must share to be numbers of the same thing, by name."""
        free = {*_MAY_DIFFER, *(name for name, _ in self.versions)}
        return {name: value for name, value in self.fields().items() if name not in free}

    def conditions(self) -> dict[str, str]:
        """How it was run, by name: settings, shots and versions."""
        run = {name: _escaped(value) for name, value in self.settings} | {"shots": str(self.shots)}
        return run | dict(self.versions) | {"xstilts": self.xstilts, "lm_eval": self.lm_eval}

    def setting(self, name: str) -> str | None:
        """How it was run, in one respect; None where that does not apply."""
        return dict(self.settings).get(name)

    def fields(self) -> dict[str, str]:
        """Every field that applies by name, as text, to set two signatures side by side.

        `data` is the content hash alone, for where files lie moves no number; `documents` is always there.
        """
        found = {"documents": self.documents}
        for name, value in self._written():
            if value is not None:
                found[name] = self.revision if name == "data" else value
        return found


def shared(signatures: Mapping[str, Signature]) -> tuple[str, dict[str, str]]:
    """Fields that all signatures have (the leaf's name is none), and what each has beside them, by the given names."""
    texts = {name: [*map(_field, one._written())] for name, one in signatures.items()}
    common = [field for field in next(iter(texts.values())) if all(field in other for other in texts.values())]
    own = {name: _BAR.join(field for field in fields if field not in common) for name, fields in texts.items()}
    return _BAR.join(common), own


def split(found: Mapping[str, str]) -> tuple[str, str]:
    """Signatures of a family's languages as the fields all of them have, and what each has beside its leaf's name."""
    common, own = shared({code: Signature.parse(text) for code, text in found.items()})
    return common, "; ".join(f"{code} {fields}".strip() for code, fields in own.items())


class _Reader:
    """Takes the fields of a line one by one, in the order in which they are written."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._leaf, *self._parts = text.split(_BAR)

    def read(self) -> Signature:
        source, _, revision = self._needed("data").rpartition("@")
        split = self._needed("split")
        documents = self._parts.pop(0) if self._parts and self._parts[0] in _STANDINGS else "complete"
        copy, scored = self._free("copy"), self._optional("scored")
        task, metric = self._needed("task"), self._metric()
        checkpoint, model, settings = self._free("ckpt"), self._free("model"), self._until("shots")
        shots, limit = self._number(self._needed("shots")), self._needed("limit")
        found = Signature(
            leaf=self._leaf,
            source=source,
            revision=revision,
            split=split,
            task=task,
            metric=metric,
            documents=documents,
            copy=copy,
            scored=None if scored is None else self._counts(scored),
            checkpoint=checkpoint,
            model=model,
            settings=settings,
            shots=shots,
            limit=None if limit == "none" else limit,
            versions=self._until("xstilts"),
            xstilts=self._needed("xstilts"),
            lm_eval=self._needed("lm_eval"),
        )
        if self._parts:
            raise self._fault(f"does not end with lm_eval but with {self._parts[0]!r}")
        return found

    def _metric(self) -> str:
        """The metric's own signature goes as far as the model."""
        parts = [self._needed("metric")]
        while self._parts and not self._parts[0].startswith(("ckpt:", "model:")):
            parts.append(self._parts.pop(0))
        if not self._parts:
            raise self._fault("names neither ckpt nor model behind its metric")
        return _BAR.join(parts)

    def _until(self, *names: str) -> tuple[tuple[str, str], ...]:
        found = []
        while self._parts and self._parts[0].partition(":")[0] not in names:
            name, _, value = self._parts.pop(0).partition(":")
            found.append((name, value.replace(_ESCAPED, _BAR)))
        return tuple(found)

    def _needed(self, name: str) -> str:
        value = self._optional(name)
        if value is None:
            place = f"{self._parts[0]!r} stands there" if self._parts else "the line ends there"
            raise self._fault(f"lacks {name}: {place}")
        return value

    def _optional(self, name: str) -> str | None:
        if self._parts and self._parts[0].startswith(f"{name}:"):
            return self._parts.pop(0).partition(":")[2]
        return None

    def _free(self, name: str) -> str | None:
        text = self._optional(name)
        return None if text is None else text.replace(_ESCAPED, _BAR)

    def _counts(self, text: str) -> tuple[int, int]:
        some, _, all_ = text.partition("/")
        return self._number(some), self._number(all_)

    def _number(self, text: str) -> int:
        if not text.isdecimal():
            raise self._fault(f"has {text!r} where a whole number belongs")
        return int(text)

    def _fault(self, what: str) -> DataError:
        return DataError(f"the signature {self._text[:120]!r} {what}")


def _field(field: Field) -> str:
    name, text = field
    return name if text is None else f"{name}:{text}"


def _escaped(text: str) -> str:
    return text.replace(_BAR, _ESCAPED)
