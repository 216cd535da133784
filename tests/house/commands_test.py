#!/usr/bin/env python3
"""Runs the commands of the documentation and compares what they print with what the page shows.

    commands_test.py WEFT BUILD SCRATCH [PAGE...]    WEFT is the program, BUILD its build folder; SCRATCH is emptied
    WEFT_BLESS=1 commands_test.py ...                puts what a failing command prints into its page, uncut

Pages are run in the order of PAGES, all in one folder, so that a later page finds what an earlier one made.

- A block ```console holds commands, each after "$ ", and below each what it prints. A command may go on in the next line
  behind a backslash. `...` in a line stands for any text, alone on a line for any number of lines.
- Seconds and rates are not compared. Numbers with a decimal point may be off by 3 %, since they differ between CPU types;
  all else is compared exactly.
- A line "`path`:" before a block of another language writes that block to the file `path`.
- Blocks ```sh are commands that take too long, or need what a test does not have. Of these, on every page, the name of the
  command and the names of its flags are looked up in the help.

Prints 'N passed, N failed'.
"""
import dataclasses
import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = [
    "docs/start/quickstart.md",
    "docs/start/own-data.md",
    "docs/start/first-model.md",
    "README.md",
    "docs/use/train.md",
    "docs/use/inspect.md",
    "docs/use/evaluate.md",
    "docs/reference/cli.md",
]
# What depends on the moment: times, rates, the threads of the machine, its memory. The unit stays.
MOMENT = re.compile(r"[\d,.:]+(?= (?:s|ms|min|images/s|GFLOP/s|GB/s|threads?)\b)|(?<=trained in )[\d:.]+")
NUMBER = re.compile(r"-?\d[\d,]*\.\d+")
TOLERANCE = 0.03


@dataclasses.dataclass
class Block:
    """A block of a page."""

    begin: int  # the line of its opening fence
    language: str
    lines: list
    file: str | None  # that it writes


def blocks_of(lines):
    blocks, begin = [], None
    for i, line in enumerate(lines):
        if not line.startswith("```"):
            continue
        if begin is None:
            begin = i
            continue
        before = next((each for each in reversed(lines[:begin]) if each.strip()), "")
        file = re.fullmatch(r"`([\w./-]+)`:", before)
        blocks.append(Block(begin, lines[begin][3:].strip(), lines[begin + 1 : i], file and file[1]))
        begin = None
    return blocks


def commands_of(block):
    """Pairs of the lines of a command and the lines of its output."""
    pairs, goes_on = [], False
    for line in block.lines:
        if line.startswith("$ "):
            pairs.append(([line], []))
        elif goes_on:
            pairs[-1][0].append(line)
        else:
            pairs[-1][1].append(line)
        goes_on = not pairs[-1][1] and line.endswith("\\")
    return pairs


def is_same_line(shown, got):
    """Whether a line of a page stands for a line of output."""
    shown, got = MOMENT.sub("T", shown), MOMENT.sub("T", got)
    shown_numbers = NUMBER.findall(shown)
    pattern = re.escape(NUMBER.sub("N", shown)).replace(r"\.\.\.", ".*")
    match = re.fullmatch(re.sub(r" +", " +", pattern.replace(r"\ ", " ")), NUMBER.sub("N", got))
    if not match:
        return False
    if "..." in shown:
        return True
    for a, b in zip(shown_numbers, NUMBER.findall(got)):
        a, b = float(a.replace(",", "")), float(b.replace(",", ""))
        if abs(a - b) > TOLERANCE * max(abs(a), abs(b), 0.05):
            return False
    return True


def is_same(shown, got):
    """The lines of a page against those of the output; `...` alone stands for any number of lines."""
    if not shown:
        return not got
    if shown[0].strip() == "...":
        return any(is_same(shown[1:], got[i:]) for i in range(len(got) + 1))
    return bool(got) and is_same_line(shown[0], got[0]) and is_same(shown[1:], got[1:])


