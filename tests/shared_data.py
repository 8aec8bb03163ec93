"""Where the real data beside the project lies, and the mark for tests that need it.

The folder is not part of the project: ``../shared`` next to the repository, or what ``XSTILTS_SHARED`` names.
"""

import os
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("XSTILTS_SHARED", Path(__file__).resolve().parents[1] / ".." / "shared"))
DATA = SHARED / "data"
REFERENCE = SHARED / "reference"

needs_data = pytest.mark.skipif(not DATA.exists(), reason="needs ../shared/data")
needs_reference = pytest.mark.skipif(
    not (DATA.exists() and REFERENCE.exists()), reason="needs ../shared/data and ../shared/reference"
)
