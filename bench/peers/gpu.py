"""`bench/peers/compare --device cuda`: the steps on one GPU.

Workers do not take turns: each has the GPU and its memory to itself, because the large rows fill it.  A step is timed
in two ways: with a wait after each ("synced"), and as the mean of a burst with one wait at its end, so that the
processor runs ahead as in training.
"""

import shlex
import statistics
import subprocess
import sys
import time
from pathlib import Path

from peer import HERE, ROOT, WEFT_STEPS, Skipped, Worker

ROWS = (
    "vae:128,vae:1024,deep_autoencoder:256,conv_autoencoder:128,rotnet:128,simclr:128,"
    "nt_xent:2048,nt_xent:8192,nt_xent:16384,nt_xent:65536,nt_xent:262144"
)
TORCH_MODES = {"torch2": "eager", "torch2-reduce-overhead": "reduce-overhead", "torch2-max-autotune": "max-autotune"}
PEERS = ["weft", *TORCH_MODES, "jax"]
LEAST_ROUNDS = 3


def ask_nvidia_smi(fields):
    """nvidia-smi's fields of the first GPU, or None if there is none."""
    command = ["nvidia-smi", "--id=0", f"--query-gpu={fields}", "--format=csv,noheader,nounits"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def used_mb():
    return float(ask_nvidia_smi("memory.used") or "nan")


def command_of(peer, step, batch, options):
    """The worker's command line."""
    if peer == "weft":
        words = shlex.split(options.weft)
        if not Path(words[0]).exists():
            raise Skipped(f"{words[0]} is not built")
        words += ["bench", *WEFT_STEPS[step].split(), "--batch", str(batch), "--backend", "cuda", "--worker"]
        return words + ["--precision", options.precision]
    venv_python = Path(options.venv) / "bin" / "python"
    python = str(venv_python) if venv_python.exists() else sys.executable
    row = ["--step", step, "--batch", str(batch), "--device", "cuda", "--precision", options.precision]
    if peer == "jax":
        return [python, str(HERE / "jax_step.py"), *row]
    return [python, str(HERE / "torch_step.py"), *row, "--adam", "fused", "--mode", TORCH_MODES[peer]]


def run_rounds(worker, options):
    """The times in ms of single steps with a wait after each, and the mean of every burst."""
    synced, bursts = [], []
    end = time.monotonic() + options.seconds
    while len(synced) < options.rounds and (time.monotonic() < end or len(synced) < LEAST_ROUNDS):
        synced.append(statistics.median(worker.ask(f"run {worker.burst}")))
        bursts += worker.ask(f"burst {worker.burst}")
    return synced, bursts


def spread(times):
    times = sorted(times)
    return {"median": statistics.median(times), "p10": times[len(times) // 10], "p90": times[len(times) * 9 // 10]}


def measure_peer(peer, step, batch, options):
    """Starts the peer's worker, measures, and ends it."""
    before = used_mb()
    worker = Worker(peer, command_of(peer, step, batch, options), {}, options)
    try:
        synced, bursts = run_rounds(worker, options)
        about = {} if peer == "weft" else worker.ask("about", "about")
        result = {"synced": spread(synced), "burst": spread(bursts), "device_mb": used_mb() - before}
        result |= {"command": worker.command, **about}
        return result | {"rounds": len(synced), "steps_a_round": worker.burst, "resident_mb": worker.resident_mb()}
    finally:
        worker.close()


def measure_row(step, batch, options):
    """The row's results by peer; a peer that cannot take part has {"skipped": reason}."""
    results = {}
    for peer in options.peers:
        try:
            results[peer] = measure_peer(peer, step, batch, options)
        except Skipped as reason:
            results[peer] = {"skipped": str(reason)}
    weft = results.get("weft", {})
    for peer, result in results.items():
        if peer != "weft" and "synced" in weft and "synced" in result:
            result["ratio_synced"] = weft["synced"]["median"] / result["synced"]["median"]
            result["ratio_burst"] = weft["burst"]["median"] / result["burst"]["median"]
    return results


def line_of(peer, result):
    if "skipped" in result:
        return f"  {peer:<24}skipped: {result['skipped']}"
    times = ""
    for way in ("synced", "burst"):
        for name in ("median", "p10", "p90"):
            times += f"{result[way][name]:>9.3f}"
    peak = f"{result['peak_mb']:>9.0f}" if "peak_mb" in result else f"{'-':>9}"
    ratios = f"{result['ratio_synced']:>8.3f}{result['ratio_burst']:>8.3f}" if "ratio_synced" in result else " " * 16
    return f"  {peer:<24}{times}{peak}{result['device_mb']:>9.0f}{ratios}  {result.get('layout') or ''}".rstrip()


def print_row(step, batch, options, results):
    print(f"\n{step}, batch {batch}, {options.precision}")
    print(f"  {'':<24}{'ms, each step synced':>27}{'ms, burst':>27}{'peak':>9}{'device':>9}{'weft/peer':>16}")
    heads = "".join(f"{name:>9}" for name in ("median", "p10", "p90") * 2)
    print(f"  {'peer':<24}{heads}{'MB':>9}{'MB':>9}{'synced':>8}{'burst':>8}")
    for peer, result in results.items():
        print(line_of(peer, result))
    sys.stdout.flush()


def default_weft():
    """The program of a build for the GPU, or the usual one."""
    alone = ROOT / "build/gpu/bin/weft"
    return str(alone if alone.exists() else ROOT / "build/release/bin/weft")


def heading():
    """A description of the GPU, or None if there is none."""
    gpu = ask_nvidia_smi("name,driver_version,memory.total")
    return gpu and f"{gpu} MB"


def compare_rows(rows, options, save):
    """Measures and prints the rows; calls save(row, results) after each.  Exits with an error if no worker ran."""
    gpu, ran = heading(), False
    print(gpu or "nvidia-smi finds no GPU", time.strftime("%F %T"), sep=", ")
    for step, batch in rows:
        results = measure_row(step, batch, options)
        print_row(step, batch, options, results)
        save(f"{step}:{batch}", results)
        ran = ran or any("synced" in result for result in results.values())
        if not ran and gpu is None:
            break  # the other rows would fail too
    if not ran:
        sys.exit("compare: no worker could run on a GPU; see the reasons above")
