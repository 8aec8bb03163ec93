"""What went wrong between here and the Hugging Face hub, in one sentence.

The libraries wrap the cause several times over and answer with paragraphs; `why` walks the chain of causes and names
the first it knows.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

RETRY = "call the same command again when it is reachable: what is finished is kept"


def why(error: BaseException, name: str, revision: str | None = None, kind: str = "dataset") -> str | None:
    """One sentence about a failed look-up or download of hub repository `name`; None for a cause that is not the hub's.

    `kind` is ``dataset`` or ``model``; the sentence says what came, and what to do.
    """
    from huggingface_hub import constants
    from huggingface_hub import errors as hub

    at = f"{name}@{revision}" if revision else name
    page = f"{constants.ENDPOINT}/{'datasets/' if kind == 'dataset' else ''}{name}"
    instead = "--from archives or a local folder" if kind == "dataset" else "a local folder"
    for cause in _chain(error):
        if isinstance(cause, hub.GatedRepoError):
            return (
                f"{name} is gated: accept its terms at {page}, set HF_TOKEN to a token of that account, "
                f"or use {instead}"
            )
        if isinstance(cause, hub.RevisionNotFoundError):
            return f"{name} on the hub has no revision {revision!r}; give a branch, tag or commit that {page} lists"
        if isinstance(cause, hub.RepositoryNotFoundError):
            return (
                f"the hub has no {kind} {name!r} (or it is private: set HF_TOKEN); check the id at {page}, "
                f"or use {instead}"
            )
        if isinstance(cause, hub.RemoteEntryNotFoundError):
            return f"{at} on the hub has no file {_file(cause)}; it is not the kind of {kind} that is read here"
        if isinstance(cause, hub.HFValidationError):
            return f"{name!r} is not a hub id (owner/name); {'give one, or ' if kind == 'dataset' else ''}use {instead}"
        if isinstance(cause, hub.OfflineModeIsEnabled) or _offline(cause):
            return (
                f"{at} is not in the local cache and HF_HUB_OFFLINE forbids a download; fetch it on a machine with "
                f"network and copy it, or use {instead}"
            )
        if isinstance(cause, hub.FileMetadataError):
            return f"the server at {constants.ENDPOINT} does not answer as a hub does for {at}; check HF_ENDPOINT"
        if "Consistency check failed" in str(cause):
            return f"a file of {at} arrived cut off ({_sizes(cause)}); {RETRY}"
        if isinstance(cause, hub.HfHubHTTPError) and cause.response is not None:
            return f"the hub at {constants.ENDPOINT} answered {cause.response.status_code} for {at}; {RETRY}"
    for cause in reversed(list(_chain(error))):  # the innermost knows best
        if _is_transport(cause):
            return (
                f"the hub at {constants.ENDPOINT} cannot be reached or does not answer in time "
                f"({_short(cause)}) for {at}; {RETRY}, raise HF_HUB_DOWNLOAD_TIMEOUT if it is slow, or use {instead}"
            )
    return None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and what caused it, outermost first."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__


def _is_transport(cause: BaseException) -> bool:
    """A connection that failed or timed out; the hub's client library is httpx under one name or another."""
    if isinstance(cause, (ConnectionError, TimeoutError)):
        return True
    kinds = {f"{one.__module__.split('.')[0].rstrip('0123456789')}.{one.__name__}" for one in type(cause).__mro__}
    if "httpx.TransportError" in kinds:
        return True
    from huggingface_hub.errors import LocalEntryNotFoundError

    return isinstance(cause, LocalEntryNotFoundError)


def _offline(cause: BaseException) -> bool:
    from huggingface_hub.errors import LocalEntryNotFoundError

    wanted = os.environ.get("HF_HUB_OFFLINE", "0").upper() in {"1", "TRUE", "YES", "ON"}
    return wanted and isinstance(cause, (LocalEntryNotFoundError, ConnectionError))


def _file(cause: BaseException) -> str:
    found = re.search(r"/resolve/[^/]+/(\S+?)\.?(?:\s|$)", str(cause))
    return found[1] if found else "of that name"


def _sizes(cause: BaseException) -> str:
    found = re.search(r"size (\d+) but has size (\d+)", str(cause))
    return f"{int(found[2]):,} of {int(found[1]):,} bytes" if found else "its size is wrong"


def _short(cause: BaseException) -> str:
    lines = str(cause).strip().splitlines()
    return (lines[0][:120] if lines else "") or type(cause).__name__
