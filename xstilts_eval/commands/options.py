"""What the options of several commands share: their help, and how their values are read."""

from __future__ import annotations

from pathlib import Path

TASKS = "datasets (xnli), groups, single tasks or globs, separated by commas"
"""What ``-t`` takes, in every command that has it."""
ONLY_TASKS = f"Only these: {TASKS}."
DATA_HELP = "Data folder in the official formats, 'hub' or 'sample'; default: XSTILTS_DATA, else the bundled sample."
STUDY_HELP = "Folder of the study."
STUDY_FOLDER, STUDY_RESULTS = Path("study"), Path("results/study")


def listed(text: str) -> list[str]:
    """The parts of a list that is separated by commas, without blanks and empty ones."""
    return [part.strip() for part in text.split(",") if part.strip()]
