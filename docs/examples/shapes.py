#!/usr/bin/env python3
"""Draws a small data set: discs, squares and crosses of 20 x 20 grey pixels.

    shapes.py FOLDER    writes FOLDER/train/CLASS/N.png, FOLDER/test/CLASS/N.png and FOLDER.csv, a table of measures

Needs Python's standard library alone. The same images each time.
"""
import pathlib
import random
import struct
import sys
import zlib

SIZE = 20
CLASSES = {
    "disc": lambda x, y, r: x * x + y * y <= r * r,
    "square": lambda x, y, r: max(abs(x), abs(y)) <= 0.85 * r,
    "cross": lambda x, y, r: max(abs(x), abs(y)) <= r and min(abs(x), abs(y)) <= 0.35 * r,
}


def draw(inside, draws):
    radius = draws.uniform(4, 8)
    x0, y0 = draws.uniform(8, 12), draws.uniform(8, 12)
    ink = draws.randint(150, 255)
    return [
        bytes(ink if inside(x + 0.5 - x0, y + 0.5 - y0, radius) else draws.randint(0, 30) for x in range(SIZE))
        for y in range(SIZE)
    ]


def write_png(path, rows):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", SIZE, SIZE, 8, 0, 0, 0, 0)  # 8 bits of grey
    pixels = zlib.compress(b"".join(b"\0" + row for row in rows))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", pixels) + chunk(b"IEND", b""))


def measures(rows):
    inked = [(x, y) for y, row in enumerate(rows) for x, value in enumerate(row) if value > 100]
    width = 1 + max(x for x, _ in inked) - min(x for x, _ in inked)
    height = 1 + max(y for _, y in inked) - min(y for _, y in inked)
    return [width, height, len(inked), round(len(inked) / (width * height), 4)]


def main():
    folder = pathlib.Path(sys.argv[1])
    draws = random.Random(1)
    table = ["width,height,area,filled,class"]
    for split, count in (("train", 300), ("test", 60)):
        for name, inside in CLASSES.items():
            place = folder / split / name
            place.mkdir(parents=True, exist_ok=True)
            for i in range(count):
                rows = draw(inside, draws)
                write_png(place / f"{i:03}.png", rows)
                table.append(",".join(map(str, [*measures(rows), name])))
    folder.with_suffix(".csv").write_text("\n".join(table) + "\n")
    print(f"{folder}: {3 * 300} images to train, {3 * 60} to test; {folder.with_suffix('.csv')}: {len(table) - 1} rows")


if __name__ == "__main__":
    main()
