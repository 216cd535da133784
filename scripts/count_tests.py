#!/usr/bin/env python3
"""Adds up what the test programs counted in a verbose ctest log and prints one line: 'N passed, N failed, N skipped'.

A line "skipped: REASON" counts as skipped, once per place and reason, also where the rest of its test passed.
"""
import re
import sys

DOCTEST = re.compile(r"\[doctest\] test cases:\s*(\d+)\s*\|\s*(\d+) passed\s*\|\s*(\d+) failed\s*\|\s*(\d+) skipped")
PLAIN = re.compile(r"^\d+: (?:\w+: )?(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$")
NOTICE = re.compile(r"^\d+: (.*\bskipped[:,].*)$")


def main() -> int:
    passed = failed = skipped = 0
    notices = set()
    with open(sys.argv[1], encoding="utf-8", errors="replace") as log:
        for line in log:
            line = re.sub(r"\x1b\[[0-9;]*m", "", line.rstrip("\n"))
            if match := DOCTEST.search(line):
                counts = [int(group) for group in match.groups()]
                passed, failed, skipped = passed + counts[1], failed + counts[2], skipped + counts[3]
            elif match := PLAIN.match(line):
                counts = [int(group or 0) for group in match.groups()]
                passed, failed, skipped = passed + counts[0], failed + counts[1], skipped + counts[2]
            elif match := NOTICE.match(line):
                notices.add(match[1])
    skipped += len(notices)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
