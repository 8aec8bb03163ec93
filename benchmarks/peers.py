"""The peers, written the way the programs they stand for do it, from documents to results like ours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
import transformers
from numpy.typing import NDArray

from xstilts_eval.models.encoder import Loaded

Document = dict[str, Any]
Vectors = NDArray[np.float32]


# --------------------------------------------------------------------------------------------- forward passes


def fixed_padding(model: Any, tokenizer: Any, documents: Sequence[Document], length: int, batch: int) -> Vectors:
    """Log-probabilities [documents, classes]: every pair padded to `length`, batches in order, as XTREME's scripts."""
    found = []
    encoding = tokenizer(
        [doc["premise"] for doc in documents],
        [doc["hypothesis"] for doc in documents],
        truncation="longest_first",
        padding="max_length",
        max_length=length,
        return_tensors="pt",
    )
    with torch.inference_mode():
        for start in range(0, len(documents), batch):
            inputs = {name: values[start : start + batch] for name, values in encoding.items()}
            found.append(torch.log_softmax(model(**inputs).logits.float(), dim=-1))
    return torch.cat(found).numpy()


def trainer_predict(
    model: Any, tokenizer: Any, folder: str, batch: int
) -> Callable[[Sequence[Document], int], Vectors]:
    """`Trainer.predict` with its padding collator: (documents, longest) → log-probabilities [documents, classes]."""
    arguments = transformers.TrainingArguments(
        output_dir=folder, per_device_eval_batch_size=batch, report_to="none", use_cpu=True, disable_tqdm=True
    )
    trainer = transformers.Trainer(
        model=model,
        args=arguments,
        processing_class=tokenizer,
        data_collator=transformers.DataCollatorWithPadding(tokenizer),
    )

    def predict(documents: Sequence[Document], length: int) -> Vectors:
        encoding = tokenizer(
            [doc["premise"] for doc in documents],
            [doc["hypothesis"] for doc in documents],
            truncation="longest_first",
            max_length=length,
        )
        rows = [dict(zip(encoding, values, strict=True)) for values in zip(*encoding.values(), strict=True)]
        logits = torch.from_numpy(np.asarray(trainer.predict(rows).predictions, np.float32))
        return torch.log_softmax(logits, dim=-1).numpy()

    return predict


def fixed_windows(length: int, batch: int) -> Callable[..., list[Vectors]]:
    """A stand-in for `encoder.forward_rows`: the same rows, each padded to `length`, batches in order."""

    def forward(loaded: Loaded, rows: Sequence[dict[str, list[int]]], read: Any, *_: Any, **__: Any) -> list[Vectors]:
        found: list[Vectors] = []
        with torch.inference_mode():
            for start in range(0, len(rows), batch):
                part = rows[start : start + batch]
                fillers = {"input_ids": loaded.pad_token_id}
                inputs = {
                    name: torch.tensor([row[name] + [fillers.get(name, 0)] * (length - len(row[name])) for row in part])
                    for name in part[0]
                }
                values = read(loaded.model(**inputs), inputs).float().numpy()
                found += [value[: len(row["input_ids"])] for value, row in zip(values, part, strict=True)]
        return found

    return forward


def all_layers(model: Any, tokenizer: Any, texts: Sequence[str], layer: int, batch: int = 100) -> Vectors:
    """Unit vectors as XTREME's retrieval script makes them: batches in file order, every layer kept, one pooled."""
    found = []
    with torch.inference_mode():
        for start in range(0, len(texts), batch):
            inputs = tokenizer(
                list(texts[start : start + batch]), padding=True, truncation=True, max_length=512, return_tensors="pt"
            )
            hidden = torch.stack(model(**inputs, output_hidden_states=True).hidden_states)[layer].float()
            weights = inputs["attention_mask"].unsqueeze(-1)
            pooled = (hidden * weights).sum(dim=1) / weights.sum(dim=1)
            found.append(torch.nn.functional.normalize(pooled, dim=-1))
    return torch.cat(found).numpy()


# --------------------------------------------------------------------------------------------- mining


def mine_with_faiss(source: Vectors, target: Vectors, k: int = 4) -> list[tuple[float, int, int]]:
    """Mined pairs (score, source, target), best first, in XTREME's way: two searches, margins in Python loops.

    Exact inner products by faiss in both directions, k neighbours, ratio margin, best of each side pooled and matched
    greedily (steps 2 to 4 of its BUCC search).
    """
    import faiss

    def search(queries: Vectors, pool: Vectors) -> tuple[Vectors, NDArray[np.int64]]:
        index = faiss.IndexFlatIP(pool.shape[1])
        index.add(pool)
        similarity, place = index.search(queries, k)
        return similarity, place

    forward, forward_place = search(source, target)
    backward, backward_place = search(target, source)
    candidates = _best_by_margin(forward, forward_place, forward.mean(axis=1), backward.mean(axis=1))
    candidates += [
        (score, i, j)
        for score, j, i in _best_by_margin(backward, backward_place, backward.mean(axis=1), forward.mean(axis=1))
    ]
    candidates.sort(key=lambda found: -found[0])
    used_source, used_target, kept = set(), set(), []
    for score, i, j in candidates:
        if score > 0 and i not in used_source and j not in used_target:
            used_source.add(i)
            used_target.add(j)
            kept.append((score, i, j))
    return kept


def _best_by_margin(
    similarity: Vectors, place: NDArray[np.int64], own: Vectors, other: Vectors
) -> list[tuple[float, int, int]]:
    found = []
    for row in range(len(similarity)):
        scores = [
            similarity[row, column] / ((own[row] + other[place[row, column]]) / 2) for column in range(place.shape[1])
        ]
        best = int(np.argmax(scores))
        found.append((float(scores[best]), row, int(place[row, best])))
    return found
