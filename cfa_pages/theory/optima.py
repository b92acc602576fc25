"""Where an accuracy of the toy model is largest: exact stationary points and the comparison of all branches.

Every accuracy of Section 2 is a mean of curves in u = w / sqrt(d) of one shape,

    R(u) = p Phi((b + (1 - kappa) u) / sigma) + (1 - p) Phi((b - (1 + kappa) u) / sigma),

with b = sqrt(d) (eta - eps), and kappa = 0 if x_1 is untouched, eps if x_1 is attacked too. One curve has at most two
stationary points, the roots of a quadratic; a mean of several is searched. Both work on 50 digits, since the roots
come together where the argmax jumps, and doubles lose half their digits there.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import mpmath
import numpy as np

mp = mpmath.MPContext()
mp.dps = 50
Real = float | mp.mpf  # a double, or a number of 50 digits


@dataclass(frozen=True)
class Curve:
    """One class's accuracy along u; the fields are those of the formula above."""

    p: Real
    b: Real
    sigma: Real = 1.0
    kappa: Real = 0.0

    def lead(self, u: Real) -> Real:
        """R(u) - p for u in [0, inf], the ends being limits; exact where R comes within 1e-50 of p, as at a far top."""
        missing = mp.ncdf(-self._argument(1 - mp.mpf(self.kappa), u))
        falling = mp.ncdf(self._argument(-1 - mp.mpf(self.kappa), u))
        return (1 - mp.mpf(self.p)) * falling - self.p * missing

    def slope(self, u: Real) -> Real:
        """dR/du at a finite u; 50 digits, so that nothing underflows."""
        kappa = mp.mpf(self.kappa)
        rising = self.p * (1 - kappa) * mp.npdf(self._argument(1 - kappa, u))
        return (rising - (1 - mp.mpf(self.p)) * (1 + kappa) * mp.npdf(self._argument(-1 - kappa, u))) / self.sigma

    def quadratic(self) -> tuple[Real, Real, Real] | None:
        """(k, m, c) with sign dR/du = sign(k u^2 - m u + c); None where R falls everywhere (kappa >= 1)."""
        p, b, sigma, kappa = (mp.mpf(v) for v in (self.p, self.b, self.sigma, self.kappa))
        if kappa >= 1:
            return None
        return 2 * kappa, 2 * b, sigma**2 * mp.log(p * (1 - kappa) / ((1 - p) * (1 + kappa)))

    def _argument(self, rate, u):
        moved = rate * mp.mpf(u) if rate else mp.mpf(0)
        return (mp.mpf(self.b) + moved) / self.sigma


def peak(curve: Curve) -> float:
    """u of the curve's supremum: 0.0 or inf if approached at that end, nan if the curve is flat or two ends tie."""
    if curve.quadratic() is None:
        return 0.0
    k, m, c = curve.quadratic()
    if k == m == c == 0:
        return np.nan  # p = 1/2 at b = 0: the curve is constant
    if c >= 0 and (m <= 0 or m * m <= 4 * k * c):
        return np.inf  # the quadratic is nowhere negative: R rises all the way
    first_top = 2 * c / (m + mp.sqrt(m * m - 4 * k * c)) if c > 0 else mp.mpf(0)
    if k == 0 and m > 0:
        return float(first_top)  # R falls ever after
    return _best([curve], [first_top, mp.inf])


def peak_of_mean(curves: Sequence[Curve]) -> float:
    """u of the supremum of the mean of several curves, by a search for every change of sign of its derivative."""
    grid = _grid(curves)
    sign = _sign_of_slope(curves, grid)
    grid, sign = grid[sign != 0], sign[sign != 0]
    tops = np.flatnonzero((sign[:-1] > 0) & (sign[1:] < 0))
    return _best(curves, [mp.mpf(0), *(_root(curves, grid[i], grid[i + 1]) for i in tops), mp.inf])


def _best(curves, candidates):
    leads = [sum(curve.lead(u) for curve in curves) for u in candidates]
    slack = abs(max(leads)) * mp.mpf(10) ** -40
    winners = [u for u, lead in zip(candidates, leads) if lead >= max(leads) - slack]
    return float(winners[0]) if len(winners) == 1 else np.nan


def _grid(curves, per_decade=300):
    """Increasing u > 0 around all lengths of the curves; between two, the slope turns its sign at most once."""
    lengths = [curve.sigma for curve in curves]
    for curve in curves:
        if (quadratic := curve.quadratic()) is not None:
            k, m, c = (abs(float(v)) for v in quadratic)
            lengths += [m, *([c / m] if m else []), *([m / k, np.sqrt(c / k)] if k else [])]
    low, high = np.clip([min(v for v in lengths if v > 0), max(lengths)], 1e-12, 1e8)  # all is flat beyond
    return np.geomspace(1e-3 * low, 1e3 * high, int(per_decade * (6 + np.log10(high / low))))


def _sign_of_slope(curves, u):
    """Sign of the mean's slope on an array of u, from logarithms, so that no term underflows."""
    signs, logs = [], []
    for curve in curves:
        p, b, sigma, kappa = (float(v) for v in (curve.p, curve.b, curve.sigma, curve.kappa))
        for weight, rate in ((p, 1 - kappa), (1 - p, -1 - kappa)):
            if rate:
                signs.append(np.sign(rate))
                logs.append(np.log(weight * abs(rate) / sigma) - 0.5 * ((b + rate * u) / sigma) ** 2)
    logs = np.array(logs)
    return np.sign(np.array(signs) @ np.exp(logs - logs.max(axis=0)))


def _root(curves, low, high):
    """The u between two doubles where the mean's slope vanishes, by bisection to a relative 1e-16."""
    low, high = mp.mpf(low), mp.mpf(high)
    while high - low > mp.mpf("1e-16") * high:
        middle = (low + high) / 2
        if sum(curve.slope(middle) for curve in curves) > 0:
            low = middle
        else:
            high = middle
    return low
