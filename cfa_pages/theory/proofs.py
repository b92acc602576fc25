"""Section 2 proved step by step: the closed forms and Theorems 1 to 4, with their conditions.

Each function returns a `Proof`. What it proves something about is an argument, so a test, or a reader, can pass a
wrong one (a flipped sign) and see the proof fail.
"""

from collections.abc import Callable

import sympy as sp

from cfa_pages.theory.algebra import (
    L,
    Phi,
    Proof,
    a,
    b,
    d,
    eps,
    equal,
    eta,
    m,
    p,
    p_neg,
    p_pos,
    phi,
    positive,
    positive_numbers,
    q,
    spelt_out,
    u,
    w,
    x,
)


def accuracy(p: sp.Expr, q: sp.Expr, centre: sp.Expr, u: sp.Expr) -> sp.Expr:
    """p Phi(centre + u) + q Phi(centre - u): A_y for centre a, R_y for b; the literal ball has centre b - eps u."""
    return p * Phi(centre + u) + q * Phi(centre - u)


# What is proved; each formula is the default argument of the proof that settles it.
HELPED, MISLED = Phi(b + u), Phi(b - u)  # accuracy where x_1 = y, and where x_1 = -y
FACTOR = 2 * sp.sqrt(p * q) * phi(b) * sp.exp(-(u**2) / 2)
INSIDE = L / 2 - b * u
SLOPE = FACTOR * sp.sinh(INSIDE.subs(L, sp.log(p / q)))  # dR/du
W_STAR = L / (2 * (eta - eps))  # L: the log-odds of p_y, or of the mean p for the overall accuracy
LEAD = r"R_{+1} - R_{-1} = (p_{+1} - p_{-1}) \left[\Phi(m + u) - \Phi(m - u)\right]"
DERIVATIVE = r"\tfrac{d}{du} (R_{+1} - R_{-1}) = "
SLOPE_LATEX = r"p\, \varphi(b + u) - q\, \varphi(b - u) = 2\sqrt{pq}\, \varphi(b)\, e^{-u^2/2} \sinh(\tfrac{L}{2} - bu)"
ONLY_X1 = r"p\, \Phi(\infty) + (1 - p)\, \Phi(-\infty) = p"
CLEAN_W_STAR = L / (2 * eta)


def closed_form(helped: sp.Expr = HELPED, misled: sp.Expr = MISLED) -> Proof:
    """The accuracy of f_w under the attack (Eqs. 4 and 5)."""
    z, delta, t = sp.symbols("z delta t", real=True)
    margin = u + b + z  # y (w x_1 + S) / sqrt(d) when x_1 = y, after every weak feature was pushed back by eps
    pushed = eta + delta  # y times one feature, moved by delta in [-eps, eps]
    normal = sp.exp(-(z**2) / 2) / sp.sqrt(2 * sp.pi)
    beyond = sp.integrate(normal, (z, -t, sp.oo))  # P(z > -t)
    return Proof(
        "Closed form",
        "The attack costs every weak feature exactly $\\epsilon$, and $R_y = p\\,\\Phi(b + u) + (1-p)\\,\\Phi(b - u)$.",
        (
            positive(
                "$y$ times a weak feature grows with its shift $\\delta$, so the worst shift is $-\\epsilon$",
                sp.diff(pushed, delta),
                r"\tfrac{\partial}{\partial \delta} (\eta + \delta) = 1 > 0",
            ),
            equal(
                "the mean of $yS$ is then, in units of its noise $\\sqrt d$",
                d * pushed.subs(delta, -eps) / sp.sqrt(d),
                sp.sqrt(d) * (eta - eps),
                r"\tfrac{1}{\sqrt d}\, d\, (\eta - \epsilon) = \sqrt d\, (\eta - \epsilon) = b",
            ),
            equal(
                "with $x_1 = y$ and noise $z$, $f_w$ is right beyond",
                margin.subs(z, -(b + u)),
                0,
                r"u + b + z = 0 \text{ at } z = -(b + u)",
            ),
            equal(
                "which has the probability",
                beyond.subs(t, b + u),
                spelt_out(helped),
                r"\int_{-(b+u)}^{\infty} \varphi(z)\, dz = " + sp.latex(helped),
            ),
            equal(
                "with $x_1 = -y$ the sign of $u$ turns",
                beyond.subs(t, b - u),
                spelt_out(misled),
                r"\int_{-(b-u)}^{\infty} \varphi(z)\, dz = " + sp.latex(misled),
            ),
            equal("with $u \\to 0$ only the weak features count", accuracy(p, 1 - p, b, u).subs(u, 0), Phi(b)),
            equal("with $u \\to \\infty$ only $x_1$ counts", accuracy(p, 1 - p, b, u).subs(u, sp.oo), p, ONLY_X1),
        ),
    )


