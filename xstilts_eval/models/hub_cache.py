"""Weights that have just come from the hub, compared with the checksum under which the hub keeps them.

The library checks their length only. Its cache names a large file's blob by the sha256 that the hub announced.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from xstilts_eval import fingerprints


def weights(snapshot: Path | None) -> set[Path]:
    """Weight files in one snapshot folder of the library's cache."""
    return set() if snapshot is None else set(snapshot.rglob("*.safetensors"))


@lru_cache(maxsize=64)
def ask(name: str, revision: str | None) -> None:
    """Ask the hub once for this checkpoint, without any second attempt; raises the library's own errors."""
    from huggingface_hub import HfApi, constants
    from huggingface_hub.utils import logging

    # Its warnings about single attempts: what ends a download is said in one sentence.
    logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    HfApi().model_info(name, revision=revision, timeout=constants.HF_HUB_ETAG_TIMEOUT)


def has_config(name: str, revision: str | None) -> bool:
    """Whether the cache holds the configuration of this checkpoint, so that it can be used without the hub."""
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        return isinstance(try_to_load_from_cache(name, "config.json", revision=revision), str)
    except HFValidationError:
        return False


def lacks_safetensors(name: str, revision: str | None) -> bool:
    """Whether the hub says that there are no safetensors weights; False also where it cannot be asked.

    Asked before loading, because the model library would otherwise turn to a conversion service of the hub.
    """
    from huggingface_hub import HfApi, try_to_load_from_cache
    from huggingface_hub.errors import HfHubHTTPError

    files = ("model.safetensors", "model.safetensors.index.json")
    if any(isinstance(try_to_load_from_cache(name, one, revision=revision), str) for one in files):
        return False
    try:
        return not any(HfApi().file_exists(name, one, revision=revision) for one in files)
    except (HfHubHTTPError, OSError, ValueError):
        return False
    except Exception as error:  # the transport's errors, whose library has had two names
        if type(error).__module__.startswith("httpx"):
            return False
        raise


def damaged(paths: Iterable[Path]) -> str | None:
    """Name of the first file whose content has not the announced sha256; it is deleted, so that it comes anew."""
    for path in sorted(paths):
        blob = path.resolve()
        if re.fullmatch(r"[0-9a-f]{64}", blob.name) and fingerprints.file_sha256(blob) != blob.name:
            blob.unlink(missing_ok=True)
            path.unlink(missing_ok=True)
            return path.name
    return None
