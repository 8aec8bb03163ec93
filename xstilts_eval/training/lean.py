"""transformers without the libraries that it imports only because they are installed.

Its Trainer brings datasets with pandas and pyarrow, peft and scipy, none of which fitting a head asks for; they are a
quarter of the processor time that its imports take (own measurement, transformers 5, torch 2.13).
"""

from __future__ import annotations

import sys

UNUSED = ("datasets", "peft", "scipy")


def import_transformers() -> None:
    """Import what training uses of transformers; for a process of ours alone, which then has it without `UNUSED`.

    transformers looks for a library once, so it goes without these for the rest of the process; our own modules can
    import them as before. Nothing happens where transformers is imported already.
    """
    if "transformers" in sys.modules:
        return
    hidden = [name for name in UNUSED if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]  # "not installed", to whoever looks
    try:
        from transformers import AutoModel, Trainer

        assert AutoModel and Trainer
    finally:
        for name in hidden:
            del sys.modules[name]
