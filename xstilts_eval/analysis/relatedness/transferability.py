"""How well a representation, or the head of another task, will serve a target task: estimates without training.

Higher is better in all of them; values are comparable inside one target only. LEEP (Nguyen et al. 2020), NCE (Tran et
al. 2019), H-score (Bao et al. 2019; regularised: Ibrahim et al. 2021), LogME (You et al. 2021); formulas as in
thuml/LogME @ 56551ca9 and the papers.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xstilts_eval.errors import NumericError

Matrix = NDArray[np.float64]
Labels = NDArray[np.int64]
ITERATIONS, TOLERANCE, FLOOR = 11, 1e-3, 1e-5
"""LogME's fixed point as the authors' code stops and guards it; others move the third digit on badly scaled data."""


def leep(probabilities: ArrayLike, labels: ArrayLike) -> float:
    """Mean log-likelihood of target labels read off the source head's probabilities [examples, source labels].

    ``1/N Σ log Σ_z P(y_i|z) θ(x_i)_z`` with P(y|z) from soft counts. At most 0; `leep + entropy(labels)` is comparable
    between targets. Undefined for span heads (bin the start position, or leave it out).
    """
    theta, y = _probabilities(probabilities), _labels(labels, len(np.asarray(probabilities)))
    joint = np.stack([theta[y == label].sum(axis=0) for label in range(y.max() + 1)]) / len(y)
    source = joint.sum(axis=0)
    conditional = np.divide(joint, source, out=np.zeros_like(joint), where=source > 0)
    return float(np.log((theta * conditional[y]).sum(axis=1)).mean())


def nce(source: ArrayLike, labels: ArrayLike) -> float:
    """``-H(Y|Z)`` (nats) of target labels given the source head's decisions, or source labels; at most 0."""
    y = _labels(labels, len(np.asarray(source)))
    z = _labels(source, len(y), "source labels", 1)
    joint = _joint(z, y)
    given = joint.sum(axis=1, keepdims=True)
    terms = np.divide(joint, given, out=np.ones_like(joint), where=joint > 0)
    return float((joint * np.log(terms)).sum())


def entropy(labels: ArrayLike) -> float:
    """``H(Y)`` in nats."""
    values = np.asarray(labels)
    _, counts = np.unique(values, return_counts=True)
    share = counts / len(values)
    return float(-(share * np.log(share)).sum())


def label_agreement(source: ArrayLike, labels: ArrayLike) -> float:
    """``I(Z;Y) / H(Y)``: the share (0-1) of what the target labels say that the source's decisions already say."""
    whole = entropy(_labels(labels, len(np.asarray(labels))))
    return float(min(1.0, max(0.0, (nce(source, labels) + whole) / whole)))


def h_score(features: ArrayLike, labels: ArrayLike, regularised: bool = False) -> float:
    """``tr(cov(f)⁻¹ cov(E[f|y]))`` of features [examples, width]; 0 to classes - 1.

    Regularised: Ledoit & Wolf's covariance with its shrinkage α, the class part times (1 - α). Plain needs more
    examples than dimensions.
    """
    f, y = _features(features), _labels(labels, len(np.asarray(features)))
    centred = f - f.mean(axis=0)
    means = np.zeros_like(centred)
    for label in range(y.max() + 1):
        means[y == label] = centred[y == label].mean(axis=0)
    between = means.T @ means / (len(f) - 1)
    if not regularised:
        within = centred.T @ centred / (len(f) - 1)
        return float(np.trace(np.linalg.pinv(within, rcond=1e-15, hermitian=True) @ between))
    from sklearn.covariance import ledoit_wolf

    covariance, shrinkage = ledoit_wolf(centred, assume_centered=True)
    return float((1 - shrinkage) * np.trace(np.linalg.solve(covariance, between)))


def logme(features: ArrayLike, labels: ArrayLike) -> float:
    """Log evidence per example of a linear model from features [examples, width], mean over one-vs-rest targets.

    The fixed point of You et al. 2021. Features are not centred and scale matters: treat all encoders alike.
    """
    f, y = _features(features), _labels(labels, len(np.asarray(features)))
    u, s, _ = np.linalg.svd(f, full_matrices=False)
    return float(np.mean([_evidence(u, s, f.shape, (y == label).astype(np.float64)) for label in range(y.max() + 1)]))


def _evidence(u: Matrix, s: Matrix, shape: tuple[int, ...], y: Matrix) -> float:
    """``½[D ln α + N ln β - Σ ln(α + βσ) - β|y - Fm|² - α|m|² - N ln 2π] / N`` at its maximum."""
    n, width = shape
    sigma = s**2
    projected = u.T @ y
    outside = float(y @ y - projected @ projected)
    alpha, beta = 1.0, 1.0
    for _ in range(ITERATIONS):
        ratio = alpha / beta
        effective = float((sigma / (sigma + ratio)).sum())
        weight = float((sigma * projected**2 / (sigma + ratio) ** 2).sum())
        error = float((projected**2 * (ratio / (sigma + ratio)) ** 2).sum()) + outside
        alpha, beta = effective / (weight + FLOOR), (n - effective) / (error + FLOOR)
        if abs(alpha / beta - ratio) <= TOLERANCE * ratio:
            break
    # Directions that the examples do not span keep their prior: ln α each.
    determinant = float(np.log(alpha + beta * sigma).sum()) + (width - len(sigma)) * math.log(alpha)
    evidence = width * math.log(alpha) + n * math.log(beta) - determinant - beta * error - alpha * weight
    return (evidence - n * math.log(2 * math.pi)) / (2 * n)


def _joint(rows: Labels, columns: Labels) -> Matrix:
    table = np.zeros((rows.max() + 1, columns.max() + 1))
    np.add.at(table, (rows, columns), 1 / len(rows))
    return table


def _labels(values: ArrayLike, count: int, what: str = "target labels", classes: int = 2) -> Labels:
    """Labels as 0 … classes - 1; raises `NumericError` for other lengths and too few classes."""
    array = np.asarray(values)
    if array.ndim != 1 or len(array) != count:
        raise NumericError(f"{count} examples need as many {what}; got shape {array.shape}")
    found, codes = np.unique(array, return_inverse=True)
    if len(found) < classes:
        raise NumericError(f"the {what} hold one class only ({found[0]}); at least {classes} are needed")
    return codes.astype(np.int64)


def _features(values: ArrayLike) -> Matrix:
    matrix = np.asarray(values, dtype=np.float64)
    if matrix.ndim != 2 or not np.isfinite(matrix).all():
        raise NumericError(f"features must be a finite matrix [examples, width]; got shape {matrix.shape}")
    return matrix


def _probabilities(values: ArrayLike) -> Matrix:
    matrix = _features(values)
    if (matrix < 0).any() or not np.allclose(matrix.sum(axis=1), 1, atol=1e-4):
        raise NumericError("the source head's outputs must be probabilities: rows of numbers >= 0 that sum to 1")
    return matrix
