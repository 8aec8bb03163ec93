"""Datasets of users: from a Python file, or an installed package, to the register that ours are in.

A file is run once, by its content, however often and under whatever path it is named. While it runs, the process may
not ask for the network: what is evaluated is what lies in the data folder. This keeps accidents out, it is no sandbox.
"""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any

from xstilts_eval import suites
from xstilts_eval.datasets import Dataset
from xstilts_eval.errors import SettingError, UnknownName, XstiltsError
from xstilts_eval.paths import cache_folder
from xstilts_eval.writing import write_atomically

log = logging.getLogger("xstilts_eval")

GROUP = "xstilts_eval.datasets"
"""Entry points of this group are datasets: a `Dataset`, or a module that holds some."""
LIST = "xstilts_own.txt"
"""In a folder of YAMLs, the users' files there, one a line."""
_NETWORK = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto")
"""Audit events of Python that precede any word to another machine."""

_FILES: dict[str, tuple[Path, tuple[Dataset, ...], ModuleType]] = {}
"""By sha256 of the content."""
_installed: tuple[Dataset, ...] | None = None
_asked: list[str] | None = None
"""What was asked of the network while somebody's code was imported; None when nobody's is."""
_is_watched = False


def include(path: Path | str) -> tuple[Dataset, ...]:
    """Run a user's file and register every `Dataset` it holds; returns those.

    Raises `SettingError` naming the file for one that cannot be read or run, that asks for the network, or that holds
    no dataset, and for a dataset that `register` refuses.
    """
    file = Path(path).expanduser()
    try:
        content = file.read_bytes()
    except OSError as error:
        raise SettingError(
            f"--include {path}: cannot be read ({error.strerror or error}); give a Python file that holds a Dataset"
        ) from error
    digest = hashlib.sha256(content).hexdigest()
    if digest not in _FILES:
        with _telling(str(file)):
            module = _run(file, content, digest)
            found = tuple(register(one, module) for one in _datasets(module))
        if not found:
            raise SettingError(f"{file} holds no Dataset; end it with NAME = Dataset(…), as docs/own-dataset.md shows")
        _FILES[digest] = file.resolve(), found, module
    return _FILES[digest][1]


def module_of(path: Path | str) -> ModuleType:
    """What `include` made of a file: its functions, kinds and metrics, which must not be there twice."""
    include(path)
    return _FILES[hashlib.sha256(Path(path).expanduser().read_bytes()).hexdigest()][2]


def include_folder(folder: Path | str) -> None:
    """Register what `tasks.generate.write_own` wrote into a folder; raises what `include` raises."""
    root = Path(folder)
    for line in (root / LIST).read_text(encoding="utf-8").splitlines():
        file = (root / line).resolve()
        if not file.is_relative_to(root.resolve()):
            raise SettingError(f"{root / LIST} names {line!r}, which is not in this folder")
        include(file)


def load_installed() -> tuple[Dataset, ...]:
    """Register the datasets of installed packages, once; one that cannot be had is warned about and left out."""
    global _installed
    if _installed is None:
        _installed = ()
        for entry in metadata.entry_points(group=GROUP):
            try:
                with _telling(f"the dataset {entry.name} of an installed package ({entry.value})"):
                    with _offline():
                        given = entry.load()
                    module = given if isinstance(given, ModuleType) else None
                    members = _datasets(module) if module else [given]
                    _installed += tuple(register(one, module) for one in members)
            except SettingError as error:
                log.warning("%s; it is left out", error)
    return _installed


def register(dataset: Dataset, module: ModuleType | None = None) -> Dataset:
    """Add a user's dataset to the register, as `suites.register` does, and return the one that is registered.

    Functions that it names may be those of `module`, by ``MODULE.FUNCTION``. Raises `SettingError` for what is no
    dataset, for a suite of this package's, for a name that is taken, here or by the host, and for a function that does
    not exist; `UnknownName` for a language code that its standard does not have.
    """
    if not isinstance(dataset, Dataset):
        raise SettingError(f"{dataset!r} is a {type(dataset).__name__}; a Dataset is wanted")
    name = f"the dataset {dataset.suite}.{dataset.name}"
    known = suites.DATASETS.get(dataset.group)
    if known is not None:
        return suites.register(dataset)  # says whose the name is, or gives the equal one
    if dataset.suite in suites.SUITES and suites.SUITES[dataset.suite].built_in:
        raise SettingError(
            f"{name}: the suite {dataset.suite!r} is a benchmark of this package, and its scores are means over its "
            "own datasets; give another suite"
        )
    named = {code for languages in dataset.data.absent.values() for code in languages}
    if strange := sorted(named - {*dataset.languages}):
        raise SettingError(
            f"{name} says something about the language {' '.join(strange)}, which is none of its languages "
            f"({' '.join(dataset.languages[:12])}{' …' if len(dataset.languages) > 12 else ''})"
        )
    for language in dataset.languages:
        _fill(dataset, language, name)
    for function in _functions(dataset):
        _find(function, module, name)
    taken = {dataset.suite, dataset.group, *(dataset.leaf(one) for one in dataset.languages)} & host_names()
    if taken:
        raise SettingError(
            f"{name}: lm-evaluation-harness has a task or group called {min(taken)!r} itself; give another suite or "
            "name"
        )
    return suites.register(dataset)


def origin(dataset: Dataset) -> str:
    """File and first 12 hex digits of its sha256, for what came from a user's file; "" for all others."""
    for digest, (file, found, _) in _FILES.items():
        if any(one is dataset for one in found):
            return f"{file.name}@{digest[:12]}"
    return ""


def file_of(dataset: Dataset) -> Path | None:
    """The user's file that holds the dataset; None for one that came in another way."""
    return next((file for file, found, _ in _FILES.values() if any(one is dataset for one in found)), None)


