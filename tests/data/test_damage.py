"""Files damaged at random: a reader says so in a sentence of its own, or reads them; nothing else comes out."""

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from xstilts_eval.benchmark import FAMILIES, FLORES_PAIR, Family
from xstilts_eval.data import flores, intermediate, sources
from xstilts_eval.errors import DataError
from xstilts_eval.paths import sample_path
from xstilts_eval.training_tasks import training_task

JUNK = (
    b"", b"\t", b"\n", b"\n\n", b'"', b"{", b"[", b"null", b"-1", b"9" * 5000, b"\xff", b"\\ud83d", b"true", b"1.5",
    b"_", b"0", b"-", b"\x00", b"\r", b"{}", b"[]", "\u2028".encode(), b"O", b":",
)  # fmt: skip
GROUPS = [
    each.group for each in FAMILIES.values() if each.suite not in (FLORES_PAIR, "bitext", "beyond") and not each.like
]
TRAINING = [
    "snli",
    "anli_r1",
    "qqp",
    "squad_v2",
    "lareqa",
    "hellaswag",
    "ccg",
    "cosmosqa",
    "commonsenseqa",
    "siqa",
    "copa",
]


def _damaged(content: bytes, draw: random.Random) -> bytes:
    """One to three places overwritten with junk; one file in ten is cut off."""
    for _ in range(draw.randint(1, 3)):
        start = draw.randrange(len(content) + 1)
        end = start + draw.choice([0, 1, 2, 5, 20, 200])
        content = content[:start] + draw.choice(JUNK) + content[end:]
    return content[: draw.randrange(len(content) + 1)] if draw.random() < 0.1 else content


def _check(paths: tuple[Path, ...], folder: Path, read: Callable[[], object], times: int, seed: str) -> None:
    copies = {path: folder / path.relative_to(sample_path()) for path in paths}
    for path, copy in copies.items():
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(path.read_bytes())
    draw = random.Random(seed)
    for _ in range(times):
        path = draw.choice(paths)
        copies[path].write_bytes(_damaged(path.read_bytes(), draw))
        try:
            read()
        except DataError as error:
            str(error).encode("utf-8")
        copies[path].write_bytes(path.read_bytes())


def _family(family: Family, folder: Path, times: int) -> None:
    language = family.languages[0]

    def read() -> None:
        flores._lines.cache_clear()
        flores._articles.cache_clear()
        sources.load(family, language, "test", folder)

    _check(sources.load(family, language, "test", sample_path()).files, folder, read, times, family.group)


def _training(name: str, folder: Path, times: int) -> None:
    task = training_task(name)
    files = intermediate.load(task, "train", sample_path()).files
    _check(files, folder, lambda: intermediate.load(task, "train", folder), times, name)


def test_a_little_damage(tmp_path: Path) -> None:
    for group in GROUPS:
        _family(FAMILIES[group], tmp_path / group, 5)
    for name in TRAINING:
        _training(name, tmp_path / name, 5)


@pytest.mark.slow
@pytest.mark.parametrize("group", GROUPS)
def test_much_damage_to_test_files(tmp_path: Path, group: str) -> None:
    _family(FAMILIES[group], tmp_path, 500)


@pytest.mark.slow
@pytest.mark.parametrize("name", TRAINING)
def test_much_damage_to_training_files(tmp_path: Path, name: str) -> None:
    _training(name, tmp_path, 500)
