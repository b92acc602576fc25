"""The paper's method. Read in this order: calibration, attacks, objectives, averaging, model, metrics, step, train.

rivals is what it is compared with; evaluate and autoattack say how accurate a class is; fast and graphs are for GPUs.
"""

from collections.abc import Callable


def entered(functions: dict[str, Callable], kind: str) -> Callable[[Callable], Callable]:
    """A decorator that enters a function under its name; raises `ValueError` if the name is taken."""

    def enter(function):
        if function.__name__ in functions:
            raise ValueError(f"there is {kind} {function.__name__!r} already; name yours otherwise")
        functions[function.__name__] = function
        return function

    return enter
