"""Joint verdicts: oracles by hand and by scipy, false alarms and power by simulation of what is assumed and worse."""

import math
from collections.abc import Sequence
from itertools import product

import numpy as np
import pytest
from scipy import stats

from tests.shared_data import DATA, needs_data
from xstilts_eval.benchmark import family
from xstilts_eval.zoo import joint
from xstilts_eval.zoo.joint import Number

SMALL = (104, 112, 117, 127, 134, 137, 142, 173, 203, 205, 231, 234, 253, 257, 262, 307)
"""Sentences of the 16 smallest Tatoeba pairs at hand, 2,998 together."""
LASER = family("bitext_tatoeba").languages
XNLI = family("xnli").languages
TYDIQA = family("tydiqa").languages


def number(language: str, published: float, measured: float, n: int = 1000, **said: object) -> Number:
    """A pair of MTEB's Tatoeba, unless said otherwise; sampling error of both sides from n."""
    error = math.hypot(*(100 * math.sqrt(p / 100 * (1 - p / 100) / n) for p in (published, measured)))
    fields = {"family": "bitext_tatoeba", "metric": "acc", "same_weights": True} | said
    return Number(language=language, published=published, error=error, n=n, measured=measured, **fields)  # type: ignore[arg-type]


def judged(numbers: Sequence[Number]) -> joint.Joint:
    (found,) = joint.verdicts(numbers, joint.levels(numbers))
    return found


# --- the sign test


@pytest.mark.parametrize(
    ("higher", "lower", "p"),
    [(0, 0, 1.0), (8, 8, 1.0), (1, 18, 40 / 2**19), (0, 16, 2 / 2**16), (3, 12, 1152 / 2**15)],
)
def test_the_sign_test_is_the_exact_binomial(higher: int, lower: int, p: float) -> None:
    """By hand: 1 of 19 or fewer on either side are 2 (1 + 19) of 2^19 ways; 3 of 15, 2 (1 + 15 + 105 + 455)."""
    assert joint.sign_p(higher, lower) == pytest.approx(p)
    if higher + lower:
        assert joint.sign_p(higher, lower) == pytest.approx(stats.binomtest(higher, higher + lower).pvalue)


def test_signs_that_may_go_together_are_worth_less() -> None:
    """Against simulated normal differences of correlation 0.1: 15 or more of 16 on one side."""
    draw = np.random.default_rng(5)
    common, own = draw.standard_normal((400_000, 1)), draw.standard_normal((400_000, 16))
    higher = (np.sqrt(0.1) * common + np.sqrt(0.9) * own > 0).sum(axis=1)
    share = float((np.abs(2 * higher - 16) >= 14).mean())
    assert joint.sign_p(1, 15, 0.1) == pytest.approx(share, abs=4 * math.sqrt(share / 400_000))
    assert joint.sign_p(1, 15, 0.1) > 10 * joint.sign_p(1, 15)


@pytest.mark.parametrize(
    ("measured", "sign"), [(79.96, 0), (80.04, 0), (80.06, 1), (79.95 - 1e-6, -1), (79.95 + 1e-6, 0), (80.0, 0)]
)
def test_what_rounds_to_the_printed_digits_is_a_tie(measured: float, sign: int) -> None:
    numbers = [number(code, 80.0, measured, half_digit=0.05) for code in LASER[:5]]
    found = judged(numbers)
    assert (found.lower, found.equal, found.higher) == tuple(5 * (sign == which) for which in (-1, 0, 1))


def test_swapping_the_sides_swaps_the_signs_and_nothing_else() -> None:
    """All pairs of counts of 7 items printed to whole points: as many higher as lower, so no side is favoured."""
    signs = []
    for published, ours in product(range(8), repeat=2):
        one = Number("f", "acc", "l", round(100 * published / 7), 1.0, 7, False, 0.5, 100 * ours / 7)
        signs.append(joint._sign(one))
        other = Number("f", "acc", "l", round(100 * ours / 7), 1.0, 7, False, 0.5, 100 * published / 7)
        assert joint._sign(other) == -joint._sign(one)
    assert sum(signs) == 0 and signs.count(0) == 8


# --- the mean shift


def test_the_error_of_a_mean_by_hand() -> None:
    """Four languages of one error e: e / 2 if they are independent, e if they move as one, between them by the formula.

    Retrieval by the same weights: at most 1 % of the answers change, so e² = 100² · 0.01 / 400, whatever the accuracy.
    """
    pairs = [number(code, 50.0, 50.0, 400) for code in LASER[:4]]
    step = 100 * math.sqrt(0.01 / 400)
    assert pairs[0].variance == pytest.approx(step**2)
    assert joint.error_of_mean(pairs) == pytest.approx(step * math.sqrt((0.98 * 4 + 0.02 * 16) / 16))
    sampled = number("de", 50.0, 50.0, 400, family="xtreme_xnli", same_weights=False)
    assert joint.error_of_mean([sampled] * 4) == pytest.approx(sampled.error) == pytest.approx(math.sqrt(2) * 2.5)


