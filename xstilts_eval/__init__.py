"""Zero-shot cross-lingual transfer for lm-evaluation-harness: XTREME tasks, adapters and scoreboards."""

__version__ = "0.1.0"

__all__ = ["__version__"]
