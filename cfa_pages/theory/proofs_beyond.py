"""What follows from Section 2 and is not in the paper, proved like its theorems (see `proofs`)."""

import sympy as sp

from cfa_pages.theory.algebra import (
    L,
    Phi,
    Proof,
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
    u,
    w,
    x,
)
from cfa_pages.theory.proofs import FACTOR, INSIDE, SLOPE

L_pos, L_neg = sp.log(p_pos / (1 - p_pos)), sp.log(p_neg / (1 - p_neg))
L_mean = sp.log((p_pos + p_neg) / (2 - p_pos - p_neg))

# What is proved: each formula is the default argument of the proof that settles it.
OWN_OPTIMUM = r"\tfrac{L_{-1}}{2 (\eta - \epsilon_{-1})} = w"
MIRRORED = -b
FAIR_MARGIN = eta - (eta - eps) * L_mean / L_neg
LEVER_LATEX = (
    r"2\sqrt{pq}\, \varphi(b)\, e^{-u^2/2} \left[u \cosh(\tfrac{L}{2} - bu) + b \sinh(\tfrac{L}{2} - bu)\right]"
)
LEVER_SIGN = r"\cosh(\tfrac{L}{2} - bu) \left[u - b \tanh(bu - \tfrac{L}{2})\right]"
LEVER = u * sp.cosh(INSIDE.subs(L, sp.log(p / q))) + b * sp.sinh(INSIDE.subs(L, sp.log(p / q)))
SPLIT = b * sp.cosh(b * u) - u * sp.sinh(b * u)
WEAK = r"\log\tfrac{f(S | +1)}{f(S | -1)} = 2 (\eta - \epsilon)\, S"
ADDS_PLUS = r"\log\tfrac{p_{+1}}{1 - p_{-1}} = \text{shift} + \tfrac12 (L_{+1} + L_{-1})"
ADDS_MINUS = r"\log\tfrac{1 - p_{+1}}{p_{-1}} = \text{shift} - \tfrac12 (L_{+1} + L_{-1})"
RATE, SHIFT = (L_pos + L_neg) / 2, sp.log(p_pos * (1 - p_pos) / (p_neg * (1 - p_neg))) / 2
MOVED = r"\sqrt d (\eta - \epsilon ! \delta) ? (t + \sqrt d\, \delta) = \sqrt d (\eta - \epsilon) ? t"
THRESHOLD_MOVE = sp.sqrt(d) * x
GROWTH = r"\tfrac{d w^*}{d \epsilon} = \tfrac{2 w^*}{\eta - 2 \epsilon}"
K_CLASS_RATIO = sp.exp(-b * u)
RATIO = r"\tfrac{w_1}{w_2} = \tfrac{\bar L}{2 (\eta - \epsilon)} = w^*"
LINEAR = r"\bar L + \log\tfrac{f(S | +1)}{f(S | -1)} = \bar L + 2 (\eta - \epsilon)\, S"
LOGISTIC_WEIGHTS = (sp.log(p / q), 2 * (eta - eps))


def mirror(opposite_b: sp.Expr = MIRRORED) -> Proof:
    """The gap does not see the sign of b: at eps = 2 eta it equals the clean gap."""
    gap = Phi(b + u) - Phi(b - u)
    mirrored = gap.subs(b, opposite_b).replace(Phi, lambda z: 1 - Phi(-z) if z.could_extract_minus_sign() else Phi(z))
    return Proof(
        "Mirror",
        "The robust gap depends on $|b|$ alone: $\\epsilon$ and $2\\eta - \\epsilon$ give the same gap at every $w$.",
        (
            equal("turning the sign of $b$", mirrored, gap, r"\Phi(-b + u) - \Phi(-b - u) = \Phi(b + u) - \Phi(b - u)"),
            equal(
                "$b$ at $2\\eta - \\epsilon$ is minus $b$",
                sp.sqrt(d) * (eta - (2 * eta - eps)),
                -sp.sqrt(d) * (eta - eps),
            ),
            equal(
                "the gap starts with the slope",
                sp.diff(gap, u).subs(u, 0),
                2 * phi(b),
                r"\varphi(b) + \varphi(b) = 2 \varphi(b)",
            ),
        ),
    )


