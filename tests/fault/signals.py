"""Signals at random moments of trainings, and what else signals promise.

python3 signals.py WEFT SCRATCH [--moments N] [--seed N] [--json]

Each moment trains a small model on 1 or 2 threads and sends SIGINT, SIGTERM or SIGHUP after a random time. The training
must end with 130, 143 or 129 and a checkpoint, and --resume must end at the bits of the training that was left alone.
A signal before the run has a folder ends the process by the signal, and nothing is there.
"""
import argparse
import os
import pty
import random
import signal
import subprocess
import sys
import time

import runs

INT, TERM, HUP = signal.SIGINT, signal.SIGTERM, signal.SIGHUP
WATCHED = (1 << (INT - 1)) | (1 << (TERM - 1)) | (1 << (HUP - 1))


def start(words, **options):
    return subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                            **options)


def end_of(process, seconds=120):
    """Exit code and what was said; a process that does not end is killed and counts as -9."""
    try:
        _, errors = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        _, errors = process.communicate()
    return process.returncode, errors.strip()[-300:]


def random_moments(training, count, generator, failures):
    counts = {"stopped": 0, "before the run": 0, "after the end": 0}
    # A moment may come before or after what it is to hit; more follow, so that some stop a training on any machine.
    i = 0
    while i < count or (counts["stopped"] < count / 3 and i < 10 * count):
        i += 1
        threads, number = generator.choice((1, 2)), generator.choice((INT, TERM, HUP))
        # Short trainings on a busy machine take longer than the measured one: any moment of it may be hit.
        delay = generator.uniform(0, training.seconds)
        training.remove("run")
        process = start(training.train("run", threads))
        time.sleep(delay)
        process.send_signal(number)
        code, errors = end_of(process)
        what = f"moment {i}: {number.name} after {delay:.3f} s on {threads} threads: exit {code}: {errors}"
        has_run = os.path.exists(training.path("run/config.json"))
        if code == 128 + number:
            counts["stopped"] += 1
            if not failures.check(os.path.exists(training.path("run/checkpoint.safetensors")), f"no checkpoint; {what}"):
                continue
        elif code == -number and not has_run:
            counts["before the run"] += 1
            continue
        elif code in (0, -number):  # the latter while the process was ending
            counts["after the end"] += 1
            failures.check(training.is_whole("run"), f"other bits; {what}")
            continue
        else:
            failures.check(False, what)
            continue
        resumed = runs.run(training.resume("run", generator.choice((1, 2))))
        failures.check(resumed.returncode == 0, f"{what}; resume: exit {resumed.returncode}: {resumed.stderr[-200:]}")
        failures.check(resumed.returncode == 0 and training.is_whole("run"), f"other bits after resume; {what}")
    return counts


def wait_until(condition, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.002)
    return False


def field(status, name):
    return int(next(line for line in status.splitlines() if line.startswith(name + ":")).split()[1], 16)


def long_training(training, name, threads=2):
    """A training that goes on until it is stopped, past its first epoch."""
    training.remove(name)
    words = training.train(name, threads)
    words[words.index("--epochs") + 1] = "100000"
    process = start(words)
    metrics = training.path(f"{name}/metrics.jsonl")
    return process, wait_until(lambda: os.path.exists(metrics) and os.path.getsize(metrics) > 0)


def masks(training, failures):
    """No handler of the three signals in the process, and one thread alone that does not block them."""
    process, began = long_training(training, "masks")
    failures.check(began, "masks: the training did not begin")
    tasks = f"/proc/{process.pid}/task"
    states = [open(f"{tasks}/{task}/status").read() for task in os.listdir(tasks)]
    failures.check(len(states) >= 3, f"masks: {len(states)} threads: main, another of the pool, the one that waits")
    failures.check(all(field(state, "SigCgt") & WATCHED == 0 for state in states), "masks: a handler is installed")
    waiting = [state for state in states if field(state, "SigBlk") & WATCHED != WATCHED]
    failures.check(len(waiting) == 1, f"masks: {len(waiting)} of {len(states)} threads do not block the signals")
    process.send_signal(TERM)
    code, errors = end_of(process)
    failures.check(code == 143, f"masks: exit {code}: {errors}")


def cpu_seconds(process):
    with open(f"/proc/{process.pid}/stat") as file:
        user, system = file.read().rsplit(")", 1)[1].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def second_signal(training, failures):
    """The reference backend's steps are slow: the second signal comes while the first waits for the step to end."""
    training.remove("second")
    words = training.train("second")
    process = start([*words, "--backend", "reference", "--batch", "1000", "--hidden", "1500"])
    failures.check(wait_until(lambda: os.path.exists(training.path("second/metrics.jsonl"))), "second: it did not begin")
    before = cpu_seconds(process)
    failures.check(wait_until(lambda: cpu_seconds(process) > before + 0.5), "second: it does not compute")
    process.send_signal(INT)
    time.sleep(0.1)
    if not failures.check(process.poll() is None, "second: one signal ended a step of the reference backend"):
        return
    begin = time.monotonic()
    process.send_signal(INT)
    code, errors = end_of(process)
    failures.check(code == -INT and time.monotonic() - begin < 5, f"second: exit {code}: {errors}")