def test_rounded_weights_have_the_error_that_was_measured() -> None:
    """A quantised copy: pairs are as independent as the original's, but more than arithmetic lies between."""
    pairs = [number(code, 50.0, 50.0, 400, is_rounded=True) for code in LASER[:4]]
    assert pairs[0].variance == pytest.approx(pairs[0].error ** 2) == pytest.approx(12.5)
    assert joint.error_of_mean(pairs) == pytest.approx(math.sqrt(12.5 * (0.98 * 4 + 0.02 * 16) / 16))


def test_what_may_move_as_one() -> None:
    """Items of XNLI are translations; TyDiQA's are not, but a head is trained; retrained vectors are like a head."""
    cases = {
        ("xtreme_xnli", True): 1.0, ("xtreme_tydiqa", True): 1.0, ("bitext_tatoeba", True): joint.SHARED,
        ("xtreme_tatoeba", True): joint.SHARED, ("bitext_tatoeba", False): 1.0, ("flores200-retrieval", True): 1.0,
    }  # fmt: skip
    for (group, same), expected in cases.items():
        one = Number(group, "acc", "de", 50.0, 1.0, 1000, same)
        assert one.alike == expected, group


def test_no_signs_where_all_languages_may_move_as_one() -> None:
    found = judged([number(code, 80.0, 79.0, 5010, family="xtreme_xnli", same_weights=False) for code in XNLI])
    assert (found.lower, found.sign_p, found.spread_p, found.fails) == (15, None, None, False)


# --- which numbers, and the level


def test_averages_and_other_metrics_do_not_count_again() -> None:
    numbers = [number(code, 50.0, 50.0) for code in LASER[:6]]
    numbers += [number(code, 50.0, 50.0, metric="f1") for code in LASER[:6]]
    numbers += [number("avg", 50.0, 50.0), number(LASER[0], 50.0, 50.0)]
    assert [(one.metric, one.language) for one in joint.by_family(numbers)["bitext_tatoeba"]] == [
        ("acc", code) for code in LASER[:6]
    ]
    assert joint.by_family(numbers[:4]) == {}


def test_the_level_is_shared() -> None:
    """5 %: half over 40 single numbers, half over two families, one of which has three tests and the other one."""
    numbers = [number(code, 50.0, 50.0) for code in LASER[:25]]
    numbers += [number(code, 80.0, 80.0, family="xtreme_xnli", same_weights=False) for code in XNLI]
    level = joint.levels(numbers)
    assert level.each == pytest.approx(0.025 / 40)
    assert level.joint == pytest.approx({"bitext_tatoeba": 0.0125 / 3, "xtreme_xnli": 0.0125})
    assert 40 * level.each + 3 * level.joint["bitext_tatoeba"] + level.joint["xtreme_xnli"] == pytest.approx(0.05)
    assert joint.levels(numbers[:4]).each == 0.05 / 4


def test_numbers_that_pass_one_by_one_and_not_together() -> None:
    """19 small pairs, 18 of them lower, 6.7 points on average: each inside its allowance, together far outside."""
    sizes = (*SMALL, 284, 354, 390)
    differences = np.full(19, -6.7 * 19 / 17.5)
    differences[0] *= -0.5
    numbers = [
        number(code, 50.0, 50.0 + float(d), n, same_weights=False)
        for code, d, n in zip(LASER[:19], differences, sizes, strict=True)
    ]
    z = joint.levels(numbers).quantile
    assert all(abs(one.difference) < z * one.error for one in numbers[:-3])
    same = [Number(**{**vars(one), "same_weights": True}) for one in numbers]
    found = judged(same)
    assert (found.lower, found.higher) == (18, 1) and found.shift == pytest.approx(-6.7)
    assert found.fails and found.sign_p is not None and found.sign_p < found.level and found.high < 0


# --- simulation


def changed(draw: np.random.Generator, sizes: Sequence[int], share: float, pool: int = 0) -> list[float]:
    """Differences (points) when `share` of the answers changes, up or down alike.

    With a `pool` the sentences of all pairs are drawn from so many, and one that changes does so in every pair.
    """
    if not pool:
        steps = [draw.choice([-1, 0, 1], n, p=[share / 2, 1 - share, share / 2]) for n in sizes]
        return [100 * float(one.mean()) for one in steps]
    every = draw.choice([-1, 0, 1], pool, p=[share / 2, 1 - share, share / 2])
    return [100 * float(every[draw.choice(pool, n, replace=False)].mean()) for n in sizes]


def alarms(draws: int, sizes: Sequence[int], share: float, shift: float = 0.0, pool: int = 0, seed: int = 3) -> float:
    """Part of simulated runs in which a joint verdict is red."""
    draw = np.random.default_rng(seed)
    red = 0
    for _ in range(draws):
        found = changed(draw, sizes, share, pool)
        numbers = [number(code, 50.0, 50.0 + shift + d, n) for code, d, n in zip(LASER, found, sizes, strict=False)]
        red += judged(numbers).fails
    return red / draws


