#!/usr/bin/env python3
"""Runs the commands and the programs of docs/use/export.md, in order, in an empty folder.

    check_docs.py PAGE WEFT FOLDER    WEFT is the program; FOLDER is emptied and filled

Needs numpy, onnxruntime, safetensors and torch, and says so and succeeds where one is missing. The folder `data` that the
page speaks of is made here, of blurred noise with a label's worth of brightness. Prints 'N passed, N failed'.
"""
import importlib.util
import os
import pathlib
import re
import shutil
import subprocess
import sys

for needed in ("onnxruntime", "numpy", "safetensors", "torch"):
    if importlib.util.find_spec(needed) is None:
        print(f"skipped: {needed} is not installed")
        sys.exit(0)

import numpy as np


def write_data(folder, rng):
    folder.mkdir()
    for split, count in (("train", 512), ("test", 50)):
        labels = rng.integers(0, 10, count).astype(np.int32)
        images = rng.uniform(0, 1, (count, 28, 28))
        images = (images + np.roll(images, 1, 1) + np.roll(images, 1, 2)) / 3 * (labels[:, None, None] + 5) / 15
        np.save(folder / f"{split}_images.npy", (images * 255).astype(np.uint8))
        np.save(folder / f"{split}_labels.npy", labels)


def main():
    page, weft, folder = map(pathlib.Path, sys.argv[1:])
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    write_data(folder / "data", np.random.default_rng(1))
    environment = dict(os.environ, PATH=f"{weft.resolve().parent}:{os.environ['PATH']}")
    blocks = re.findall(r"^```(sh|python)\n(.*?)^```", page.read_text(), re.M | re.S)
    passed = failed = 0
    for language, text in blocks:
        command = ["sh", "-e", "-c", text] if language == "sh" else [sys.executable, "-c", text]
        result = subprocess.run(command, cwd=folder, env=environment, text=True, capture_output=True)
        if result.returncode == 0:
            passed += 1
            continue
        failed += 1
        print(f"{page.name}: this {language} fails:\n{text}\n{result.stdout}{result.stderr}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
