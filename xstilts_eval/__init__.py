"""Zero-shot cross-lingual transfer for lm-evaluation-harness: XTREME tasks, adapters and scoreboards.

``import xstilts_eval as xs`` gives the public API (docs/api.md); what is behind a name is imported when it is first
used.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from xstilts_eval import foreign

if TYPE_CHECKING:
    from xstilts_eval.api import Results, datasets, evaluate, gains, load_results, register
    from xstilts_eval.datasets import Data, Dataset

__version__ = "0.1.0"

__all__ = [
    "Data", "Dataset", "Results", "__version__", "datasets", "evaluate", "gains", "load_results", "register",
]  # fmt: skip

logging.getLogger(__name__).addFilter(foreign.shown_as_text)  # whoever prints them, the host too


def __getattr__(name: str) -> Any:
    if name == "datasets":  # the package of that name, which can be called
        import xstilts_eval.datasets

        return xstilts_eval.datasets
    if name in ("Data", "Dataset"):
        from xstilts_eval.datasets import _dataset

        return getattr(_dataset, name)
    if name in __all__:
        from xstilts_eval import api

        return getattr(api, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