def theorem_1(acc: Callable[..., sp.Expr] = accuracy) -> Proof:
    """Theorem 1: the class with the better x_1 is ahead, clean and robust, in both readings of the ball."""
    lead = acc(p_pos, 1 - p_pos, m, u) - acc(p_neg, 1 - p_neg, m, u)
    bracket = Phi(m + u) - Phi(m - u)
    return Proof(
        "Theorem 1",
        "For every $w > 0$ and every centre $m$ ($a$ clean, $b$ robust, $b - \\epsilon u$ in the literal ball).",
        (
            equal("both classes share $m$, so the lead is", lead, (p_pos - p_neg) * bracket, LEAD),
            equal("the bracket starts at 0", bracket.subs(u, 0), 0, r"\Phi(m + 0) - \Phi(m - 0) = 0"),
            positive("and grows with $u$ while $m$ is held", sp.diff(bracket, u)),
            positive_numbers("on numbers", lead, r"R_{+1} - R_{-1} > 0"),
        ),
    )


def one_turn(slope: sp.Expr = SLOPE) -> Proof:
    """The derivative of an accuracy changes its sign at most once."""
    return Proof(
        "One turn",
        "With $L = \\log(p/q)$, $R$ rises where $L/2 > b u$ and falls where $L/2 < b u$.",
        (
            equal("the derivative is", sp.diff(accuracy(p, q, b, u), u), slope, SLOPE_LATEX),
            positive("its factor before sinh is positive", FACTOR),
        ),
    )


def theorem_2(w_star: sp.Expr = W_STAR) -> Proof:
    """Theorem 2 with x_1 untouched and eps < eta: the optimum exists, is unique, and grows with eps."""
    mean_p = (p_pos + p_neg) / 2
    overall = (accuracy(p_pos, 1 - p_pos, b, u) + accuracy(p_neg, 1 - p_neg, b, u)) / 2
    inside = L / 2 - sp.sqrt(d) * (eta - eps) * w / sp.sqrt(d)  # the argument of sinh
    below = sp.diff(w_star, eps).subs(eta, eps + x)  # x > 0 says eps < eta
    return Proof(
        "Theorem 2, $x_1$ untouched, $\\epsilon < \\eta$",
        "$w^* = L/(2(\\eta - \\epsilon))$, the only maximum, increases with $\\epsilon$ and does not depend on $d$.",
        (
            equal(
                "the overall $R$ is one class's with the mean $p$",
                overall,
                accuracy(mean_p, 1 - mean_p, b, u),
                r"\tfrac12 (R_{+1} + R_{-1}) = \bar p\, \Phi(b + u) + (1 - \bar p)\, \Phi(b - u)",
            ),
            equal(
                "sinh vanishes at",
                sp.solve(inside, w)[0],
                w_star,
                r"\tfrac{L}{2} - (\eta - \epsilon)\, w = 0 \text{ at } w = " + sp.latex(w_star),
            ),
            positive("its argument falls in $w$ when $\\epsilon = \\eta - x$", -sp.diff(inside, w).subs(eta, eps + x)),
            positive("and $w^*$ grows with $\\epsilon$", sp.simplify(below)),
        ),
    )


def theorem_2_edge(slope: sp.Expr = SLOPE) -> Proof:
    """Theorem 2 at its last point, eps = eta: there is no argmax."""
    at_edge = slope.subs(b, 0)
    return Proof(
        "Theorem 2 at $\\epsilon = \\eta$",
        "$R$ rises for all $w$ towards $\\bar p$ and never gets there: no $w^*$ exists. Beyond $\\eta$ it is the same.",
        (
            equal("the slope becomes", at_edge, (p - q) * phi(u), r"\tfrac{dR}{du} = (p - q)\, \varphi(u)"),
            positive("which is positive for $p = q + x$", ((p - q) * phi(u)).subs(p, q + x).expand()),
            positive("and with $b = -x$, $L > 0$ sinh stays positive", sp.sinh(L / 2 + x * u)),
            equal("the supremum is the limit", accuracy(p, 1 - p, b, u).subs(u, sp.oo), p, ONLY_X1),
        ),
    )


