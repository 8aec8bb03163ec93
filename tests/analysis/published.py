"""Published rows that the tests of the analyses stand on."""

from typing import Any

XNLI_ORDER = ("en", "fr", "es", "de", "el", "bg", "ru", "tr", "ar", "vi", "th", "zh", "hi", "sw", "ur")
XNLI = {  # Conneau et al., ACL 2020, Table 1 (arXiv:1911.02116), accuracy
    "XLM-R Base": (85.8, 79.7, 80.7, 78.7, 77.5, 79.6, 78.1, 74.2, 73.8, 76.5, 74.6, 76.7, 72.4, 66.5, 68.3),
    "XLM-R Large": (89.1, 84.1, 85.1, 83.9, 82.9, 84.0, 81.2, 79.6, 79.8, 80.8, 78.1, 80.2, 76.9, 73.9, 73.8),
}
MT5_XNLI = {  # google-research/multilingual-t5 README @ 9dcd60fc, averages over 15 languages
    "google/mt5-small": 67.5,
    "google/mt5-base": 75.4,
    "google/mt5-large": 81.1,
    "google/mt5-xl": 82.9,
    "google/mt5-xxl": 85.0,
}


def xnli_table(path: Any, models: Any = tuple(XNLI)) -> Any:
    """Write the XNLI rows as a score table."""
    lines = ["model,benchmark,language,score"]
    lines += [f"{m},xtreme_xnli,{lang},{v}" for m in models for lang, v in zip(XNLI_ORDER, XNLI[m], strict=True)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path
