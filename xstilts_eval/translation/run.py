"""Translate the English examples of a training task: pieces, batches, progress, projection, two files.

Every distinct sentence is translated once, the longest first. A context is cut into sentences, and of a question's
context only the sentence with the marked answer is its own: all others are shared with the other questions on it.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from tqdm import tqdm

from xstilts_eval import locking, printing
from xstilts_eval.data import files, intermediate, translated
from xstilts_eval.data.examples import Choice, Pair, Question
from xstilts_eval.data.sources import Loaded
from xstilts_eval.data.translated import Manifest
from xstilts_eval.errors import DataError, SettingError
from xstilts_eval.languages import language as language_of
from xstilts_eval.models.batching import batches
from xstilts_eval.training_tasks import TrainingTask, training_task
from xstilts_eval.translation import segments
from xstilts_eval.translation.progress import Progress
from xstilts_eval.translation.projection import Dropped
from xstilts_eval.translation.segments import Text, Translatable
from xstilts_eval.translation.translator import Translator

SPLITS = ("train", "dev")
_WITHOUT_SPACES = ("Hans", "Jpan")
"""Scripts whose sentences follow each other without a space."""


@dataclass(frozen=True)
class Job:
    """What is translated into which languages."""

    task: TrainingTask
    languages: tuple[str, ...]
    split: str
    limit: int | None = None
    overwrite: bool = False


def plan(
    task: str, languages: Sequence[str], split: str = "train", limit: int | None = None, overwrite: bool = False
) -> Job:
    """A checked job; raises `SettingError` for a task or split that cannot be translated, `UnknownName`."""
    found = training_task(task)
    if found.parts:
        raise SettingError(f"{found.name} has no data of its own; translate its parts {', '.join(found.parts)}")
    if found.kind.learns == "encoder":
        raise SettingError(f"{found.name} trains a dual encoder, of English pairs only; translate another task")
    if found.kind.by_word:
        raise SettingError(
            f"{found.name} has a tag for every word, which marks cannot carry over to a translation; tasks with pairs, "
            "options or answer spans can be translated"
        )
    if not translated.can_be(found):
        raise SettingError(f"{found.name} is not translated here; tasks with pairs, options or answer spans can be")
    if split not in SPLITS:
        raise SettingError(f"--split {split!r}; allowed: {', '.join(SPLITS)}")
    codes = tuple(dict.fromkeys(language_of(code).code for code in languages))
    if not codes or "en" in codes:
        raise SettingError("--to names the languages to translate the English data into, as in --to de,sw")
    return Job(found, codes, split, limit, overwrite)


def run(
    job: Job,
    folder: Path,
    output: Path,
    translator: Translator,
    say: Callable[[str], None] = print,
    show_progress: bool = False,
) -> list[Path]:
    """Translate the data under `folder` into every language of the job; returns the files of JSON lines.

    `output` is the data folder they go into.

    A language that is there already with the same settings is kept. Raises `SettingError` where a file of other
    settings is in the way, where another process writes the same file, or for a language the model does not know;
    `MissingData` without English data; `DataError` where no example can be translated.
    """
    for language in job.languages:
        translator.check(language)
    loaded = intermediate.load(job.task, job.split, folder)  # type: ignore[arg-type]
    examples = [example for example in loaded.examples if isinstance(example, Pair | Choice | Question)][: job.limit]
    parts, dropped = _take_apart(examples, translator)
    done = []
    for language in job.languages:
        path = translated.place(output, job.task.name, language, job.split)

        def busy(holder: str, name: str = f"{path.parent}/{path.stem}") -> SettingError:
            return SettingError(f"{holder} is writing {name}; wait for it")

        with locking.held(path.with_name(f".{path.stem}.lock"), busy):
            manifest = _manifest(job, language, loaded, translator, len(examples))
            say(f"{language}: {_into(job, path, manifest, examples, parts, dropped, translator, show_progress)}")
        done.append(path)
    return done


def _take_apart(
    examples: Sequence[Translatable], sizes: segments.Sizes
) -> tuple[dict[int, tuple[Text, ...]], dict[int, str]]:
    """The texts of every example by its place, and why others have none."""
    parts: dict[int, tuple[Text, ...]] = {}
    dropped: dict[int, str] = {}
    for place, example in enumerate(examples):
        try:
            parts[place] = segments.texts(example, sizes)
        except Dropped as reason:
            dropped[place] = str(reason)
    return parts, dropped


def _manifest(job: Job, language: str, loaded: Loaded, translator: Translator, examples: int) -> Manifest:
    """All that is known before translating; counts and checksum are still empty."""
    return Manifest(
        task=job.task.name,
        language=language,
        split=job.split,
        source_revision=loaded.revision,
        source_notes=loaded.notes,
        model=translator.identity,
        settings={**translator.settings, "limit": job.limit},
        versions=_versions(),
        examples=examples,
        written=examples,
        dropped={},
        sha256="",
    )


def _into(
    job: Job,
    path: Path,
    manifest: Manifest,
    examples: Sequence[Translatable],
    parts: dict[int, tuple[Text, ...]],
    dropped: dict[int, str],
    translator: Translator,
    show_progress: bool,
) -> str:
    """Translate into one language, or find that it is done; returns what to say about it."""
    partial = path.with_name(f".{path.stem}.partial")
    if not job.overwrite and (old := _finished(path, partial, manifest)) is not None:
        return f"already there, {old.summary} → {path}"
    pieces = segments.distinct(list(parts.values()))
    found = _translate(partial, pieces, manifest, translator, job.overwrite, show_progress)
    space = "" if language_of(manifest.language).script in _WITHOUT_SPACES else " "
    whole, lost = _put_together(examples, parts, dropped, found, space)
    if not whole:
        raise DataError(
            f"{manifest.language}: none of {len(examples):,} examples could be translated ({_counts(lost)})"
        )
    lines = translated.text(whole, manifest.task, manifest.language)
    made = {"written": len(whole), "dropped": lost, "sha256": translated.digest(lines)}
    final = Manifest.model_validate(manifest.model_dump() | made)
    translated.write(path, lines, final)
    partial.unlink()
    return f"{final.summary}, {len(pieces):,} distinct sentences → {path}"


def _finished(path: Path, partial: Path, manifest: Manifest) -> Manifest | None:
    """The manifest of a finished translation with the same settings; raises `SettingError` where another is there."""
    found = files.find(path.parent, [path.name])
    if found is None:
        return None
    old = translated.read_manifest(found)
    if old is None:
        raise SettingError(f"{found} is there without a manifest; give another --output, or --overwrite")
    now, then = _identity(manifest), _identity(old)
    unlike = [name for name in now if now[name] != then[name]]
    if unlike:
        raise SettingError(
            f"{found} was made with other {', '.join(unlike)} ({then[unlike[0]]!r}, now {now[unlike[0]]!r}); give "
            "another --output, or --overwrite"
        )
    if old.sha256 == files.sha256(found):
        return old
    if partial.is_file():  # killed between writing the manifest and the lines
        return None
    raise SettingError(f"{found} was changed after it was made; give another --output, or --overwrite")


def _identity(manifest: Manifest) -> dict[str, object]:
    """All that the translations depend on."""
    return manifest.model_dump(exclude={"written", "dropped", "sha256", "source_notes", "versions"})


def _translate(
    partial: Path,
    pieces: Sequence[str],
    manifest: Manifest,
    translator: Translator,
    overwrite: bool,
    show_progress: bool,
) -> dict[str, str | None]:
    """Every piece's translation, going on behind the batches that `partial` holds."""
    lengths = translator.lengths(pieces)
    rows = list(batches(lengths, translator.batch_tokens))
    # The pieces too: another version may cut texts in another way.
    digest = hashlib.sha256("\n".join(pieces).encode()).hexdigest()[:12]
    header = _identity(manifest) | {"versions": manifest.versions, "pieces": digest}
    progress = Progress(partial, header, [len(row) for row in rows], overwrite)
    try:
        with tqdm(
            total=sum(lengths),
            initial=sum(lengths[place] for row in rows[: len(progress.done)] for place in row),
            desc=f"{manifest.task} → {manifest.language}",
            unit="token",
            unit_scale=True,
            disable=not show_progress or printing.is_quiet(),
            mininterval=0.5 if sys.stderr.isatty() else 30.0,
        ) as bar:
            for row in rows[len(progress.done) :]:
                progress.append(translator.translate([pieces[place] for place in row], manifest.language))
                bar.update(sum(lengths[place] for place in row))
    finally:
        progress.close()
    return {
        pieces[place]: text
        for row, batch in zip(rows, progress.done, strict=True)
        for place, text in zip(row, batch, strict=True)
    }


def _put_together(
    examples: Sequence[Translatable],
    parts: dict[int, tuple[Text, ...]],
    dropped: dict[int, str],
    found: segments.Found,
    space: str,
) -> tuple[list[Translatable], dict[str, tuple[str, ...]]]:
    """Translated examples in order, and the ids of the others by reason, reasons sorted."""
    whole: list[Translatable] = []
    lost: dict[str, list[str]] = {}
    for place, example in enumerate(examples):
        try:
            if place in dropped:
                raise Dropped(dropped[place])
            whole.append(segments.rebuilt(example, parts[place], found, space))
        except Dropped as reason:
            lost.setdefault(str(reason), []).append(example.id)
    return whole, {reason: tuple(lost[reason]) for reason in sorted(lost)}


def _counts(lost: dict[str, tuple[str, ...]]) -> str:
    return ", ".join(f"{reason} {len(ids):,}" for reason, ids in lost.items()) or "there are none"


_LIBRARIES = ("xstilts-eval", "torch", "transformers", "tokenizers", "sentencepiece", "sacremoses")
"""What turns text into tokens and tokens into text; the last two, which Marian uses, need not be there."""


def _versions() -> dict[str, str]:
    found = {}
    for name in _LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
