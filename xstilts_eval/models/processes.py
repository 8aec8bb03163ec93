"""Several processes, one evaluation: rank, world size and the three collectives the host needs."""

from __future__ import annotations

from typing import Any, TypeVar

import torch
import torch.distributed as dist

from xstilts_eval import processes

T = TypeVar("T")


class Processes:
    """The process group of a torchrun or `accelerate launch` start; a group of one otherwise."""

    def __init__(self) -> None:
        self.world_size = processes.world_size()
        self.rank = processes.rank()
        self.local_rank = processes.local_rank()
        processes.join()

    @property
    def is_first(self) -> bool:
        return self.rank == 0

    def all_gather(self, tensor: torch.Tensor) -> torch.Tensor:
        """Concatenate a tensor (shape [] or [n, …], equal on every rank) over ranks along the first axis."""
        if self.world_size == 1:
            return tensor
        local = tensor.reshape(1) if tensor.ndim == 0 else tensor
        parts = [torch.empty_like(local) for _ in range(self.world_size)]
        dist.all_gather(parts, local.contiguous())
        return torch.cat(parts)

    def gather_object(self, value: T, dst: int = 0) -> list[T] | None:
        """One value of every rank, in rank order, on rank `dst`; None elsewhere."""
        if self.world_size == 1:
            return [value]
        received: list[Any] | None = [None] * self.world_size if self.rank == dst else None
        dist.gather_object(value, received, dst=dst)
        return received

    def all_gather_object(self, value: T) -> list[T]:
        """One value of every rank, in rank order, on every rank."""
        if self.world_size == 1:
            return [value]
        received: list[Any] = [None] * self.world_size
        dist.all_gather_object(received, value)
        return received

    def barrier(self) -> None:
        if self.world_size > 1:
            dist.barrier()
