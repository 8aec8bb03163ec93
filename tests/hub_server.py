"""A hub on loopback: enough of its API for `huggingface_hub` and `transformers` to download pinned files, and to fail.

Large files (weights, parquet, gz) are kept as on the real one: listed with their sha256 and answered by a redirect to
another address that serves their bytes and understands `Range`. `faults` makes one file of a repository misbehave.

Clients must run in their own process: `huggingface_hub` reads HF_ENDPOINT when it is imported. `environment` is theirs.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import socket
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

LARGE = (".parquet", ".safetensors", ".bin", ".gz")


@dataclass
class Fault:
    """What goes wrong with one file; `times` says how often, then it is served well.

    ``cut``: the last bytes are missing, and the server says so. ``corrupt``: other bytes of the same length. ``die``:
    the connection breaks after half. ``slow``: `pause` seconds between pieces. ``status``: an error with this number.
    """

    kind: str
    times: int = 1_000_000
    pause: float = 0.0
    status: int = 500


@dataclass
class Repository:
    """Files by commit (40 hex digits); `refs` are branches and tags."""

    commits: dict[str, dict[str, bytes]]
    refs: dict[str, str] = field(default_factory=dict)
    gated: bool = False

    def commit(self, revision: str) -> str | None:
        return revision if revision in self.commits else self.refs.get(revision)


class Hub:
    """A running server; `repositories` maps ``datasets/owner/name`` or ``models/owner/name``."""

    def __init__(self) -> None:
        self.repositories: dict[str, Repository] = {}
        self.faults: dict[str, Fault] = {}
        self.requests: list[tuple[str, str, str]] = []
        """Method, path and Range header of everything that was asked."""
        self.tokens: list[str] = []
        """Authorization of everything that was pushed."""
        self.cards: list[str] = []
        """Model cards that clients asked to validate."""
        self._blobs: dict[str, tuple[str, bytes]] = {}
        self._connections: list[socket.socket] = []
        self._server: ThreadingHTTPServer | None = None
        self.port = 0

    def add(self, kind: str, name: str, commit: str, files: Mapping[str, bytes], gated: bool = False) -> None:
        """Put `files` at `commit` of a repository, and its branch main there; `kind` is datasets or models."""
        repository = self.repositories.setdefault(f"{kind}/{name}", Repository({}))
        repository.commits[commit] = dict(files)
        repository.refs["main"] = commit
        repository.gated = gated
        for path, content in files.items():
            self._blobs[hashlib.sha256(content).hexdigest()] = (path, content)

    def add_folder(self, kind: str, name: str, commit: str, folder: Path) -> None:
        paths = [path for path in folder.rglob("*") if path.is_file()]
        self.add(kind, name, commit, {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths})

    def files(self, kind: str, name: str) -> dict[str, bytes]:
        """What lies at main of a repository."""
        repository = self.repositories[f"{kind}/{name}"]
        return repository.commits[repository.refs["main"]]

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Listen (again, on the same port, after `stop`)."""
        hub = self

        class Handler(_Handler):
            owner = hub

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True

            def handle_error(self, *_: object) -> None:
                """Broken connections are what some tests are about."""

        self._server = Server(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None
        while self._connections:  # clients keep them open from one request to the next
            connection = self._connections.pop()
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def environment(self, home: Path, **more: str) -> dict[str, str]:
        """Variables of a client process with an own cache under `home`."""
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith(("HF_", "XSTILTS", "http"))
        }
        return inherited | {
            "HF_ENDPOINT": self.endpoint,
            "HF_HOME": str(home / "hf"),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "XSTILTS_CACHE": str(home / "xstilts"),
            "XSTILTS_ARCHIVES": f"{self.endpoint}/archives",
            "OMP_NUM_THREADS": "1",
            "OMP_WAIT_POLICY": "PASSIVE",
            "TOKENIZERS_PARALLELISM": "false",
            "PYTHONUNBUFFERED": "1",
            **more,
        }

    def fault_of(self, path: str) -> Fault | None:
        for name, fault in self.faults.items():
            if path.endswith(name) and fault.times > 0:
                fault.times -= 1
                return fault
        return None


