"""Lines of progress of the training, for a console: one a finished run, now and then one for a run that takes long."""

#: A run that is longer than this says at which epoch it is, at most once in that time.
LONG_S = 60.0


def run_lines(say):
    """A progress callback for `cfa_nb.sweep.ensure` that hands lines of text to `say`."""
    said = {}

    def show(event):
        run = f"{event.config.recipe} seed {event.config.seed}"
        if event.finished:
            number = f"[{event.runs_done}/{event.runs_total}]"
            say(f"{number} {run}{_differing(event.config)}: trained, {event.seconds:.1f} s")
        elif event.seconds - said.get(event.config, 0.0) >= LONG_S:
            said[event.config] = event.seconds
            say(f"  {run}: epoch {event.epoch}/{event.config.epochs}, {event.seconds:.0f} s")

    return show


def _differing(config):
    """What tells runs of one recipe and seed apart in the studies."""
    return f" (eps {config.eps:g}, beta {config.beta:g}, lambda {config.lambda_1:g}/{config.lambda_2:g})"
