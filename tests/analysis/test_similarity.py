"""CKA against check values, its invariances, and what it makes of noise."""

import numpy as np
import pytest

from xstilts_eval.analysis.relatedness.similarity import linear_cka
from xstilts_eval.errors import NumericError

X = np.array([(1, 0), (0, 1), (1, 1), (0, 0), (2, 1)], dtype=float)
Y = np.array([(1, 2, 0), (0, 1, 1), (1, 0, 3), (2, 1, 0), (0, 0, 1)], dtype=float)


# Check values computed apart from this package, through the Gram matrices (HSIC) and through the features.
def test_check_values():
    np.random.seed(1337)
    x = np.random.randn(100, 10)
    y = np.random.randn(100, 10) + x
    assert linear_cka(x, y, debiased=False) == pytest.approx(0.5576132566, abs=1e-10)
    assert linear_cka(x, y) == pytest.approx(0.5134564895, abs=1e-10)
    assert linear_cka(X, Y, debiased=False) == pytest.approx(0.4368572973, abs=1e-10)
    assert linear_cka(X, Y) == pytest.approx(0.4111132259, abs=1e-10)


def test_of_single_columns_it_is_the_squared_correlation():
    r = np.corrcoef(X[:, 0], Y[:, 1])[0, 1]
    assert linear_cka(X[:, :1], Y[:, 1:2], debiased=False) == pytest.approx(r**2)


@pytest.mark.parametrize(("n", "plain"), [(50, 0.94), (100, 0.89), (500, 0.61), (2000, 0.28)])
def test_noise_of_768_dimensions(n, plain):
    """The plain one calls few independent inputs alike; the debiased one does not."""
    random = np.random.default_rng(n)
    x, y = random.standard_normal((2, n, 768))
    assert linear_cka(x, y, debiased=False) == pytest.approx(plain, abs=0.01)
    assert abs(linear_cka(x, y)) < 0.07 if n == 50 else 0.03


@pytest.mark.parametrize("debiased", [True, False])
def test_rotation_scale_and_shift_change_nothing(debiased):
    random = np.random.default_rng(8)
    x = random.standard_normal((60, 5))
    turn = np.linalg.qr(random.standard_normal((5, 5)))[0]
    assert linear_cka(x, 3 * x @ turn + 7, debiased) == pytest.approx(1)
    y = random.standard_normal((60, 4))
    assert linear_cka(x, y, debiased) == pytest.approx(linear_cka(y, x, debiased))


def test_wide_and_narrow_ways_of_counting_agree():
    random = np.random.default_rng(9)
    x, y = random.standard_normal((20, 30)), random.standard_normal((20, 25))
    grams = [(m - m.mean(0)) @ (m - m.mean(0)).T for m in (x, y)]
    hsic = [float((a * b).sum()) for a, b in ((grams[0], grams[1]), (grams[0], grams[0]), (grams[1], grams[1]))]
    assert linear_cka(x, y, debiased=False) == pytest.approx(hsic[0] / np.sqrt(hsic[1] * hsic[2]))


@pytest.mark.parametrize(("x", "y", "message"), [
    (X, Y[:4], "5 and 4"), (X[:3], Y[:3], "at least 4"), (np.ones((6, 2)), np.arange(12.0).reshape(6, 2), "the same"),
    (np.full((6, 2), np.nan), np.arange(12.0).reshape(6, 2), "NaN")])  # fmt: skip
def test_what_is_refused(x, y, message):
    with pytest.raises(NumericError, match=message):
        linear_cka(x, y)
