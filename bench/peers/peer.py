"""A worker's process as seen by bench/peers/compare: starts it, warms it up, requests bursts of steps."""

import ctypes
import json
import os
import signal
import statistics
import subprocess
import threading
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TICK = 1 / os.sysconf("SC_CLK_TCK")
WEFT_STEPS = {  # `weft bench` arguments by step
    "vae": "vae",
    "deep_autoencoder": "autoencoder --hidden 1000,500,250 --latent 30",
    "conv_autoencoder": "conv_autoencoder",
    "rotnet": "rotnet --size 3x32x32",
    "simclr": "simclr --encoder resnet18 --size 3x32x32",
    "nt_xent": "nt_xent",
}


class Skipped(Exception):
    """This worker cannot take part; the message is the reason."""


def busy_seconds():
    """Processor time that the machine has spent on all processes, including time stolen by its host."""
    user, nice, system, _, _, irq, softirq, steal = map(int, Path("/proc/stat").read_text().split()[1:9])
    return (user + nice + system + irq + softirq + steal) * TICK


def wait_for_calm(deadline):
    """Returns when other processes use less than a tenth of a core, or at the deadline."""
    while time.monotonic() < deadline:
        before = busy_seconds()
        time.sleep(0.2)
        if busy_seconds() - before <= 2 * TICK:
            return


def die_with_driver():
    """Runs in the child: kills it if the driver dies, so that no stopped worker remains."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def take_precedence(pid):
    """Gives the process and its session's group (autogroup) priority over all others."""
    os.setpriority(os.PRIO_PROCESS, pid, -20)
    autogroup = Path(f"/proc/{pid}/autogroup")
    if autogroup.exists():
        autogroup.write_text("-20")


def reason_in(errors):
    """Why a worker ended, from its output: an out-of-memory line, Weft's message, or the last line."""
    lines = [line.strip() for line in errors.strip().splitlines()]
    memory = [line for line in lines if "out of memory" in line.lower()]
    weft = [i for i, line in enumerate(lines) if line.startswith("weft: error:")]
    text = " ".join(lines[weft[0] :]) if weft else (memory or lines or [""])[-1]
    return text if len(text) <= 400 else text[:400] + " ..."


class Worker:
    """A worker's process, stopped except while it runs a burst; on a GPU it runs alone and is never stopped."""

    def __init__(self, peer, command, extra, options):
        self.peer, self.on_gpu, self.is_late = peer, options.device == "cuda", False
        self.command = " ".join([*(f"{k}={v}" for k, v in extra.items()), *command])
        self.errors = open(options.scratch / f"{peer}.err", "w+")
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors, text=True,
            env={**os.environ, **extra}, start_new_session=True, preexec_fn=die_with_driver)
        if options.first:
            take_precedence(self.process.pid)
        try:
            if self.on_gpu:
                self.start_within(options.start_limit)
            times = self.warm_up(options.warm)
        except Skipped:
            self.close()
            raise
        self.pace = statistics.median(times)
        self.burst = max(1 if self.on_gpu else 3, round(options.burst_ms / self.pace))
        self.lead = max(1, self.burst // 5)  # uncounted steps that wake the threads
        if not self.on_gpu:
            self.pause()

    def start_within(self, seconds):
        """Runs the first steps, which compile, tune and record; kills and skips a worker that takes longer."""

        def end():
            self.is_late = True
            self.kill()

        timer = threading.Timer(seconds, end)
        timer.start()
        try:
            self.ask("run 3")
        except Skipped as reason:
            raise Skipped(f"not ready in {seconds:g} s (--start-limit)") if self.is_late else reason
        finally:
            timer.cancel()

    def warm_up(self, seconds):
        """Runs steps for `seconds`; returns the times of the last request in milliseconds."""
        start, spent, steps = time.monotonic(), 0, 1
        while time.monotonic() - start < 60:
            times = self.ask(f"run {steps}")
            spent += sum(times) / 1e3 if steps > 1 else 0  # the first step compiles
            if spent >= seconds:
                break
            steps = max(2, min(200, int(300 / max(times[-1], 0.01))))
        return times

    def ask(self, command, key="ms"):
        """The worker's answer (worker.py); for "run N" the times of N steps in milliseconds."""
        try:
            self.process.stdin.write(command + "\n")
            self.process.stdin.flush()
            while line := self.process.stdout.readline():
                if line.startswith("{"):
                    return json.loads(line)[key]
        except (BrokenPipeError, ValueError, KeyError):
            pass
        self.errors.seek(0)
        reason = reason_in(self.errors.read())
        raise Skipped("worker ended: " + (reason or f"exit status {self.process.wait()}"))

    def pause(self):
        os.killpg(self.process.pid, signal.SIGSTOP)

    def own_seconds(self):
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) * TICK

    def run_burst(self):
        """One burst's step times, and the share of a core that other processes used meanwhile."""
        os.killpg(self.process.pid, signal.SIGCONT)
        busy, own, start = busy_seconds(), self.own_seconds(), time.monotonic()
        times = self.ask(f"run {self.burst + self.lead}")[self.lead :]
        foreign = (busy_seconds() - busy) - (self.own_seconds() - own)
        self.pause()
        return times, max(0.0, foreign - 2 * TICK) / (time.monotonic() - start)  # a tick of error on either side

    def resident_mb(self):
        """Peak resident memory of the process that runs the steps."""
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                return int(line.split()[1]) / 1024
        return 0.0

    def kill(self):
        """Kills the process and its children, such as compilers."""
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # it has exited

    def close(self):
        try:
            os.killpg(self.process.pid, signal.SIGCONT)
            self.process.stdin.write("quit\n")
            self.process.stdin.close()
            self.process.wait(10)
        except (OSError, ValueError, subprocess.TimeoutExpired):
            self.kill()
            self.process.wait()
        self.errors.close()