def own() -> tuple[Dataset, ...]:
    """Every registered dataset that is not this package's."""
    return tuple(one for one in suites.DATASETS.values() if not suites.is_shipped(one))


# ------------------------------------------------------------------------------------ somebody's code


def _run(file: Path, content: bytes, digest: str) -> ModuleType:
    try:
        code = compile(content, str(file), "exec")
    except (SyntaxError, ValueError) as error:
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        message = error.msg if isinstance(error, SyntaxError) else str(error)
        raise SettingError(f"not Python{line}: {message}") from error
    name = f"xstilts_eval_included_{re.sub(r'[^0-9A-Za-z_]', '_', file.stem)}_{digest[:8]}"
    spec = importlib.util.spec_from_loader(name, loader=None, origin=str(file))
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    module.__file__ = str(file)
    sys.modules[name] = module  # dataclasses and pickle look their module up
    try:
        with _offline():
            exec(code, module.__dict__)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _datasets(module: ModuleType) -> list[Dataset]:
    """Datasets among the names of a module, each once; ours, which it may have imported, are left out."""
    found = {id(value): value for value in vars(module).values() if isinstance(value, Dataset)}
    return [one for one in found.values() if not any(one is ours for ours in suites.shipped())]


@contextmanager
def _telling(whose: str) -> Iterator[None]:
    """Turn whatever somebody's code raises into one sentence that says whose it is."""
    try:
        yield
    except (SettingError, UnknownName) as error:
        raise SettingError(f"{whose}: {error}") from error
    except (Exception, SystemExit) as error:
        place = error.__traceback__
        while place is not None and place.tb_next is not None:
            place = place.tb_next
        line = f", line {place.tb_lineno}" if place is not None and place.tb_frame.f_code.co_filename == whose else ""
        said = " ".join(str(error).split())
        raise SettingError(f"{whose}{line}: {type(error).__name__}: {said}") from error


@contextmanager
def _offline() -> Iterator[None]:
    """Refuse every word to another machine, whoever says it, also where the code goes on without an answer."""
    global _asked, _is_watched
    if not _is_watched:  # a hook stays for good, so there is none before it is needed
        sys.addaudithook(_refuse)
        _is_watched = True
    outer, _asked = _asked, []
    try:
        yield
        heard = _asked
    except BaseException as error:
        heard = _asked
        if not heard:
            raise
        raise SettingError(_no_network(heard)) from error
    finally:
        _asked = outer
    if heard:
        raise SettingError(_no_network(heard))


def _refuse(event: str, arguments: tuple[Any, ...]) -> None:
    if _asked is not None and event in _NETWORK:
        address = arguments[1] if event in ("socket.connect", "socket.sendto") else arguments[0]
        _asked.append(str(address))
        raise ConnectionRefusedError("no network while a dataset is imported")


def _no_network(asked: Iterable[str]) -> str:
    return (
        f"asks for the network when it is imported ({next(iter(asked))}); get the files beforehand, or name them as "
        "hub= or archives= of its Data"
    )


# ------------------------------------------------------------------------------------ what a dataset names


def _fill(dataset: Dataset, language: str, name: str) -> None:
    """Raise for a code that the standard does not have, and for a placeholder that stands for nothing."""
    try:
        codes = dataset.codes(language)
    except UnknownName as error:
        raise UnknownName(
            f"{name}: {error}; its codes are said to be XTREME's: for others give code_standard='iso639_3', 'flores' "
            "or 'laser'"
        ) from error
    for names in (names for alternatives in dataset.data.files.values() for names in alternatives):
        for text in names:
            try:
                text.format(**codes)
            except (KeyError, IndexError, ValueError) as error:
                known = ", ".join(f"{{{code}}}" for code in codes)
                raise SettingError(f"{name}: the file {text!r} has a placeholder other than {known}") from error


def _functions(dataset: Dataset) -> Iterator[str]:
    """Dotted names of the functions that a template of the dataset names."""
    yield from re.findall(r"!function (\S+)", dataset.template())


def _find(function: str, module: ModuleType | None, name: str) -> Callable[..., Any]:
    where, _, what = function.rpartition(".")
    if module is not None and module.__file__ and where == Path(module.__file__).stem:
        found = getattr(module, what, None)
    elif where == "xstilts_eval.tasks.leaf":
        return register  # ours, and heavy: it imports the host
    else:
        try:
            found = getattr(__import__(where, fromlist=[what]), what, None)
        except ImportError:
            found = None
    if not callable(found):
        raise SettingError(f"{name} names the function {function}, which does not exist")
    return found  # type: ignore[no-any-return]


def host_names() -> frozenset[str]:
    """Names of tasks, groups and tags in the host's own folder; read once per version, kept in the cache folder."""
    spec = importlib.util.find_spec("lm_eval")
    if spec is None or not spec.submodule_search_locations:
        return frozenset()
    folder = Path(next(iter(spec.submodule_search_locations))) / "tasks"
    file = cache_folder() / "host-tasks" / f"{metadata.version('lm_eval')}.txt"
    try:
        return frozenset(file.read_text(encoding="utf-8").split())
    except (OSError, UnicodeDecodeError):
        pass
    line = re.compile(rb"^(?:task|group|tag):[ \t]*[\"']?([^\s\"'#\[]+)", re.MULTILINE)
    found = {
        name.decode("utf-8", "replace") for path in folder.rglob("*.y*ml") for name in line.findall(path.read_bytes())
    }
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(file, "".join(f"{name}\n" for name in sorted(found)))
    except (OSError, XstiltsError):  # a home that cannot be written to: read again next time
        pass
    return frozenset(found)
