"""Published Tatoeba numbers of all-MiniLM-L6-v2 from model_zoo.yaml, for the tests that reproduce them."""

import yaml

from xstilts_eval.paths import zoo_path


def minilm_tatoeba() -> dict[str, tuple[float, float]]:
    """Accuracy and weighted F1 (fractions) by three-letter code."""
    zoo = yaml.safe_load(zoo_path().read_text(encoding="utf-8"))
    (model,) = (model for model in zoo["models"] if model["name"] == "all-MiniLM-L6-v2")
    (record,) = model["records"]
    return {code: (accuracy, f1) for code, (accuracy, f1) in record["values"].items()}
