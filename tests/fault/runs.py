"""Small trainings that the fault tests disturb, and how their results are compared."""
import json
import os
import random
import shutil
import struct
import subprocess
import time


def write_idx(path, shape, values):
    header = struct.pack(">I", 0x800 + len(shape)) + b"".join(struct.pack(">I", n) for n in shape)
    with open(path, "wb") as file:
        file.write(header + bytes(values))


def write_data(folder, train, test, side=28):
    """A data set in MNIST's format: random bars, so that a model has something to learn."""
    os.makedirs(folder, exist_ok=True)
    generator = random.Random(1)
    for name, count in (("train", train), ("t10k", test)):
        images = bytearray()
        for _ in range(count):
            row, width = generator.randrange(side - 4), generator.randrange(2, side)
            for y in range(side):
                inside = row <= y < row + 4
                images += bytes((200 if inside and x < width else generator.randrange(40)) for x in range(side))
        write_idx(f"{folder}/{name}-images-idx3-ubyte", (count, side, side), images)
        write_idx(f"{folder}/{name}-labels-idx1-ubyte", (count,), [i % 4 for i in range(count)])


def state_of(folder):
    """What a run has learned and measured, without what names the run: tensors, position, metrics."""
    with open(f"{folder}/checkpoint.safetensors", "rb") as file:
        length = struct.unpack("<Q", file.read(8))[0]
        header = json.loads(file.read(length))
        data = file.read()
    metadata = header.pop("__metadata__")
    tensors = {name: (each["dtype"], each["shape"], data[slice(*each["data_offsets"])]) for name, each in header.items()}
    position = {key: metadata.get(key) for key in ("seed", "step", "epoch", "images", "sums")}
    with open(f"{folder}/metrics.jsonl") as file:
        return tensors, position, file.read()


class Failures:
    """Counts what happened; each failure is printed once, with its reason."""

    def __init__(self):
        self.count = 0

    def check(self, holds, text):
        if not holds:
            self.count += 1
            print(f"FAILED: {text}", flush=True)
        return holds


def run(words, **options):
    return subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, **options)


class Training:
    """One training of a small model, its undisturbed result, and copies of it to disturb."""

    def __init__(self, weft, folder, model=("--hidden", "64", "--latent", "4"), epochs=3, images=1000):
        self.weft, self.folder = weft, folder
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        write_data(f"{folder}/data", images, 50)
        self.words = [weft, "train", "vae", "--data", f"{folder}/data", *model, "--epochs", str(epochs), "--seed", "5"]
        for name in ("first", "whole"):  # the first one compiles the kernels that the others find in the cache
            begin = time.monotonic()
            done = run(self.train(name))
            self.seconds = time.monotonic() - begin
            if done.returncode != 0:
                raise SystemExit(f"the undisturbed training failed: {done.stderr}")
        self.remove("first")
        self.whole = state_of(f"{folder}/whole")

    def path(self, name):
        return f"{self.folder}/{name}"

    def train(self, name, threads=1):
        return [*self.words, "--out", self.path(name), "--threads", str(threads)]

    def resume(self, name, threads=1):
        return [self.weft, "train", "--resume", "--out", self.path(name), "--threads", str(threads)]

    def is_whole(self, name):
        """Whether the run has come to the undisturbed result."""
        return os.path.exists(self.path(f"{name}/checkpoint.safetensors")) and state_of(self.path(name)) == self.whole

    def remove(self, name):
        shutil.rmtree(self.path(name), ignore_errors=True)