def fair_margin(eps_fair: sp.Expr = FAIR_MARGIN) -> Proof:
    """The uniform training margin that lands on the hard class's best w is smaller than the evaluation margin."""
    trained = L_mean / (2 * (eta - eps_fair))
    own_margin = eta - L_neg / (2 * w)  # eps_y that puts class y's own optimum at w
    return Proof(
        "Fair margins",
        "$\\epsilon' = \\eta - (\\eta - \\epsilon) \\bar L / L_{-1}$ trains the fair $w$, and "
        "$\\epsilon_y = \\eta - L_y / (2w)$ puts each class at its own optimum: the smaller margin for the easy one.",
        (
            equal(
                "trained at $\\epsilon'$",
                trained,
                L_neg / (2 * (eta - eps)),
                r"\tfrac{\bar L}{2 (\eta - \epsilon')} = \tfrac{L_{-1}}{2 (\eta - \epsilon)} = w_{\text{fair}}",
            ),
            positive_numbers("it is the smaller one", (eps - eps_fair).subs(eps, eta - x), r"\epsilon - \epsilon' > 0"),
            equal("class $-1$ trained at its own margin", L_neg / (2 * (eta - own_margin)), w, OWN_OPTIMUM),
            positive_numbers(
                "which is the larger one",
                own_margin - own_margin.subs(p_neg, p_pos),
                r"\epsilon_{-1} - \epsilon_{+1} > 0",
            ),
        ),
    )


def raise_one(lever: sp.Expr = LEVER) -> Proof:
    """Raising one class's margin need not raise the trained w: it does iff u > b tanh(b u - L/2)."""
    inside = INSIDE.subs(L, sp.log(p / q))
    return Proof(
        "One margin raised",
        "$w$ rises with $\\epsilon_y$ iff $u > b_y \\tanh(b_y u - L_y/2)$.",
        (
            equal("less $b_y$ changes the slope by", -sp.diff(SLOPE, b), FACTOR * lever, LEVER_LATEX),
            equal(
                "the sign is that of", lever, sp.cosh(inside) * (u - b * sp.tanh(b * u - sp.log(p / q) / 2)), LEVER_SIGN
            ),
        ),
    )


def split(criterion: sp.Expr = SPLIT) -> Proof:
    """Margins eps +- delta (easy class larger): the trained w falls iff d (eta - eps)^2 < (L/2) tanh(L/2)."""
    s, c = sp.Symbol("delta", real=True), sp.sqrt(d)
    total = sum(
        sp.exp(-((b - y * c * s) ** 2) / 2) * (k * sp.exp(-(b - y * c * s) * u) - (1 - k) * sp.exp((b - y * c * s) * u))
        for y, k in ((1, p_pos), (-1, p_neg))
    )  # the slope of R_+1 + R_-1, up to a positive factor
    change = sp.diff(total, s).subs(s, 0)
    factor = 2 * c * sp.exp(-(b**2) / 2) * (p_pos - p_neg)
    at_top = criterion.subs(u, x / b)  # x = L / 2 at the uniform optimum
    return Proof(
        "Margins split",
        "To first order, easy class larger, $w$ falls (good for the hard class) iff "
        "$d(\\eta-\\epsilon)^2 < \\frac{\\bar L}{2} \\tanh \\frac{\\bar L}{2}$, and rises otherwise.",
        (
            equal("the slope changes by", change, factor * criterion, sp.latex(factor * criterion)),
            equal("at $u = x/b$, $x = \\bar L / 2$", sp.expand(at_top * b), sp.cosh(x) * (b**2 - x * sp.tanh(x))),
        ),
    )


def bayes_rule(rate: sp.Expr = RATE, shift: sp.Expr = SHIFT) -> Proof:
    """With a threshold the optimum is the Bayes rule of the attacked data, whose log-odds are linear in x_1 and S."""
    s = sp.Symbol("S", real=True)
    mean = d * (eta - eps)
    weak = ((s + mean) ** 2 - (s - mean) ** 2) / (2 * d)
    return Proof(
        "With a threshold",
        "The log-odds are shift + rate $x_1$ + $2(\\eta - \\epsilon)S$; divided by the rate, "
        "$w = (L_{+1} + L_{-1})/(4(\\eta - \\epsilon))$ and $c = \\log\\frac{p_{+1}(1-p_{+1})}{p_{-1}(1-p_{-1})} / "
        "(L_{+1} + L_{-1}) < 0$.",
        (
            equal("the attacked weak features speak with the log-odds", weak, 2 * (eta - eps) * s, WEAK),
            equal("$x_1 = +1$ adds", sp.log(p_pos / (1 - p_neg)), shift + rate, ADDS_PLUS),
            equal("$x_1 = -1$ adds", sp.log((1 - p_pos) / p_neg), shift - rate, ADDS_MINUS),
            positive_numbers("so the threshold is negative: it serves the hard class", -shift / rate, "c < 0"),
        ),
    )


