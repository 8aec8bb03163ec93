"""Datasets that are registered for one test."""

from collections.abc import Iterator
from contextlib import contextmanager

from xstilts_eval import own_datasets, suites
from xstilts_eval.datasets._dataset import Dataset


@contextmanager
def forgetting() -> Iterator[None]:
    """Datasets and suites that are added meanwhile go again, and so do the files that they came from."""
    tables = (suites.DATASETS, suites.SUITES, suites._BY_STEM, own_datasets._FILES)
    before = [dict(table) for table in tables]
    try:
        yield
    finally:
        for table, content in zip(tables, before, strict=True):
            table.clear()  # type: ignore[attr-defined]
            table.update(content)  # type: ignore[attr-defined]


@contextmanager
def registered(dataset: Dataset) -> Iterator[Dataset]:
    """Add a dataset and, where it is new, its suite; both go again."""
    with forgetting():
        yield suites.register(dataset)
