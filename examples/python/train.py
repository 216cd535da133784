"""Trains a compiled VAE from numpy: python3 train.py vae.json IMAGES EPOCHS SEED CHECKPOINT

Prints the same losses as train_vae.c, bit for bit."""
import sys

from codes import read_images
from compiled_model import CompiledModel


def main():
    if len(sys.argv) != 6:
        raise SystemExit("usage: train.py MANIFEST IMAGES EPOCHS SEED CHECKPOINT")
    images, epochs, seed = read_images(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    with CompiledModel(sys.argv[1]) as model:
        batch = max(model.entries["train_step"]["batches"])
        model.init(seed)
        for epoch in range(1, epochs + 1):
            total = 0.0
            order = model.order(seed, epoch, len(images))
            for begin in range(0, len(images), batch):
                rows = images[order[begin : begin + batch]]
                loss, _, _ = model.run("train_step", rows)
                total += len(rows) * float(loss)
            print(f"epoch {epoch} loss {total / len(images):.17g}")
        model.save(sys.argv[5])


if __name__ == "__main__":
    main()
