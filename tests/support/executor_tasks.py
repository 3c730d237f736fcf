"""What the tests of the executor send to worker processes, which import it by name."""

import os
import signal
import time
from pathlib import Path

import numpy as np

from gvi_eval.errors import EstimationError


def draw(inputs: float, seed: int) -> dict:
    """Numbers of every kind that may come back."""
    random = np.random.default_rng(seed)
    sample = random.normal(inputs, 1, 50)
    return {
        "mean": sample.mean(),
        "few": sample[:3],
        "count": int(random.poisson(5)),
        "none": (None, np.nan, np.inf),
        "large": np.int64(7),
    }


def noted(inputs: str, seed: int) -> int:
    """Leaves a line in a file at every call, so that calls can be counted."""
    time.sleep(0.02)
    with open(inputs, "a", encoding="utf-8") as stream:
        stream.write(f"{seed}\n")
    return seed % 1000


def shares(inputs: float, seed: int) -> float:
    if inputs == 0:
        raise EstimationError("nothing to divide by; give it more")
    return 1 / inputs


def inverse(inputs: float, seed: int) -> float:
    return 1 / inputs


def crashes(inputs: str | None, seed: int) -> int:
    """Ends its process without a word: always ('always'), or unless the file exists that it then leaves."""
    if inputs == "always" or (inputs and not Path(inputs).exists()):
        if inputs != "always":
            Path(inputs).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return seed % 1000


def threads(inputs: str, seed: int) -> str | None:
    return os.environ.get(inputs)


def unkeepable(inputs: None, seed: int) -> object:
    return {1, 2}
