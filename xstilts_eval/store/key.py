"""What answers are kept under: everything that could make another run give others."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import metadata
from pathlib import Path

import xstilts_eval
from xstilts_eval.fingerprints import file_sha256
from xstilts_eval.reading import Json

LIBRARIES = ("torch", "transformers", "tokenizers", "sentencepiece", "peft", "bitsandbytes", "lm_eval", "numpy")
"""Libraries whose code makes inputs or outputs of models: other versions may round, split or generate differently."""


_ENCODER = json.JSONEncoder(sort_keys=True, default=str)
"""In ASCII, so that half a surrogate pair has bytes too."""


@dataclass(frozen=True)
class Key:
    """The answers of one `leaf`: equal `about` and code, equal answers.

    `checkpoint` is what people call it; it is shown, and no part of what is compared.
    """

    leaf: str
    checkpoint: str
    about: Mapping[str, Json]

    @cached_property
    def digest(self) -> str:
        """sha256 in hexadecimal digits over task, settings, our own code and the versions of the libraries."""
        return of([self.leaf, self.about, code(), versions()])


def of(value: object) -> str:
    """sha256 of plain data in hexadecimal digits, the same whatever the order of its keys."""
    return hashlib.sha256(_ENCODER.encode(value).encode()).hexdigest()


@cache
def code() -> str:
    """sha256 over the modules of this package: what they make of a document may change with any of them."""
    folder = Path(xstilts_eval.__file__).parent
    hashes = {path.relative_to(folder).as_posix(): file_sha256(path) for path in folder.rglob("*.py")}
    return of([xstilts_eval.__version__, hashes])


@cache
def versions() -> Mapping[str, str]:
    """Versions of those of `LIBRARIES` that are installed."""
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
