"""How alike two sets of representations of the same inputs are: linear CKA, plain and debiased.

Kornblith et al. 2019. With fewer inputs than dimensions plain CKA is near 1 for noise (768 dimensions: .94 at 50
inputs); the debiased one is near 0, and is the one to report.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from xstilts_eval.errors import NumericError

Matrix = NDArray[np.float64]
ENOUGH = 500
"""Inputs below which even the debiased estimate is too noisy to rank layers or languages by."""


def linear_cka(x: ArrayLike, y: ArrayLike, debiased: bool = True) -> float:
    """Linear CKA of x [inputs, width] and y [inputs, width], rows in the same order; 1 for equal up to rotation.

    ``||Y'X||² / (||X'X|| ||Y'Y||)`` with centred columns (Frobenius norms). Debiased: each ``||A'B||²`` becomes
    ``||A'B||² - n/(n-2) Σ a_i b_i + Σ a_i Σ b_i / ((n-1)(n-2))``, a_i and b_i being squared row norms (the authors'
    released code). May then be slightly below 0. Raises `NumericError` for unequal, constant or fewer than 4 rows.
    """
    a, b = _centred(x), _centred(y)
    if len(a) != len(b):
        raise NumericError(f"CKA compares the same inputs; there are {len(a)} and {len(b)}")
    squares = [_product(left, right, debiased) for left, right in ((a, b), (a, a), (b, b))]
    if min(squares[1:]) <= 0:
        raise NumericError(f"{len(a)} inputs are too few for a debiased CKA of these representations")
    return float(squares[0] / np.sqrt(squares[1] * squares[2]))


def _centred(values: ArrayLike) -> Matrix:
    matrix = np.asarray(values, dtype=np.float64)
    if matrix.ndim != 2 or len(matrix) < 4:
        raise NumericError(f"CKA needs a matrix of at least 4 inputs; got shape {matrix.shape}")
    if not np.isfinite(matrix).all():
        raise NumericError("the representations hold NaN or infinite numbers")
    centred: Matrix = matrix - matrix.mean(axis=0)
    if np.abs(centred).max() <= 1e-12 * max(1.0, float(np.abs(matrix).max())):
        raise NumericError("the representations are the same for all inputs")
    return centred


def _product(a: Matrix, b: Matrix, debiased: bool) -> float:
    """``||A'B||²``; through the inputs where these are fewer than the dimensions."""
    n = len(a)
    is_wide = n < min(a.shape[1], b.shape[1])
    square = float(((a @ a.T) * (b @ b.T)).sum() if is_wide else ((a.T @ b) ** 2).sum())
    if not debiased:
        return square
    left, right = (a**2).sum(axis=1), (b**2).sum(axis=1)
    return float(square - n / (n - 2) * (left @ right) + left.sum() * right.sum() / ((n - 1) * (n - 2)))
