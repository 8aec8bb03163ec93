"""A host results dictionary with made-up scores, as small as the readers allow."""

from typing import Any

from xstilts_eval.benchmark import leaf_parts


def host_results(
    scores: dict[str, dict[str, Any]],
    limit: float | None = None,
    data: dict[str, Any] | None = None,
    checkpoint: str = "some/checkpoint",
) -> dict[str, Any]:
    """Results of leaves given as metric → value (fractions)."""
    provenance = {
        "source": "local", "split": "test", "revision": "0123456789ab", "complete": True, "notes": [], "documents": 100,
    } | (data or {})  # fmt: skip
    families = {leaf_parts(leaf)[0].name for leaf in scores}
    return {
        "results": {leaf: {f"{name},none": value for name, value in values.items()} for leaf, values in scores.items()},
        "configs": {
            leaf: {
                "num_fewshot": 0,
                "metadata": {
                    "version": "1.0", "xs_data": dict(provenance), "xs_metric": "acc|v1", "xs_version": "0.1.0",
                },
            }
            for leaf in scores
        },
        "n-samples": {leaf: {"original": 100, "effective": 100} for leaf in scores},
        "config": {
            "limit": limit,
            "xstilts": {
                "checkpoint": checkpoint,
                "encoder_sha256": "aaaaaaaaaaaa",
                "heads": dict.fromkeys(families, "bbbbbbbbbbbb"),
                "dtype": "float32",
                "max_length": dict.fromkeys([*families, "retrieval"], 512),
                "retrieval": {"layer": 7, "pooling": "mean"},
            },
        },
        "lm_eval_version": "0.4.13",
    }  # fmt: skip
