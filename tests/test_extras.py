"""What a sentence about a missing package says: requirements by name, whatever the package was installed from."""

from __future__ import annotations

from importlib import metadata

import pytest

from xstilts_eval import extras
from xstilts_eval.errors import SettingError

DECLARED = ["torch>=2.2", "peft>=0.11 ; extra == 'train'", 'ray >= 2.9; python_version < "4" and extra == "sweep"',
            "numpy>=1; extra == 'both'", "no-such-thing==1; extra == 'both'"]  # fmt: skip


@pytest.fixture(autouse=True)
def declared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "requires", lambda name: DECLARED if name == "xstilts-eval" else None)


def test_requirements_of_an_extra() -> None:
    assert extras.requirements("train") == {"peft": "peft>=0.11"}
    assert extras.requirements("sweep") == {"ray": "ray>=2.9"}
    assert extras.requirements("trai") == {}
    assert extras.install("both") == "pip install 'numpy>=1' 'no-such-thing==1'"


def test_only_what_is_missing_is_named() -> None:
    assert extras.missing("both") == ["no-such-thing"]
    with pytest.raises(SettingError, match=r"^it needs no-such-thing; pip install 'numpy>=1' 'no-such-thing==1'$"):
        extras.need("both", "it needs")
    extras.need("nothing of that", "it needs")


def test_sources_that_are_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "requires", unknown)
    assert extras.install("train") == "pip install 'xstilts-eval[train]'"