def theorem_3(w_star: sp.Expr = CLEAN_W_STAR) -> Proof:
    """Theorem 3: the hard class has its clean optimum at the smaller w, if p_-1 > 1/2."""
    of_p = w_star.subs(L, sp.log(p / (1 - p)))
    growth = sp.simplify(sp.diff(of_p, p))
    return Proof(
        "Theorem 3, $p_{-1} > 1/2$",
        "$w^*_y = L_y/(2\\eta)$ grows with $p_y$. At $p = 1/2$ the clean accuracy only falls: no $w^*_{-1}$ exists.",
        (
            equal(
                "the clean optimum is where sinh vanishes at $\\epsilon = 0$",
                sp.solve(L / 2 - eta * w, w)[0],
                w_star,
                r"\tfrac{L}{2} - \eta w = 0 \text{ at } w = " + sp.latex(w_star),
            ),
            equal("its derivative in $p$", growth, 1 / (2 * eta * p * (1 - p))),
            positive("is positive, writing $p = 1/(1+x)$", sp.factor(sp.simplify(growth.subs(p, 1 / (1 + x))))),
            positive_numbers("on numbers", of_p.subs(p, p_pos) - of_p.subs(p, p_neg)),
            positive("at $p = q$ the slope is minus", -SLOPE.subs(q, p).subs(b, x)),
        ),
    )


def theorem_4_clean(acc: Callable[..., sp.Expr] = accuracy) -> Proof:
    """Theorem 4, clean half: past w*_+1 both classes lose, the hard one more."""
    lead = acc(p_pos, 1 - p_pos, m, u) - acc(p_neg, 1 - p_neg, m, u)
    grows = (p_pos - p_neg) * (phi(m + u) + phi(m - u))
    past_top = (sp.sinh(L / 2 - b * u)).subs(u, L / (2 * b) + x).subs(b, a)
    return Proof(
        "Theorem 4, clean accuracy",
        "The lead $A_{+1} - A_{-1}$ grows for all $w > 0$, which is the first inequality; the second is one turn.",
        (
            equal("the lead grows at the rate", sp.diff(lead, u), grows, DERIVATIVE + sp.latex(grows)),
            positive("positive for $p_{+1} = p_{-1} + x$", sp.factor(grows.subs(p_pos, p_neg + x))),
            positive_numbers("on numbers", sp.diff(lead, u), DERIVATIVE.replace("=", "> 0")),
            positive("past its own top, at $u^* + x$, a class falls", -sp.simplify(past_top)),
        ),
    )


def theorem_4_gain(acc: Callable[..., sp.Expr] = accuracy) -> Proof:
    """Theorem 4, right half of the robust claim: the hard class gains less, in both readings (eps <= 1)."""
    lead = acc(p_pos, 1 - p_pos, b - eps * u, u) - acc(p_neg, 1 - p_neg, b - eps * u, u)
    grows = (p_pos - p_neg) * ((1 - eps) * phi(b + (1 - eps) * u) + (1 + eps) * phi(b - (1 + eps) * u))
    small = grows.subs(p_pos, p_neg + x).subs(eps, 1 / (1 + w))  # any eps in (0, 1)
    untouched = (phi(b + u) + phi(b - u)) * x
    return Proof(
        "Theorem 4, the hard class gains less",
        "The lead $R_{+1} - R_{-1}$ grows for all $w > 0$; in the literal ball for $\\epsilon \\le 1$.",
        (
            equal("literal ball, the lead grows at the rate", sp.diff(lead, u), grows, DERIVATIVE + sp.latex(grows)),
            positive("positive for $\\epsilon = 1/(1 + w)$", sp.factor(small)),
            positive("and for $\\epsilon = 1$", sp.factor(grows.subs(p_pos, p_neg + x).subs(eps, 1))),
            positive_numbers("on numbers", sp.diff(lead, u), DERIVATIVE.replace("=", "> 0")),
            positive("$x_1$ untouched", untouched),
        ),
    )


def theorem_4_rise(inside: sp.Expr = INSIDE) -> Proof:
    """Theorem 4, left half of the robust claim: the hard class gains at all only if eps >= eta (x_1 untouched)."""
    turn = L / b  # twice the top's u
    return Proof(
        "Theorem 4, the hard class gains at all",
        "With $p_{-1} > 1/2$, $R_{-1}$ rises for all $w > 0$ iff $\\epsilon \\ge \\eta$; below, it falls past its top.",
        (
            positive("at $b = -x$ sinh is positive for all $u$", sp.sinh(inside.subs(b, -x))),
            positive("at $b = 0$ too", sp.sinh(inside.subs(b, 0))),
            positive("but at $b = x > 0$ and $u = L/b$ it is minus", -sp.sinh(inside.subs(u, turn).subs(b, x))),
        ),
    )


THEOREMS = (
    closed_form,
    theorem_1,
    one_turn,
    theorem_2,
    theorem_2_edge,
    theorem_3,
    theorem_4_clean,
    theorem_4_gain,
    theorem_4_rise,
)
