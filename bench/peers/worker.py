"""The protocol between bench/peers/compare and a worker, from the worker's side.

A worker is a process that reads commands on standard input and answers each by one line of JSON:

    run N     does N steps, each waited for: {"ms": [...]}, a figure a step
    burst N   does N steps and waits once, at their end: {"ms": [mean]}
    about     {"about": {...}}: what the worker knows of itself on a GPU, such as its peak memory

"quit" or the end of input ends it.  Nothing else may begin with a brace on its output.
"""

import json
import sys
import time


def timed(step, wait, steps):
    """Milliseconds that `steps` steps take until the last is complete."""
    start = time.perf_counter()
    for _ in range(steps):
        result = step()
    wait(result)
    return round((time.perf_counter() - start) * 1e3, 4)


def serve(step, wait=lambda result: None, about=dict):
    """Answers commands until told to stop; step() does one training step, wait(what it gave) until it is complete."""
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
