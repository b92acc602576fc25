"""Where the theorems of Section 2 end: the literal ball, their mutual exclusion, and the repair with two margins."""

import sympy as sp

from cfa_pages.theory.algebra import (
    L,
    Proof,
    a,
    b,
    d,
    eps,
    equal,
    eta,
    p,
    phi,
    positive,
    q,
    u,
    w,
    x,
)
from cfa_pages.theory.proofs import INSIDE, W_STAR, accuracy

# What is proved; each formula is the default argument of the proof that settles it.
TWO_TERMS = r"p (1 - \epsilon)\, \varphi(b + (1 - \epsilon) u) - q (1 + \epsilon)\, \varphi(b - (1 + \epsilon) u)"
LITERAL_SIGN = 2 * eps * u**2 - 2 * b * u + sp.log(p * (1 - eps) / (q * (1 + eps)))
LITERAL_FIRST_ORDER = -1 / eta + L / (2 * eta**2) + L**2 / (4 * d * eta**3)  # dw*/deps at eps = 0
ABOVE_ETA, BELOW_ETA = INSIDE.subs(b, -x), INSIDE.subs(b, x)  # x > 0
TWICE_ETA = 2 * eta
LITERAL_SQUARE = 2 * eps * (u - b / (2 * eps)) ** 2 + L - b**2 / (2 * eps)


def literal_turns(quadratic: sp.Expr = LITERAL_SIGN) -> Proof:
    """In the literal ball the sign of dR/du is that of a quadratic: up to two turns instead of one."""
    acc = accuracy(p, q, b - eps * u, u)
    rising, falling = p * (1 - eps) * phi(b + (1 - eps) * u), q * (1 + eps) * phi(b - (1 + eps) * u)
    log_ratio = sp.log(p * (1 - eps) / (q * (1 + eps))) + ((b - (1 + eps) * u) ** 2 - (b + (1 - eps) * u) ** 2) / 2
    same_b = sp.sqrt(d) * (eta - eps * (1 + w / d))
    return Proof(
        "The literal ball",
        "For $\\epsilon < 1$, $R$ rises where $g(u) > 0$ and falls where $g(u) < 0$; it is the first reading at margin "
        "$\\epsilon (1 + w/d)$.",
        (
            equal("the derivative has two terms", sp.diff(acc, u), rising - falling, TWO_TERMS),
            equal("the logarithm of their ratio is $g$", log_ratio, quadratic, f"g(u) = {sp.latex(quadratic)}"),
            equal("the centre is the same", sp.sqrt(d) * (eta - eps) - eps * w / sp.sqrt(d), same_b),
        ),
    )


def literal_start(first_order: sp.Expr = LITERAL_FIRST_ORDER) -> Proof:
    """In the literal ball w* may fall with eps from the first step on."""
    g = 2 * eps * w**2 / d - 2 * (eta - eps) * w + L + sp.log(1 - eps) - sp.log(1 + eps)
    start = L / (2 * eta)
    moved = (-sp.diff(g, eps) / sp.diff(g, w)).subs(eps, 0).subs(w, start)  # implicit differentiation of g = 0
    turning_latex = r"-\tfrac{1}{\eta} + \tfrac{L}{2 \eta^2} + \tfrac{L^2}{4 d \eta^3} = 0"
    turning = eta * (sp.sqrt(d**2 + 4 * d) - d)
    return Proof(
        "The literal ball, small $\\epsilon$",
        "$dw^*/d\\epsilon < 0$ at 0 iff $L < \\eta(\\sqrt{d^2 + 4d} - d)$: then Theorem 2 fails from the start.",
        (
            equal(
                "clean training has $w^*$",
                sp.solve(g.subs(eps, 0), w)[0],
                start,
                r"L - 2 \eta w = 0 \text{ at } w = " + sp.latex(start),
            ),
            equal("from $g = 0$, at $\\epsilon = 0$", moved, first_order),
            equal("which vanishes at $L = \\eta(\\sqrt{d^2+4d} - d)$", first_order.subs(L, turning), 0, turning_latex),
            positive("and grows with $L$", sp.diff(first_order, L)),
        ),
    )


def literal_rise(square: sp.Expr = LITERAL_SQUARE) -> Proof:
    """Theorem 4's left half in the literal ball: R_-1 rises for all w iff g is nowhere negative."""
    g = 2 * eps * u**2 - 2 * b * u + L
    bottom = sp.expand(square.subs(u, b / (2 * eps)).subs(b, x).subs(L, (x**2 - a) / (2 * eps)))
    return Proof(
        "Theorem 4 in the literal ball",
        "With $L$ for $L_\\epsilon$ in $g$: $R_{-1}$ rises for all $w$ iff $L_\\epsilon \\ge 0$, that is "
        "$\\epsilon \\le 2p - 1$, and [$b \\le 0$ or $b^2 \\le 2 \\epsilon L_\\epsilon$].",
        (
            equal("$g$ is a square and a rest", g, square),
            positive("$b = -x$ and $L_\\epsilon > 0$: $g$", g.subs(b, -x)),
            positive("$b = x$ and $2 \\epsilon L_\\epsilon = b^2 - a$: minus $g$ at the bottom", -bottom),
            equal("near $u = 0$ the sign is that of $L_\\epsilon$", g.subs(u, 0), L, "g(0) = L"),
            equal(
                "which vanishes at $\\epsilon = 2p - 1$",
                (p * (1 - eps) - (1 - p) * (1 + eps)).subs(eps, 2 * p - 1),
                0,
                r"p (1 - \epsilon) = (1 - p)(1 + \epsilon) \text{ at } \epsilon = 2p - 1",
            ),
        ),
    )


def exclusion(above: sp.Expr = ABOVE_ETA, below: sp.Expr = BELOW_ETA) -> Proof:
    """Theorem 2 and the left half of Theorem 4's robust claim never hold at one and the same eps (x_1 untouched)."""
    past_top = below.subs(u, L / (2 * x) + w)
    return Proof(
        "Mutual exclusion",
        "A sum of two rising curves rises, so where Theorem 4 holds for both classes Theorem 2 has no $w^*$; where "
        "every class falls past its top, Theorem 4 fails.",
        (
            positive("$\\epsilon > \\eta$ ($b = -x$): every class rises at every $u$", sp.sinh(above)),
            positive("so does the mean of two, with log-odds $L$ and $a$", sp.sinh(above) + sp.sinh(above.subs(L, a))),
            positive(
                "$\\epsilon < \\eta$ ($b = x$): past its top, at $u^* + w$, every class falls",
                -sp.sinh(sp.expand(past_top)),
            ),
        ),
    )


def repair(evaluation: sp.Expr = TWICE_ETA) -> Proof:
    """The story of Section 2.3 with two margins: train below eta, evaluate at or above it."""
    trained = sp.diff(W_STAR, eps).subs(eta, eps + x)
    b_eval = sp.sqrt(d) * (eta - evaluation)
    return Proof(
        "Repair",
        "Train at $\\epsilon < \\eta$ and evaluate at $2\\eta$: both claims hold, along one path $w^*(\\epsilon)$.",
        (
            positive("a larger training margin enlarges $w^*$", sp.simplify(trained)),
            positive("evaluated at $2\\eta$ every class rises at every $w$", sp.sinh(L / 2 - b_eval * u)),
            positive("and the hard one by less", x * (phi(b_eval + u) + phi(b_eval - u))),
        ),
    )


LIMITS = (literal_turns, literal_start, literal_rise, exclusion, repair)