def git_blob(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


_RESOLVE = re.compile(r"/(datasets/)?([^/]+/[^/]+)/resolve/([^/]+)/(.+)")
_API = re.compile(r"/api/(datasets|models)/([^/]+/[^/]+)(?:/(revision|tree)/([^/]+)(?:/(.*))?)?")


class _Handler(BaseHTTPRequestHandler):
    owner: Hub
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        super().setup()
        self.owner._connections.append(self.connection)

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._take()

    def do_PUT(self) -> None:
        self._take()

    def _take(self) -> None:
        """What is pushed: a repository is made, large files come first, then a commit with all the rest."""
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = unquote(urlsplit(self.path).path)
        self.owner.requests.append((self.command, path, ""))
        self.owner.tokens.append(self.headers.get("Authorization", ""))
        routes: list[tuple[str, Callable[..., None]]] = [
            (r"/api/repos/create", self._create),
            (r"/api/validate-yaml", self._validate),
            (r"/api/(datasets|models)/([^/]+/[^/]+)/preupload/main", self._preupload),
            (r"/(datasets/)?([^/]+/[^/]+)\.git/info/lfs/objects/batch", self._batch),
            (r"/lfs/([0-9a-f]{64})", self._store),
            (r"/api/(datasets|models)/([^/]+/[^/]+)/commit/main", self._commit),
        ]
        fault = self.owner.fault_of(path)
        if fault and fault.kind == "die":
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return
        if fault:
            return self._error(fault.status, "")
        for pattern, route in routes:
            if found := re.fullmatch(pattern, path):
                return route(body, *found.groups())
        self._error(404, "RepoNotFound")

    def _json(self, answer: Any) -> None:
        self._send(200, json.dumps(answer).encode(), {"Content-Type": "application/json"})

    def _create(self, body: bytes) -> None:
        if not self.headers.get("Authorization"):
            return self._error(401, "")
        asked = json.loads(body)
        kind = "datasets" if asked.get("type") == "dataset" else "models"
        name = f"{asked['organization']}/{asked['name']}" if asked.get("organization") else asked["name"]
        self.owner.repositories[f"{kind}/{name}"] = Repository({"0" * 40: {}}, {"main": "0" * 40})
        self._json({"url": f"{self.owner.endpoint}/{name}", "name": name})

    def _validate(self, body: bytes) -> None:
        self.owner.cards.append(json.loads(body)["content"])
        self._json({"errors": [], "warnings": []})

    def _preupload(self, body: bytes, kind: str, name: str) -> None:
        files = json.loads(body)["files"]
        modes = [
            {"path": file["path"], "uploadMode": "lfs" if file["path"].endswith(LARGE) else "regular",
             "shouldIgnore": False, "oid": None}
            for file in files
        ]  # fmt: skip
        self._json({"files": modes})

    def _batch(self, body: bytes, datasets: str | None, name: str) -> None:
        objects = [
            {"oid": one["oid"], "size": one["size"], "authenticated": True,
             "actions": {"upload": {"href": f"{self.owner.endpoint}/lfs/{one['oid']}"}}}
            for one in json.loads(body)["objects"]
        ]  # fmt: skip
        self._json({"transfer": "basic", "objects": objects})

    def _store(self, body: bytes, digest: str) -> None:
        assert hashlib.sha256(body).hexdigest() == digest
        self.owner._blobs[digest] = ("", body)
        self._send(200, b"", {})

    def _commit(self, body: bytes, kind: str, name: str) -> None:
        files: dict[str, bytes] = dict(self.owner.files(kind, name))
        for line in body.decode().splitlines():
            entry = json.loads(line)
            if entry["key"] == "file":
                files[entry["value"]["path"]] = base64.b64decode(entry["value"]["content"])
            elif entry["key"] == "lfsFile":
                files[entry["value"]["path"]] = self.owner._blobs[entry["value"]["oid"]][1]
        commit = hashlib.sha1(body).hexdigest()
        self.owner.add(kind, name, commit, files)
        self._json(
            {"commitUrl": f"{self.owner.endpoint}/{name}/commit/{commit}", "commitOid": commit, "hookOutput": ""}
        )

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.owner.requests.append((self.command, path, self.headers.get("Range", "")))
        routes: list[tuple[re.Pattern[str], Callable[..., None]]] = [
            (_RESOLVE, self._resolve),
            (_API, self._api),
            (re.compile(r"/blobs/([0-9a-f]{64})"), self._blob),
            (re.compile(r"/archives/(.+)"), self._archive),
        ]
        for pattern, route in routes:
            if found := pattern.fullmatch(path):
                return route(*found.groups())
        self._error(404, "RepoNotFound")

    def _repository(self, kind: str, name: str, revision: str | None) -> tuple[Repository, str] | None:
        """The repository and commit, or None after the error has been sent."""
        repository = self.owner.repositories.get(f"{kind}/{name}")
        if repository is None:
            self._error(404 if self.headers.get("Authorization") else 401, "RepoNotFound")
            return None
        if repository.gated and not self.headers.get("Authorization"):
            self._error(401, "GatedRepo")
            return None
        commit = repository.commit(revision or "main")
        if commit is None:
            self._error(404, "RevisionNotFound")
            return None
        return repository, commit

    def _api(self, kind: str, name: str, what: str | None, revision: str | None, folder: str | None) -> None:
        found = self._repository(kind, name, revision)
        if found is None:
            return
        repository, commit = found
        files = repository.commits[commit]
        if what == "tree":
            entries = [_tree_entry(path, content) for path, content in files.items() if path.startswith(folder or "")]
            return self._send(200, json.dumps(entries).encode(), {"Content-Type": "application/json"})
        siblings = [_sibling(path, content) for path, content in files.items()]
        info = {"id": name, "sha": commit, "siblings": siblings, "private": False, "tags": [], "downloads": 0}
        self._send(200, json.dumps(info).encode(), {"Content-Type": "application/json"})

    def _resolve(self, datasets: str | None, name: str, revision: str, path: str) -> None:
        found = self._repository("datasets" if datasets else "models", name, revision)
        if found is None:
            return
        repository, commit = found
        content = repository.commits[commit].get(path)
        if content is None:
            return self._error(404, "EntryNotFound", {"X-Repo-Commit": commit})
        headers = {"X-Repo-Commit": commit}
        if not path.endswith(LARGE):
            headers["ETag"] = f'"{git_blob(content)}"'
            return self._content(path, content, headers)
        digest = hashlib.sha256(content).hexdigest()
        headers |= {"X-Linked-Etag": f'"{digest}"', "X-Linked-Size": str(len(content))}
        # Another host name, as the real hub's storage has: clients follow redirects within a host by themselves.
        self._send(302, b"", headers | {"Location": f"http://localhost:{self.owner.port}/blobs/{digest}"})

    def _blob(self, digest: str) -> None:
        path, content = self.owner._blobs[digest]
        self._content(path, content, {"ETag": f'"{digest}"'})

    def _archive(self, path: str) -> None:
        """Files of the publishers' own addresses: ``archives/<host>/<path>``."""
        content = self.owner.repositories["archives"].commits[""].get(path)
        if content is None:
            return self._error(404, "EntryNotFound")
        self._content(path, content, {"ETag": f'"{hashlib.sha256(content).hexdigest()}"'})

    def _content(self, path: str, content: bytes, headers: dict[str, str]) -> None:
        fault = self.owner.fault_of(path) if self.command == "GET" else None
        if fault and fault.kind == "status":
            return self._error(fault.status, "")
        if fault and fault.kind == "corrupt":
            content = bytes(byte ^ 1 for byte in content)
        if fault and fault.kind == "cut":
            content = content[: len(content) // 2]
        start = 0
        if found := re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", "")):
            start = int(found[1])
        if start >= len(content) > 0 and start:
            return self._error(416, "")
        status = 206 if start else 200
        if start:
            headers = headers | {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"}
        self._send(status, content[start:], headers, fault)

    def _send(self, status: int, body: bytes, headers: dict[str, str], fault: Fault | None = None) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if fault and fault.kind == "die":
            self.wfile.write(body[: max(1, len(body) // 2)])
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
        elif fault and fault.kind == "slow":
            for place in range(0, len(body), max(1, len(body) // 4)):
                time.sleep(fault.pause)
                self.wfile.write(body[place : place + max(1, len(body) // 4)])
                self.wfile.flush()
        else:
            self.wfile.write(body)

    def _error(self, status: int, code: str, headers: dict[str, str] | None = None) -> None:
        self._send(status, b"{}", {"X-Error-Code": code, "X-Error-Message": code, **(headers or {})})


def _lfs(path: str, content: bytes) -> dict[str, Any] | None:
    if not path.endswith(LARGE):
        return None
    return {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 130}


def _sibling(path: str, content: bytes) -> dict[str, Any]:
    lfs = _lfs(path, content)
    entry = {"rfilename": path, "size": len(content), "blobId": git_blob(content)}
    return entry | ({"lfs": lfs} if lfs else {})


def _tree_entry(path: str, content: bytes) -> dict[str, Any]:
    lfs = _lfs(path, content)
    entry: dict[str, Any] = {"type": "file", "path": path, "size": len(content), "oid": git_blob(content)}
    return entry | ({"lfs": {"oid": lfs["sha256"], "size": lfs["size"], "pointerSize": 130}} if lfs else {})
