"""Results of mining and retrieval under this process's BLAS kernel, as digests: python -m tests.metrics.kernel_results.

Every case is done several ways: with bfloat16, float32, float64 or exact products first, in several tiles, by one
thread of torch and by two. Printed are the kernel, what each case gave in each way, and a digest of a plain product,
which does depend on the kernel.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from tests.shared_data import DATA
from xstilts_eval.metrics import mining, neighbours, xsim

ORACLE = DATA / "bucc_oracle" / "dev" / "embeddings.npz"


def cases() -> Iterator[tuple[str, Any, Any]]:
    """Sides whose products are close, equal, or of one vector; and sentences of the mining oracle where it is."""
    random = np.random.default_rng(8)
    for name, spread in (("apart", 1.0), ("close", 0.01), ("collapsed", 1e-6)):
        centres = random.standard_normal((3, 97))
        x, y = (centres[random.integers(3, size=n)] + spread * random.standard_normal((n, 97)) for n in (70, 60))
        yield name, x, np.concatenate([y, y[:20]])
    entries = random.standard_normal(60)
    orders = np.array([random.permutation(entries) for _ in range(40)])
    yield "orders of one vector", np.repeat(random.standard_normal((30, 1)), 60, axis=1), orders
    if ORACLE.exists():
        vectors = np.load(ORACLE)
        yield "oracle", vectors["source"][:100], vectors["target"][:100]


def found(x: Any, y: Any, block: int) -> Iterator[bytes]:
    """The bytes of everything that is decided by comparing products."""
    left, right = mining.normalised(x), mining.normalised(y)
    yield from (side.tobytes() for side in (left, right))
    yield from (part.tobytes() for part in mining.mine(x, y, 4, block))
    near = neighbours.nearest(left, right, 20, (block, 2 * block))
    yield from (part.tobytes() for part in (near.similarity, near.index))
    yield from (side.tobytes() for side in xsim.matches(left, right))
    own = np.arange(len(left)) % len(right)
    yield neighbours.ranks(left, right, own).tobytes()


def ways() -> Iterator[tuple[str, Callable[[], None]]]:
    """Name and switch of every way to begin a search."""
    by_tiles = neighbours._by_tiles

    def begin(way: str) -> Callable[[], None]:
        def switch() -> None:
            neighbours._multiplies_bfloat16 = lambda: way == "bfloat16"
            neighbours._by_tiles = lambda *given: by_tiles(*given) if way in ("bfloat16", given[-1].__name__) else None

        return switch

    for way in ("bfloat16", "float32", "float64", "exact"):
        yield way, begin(way)


def digest(parts: Iterable[bytes]) -> str:
    whole = hashlib.sha256()
    for part in parts:
        whole.update(part)
    return whole.hexdigest()[:16]


def slow(x: Any, y: Any) -> str:
    """Digest of the four nearest by sorting all products, each summed without rounding."""
    dots = [[math.fsum(a * b for a, b in zip(u, v, strict=True)) for v in y.tolist()] for u in x.tolist()]
    order = [[j for _, j in sorted((-value, j) for j, value in enumerate(row))[:4]] for row in dots]
    return digest([np.array(order, np.intp).tobytes()])


def main() -> None:
    import torch
    from threadpoolctl import threadpool_info

    results: dict[str, dict[str, str]] = {}
    for name, x, y in cases():
        results[name] = {}
        for way, switch in ways():
            switch()
            for threads, block in ((1, 32), (2, 2048)):
                torch.set_num_threads(threads)
                results[name][f"{way}, {threads} threads, tiles of {block}"] = digest(found(x, y, block))
    x, y = (mining.normalised(side) for _, *sides in [next(cases())] for side in sides)
    kernels = [one["architecture"] for one in threadpool_info() if one["internal_api"] == "openblas"]
    index = neighbours.nearest(x, y, 4).index
    print(
        json.dumps(
            {
                "kernels": kernels,
                "plain": digest([(x @ y.T).tobytes()]),
                "results": results,
                "nearest": [digest([index.tobytes()]), slow(x, y)],
            }
        )
    )


if __name__ == "__main__":
    main()