def run(command, folder, environment):
    script = "\n".join([command[0][2:], *command[1:]])
    result = subprocess.run(
        ["sh", "-c", script], cwd=folder, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    lines = [line for line in result.stdout.split("\n") if "\r" not in line and not is_progress(line)]
    while lines and not lines[-1].strip():
        lines.pop()
    return lines


def is_progress(line):
    return re.match(r"epoch \d+/\d+ \[", line) is not None


class Runner:
    def __init__(self, folder, environment, bless):
        self.folder, self.environment, self.bless = folder, environment, bless
        self.passed = self.failed = 0

    def page(self, name):
        path = ROOT / name
        lines = path.read_text().split("\n")
        outputs = []
        for block in blocks_of(lines):
            if block.file:
                target = self.folder / block.file
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text("\n".join(block.lines) + "\n")
            elif block.language == "console":
                outputs.append((block, self.block(name, block)))
        if self.bless:
            for block, output in reversed(outputs):
                lines[block.begin + 1 : block.begin + 1 + len(block.lines)] = output
            path.write_text("\n".join(lines))

    def block(self, name, block):
        """Runs a block's commands; gives its lines as they should be."""
        lines = []
        for command, shown in commands_of(block):
            got = run(command, self.folder, self.environment)
            same = is_same(shown, got)
            lines += command + (shown if same else got)
            if same:
                self.passed += 1
                continue
            self.failed += 1
            print(f"{name}: this command prints something else:\n" + "\n".join(command))
            print("the page shows:\n  " + "\n  ".join(shown) + "\nit prints:\n  " + "\n  ".join(got))
        return lines


class Help:
    """The flags of each command of `weft`, from its help."""

    def __init__(self, environment):
        self.environment, self.flags = environment, {}

    def of(self, command):
        if command not in self.flags:
            result = subprocess.run(
                ["weft", command, "--help", "--help-all"], env=self.environment, text=True, capture_output=True
            )
            self.flags[command] = set(re.findall(r"--?[a-z][\w-]*", result.stdout)) if result.returncode == 0 else None
        return self.flags[command]


def check_flags(environment):
    """Looks up every `weft COMMAND --flag` of a block ```sh; gives how many commands are right and how many are wrong."""
    help_of, passed, failed = Help(environment), 0, 0
    pages = sorted(ROOT.glob("docs/**/*.md")) + sorted(ROOT.glob("*.md"))
    for page in pages:
        for block in blocks_of(page.read_text().split("\n")):
            if block.language != "sh":
                continue
            text = re.sub(r"\s#.*", "", "\n".join(block.lines).replace("\\\n", " "), flags=re.M)
            for command, rest in re.findall(r"^weft ([\w-]+)(.*)", text, re.M):
                known = help_of.of(command)
                used = set(re.findall(r"(?<=\s)--?[a-z][\w-]*", rest))
                if known is not None and used <= known:
                    passed += 1
                    continue
                failed += 1
                wrong = "no such command" if known is None else f"no such flag: {', '.join(sorted(used - known))}"
                print(f"{page.relative_to(ROOT)}: weft {command}{rest}: {wrong}")
    return passed, failed


def check_itself():
    assert is_same(["loss 1.000 in 3.2 s", "...", "end"], ["loss 1.001 in 7.0 s", "a", "b", "end"])
    assert not is_same(["loss 1.000"], ["loss 1.100"])
    assert not is_same(["one"], ["one", "two"]) and not is_same(["one"], [])
    assert not is_same(["3 images"], ["4 images"])


def main():
    check_itself()
    weft, build, folder, *pages = sys.argv[1:]
    weft, build, folder = pathlib.Path(weft).resolve(), pathlib.Path(build).resolve(), pathlib.Path(folder).resolve()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    # The commands are those of a reader in the root of a clone that is built.
    (folder / "build").mkdir()
    (folder / "build/release").symlink_to(build)
    for name in ("docs", "examples", "scripts"):
        (folder / name).symlink_to(ROOT / name)
    environment = dict(os.environ, PATH=f"{weft.parent}:{os.environ['PATH']}", HOME=str(folder), OMP_WAIT_POLICY="passive")
    runner = Runner(folder, environment, os.environ.get("WEFT_BLESS") == "1")
    for page in pages or PAGES:
        runner.page(page)
    known, unknown = check_flags(environment)
    print(f"{known} commands with known flags, {unknown} without")
    passed, failed = runner.passed + known, runner.failed + unknown
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or runner.passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
