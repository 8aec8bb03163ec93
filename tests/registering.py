"""A dataset that is registered for one test."""

from collections.abc import Iterator
from contextlib import contextmanager

from xstilts_eval import suites
from xstilts_eval.datasets._dataset import Dataset


@contextmanager
def registered(dataset: Dataset) -> Iterator[Dataset]:
    """Add a dataset and, where it is new, its suite; both go again."""
    tables = (suites.DATASETS, suites.SUITES, suites._BY_STEM)
    before = [dict(table) for table in tables]
    try:
        yield suites.register(dataset)
    finally:
        for table, content in zip(tables, before, strict=True):
            table.clear()  # type: ignore[attr-defined]
            table.update(content)  # type: ignore[attr-defined]
