"""A short campaign of faults; `python -m tests.campaign` is the whole one, and docs/reliability.md what came of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.campaign import campaign, page
from tests.campaign.state import State
from tests.campaign.units import Outcome, Unit


def test_a_short_campaign(tiny_bundle: Path, tmp_path: Path) -> None:
    """Kills, broken files, archives, hostile names, full disks: nothing is lost, nothing raises what is not ours."""
    with campaign.prepared(campaign.SHORT, seed=2, bundle=tiny_bundle) as units:
        found = campaign.run(units, State(tmp_path / "state.json", 2))
    assert not found.open_ and not found.faults, "\n".join(found.faults)
    assert {unit.part for unit, _ in found.done} == set(page.TITLES)
    together = sum(outcome.tried for _, outcome in found.done)
    assert sum(outcome.refused + outcome.same for _, outcome in found.done) == together > 400


def _unit(name: str, outcome: Outcome | None) -> Unit:
    def run(folder: Path) -> Outcome:
        if outcome is None:
            raise KeyboardInterrupt
        return outcome

    return Unit("fuzz", "files", name, run)


def test_a_killed_campaign_goes_on(tmp_path: Path) -> None:
    done, never = Outcome(3, 2, 1), Outcome(4, 4)
    state = tmp_path / "state.json"
    with pytest.raises(KeyboardInterrupt):
        campaign.run([_unit("a", done), _unit("b", None)], State(state, 1))
    units = [_unit("a", never), _unit("b", Outcome(5, 1, 3, faults=["b 4: it crashed"]))]
    found = campaign.run(units, State(state, 1))
    assert [outcome.tried for _, outcome in found.done] == [3, 5] and found.faults == ["b 4: it crashed"]
    lines = page.table(found)
    assert "| files | 8 | 3 | 4 | 1 |" in lines and lines[-1] == "* b 4: it crashed"
    assert campaign.run(units, State(state, 2)).done[0][1].tried == 4, "another seed is another campaign"


def test_two_processes_share_a_campaign(tmp_path: Path) -> None:
    """What another process is at is left to it; what it has done since is counted."""
    path = tmp_path / "state.json"
    mine, other = State(path, 1), State(path, 1)
    units = [_unit("a", Outcome(1, 1)), _unit("b", Outcome(2, 2)), _unit("c", Outcome(4, 4))]
    with other.claimed("a") as is_others:
        assert is_others
        other.add("c", Outcome(8, 8), 60.0, "2")
        found = campaign.run(units, mine, process="1")
    assert [outcome.tried for _, outcome in found.done] == [2, 8]
    assert [unit.name for unit in found.open_] == ["a"]
    assert page.table(found)[0] == "Seed 1, 1 minutes of 2 processes at once."
    assert [outcome.tried for _, outcome in campaign.run(units, mine, process="1").done] == [1, 2, 8]


def test_what_there_was_no_time_for_is_named(tmp_path: Path) -> None:
    found = campaign.run([_unit("late", Outcome(1))], State(tmp_path / "state.json", 1), seconds=-1)
    assert not found.done and "Not reached: late." in page.table(found)


def test_the_page_has_a_campaign_of_full_size() -> None:
    """At least 150 kills, 20,000 broken files and 1,000 turned bits, without a fault."""
    text = page.PAGE.read_text(encoding="utf-8")
    numbers = [line.split("|")[2] for line in text.splitlines() if line.startswith("| **together** |")]
    kills, flips, inputs, *_ = (int(number.replace(",", "")) for number in numbers)
    assert kills >= 150 and flips >= 1_000 and inputs >= 20_000
    assert "None was found in this run." in text
