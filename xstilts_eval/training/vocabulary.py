"""A table of word vectors that holds, while a stage trains, only the rows its data touch.

Of the 250,000 rows of a multilingual vocabulary a stage sees a few thousand. The others have no gradient: the optimiser
only multiplies them by 1 - rate x decay at every step. Leaving them out of the model, its gradient and the optimiser,
and multiplying once by the product of those factors afterwards, gives the same table.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch.nn.functional import embedding

from xstilts_eval.errors import SettingError

ROWS = ".word_embeddings.rows"
"""How the name of `CompactTable.rows` ends in a checkpoint."""


class CompactTable(torch.nn.Module):
    """The rows `ids` of a `whole` embedding table; takes the ids of the whole vocabulary.

    `weight` [rows, width] is trained; `decay` is what the rows left out have to be multiplied with. Both, and `rows`,
    which says whose they are, lie in checkpoints. Raises `SettingError` for an id outside the table.
    """

    rows: torch.Tensor
    decay: torch.Tensor
    place: torch.Tensor

    def __init__(self, whole: torch.nn.Embedding, ids: Iterable[int]) -> None:
        super().__init__()
        kept = sorted({*ids, *([] if whole.padding_idx is None else [whole.padding_idx])})
        outside = [number for number in kept if not 0 <= number < whole.num_embeddings]
        if outside:
            raise SettingError(
                f"the data have the token {outside[0]:,}, the model's table has {whole.num_embeddings:,} rows; the "
                "tokenizer is another model's"
            )
        self.__dict__["whole"] = whole  # around torch's own bookkeeping, which would make it a part of the model
        self.register_buffer("rows", torch.tensor(kept, dtype=torch.long))
        self.register_buffer("decay", torch.ones((), dtype=torch.float64))
        place = torch.full((whole.num_embeddings,), -1, dtype=torch.long)
        place[self.rows] = torch.arange(len(kept))
        self.register_buffer("place", place, persistent=False)
        self.padding = None if whole.padding_idx is None else int(place[whole.padding_idx])
        self.weight = torch.nn.Parameter(
            whole.weight.detach()[self.rows].clone(), requires_grad=whole.weight.requires_grad
        )

    @property
    def num_embeddings(self) -> int:
        """Rows of the whole table."""
        return int(self.__dict__["whole"].num_embeddings)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        places = self.place[ids]
        if bool((places < 0).any()):
            raise SettingError(
                f"token {int(ids[places < 0][0]):,} is not among the {len(self.rows):,} rows of the table that this "
                "stage trains with; they are those of its training and development data"
            )
        return embedding(places, self.weight, self.padding)

    def refuse_other_rows(self, rows: torch.Tensor, name: str) -> None:
        """Raise `SettingError` for the `rows` of another table; `name` is the checkpoint they lie in."""
        if not torch.equal(rows, self.rows.cpu()):
            raise SettingError(
                f"{name} was made with other rows: its table has {len(rows):,} of the {self.num_embeddings:,}, the "
                f"data of this stage touch {len(self.rows):,}; delete the checkpoint, or give the data it was made with"
            )

    def note_step(self, optimizer: Any) -> None:
        """Take a step's decay of the rows that are not here into account; called once after each."""
        for group in optimizer.param_groups:
            if any(weight is self.weight for weight in group["params"]):
                self.decay *= 1.0 - group["lr"] * group["weight_decay"]

    def put_back(self) -> torch.nn.Embedding:
        """The whole table with the trained rows in it; needs no memory beside it."""
        whole: torch.nn.Embedding = self.__dict__["whole"]
        with torch.no_grad():
            if float(self.decay) != 1.0:
                whole.weight.mul_(float(self.decay))
            whole.weight[self.rows.cpu()] = self.weight.detach().to("cpu", whole.weight.dtype)
        return whole


def compact(encoder: Any, ids: Iterable[int]) -> CompactTable | None:
    """Put a `CompactTable` into `encoder`, or None where its table is no plain one, which then stays whole."""
    whole = encoder.get_input_embeddings()
    if type(whole) is not torch.nn.Embedding:
        return None
    table = CompactTable(whole, ids)
    if len(table.rows) == whole.num_embeddings:
        return None
    encoder.set_input_embeddings(table)
    return table


def put_back(encoder: Any) -> None:
    """Give `encoder` its whole table again; does nothing where it has it."""
    table = encoder.get_input_embeddings()
    if isinstance(table, CompactTable):
        encoder.set_input_embeddings(table.put_back())
