"""`xstilts leaderboard`: a folder of pages whose links meet, ordered, and safe against names."""

from __future__ import annotations

import csv
import json
from pathlib import Path

from tests.commanded import xstilts
from tests.report.made_runs import pattern, write_run
from tests.report.test_page import EVIL, Reader

CODES = ("de", "en", "es", "fr", "ja", "ko", "zh")


def test_a_folder_of_pages(tmp_path: Path) -> None:
    """Two measured models, one with a name that is no file's and no markup's, and published ones."""
    for name, right in (("low", 5), ("high", 15)):
        write_run(tmp_path / name, {f"xtreme.pawsx.{code}": pattern(right) for code in CODES})
    done = xstilts("leaderboard", "low", f"{EVIL}=high", "XLM-R=zoo:XLM-R Large", "xlm r=low/results.json",
                   "-o", "board", cwd=tmp_path)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == "leaderboard: board/index.html (4 models)\n"
    board = tmp_path / "board"
    index = Reader((board / "index.html").read_text(encoding="utf-8"))
    links = [str(found["href"]) for tag, found in index.elements if tag == "a" and "models/" in str(found.get("href"))]
    assert len(links) == 4 == len(set(links)) == len(list((board / "models").iterdir()))
    for link in links:
        page = Reader((board / link).read_text(encoding="utf-8"))
        assert ("a", {"href": "../index.html"}) in page.elements and len(page.tables["scoreboard"]) == 2
    assert EVIL in [row[0].strip() for row in index.tables["scoreboard"]], "a name is text"
    with (board / "scores.csv").open(encoding="utf-8", newline="") as file:
        assert {row["model"] for row in csv.DictReader(file)} >= {"low", "XLM-R"}
    assert len(json.loads((board / "scores.json").read_text(encoding="utf-8"))["models"]) == 4
    assert xstilts("leaderboard", "low", "-o", "board", cwd=tmp_path).returncode == 0, "it is written anew"
    other = xstilts("leaderboard", "low", "-o", "low", cwd=tmp_path)
    assert other.returncode == 2 and "low is not empty and holds no leaderboard" in other.stderr