def test_false_alarms_and_power_of_16_small_pairs() -> None:
    """Three tests share 2.5 %, at the largest change that is allowed for; the printed shift is found with 80 %."""
    assert alarms(400, SMALL, joint.CHANGED) <= 0.025 + 3 * math.sqrt(0.025 / 400)
    shift = judged([number(code, 50.0, 50.0, n) for code, n in zip(LASER, SMALL, strict=False)]).detectable
    assert 0.6 < shift < 0.9
    assert alarms(200, SMALL, joint.CHANGED, shift) >= 0.8 - 3 * math.sqrt(0.16 / 200)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sizes", "draws"),
    [(SMALL, 1_500), ((1000,) * 36, 600), ((*SMALL, *(1000,) * 86), 400)],
    ids=["16", "36", "102"],
)
def test_false_alarms_stay_below_their_level(sizes: Sequence[int], draws: int) -> None:
    """2.5 % at most: independent pairs, and sentences shared and changed alike as much as `SHARED` allows.

    Two pairs of n and m sentences out of a pool of N share nm/N of them, a correlation of √(nm)/N.
    """
    limit = 0.025 + 3 * math.sqrt(0.025 * 0.975 / draws)
    for share in (joint.CHANGED, joint.CHANGED / 10):
        assert alarms(draws, sizes, share) <= limit
        assert alarms(draws, sizes, share, pool=round(max(sizes) / joint.SHARED)) <= limit


@pytest.mark.slow
@needs_data
@pytest.mark.parametrize(("smallest", "draws"), [(16, 2_000), (102, 800)])
def test_false_alarms_with_the_sentences_that_pairs_really_share(smallest: int, draws: int) -> None:
    """An English sentence of LASER's files changes in every pair that holds it, or in none."""
    names = sorted((DATA / "tatoeba" / "v1").glob("tatoeba.*-eng.eng"), key=lambda path: len(path.read_bytes()))
    places: dict[str, int] = {}
    pairs = [
        np.array([places.setdefault(line, len(places)) for line in path.read_text(encoding="utf-8").splitlines()])
        for path in names[:smallest]
    ]
    draw = np.random.default_rng(9)
    for share in (joint.CHANGED, joint.CHANGED / 10):
        red = 0
        for _ in range(draws):
            chance = draw.random(len(places))
            step = np.where(chance < share / 2, -1, np.where(chance < share, 1, 0))
            numbers = [
                number(code, 50.0, 50.0 + 100 * float(step[own].mean()), len(own))
                for code, own in zip(LASER, pairs, strict=False)
            ]
            red += judged(numbers).fails
        assert red / draws <= 0.025 + 3 * math.sqrt(0.025 * 0.975 / draws)


@pytest.mark.slow
def test_false_alarms_of_languages_that_move_as_one() -> None:
    """XNLI: two systems alike on 5,010 items whose answers are the same in every language; 2.5 % are allowed, 3,000
    runs. Independent items are far below it: the bound is of the worst case."""
    draw = np.random.default_rng(4)
    for alike, least in ((True, 0.01), (False, 0.0)):
        red = 0
        for _ in range(3_000):
            right = draw.binomial(5010, 0.8, (2, 1 if alike else 15)) * np.ones((1, 15)) / 50.1
            numbers = [
                number(code, float(a), float(b), 5010, family="xtreme_xnli", same_weights=False)
                for code, a, b in zip(XNLI, *right, strict=True)
            ]
            red += judged(numbers).fails
        assert least <= red / 3_000 <= 0.025 + 3 * math.sqrt(0.025 / 3_000)


@pytest.mark.slow
@pytest.mark.parametrize(("sizes", "share"), [(SMALL, 0.001), (SMALL, 0.01), ((1000,) * 36, 0.01)])
def test_a_detectable_shift_is_detected(sizes: Sequence[int], share: float) -> None:
    shift = judged([number(code, 50.0, 50.0, n) for code, n in zip(LASER, sizes, strict=False)]).detectable
    assert alarms(1_000, sizes, share, shift) >= 0.8 - 3 * math.sqrt(0.16 / 1_000)
    assert alarms(1_000, sizes, share, 2 * shift) > 0.99


def test_a_fault_that_moves_languages_up_and_down_shows_in_the_spread() -> None:
    """3 points up here and down there, mean 0: nothing for signs and shift."""
    numbers = [
        number(code, 50.0, 50.0 + 3 * (-1) ** k, n) for k, (code, n) in enumerate(zip(LASER, SMALL, strict=False))
    ]
    found = judged(numbers)
    assert found.sign_p == pytest.approx(1) and found.shift_p > 0.5
    assert found.fails and found.spread_p is not None and found.spread_p < 0.001
