"""Random numbers from streams keyed by (run seed, purpose, epoch, step), never from one generator that is used up.

So evaluation cannot move training, and a run that is resumed or packed with others draws what it always draws.
"""

import hashlib

import torch


def stream_seed(seed: int, purpose: str, epoch: int = 0, step: int = 0) -> int:
    """63 bits that belong to one use of randomness in one run."""
    digest = hashlib.sha256(f"{seed}/{purpose}/{epoch}/{step}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def stream(seed: int, purpose: str, epoch: int = 0, step: int = 0, device="cpu") -> torch.Generator:
    """A fresh `torch.Generator` for one use of randomness in one run."""
    return torch.Generator(device=device).manual_seed(stream_seed(seed, purpose, epoch, step))
