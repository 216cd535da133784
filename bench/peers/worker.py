"""The protocol between bench/peers/compare and a worker, from the worker's side.

A worker is a process that reads commands on standard input: "run N" does N steps and is answered by one line of JSON,
{"ms": [...]}, a figure a step; "quit" or the end of input ends it.  Nothing else may begin with a brace on its output.
"""

import json
import sys
import time


def serve(step):
    """Answers commands until told to stop; step() does one training step and returns when it is complete."""
    for line in sys.stdin:
        words = line.split()
        if not words:
            continue
        if words[0] != "run" or len(words) != 2:
            return
        times = []
        for _ in range(int(words[1])):
            start = time.perf_counter()
            step()
            times.append((time.perf_counter() - start) * 1e3)
        print(json.dumps({"ms": [round(t, 4) for t in times]}), flush=True)
