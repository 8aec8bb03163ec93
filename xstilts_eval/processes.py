"""Which of several processes this one is: what torchrun and `accelerate launch` say in the environment."""

from __future__ import annotations

import atexit
import os
from typing import TypeVar

from xstilts_eval.errors import SettingError

T = TypeVar("T")


def world_size() -> int:
    """Number of processes of this run, at least 1; raises `SettingError` for a ``WORLD_SIZE`` that is no number."""
    return max(1, _number("WORLD_SIZE", 1))


def rank() -> int:
    """Number of this process in the run, from 0; raises `SettingError` for a ``RANK`` that is no number."""
    return _number("RANK", 0)


def local_rank() -> int:
    """Number of this process on its machine, from 0; raises `SettingError` for a ``LOCAL_RANK`` that is no number."""
    return _number("LOCAL_RANK", 0)


def is_first() -> bool:
    """Whether this process is the one that writes."""
    return rank() == 0


def join() -> None:
    """Make the process group of a torchrun or `accelerate launch` start, where that has not happened yet."""
    import torch
    import torch.distributed as dist

    if world_size() > 1 and not dist.is_initialized():
        if torch.cuda.is_available():  # collectives of objects use the current device
            torch.cuda.set_device(local_rank() % torch.cuda.device_count())
        dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")
        if dist.get_backend() == "gloo":  # its threads may end a process with SIGABRT that leaves them running
            atexit.register(_leave)


def _leave() -> None:
    import torch.distributed as dist

    if dist.is_initialized():
        dist.destroy_process_group()


def wait_for_everyone() -> None:
    """Let the processes of a run meet."""
    if world_size() > 1:
        import torch.distributed as dist

        join()
        dist.barrier()


def from_first(value: T) -> T:
    """The first process's value, on every process of the run."""
    if world_size() == 1:
        return value
    import torch.distributed as dist

    join()
    found: list[T] = [value]
    dist.broadcast_object_list(found)
    return found[0]


def _number(name: str, default: int) -> int:
    text = os.environ.get(name, "")
    if text and not text.isdecimal():
        raise SettingError(f"{name}={text!r} in the environment; launchers set a whole number from 0, or unset it")
    return int(text) if text else default
