"""Published Tatoeba numbers of all-MiniLM-L6-v2 from the zoo, for the tests that reproduce them."""

from xstilts_eval.zoo.manifest import load


def minilm_tatoeba() -> dict[str, tuple[float, float]]:
    """Accuracy and weighted F1 (fractions) by three-letter code."""
    scores: dict[str, dict[str, float]] = {"acc": {}, "f1": {}}
    for record in load().of("all-MiniLM-L6-v2"):
        if record.family == "bitext_tatoeba" and record.metric in scores and record.language != "avg":
            scores[record.metric][record.language] = record.value
    return {code: (accuracy, scores["f1"][code]) for code, accuracy in scores["acc"].items()}