def bias_shift(moved: sp.Expr = THRESHOLD_MOVE) -> Proof:
    """Class-wise margins eps +- delta move the threshold by d delta / w and nothing else (m is t = c u, x is delta)."""
    centre = [sp.sqrt(d) * (eta - (eps + y * x)) + y * (m + moved) for y in (1, -1)]
    uniform = [sp.sqrt(d) * (eta - eps) + y * m for y in (1, -1)]
    hard = p * Phi(b + u - m) + q * Phi(b - u - m)
    return Proof(
        "Margins are a threshold",
        "Training at $\\epsilon \\pm \\delta$ (easy class larger) with $t = cu$ moved by $\\sqrt d\\,\\delta$ is "
        "training at $\\epsilon$: the same $w$, and $c + d\\,\\delta / w$. The hard class loses.",
        (
            equal(
                "class $+1$ at margin $\\epsilon + \\delta$",
                centre[0],
                uniform[0],
                MOVED.replace("?", "+").replace("!", "-"),
            ),
            equal(
                "class $-1$ at margin $\\epsilon - \\delta$",
                centre[1],
                uniform[1],
                MOVED.replace("?", "-").replace("!", "+"),
            ),
            equal(
                "in terms of $c$, the move is",
                moved / (w / sp.sqrt(d)),
                d * x / w,
                r"\sqrt d\, \delta / (w / \sqrt d) = d\, \delta / w",
            ),
            positive("and a larger $t$ costs class $-1$", -sp.diff(hard, m)),
        ),
    )


def k_class(ratio: sp.Expr = K_CLASS_RATIO) -> Proof:
    """K classes: the integrands of dR/du have a constant ratio, so R has one turn, at w*."""
    z, k = sp.Symbol("z", real=True), sp.Symbol("K", positive=True)
    helped = phi(z - u) * phi(z + b)  # after z -> z - u, the common factor Phi(z + c)^(K-2) left out
    misled = phi(z) * phi(z + b - u)
    top = sp.log((k - 1) * p / (1 - p)) / (eta - 2 * eps)
    slope = (k - 1) * p * sp.exp(-sp.sqrt(d) * (eta - 2 * eps) * w / sp.sqrt(d)) - (1 - p)
    growth = sp.diff(top, eps)
    return Proof(
        "K classes",
        "$w^* = \\log\\frac{(K-1)p}{1-p} / (\\eta - 2\\epsilon)$, the one top if $\\epsilon < \\eta/2$, $p > 1/K$.",
        (
            equal("with $b = \\sqrt d(\\eta - 2\\epsilon)$ the integrands have the ratio", helped, ratio * misled),
            equal(
                "so the sign of the slope is that of $(K-1)p\\,e^{-bu} - (1-p)$, which vanishes at $w^*$",
                slope.subs(w, top),
                0,
                r"(K - 1)\, p\, e^{-(\eta - 2\epsilon) w^*} - (1 - p) = 0",
            ),
            equal("$w^*$ changes with $\\epsilon$ as", growth, 2 * top / (eta - 2 * eps), GROWTH),
        ),
    )


def logistic(weights: tuple[sp.Expr, sp.Expr] = LOGISTIC_WEIGHTS) -> Proof:
    """Adversarial training with the logistic loss has the same optimum as the 0-1 loss (x_1 untouched, eps < eta)."""
    s = sp.Symbol("S", real=True)
    mean = d * (eta - eps)
    log_odds = sp.log(p) - sp.log(q) + ((s + mean) ** 2 - (s - mean) ** 2) / (2 * d)
    w_1, w_2 = weights
    return Proof(
        "Logistic loss",
        "The population minimiser is the log-odds of the attacked data at the mean $p$: $w_1 = \\bar L$, "
        "$w_2 = 2(\\eta-\\epsilon)$, whose ratio is the $w^*$ of Theorem 2.",
        (
            equal("at $x_1 = 1$ the log-odds are linear in $S$", log_odds, w_1 + w_2 * s, LINEAR),
            equal("their ratio", w_1 / w_2, sp.log(p / q) / (2 * (eta - eps)), RATIO),
        ),
    )


BEYOND = (mirror, fair_margin, raise_one, split, bayes_rule, bias_shift, k_class, logistic)
