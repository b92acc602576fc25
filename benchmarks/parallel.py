"""The same work in several processes at once, begun together."""

import torch.multiprocessing as mp


def together(work, job, runs):
    """What `work(job, ready)` returns, from all of `runs` processes, in one list; a single one runs here.

    Args:
        work: a function of a module; it calls `ready()` before what it times, and waits there for the others.
        job: its argument, ready to be pickled.

    Raises:
        RuntimeError: if a process fails.
    """
    if runs == 1:
        return work(job)
    context = mp.get_context("spawn")
    barrier, queue = context.Barrier(runs), context.SimpleQueue()
    workers = [context.Process(target=_run, args=(work, job, barrier, queue)) for _ in range(runs)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if any(worker.exitcode for worker in workers):
        raise RuntimeError(f"{sum(bool(w.exitcode) for w in workers)} of {runs} processes failed; see above")
    return [timing for _ in workers for timing in queue.get()]


def _run(work, job, barrier, queue):
    try:
        queue.put(work(job, barrier.wait))
    except BaseException:
        barrier.abort()  # the others shall not wait for ever
        raise
