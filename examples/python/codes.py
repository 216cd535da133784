"""Prints the codes of images, as encode.c does: python3 codes.py vae.json WEIGHTS IMAGES"""
import sys

import numpy as np

from compiled_model import CompiledModel


def read_images(path):
    with open(path, "rb") as file:
        magic, count, height, width = np.frombuffer(file.read(16), ">i4")
        if magic != 0x803:
            raise SystemExit(f"{path}: not an IDX file of images")
        return np.frombuffer(file.read(), np.uint8).reshape(count, height * width)


def main():
    if len(sys.argv) != 4:
        raise SystemExit("usage: codes.py MANIFEST WEIGHTS IMAGES")
    images = read_images(sys.argv[3])
    with CompiledModel(sys.argv[1], sys.argv[2]) as model:
        latent, _ = model.run_rows("encode", images.astype(np.float32) * np.float32(1 / 255))
    for code in latent:
        print(" ".join(f"{value:.9g}" for value in code))


if __name__ == "__main__":
    main()