def other_commands(training, failures):
    """Commands that keep nothing end at once, by the signal."""
    for number in (INT, TERM, HUP):
        process = start([training.weft, "bench", "vae", "--seconds", "60", "--threads", "2"])
        time.sleep(0.5)
        begin = time.monotonic()
        process.send_signal(number)
        code, errors = end_of(process)
        failures.check(code == -number and time.monotonic() - begin < 5, f"bench: {number.name}: exit {code}: {errors}")


def ignored(training, failures):
    """nohup ignores SIGHUP, and a shell's background job SIGINT: both stay ignored."""
    for number in (HUP, INT):
        training.remove("ignored")
        process = start(training.train("ignored", 2), preexec_fn=lambda: signal.signal(number, signal.SIG_IGN))
        for _ in range(20):
            time.sleep(training.seconds / 30)
            process.send_signal(number)
        code, errors = end_of(process)
        failures.check(code == 0 and training.is_whole("ignored"), f"ignored {number.name}: exit {code}: {errors}")


def stopped_and_continued(training, failures):
    training.remove("continued")
    process = start(training.train("continued", 2))
    for _ in range(3):
        time.sleep(training.seconds / 5)
        process.send_signal(signal.SIGTSTP)
        time.sleep(0.1)
        process.send_signal(signal.SIGCONT)
    code, errors = end_of(process)
    failures.check(code == 0 and training.is_whole("continued"), f"SIGTSTP, SIGCONT: exit {code}: {errors}")


def closed_pipe(training, failures):
    """weft train | head: what was kept before the line that nobody read can be resumed."""
    training.remove("pipe")
    process = start(training.train("pipe", 2))
    process.stdout.readline()
    process.stdout.close()
    process.wait(60)
    failures.check(process.returncode == -signal.SIGPIPE, f"closed pipe: exit {process.returncode}")
    process.stderr.close()
    resumed = runs.run(training.resume("pipe"))
    failures.check(resumed.returncode == 0 and training.is_whole("pipe"),
                   f"closed pipe: resume: exit {resumed.returncode}: {resumed.stderr[-200:]}")


def closed_terminal(training, failures):
    """A terminal that is closed sends SIGHUP and takes no more text: the training ends with a checkpoint all the same."""
    training.remove("terminal")
    words = training.train("terminal", 2)
    words[words.index("--epochs") + 1] = "100000"
    process, terminal = pty.fork()
    if process == 0:
        os.execv(words[0], words)
    text = b""
    while text.count(b"validation") < 3:  # the first line, and those of two epochs
        text += os.read(terminal, 4096)
    os.close(terminal)
    _, status = os.waitpid(process, 0)
    code = os.waitstatus_to_exitcode(status)
    # 1: an epoch's line, which follows its checkpoint, found the terminal closed before the signal came.
    failures.check(code == 129, f"closed terminal: exit {code}")
    failures.check(int(runs.state_of(training.path("terminal"))[1]["step"]) > 0, "closed terminal: no step is kept")


def children(training, failures):
    """The C compiler of weft compile can be stopped, and what it began is removed."""
    folder = training.path("children")
    os.makedirs(folder, exist_ok=True)
    compiler, mask = f"{folder}/cc", f"{folder}/mask"
    with open(compiler, "w") as file:
        file.write(f"#!/bin/sh\ngrep SigBlk /proc/self/status >{mask}.part\nmv {mask}.part {mask}\nexec sleep 60\n")
    os.chmod(compiler, 0o755)
    words = [training.weft, "compile", "vae", "--hidden", "8", "--latent", "2", "--standalone", "--entry", "encode",
             "--batch", "1", "--cc", compiler, "-o", f"{folder}/out"]
    process = start(words, start_new_session=True)
    if failures.check(wait_until(lambda: os.path.exists(mask)), "compile: the compiler was not started"):
        with open(mask) as file:
            failures.check(int(file.read().split()[1], 16) & WATCHED == 0, "compile: its compiler cannot be stopped")
    begin = time.monotonic()
    os.killpg(process.pid, INT)  # as a terminal does
    code, errors = end_of(process)
    failures.check(code == 130 and time.monotonic() - begin < 5, f"compile: exit {code}: {errors}")
    left = [name for name in os.listdir(folder) if name not in ("cc", "mask")]
    failures.check(not left, f"compile: {left} is left")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("weft")
    parser.add_argument("scratch")
    parser.add_argument("--moments", type=int, default=6)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    for number in (INT, TERM, HUP):  # a shell's background jobs and nohup ignore some, and children would inherit that
        signal.signal(number, signal.SIG_DFL)
    begin = time.monotonic()
    failures = runs.Failures()
    training = runs.Training(os.path.abspath(options.weft), os.path.abspath(options.scratch))
    counts = random_moments(training, options.moments, random.Random(options.seed), failures)
    others = (masks, second_signal, other_commands, ignored, stopped_and_continued, closed_pipe, closed_terminal,
              children)
    for each in others:
        each(training, failures)
    failures.check(counts["stopped"] > 0, "no signal hit a training")
    print(f"{sum(counts.values())} signals at random moments of {training.seconds:.2f} s: "
          + ", ".join(f"{count} {name}" for name, count in counts.items())
          + f"; {len(others)} other checks; {failures.count} failures; {time.monotonic() - begin:.0f} s")
    sys.exit(1 if failures.count else 0)


main()
