"""Percentile bootstrap intervals of corpus metrics from per-unit statistics."""

from collections.abc import Callable, Hashable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xstilts_eval.errors import SettingError
from xstilts_eval.metrics.base import Scores
from xstilts_eval.wording import counted

Interval = tuple[float, float]

DRAWS = 1000
SEED = 12345
LEVEL = 0.95
FEWEST_UNITS = 20
"""Below it percentile intervals are too narrow: measured coverage of F1 differences, nominal 95 %, with 3, 5, 10 and 20
units .74, .83, .89 and .92. The one rule for every interval over test documents, of scores and of differences."""
_CELLS = 1 << 24  # counts held at once: 128 MiB
_PART = 100  # draws whose weights are held at once


def are_enough(units: int) -> bool:
    """Whether so many independent units of test data allow an interval."""
    return units >= FEWEST_UNITS


def too_few(units: int) -> str:
    """Why there is no interval, in the words of every table and page."""
    return f"{counted(units, 'independent unit')} of test data ({FEWEST_UNITS} are needed): no interval"


def sum_by_unit(statistics: NDArray[np.float64], units: Sequence[Hashable]) -> NDArray[np.float64]:
    """Statistics summed over the segments of each unit (paragraph, article), shape [units, counts].

    `statistics` has the shape [segments, counts], `units` names the unit of each segment; units keep the
    order of their first segment. Raises `SettingError` when the lengths differ.
    """
    if len(units) != len(statistics):
        raise SettingError(f"{len(units)} unit ids for {len(statistics)} segments: one per segment is needed")
    numbers: dict[Hashable, int] = {}
    codes = np.array([numbers.setdefault(unit, len(numbers)) for unit in units], dtype=np.intp)
    totals = np.zeros((len(numbers), statistics.shape[1]))
    np.add.at(totals, codes, statistics)
    return totals


def resampled_totals(statistics: NDArray[np.float64], draws: int = DRAWS, seed: Any = SEED) -> NDArray[np.float64]:
    """Sums of `draws` resamples with replacement of the units, shape [draws, counts].

    Units with equal statistics are interchangeable, so how often each *distinct* row is drawn is multinomial
    with its frequency: the exact distribution of the resampled sum, and for accuracy a draw costs two
    numbers, not n.
    """
    distinct, frequency = np.unique(statistics, axis=0, return_counts=True)
    return totals_of_distinct(np.random.default_rng(seed), distinct, frequency, draws)


def totals_of_distinct(
    random: np.random.Generator,
    distinct: NDArray[np.float64],
    frequency: NDArray[np.intp],
    draws: int,
    cells: int = _CELLS,
) -> NDArray[np.float64]:
    """`resampled_totals` of units given by their `distinct` rows [rows, counts] and how often each occurs [rows].

    `cells` counts are held at once.
    """
    n = int(frequency.sum())
    sizes = parts(draws, len(distinct), cells)
    return np.concatenate([random.multinomial(n, frequency / n, size=size) @ distinct for size in sizes])


def parts(draws: int, width: int, cells: int) -> list[int]:
    """Draws to make at once, so that at most `cells` numbers of `width` a draw are held; `SettingError` for no draw."""
    if draws < 1:
        raise SettingError(f"resampling needs at least one draw, got {draws}")
    step = max(1, cells // max(width, 1))
    return [min(step, draws - begin) for begin in range(0, draws, step)]


def drawn_weights(units: int, draws: int, seed: Any) -> Iterator[tuple[slice, NDArray[np.float64]]]:
    """How often each unit occurs in each resample: parts of the draws, and their weights [draws of the part, units].

    What is to see the same draw (languages with the same items, both arms of a comparison) shares the seed.
    """
    random = np.random.default_rng(seed)
    for start in range(0, draws, _PART):
        size = min(_PART, draws - start)
        weights = random.multinomial(units, np.full(units, 1 / units), size=size)
        yield slice(start, start + size), weights.astype(np.float64)


class SharedWeights:
    """`drawn_weights` for several comparisons of the same units: those that fit into `MOST` bytes are drawn once."""

    MOST = 1 << 28

    def __init__(self) -> None:
        self._kept: dict[tuple[int, int, str], list[NDArray[np.unsignedinteger[Any]]]] = {}
        self._size = 0

    def drawn(self, units: int, draws: int, seed: Any) -> Iterator[tuple[slice, NDArray[np.float64]]]:
        """As `drawn_weights`, of the same arguments the same numbers."""
        key = (units, draws, repr(seed))
        if key in self._kept:
            start = 0
            for kept in self._kept[key]:
                yield slice(start, start + len(kept)), kept.astype(np.float64)
                start += len(kept)
            return
        packed: list[NDArray[np.unsignedinteger[Any]]] = []
        for part, weights in drawn_weights(units, draws, seed):
            if self._size + draws * units <= self.MOST:
                packed.append(weights.astype(np.uint8 if weights.max(initial=0) < 256 else np.uint32))
            yield part, weights
        if sum(map(len, packed)) == draws:
            self._kept[key] = packed
            self._size += sum(kept.nbytes for kept in packed)


def weighted_sums(weights: NDArray[np.float64], table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums [runs, draws, counts] of a table [runs, units, counts] under weights [draws, units]."""
    runs, units, counts = table.shape
    side_by_side = np.ascontiguousarray(table.transpose(1, 0, 2)).reshape(units, runs * counts)
    sums: NDArray[np.float64] = weights @ side_by_side
    found: NDArray[np.float64] = sums.reshape(len(weights), runs, counts).transpose(1, 0, 2)
    return found


def intervals(
    statistics: NDArray[np.float64],
    score: Callable[[Sequence[float]], Scores],
    units: Sequence[Hashable] | None = None,
    draws: int = DRAWS,
    seed: int = SEED,
    level: float = LEVEL,
) -> dict[str, Interval] | None:
    """Percentile bootstrap interval (low, high) of every score; None for too few units (`are_enough`).

    `statistics` has the shape [segments, counts], `score` turns their sum into scores (`Metric.score`),
    `units` names the unit of independence of each segment where segments are not independent (XQuAD and
    TyDiQA: paragraph, MLQA: article). Method: n units are drawn with replacement `draws` times, the corpus
    metric is recomputed from the summed sufficient statistics of each draw, never as an average of
    per-segment scores, and the (1 ± level) / 2 percentiles are taken (Koehn 2004, W04-3250). Same seed, same
    interval.
    """
    if draws < 1 or not 0 < level < 1:
        raise SettingError(f"bootstrap needs draws >= 1 and 0 < level < 1, got draws={draws}, level={level}")
    rows = statistics if units is None else sum_by_unit(statistics, units)
    if not are_enough(len(rows)):
        return None
    scores = [score(total) for total in resampled_totals(rows, draws, seed).tolist()]
    tails = (50 * (1 - level), 50 * (1 + level))
    result = {}
    for name in scores[0]:
        low, high = np.percentile([drawn[name] for drawn in scores], tails)
        result[name] = (float(low), float(high))
    return result
