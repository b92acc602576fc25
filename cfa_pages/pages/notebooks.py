"""Executes notebooks, several at a time, each in a process of its own with limits of time.

    for execution in executed(jobs, at_once=2, fonts=folder):
        print(execution.job.name, execution.state, execution.error)

A notebook whose kernel does not start is tried once more. When the caller stops, the processes are ended.
"""

import os
import signal
import subprocess
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from cfa_pages.pages.jobs import Job
from cfa_pages.pages.staging import Staging

PAGE_LIMIT_S = 1800  # for a whole notebook
TRIES = 2  # for a kernel to start: two kernels may take one port
_POLL_S = 0.05
_END_S = 5.0  # grace for a process that is told to end


class Execution:
    """One notebook being executed; `state` is "running", then "executed", "failed" or "no kernel"."""

    def __init__(self, job: Job, fonts: str | Path, tries: int = 1):
        self.job, self.tries = job, tries
        self.state, self.error = "running", ""
        self.staging = Staging(job, fonts)
        self._started = time.monotonic()
        with open(self.staging.file("log.txt"), "wb") as log:
            self._process = subprocess.Popen(
                self.staging.command, env=self.staging.environment(), cwd=self.staging.folder,
                stdin=subprocess.PIPE, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip

    @property
    def seconds(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._started

    def poll(self) -> bool:
        """True once the process has ended, or was ended because its time is up."""
        if self._process.poll() is None and self.seconds < PAGE_LIMIT_S:
            return False
        if self._process.poll() is None:
            self.end()
            self.state, self.error = "failed", f"not finished after {PAGE_LIMIT_S} s"
        else:
            self.state, self.error = self.staging.answer() or ("failed", self._last_words())
        return True

    def _last_words(self):
        log = self.staging.file("log.txt").read_text(errors="replace").strip().splitlines()
        return f"its process ended with code {self._process.returncode}: " + (log[-1] if log else "no message")

    def end(self) -> None:
        """Ends the process and its kernel."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            if self._process.poll() is None:
                _signal_group(self._process.pid, number)
                _wait(self._process)

    def close(self) -> None:
        """Ends what still runs and removes the staging folder."""
        self.end()
        self._process.stdin.close()
        self.staging.close()


def _signal_group(pid, number):
    with suppress(ProcessLookupError):
        os.killpg(pid, number)


def _wait(process):
    with suppress(subprocess.TimeoutExpired):
        process.wait(_END_S)


def executed(jobs: Iterable[Job], at_once: int, fonts: str | Path) -> Iterator[Execution]:
    """Executes jobs, `at_once` at a time; yields each `Execution` as it ends, to be used until the next is asked for.

    A job that is `last` starts when all others have finished.
    """
    waiting, running = list(jobs), []
    try:
        while waiting or running:
            while waiting and len(running) < at_once and not (waiting[0].last and running):
                running.append(Execution(waiting.pop(0), fonts))
            yield from _finished(running, fonts)
            time.sleep(_POLL_S)
    finally:
        for execution in running:
            execution.close()


def _finished(running, fonts):
    for execution in [e for e in running if e.poll()]:
        if execution.state == "no kernel" and execution.tries < TRIES:
            running[running.index(execution)] = Execution(execution.job, fonts, execution.tries + 1)
            execution.close()
            continue
        try:
            yield execution
        finally:
            running.remove(execution)
            execution.close()
