"""The averages that a profile's runs carry: those of the tables, and others to set beside them."""

from cfa_nb.config import Average


def averages(start, threshold):
    """EMA and FAWA of Tables 1 and 3."""
    return Average("ema", start=start), Average("fawa", start=start, threshold=threshold)


def variants(start, threshold):
    """Averages to compare side by side in one run: the release's, Algorithm 1's, and other thresholds."""
    return (
        Average("ema_release", decay=0.88, start=1),
        Average("fawa_release", decay=0.88, threshold=1.2 * threshold, start=1, init="random"),
        Average("fawa_theta_0", threshold=threshold, start=start, init="theta_0"),
        Average("fawa_lower", threshold=0.75 * threshold, start=start),
        Average("fawa_higher", threshold=1.25 * threshold, start=start),
    )
