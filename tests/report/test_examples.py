"""Documents that one run answers otherwise than another: found in the samples, shown as text."""

from __future__ import annotations

import json
from pathlib import Path

from tests.commanded import xstilts
from tests.host_results import host_results
from tests.report.test_page import EVIL, Reader, cells
from xstilts_eval.report import content, page

LABELS = ("0", "1")


def pairs(folder: Path, answers: str, premise: str = "one") -> Path:
    """A run on PAWS-X in German whose documents say 1; an answer a digit, likelihoods as lm_eval logs them."""
    right = [answer == "1" for answer in answers]
    share = sum(right) / len(right)
    results = host_results({"xtreme.pawsx.de": {"acc": share, "acc_ci95": [share, share]}})
    results["n-samples"]["xtreme.pawsx.de"] = {"original": len(right), "effective": len(right)}
    lines = [
        {
            "doc_id": number,
            "doc": {"id": f"d{number}", "premise": premise, "hypothesis": f"two {number}", "label": 1},
            "filtered_resps": [[-1.0 - (answer == "1"), False], [-1.0 - (answer == "0"), False]],
            "acc": float(answer), "acc_ci95": [number, float(answer)],
        }
        for number, answer in enumerate(answers)
    ]  # fmt: skip
    (folder / "samples").mkdir(parents=True)
    (folder / "results.json").write_text(json.dumps(results))
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / "samples" / "samples_xtreme.pawsx.de.jsonl").write_text(text)
    return folder


def test_gained_and_lost_documents(tmp_path: Path) -> None:
    before, after = pairs(tmp_path / "before", "11000", EVIL), pairs(tmp_path / "after", "01110", EVIL)
    found = content.gather([str(before), str(after)], most_examples=1)
    table = cells(Reader(page.html(found, "Title")).tables["examples"])
    assert [row[1:6] + row[7:] for row in table[1:]] == [
        ["PAWS-X", "German", "de", "gained", "d2", "1", "0", "1"],
        ["PAWS-X", "German", "de", "lost", "d0", "1", "1", "0"],
    ]
    assert all(" ".join(EVIL.split()) in row[6] for row in table[1:]), "markup in a text is text"
    assert len(content.gather([str(before), str(after)], most_examples=5).examples) == 3
    assert not content.gather([str(before), str(after)]).examples


def test_samples_that_are_missing_are_named(tmp_path: Path) -> None:
    before, after = pairs(tmp_path / "before", "11000"), pairs(tmp_path / "after", "01110")
    for path in (after / "samples").iterdir():
        path.unlink()
    done = xstilts("report", before, after, "-o", tmp_path / "page.html", "--examples", "2")
    assert done.returncode == 0, done.stderr
    assert "warning: xtreme.pawsx.de: no examples, after has no samples." in done.stderr
