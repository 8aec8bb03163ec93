"""Result folders written by hand: XNLI leaves with known accuracies, in the layout of `xstilts eval`."""

import json
from pathlib import Path
from typing import Any

from xstilts_eval.benchmark import FAMILIES

XNLI = FAMILIES["xtreme_xnli"]
ITEMS = 200


def write_run(folder: Path, accuracy: dict[str, float], trained_on: tuple[str, ...] = (), **model: Any) -> Path:
    """A folder in which exactly ``accuracy[language]`` (0-1, to half a hundredth) of 200 items are right."""
    (folder / "samples").mkdir(parents=True)
    results, configs, counts = {}, {}, {}
    for language, value in accuracy.items():
        leaf = XNLI.leaf(language)
        right = round(value * ITEMS)
        rows = [{"doc_id": n, "doc": {"id": str(n)}, "acc_ci95": [n, float(n < right)]} for n in range(ITEMS)]
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / "samples" / f"samples_{leaf}.jsonl").write_text(text, encoding="utf-8")
        results[leaf] = {"acc,none": right / ITEMS, "acc_ci95,none": [right / ITEMS - 0.03, right / ITEMS + 0.03]}
        data = {"source": "local", "split": "test", "revision": f"r-{language}", "complete": True, "notes": [],
                "documents": ITEMS}  # fmt: skip
        configs[leaf] = {"metadata": {"version": "1.0", "xs_data": data, "xs_metric": "acc|v1", "xs_version": "0.1.0"}}
        counts[leaf] = {"original": ITEMS, "effective": ITEMS}
    kept: Any = {"checkpoint": "nowhere", "heads": {"xnli": "abc"}, "max_length": {}, "label_order": {}, "dtype": "f"}
    kept |= {"versions": {}, "trained_on": {"xnli": list(trained_on)} if trained_on else {}} | model
    content = {"results": results, "configs": configs, "n-samples": counts, "config": {"xstilts": kept}}
    (folder / "results.json").write_text(json.dumps(content), encoding="utf-8")
    return folder
