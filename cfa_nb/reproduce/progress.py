"""Lines of progress of the training, for a console: one a finished run, now and then one for a run that takes long."""

#: A run that is longer than this says at which epoch it is, at most once in that time.
LONG_S = 60.0


SHOWN = ("eps", "beta", "lambda_1", "lambda_2")


def run_lines(profile, say):
    """A progress callback for `cfa_nb.sweep.ensure` that hands lines of text to `say`."""
    said = {}

    def show(event):
        config = event.config
        run = f"{config.recipe} seed {config.seed}{_studied(profile, config)}"
        if event.finished:
            say(f"[{event.runs_done}/{event.runs_total}] {run}: trained, {event.seconds:.1f} s")
        elif event.seconds - said.get(config, 0.0) >= LONG_S:
            said[config] = event.seconds
            say(f"  {run}: epoch {event.epoch}/{config.epochs}, {event.seconds:.0f} s")

    return show


def _studied(profile, config):
    """What tells the runs of a study apart from the recipe at the profile's own values: " eps=0.075"."""
    base = profile.config(config.recipe, config.seed)
    return "".join(f" {n}={getattr(config, n):g}" for n in SHOWN if getattr(config, n) != getattr(base, n))
