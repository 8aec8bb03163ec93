"""Transferability estimates against check values of the authors' code, and against their definitions."""

import numpy as np
import pytest
from sklearn.datasets import load_iris, load_wine

from xstilts_eval.analysis.relatedness import transferability as t
from xstilts_eval.errors import NumericError

THETA = np.array([(0.7, 0.2, 0.1), (0.6, 0.3, 0.1), (0.1, 0.8, 0.1), (0.2, 0.6, 0.2), (0.1, 0.2, 0.7), (0.2, 0.2, 0.6)])
LABELS = [0, 0, 1, 1, 1, 0]


# Check values computed with thuml/LogME @ 56551ca9 on scikit-learn's data sets and on the table above.
def test_iris():
    data = load_iris()
    assert t.logme(data.data, data.target) == pytest.approx(-0.1600602436, abs=1e-9)
    assert t.h_score(data.data, data.target) == pytest.approx(1.1918988250, abs=1e-9)
    assert t.h_score(data.data, data.target, regularised=True) == pytest.approx(1.1778424993, abs=1e-9)
    standard = (data.data - data.data.mean(0)) / data.data.std(0)
    assert round(t.logme(standard, data.target), 3) == -0.639


def test_wine():
    data = load_wine()
    assert t.logme(data.data, data.target) == pytest.approx(-0.0044610181, abs=1e-9)
    assert t.h_score(data.data, data.target) == pytest.approx(1.7058208021, abs=1e-9)


def test_heads():
    assert t.leep(THETA, LABELS) == pytest.approx(-0.5423727124, abs=1e-9)
    assert t.nce(THETA.argmax(axis=1), LABELS) == pytest.approx(-0.2310490602, abs=1e-9)
    assert -t.entropy(LABELS) == pytest.approx(-0.6931471806, abs=1e-9)


def test_leep_by_its_definition():
    total = 0.0
    for i, y in enumerate(LABELS):
        inside = 0.0
        for z in range(3):
            joint = sum(THETA[k, z] for k in range(6) if LABELS[k] == y) / 6
            inside += joint / (THETA[:, z].sum() / 6) * THETA[i, z]
        total += np.log(inside)
    assert t.leep(THETA, LABELS) == pytest.approx(total / 6)


def test_agreement_of_labels():
    assert t.label_agreement([2, 2, 0, 0, 1, 1], ["a", "a", "b", "b", "c", "c"]) == pytest.approx(1)
    assert t.label_agreement([0, 1, 0, 1], [0, 0, 1, 1]) == pytest.approx(0)
    assert t.label_agreement([0] * 6, LABELS) == pytest.approx(0)  # a head that says one thing knows nothing


def test_features_that_know_the_labels_score_higher():
    random = np.random.default_rng(1)
    labels = random.integers(0, 3, 300)
    noise = random.standard_normal((300, 10))
    knowing = noise + 2 * np.eye(10)[labels]
    assert t.logme(knowing, labels) > t.logme(noise, labels)
    for regularised in (False, True):
        assert t.h_score(knowing, labels, regularised) > 5 * t.h_score(noise, labels, regularised)


@pytest.mark.parametrize("call", [
    lambda: t.leep(THETA, [0] * 6), lambda: t.leep(THETA * 2, LABELS), lambda: t.leep(THETA, LABELS[:5]),
    lambda: t.logme(np.full((6, 2), np.nan), LABELS), lambda: t.h_score(THETA, [1] * 6)])  # fmt: skip
def test_what_is_refused(call):
    with pytest.raises(NumericError):
        call()
