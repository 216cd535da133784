"""Every file call of a training fails once: EIO, ENOSPC, EINTR, short, and a disk that stays full.

python3 files.py WEFT SCRATCH [--samples N] [--seed N]     (--samples 0: every call)

Three trainings of a small model are disturbed: a new one, one that is resumed, one that replaces another. Each must end
with 0 and the bits of the training that was left alone, or with 1 and one line that says what failed. Afterwards
--resume, or where no checkpoint came to be the same training again, ends at those bits: nothing is lost, and no
temporary file is left.
"""
import argparse
import glob
import os
import random
import shutil
import subprocess
import sys
import time

import runs

# EINTR only where POSIX names it.
ERRORS = {
    "open": ("EIO", "ENOSPC", "EINTR"), "read": ("EIO", "EINTR", "short"), "write": ("EIO", "ENOSPC", "EINTR", "short"),
    "fsync": ("EIO", "ENOSPC", "EINTR"), "close": ("EIO", "ENOSPC", "EINTR"), "rename": ("EIO", "ENOSPC"),
    "ftruncate": ("EIO", "ENOSPC"), "mkdir": ("EIO", "ENOSPC"), "unlink": ("EIO",),
}


class Faults:
    def __init__(self, weft, scratch, failures):
        self.failures = failures
        self.training = runs.Training(weft, scratch, ("--hidden", "6", "--latent", "2", "--batch", "16", "--backend", "reference"),
                                      2, 48)
        self.shim = self.training.path("files_shim.so")
        source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "files_shim.c")
        subprocess.run(["cc", "-O1", "-shared", "-fPIC", source, "-o", self.shim, "-ldl"], check=True)
        self.prepare_parts()
        self.counts = {"0": 0, "1": 0}
        self.unfired = 0

    def prepare_parts(self):
        """A run that stopped after its first epoch, and a finished one to replace."""
        first = self.training.train("half")
        first[first.index("--epochs") + 1] = "1"
        runs.run(first, check=True)
        other = self.training.train("other")
        other[other.index("--seed") + 1] = "9"
        runs.run(other, check=True)

    def words(self, scenario):
        if scenario == "new":
            return self.training.train("run")
        if scenario == "resumed":
            return [*self.training.resume("run"), "--epochs", "2"]
        return [*self.training.train("run"), "--replace"]

    def start(self, scenario):
        self.training.remove("run")
        if scenario != "new":
            shutil.copytree(self.training.path("half" if scenario == "resumed" else "other"), self.training.path("run"))

    def run(self, scenario, **fault):
        count = self.training.path("count")
        # Sanitizers want to be loaded first; a shim before them does no harm.
        environment = {**os.environ, "LD_PRELOAD": self.shim, "FAULT_UNDER": self.training.path("run"),
                       "FAULT_COUNT": count, "ASAN_OPTIONS": "verify_asan_link_order=0",
                       **{f"FAULT_{key}": str(value) for key, value in fault.items()}}
        done = runs.run(self.words(scenario), env=environment)
        with open(count) as file:
            return done, {name: int(number) for name, number in (line.split() for line in file)}

    def counted(self, scenario):
        self.start(scenario)
        done, counts = self.run(scenario)
        self.failures.check(done.returncode == 0 and self.training.is_whole("run"), f"{scenario}: {done.stderr}")
        return counts

    def check(self, scenario, call, at, error, forever):
        what = f"{scenario}: {call} {at} fails with {error}{' for ever' if forever else ''}"
        self.start(scenario)
        fault = {"CALL": call, "AT": at, "ERROR": error}
        done, counts = self.run(scenario, **fault, **({"FOREVER": 1} if forever else {}))
        self.unfired += counts["fired"] == 0
        said = done.stderr.strip()
        self.counts[str(done.returncode)] = self.counts.get(str(done.returncode), 0) + 1
        if done.returncode == 0:
            self.failures.check(self.training.is_whole("run"), f"{what}: exit 0, other bits")
        else:
            told = done.returncode == 1 and said.splitlines()[-1].startswith("weft: error: ")
            self.failures.check(told, f"{what}: exit {done.returncode}: {said[-300:]}")
        if call != "unlink":
            left = glob.glob(self.training.path("run/.*tmp*"))
            self.failures.check(not left, f"{what}: {left} is left")
        if done.returncode != 0:
            self.go_on(scenario, what)

    def is_other(self):
        """Whether the run is still the one that was to be replaced."""
        return runs.state_of(self.training.path("run"))[:2] == runs.state_of(self.training.path("other"))[:2]

    def go_on(self, scenario, what):
        resumed = runs.run([*self.training.resume("run"), "--epochs", "2"])
        may_begin_again = scenario != "resumed" and not os.path.exists(self.training.path("run/checkpoint.safetensors"))
        if scenario == "replaced" and resumed.returncode == 0 and self.is_other():
            may_begin_again, resumed.returncode = True, 1  # the old run was kept whole
        if resumed.returncode == 1 and may_begin_again:
            resumed = runs.run([*self.training.train("run"), "--replace"])
        self.failures.check(resumed.returncode == 0, f"{what}; go on: {resumed.returncode}: {resumed.stderr[-300:]}")
        if resumed.returncode == 0:
            self.failures.check(self.training.is_whole("run"), f"{what}; go on: other bits")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("weft")
    parser.add_argument("scratch")
    parser.add_argument("--samples", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    begin = time.monotonic()
    failures = runs.Failures()
    faults = Faults(os.path.abspath(options.weft), os.path.abspath(options.scratch), failures)
    cases = []
    for scenario in ("new", "resumed", "replaced"):
        counts = faults.counted(scenario)
        for call, errors in ERRORS.items():
            cases += [(scenario, call, at, error, forever) for at in range(1, counts[call] + 1) for error in errors
                      for forever in ((False, True) if error in ("ENOSPC", "EIO") else (False,))]
    all_cases = len(cases)
    if options.samples > 0:
        cases = random.Random(options.seed).sample(cases, min(options.samples, all_cases))
    for case in cases:
        faults.check(*case)
    failures.check(faults.unfired <= len(cases) // 20, f"{faults.unfired} of {len(cases)} faults never came")
    print(f"{len(cases)} of {all_cases} faults of file calls: "
          + ", ".join(f"{count} ended with {code}" for code, count in sorted(faults.counts.items()))
          + f"; {failures.count} failures; {time.monotonic() - begin:.0f} s")
    sys.exit(1 if failures.count else 0)


main()
