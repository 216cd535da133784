"""The worker's side of the protocol between bench/peers/compare and a worker.

A worker reads commands from standard input and answers each with one line of JSON:

    run N     does N steps with a wait after each: {"ms": [...]}, one time per step
    burst N   does N steps with one wait at the end: {"ms": [mean]}
    about     {"about": {...}}: the worker's facts on a GPU, such as peak memory

"quit" or the end of input ends it.  No other line of output may begin with a brace.
"""

import json
import sys
import time


def timed(step, wait, steps):
    """Milliseconds for `steps` steps until the last is complete."""
    start = time.perf_counter()
    for _ in range(steps):
        result = step()
    wait(result)
    return round((time.perf_counter() - start) * 1e3, 4)


def serve(step, wait=lambda result: None, about=dict):
    """Answers commands until told to stop; step() does one training step, wait(result) waits for its result."""
    for line in sys.stdin:
        words = line.split()
        if not words:
            continue
        if words == ["about"]:
            answer = {"about": about()}
        elif words[0] == "run" and len(words) == 2:
            answer = {"ms": [timed(step, wait, 1) for _ in range(int(words[1]))]}
        elif words[0] == "burst" and len(words) == 2:
            steps = int(words[1])
            answer = {"ms": [round(timed(step, wait, steps) / steps, 5)]}
        else:
            return
        print(json.dumps(answer), flush=True)
