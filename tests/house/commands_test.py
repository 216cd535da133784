#!/usr/bin/env python3
"""Runs the commands of the documentation and compares what they print with what the page shows.

    commands_test.py WEFT BUILD SCRATCH [PAGE...]    WEFT is the program, BUILD its build folder; SCRATCH is emptied
    WEFT_BLESS=1 commands_test.py ...                puts what a failing command prints into its page, uncut

Pages are run in the order of PAGES, all in one folder, so that a later page finds what an earlier one made.

- A block ```console holds commands, each after "$ ", and below each what it prints. A command may go on in the next line
  behind a backslash. `...` in a line stands for any text, alone on a line for any number of lines.
- A command may fail only if the page shows its error.
- Seconds and rates are not compared. Numbers with a decimal point may be off by 3 %, since they differ between CPU types;
  all else is compared exactly.
- A line "`path`:" before a block of another language writes that block to the file `path`.
- Blocks ```sh are commands that take too long, or need what a test does not have. Of these and of inline code, on every
  page, the test looks up the command, the model and the flags in the help, and the programs and scripts in the tree.
- A page with a block ```console is in PAGES.

Prints 'N passed, N failed'.
"""
import dataclasses
import json
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
    "docs/start/install.md",
    "docs/use/train.md",
    "docs/use/inspect.md",
    "docs/use/evaluate.md",
    "docs/use/models.md",
    "docs/use/anomaly.md",
    "docs/use/gpu.md",
    "docs/reference/cli.md",
    "docs/reference/files.md",
]
# What depends on the moment: times, rates, the threads of the machine, its memory. The unit stays.
MOMENT = re.compile(r"(?<=trained in )[\d:.]+(?: s)?|[\d,.:]+(?= (?:s|ms|min|images/s|GFLOP/s|GB/s|GB|threads?)\b)")
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
    return lines, result.returncode


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
            got, code = run(command, self.folder, self.environment)
            same = is_same(shown, got) and (code == 0 or any("error: " in line for line in shown))
            lines += command + (shown if same else got)
            if same:
                self.passed += 1
                continue
            self.failed += 1
            print(f"{name}: this command prints something else:\n" + "\n".join(command))
            print("the page shows:\n  " + "\n  ".join(shown))
            print(f"it exits with {code} and prints:\n  " + "\n  ".join(got))
        return lines


class Help:
    """What the program says of its commands and models."""

    def __init__(self, environment):
        self.environment, self.commands = environment, {}
        self.models, name = {}, None
        for line in self.ask("models").split("\n"):
            if option := re.match(r"  (--[\w-]+)", line):
                self.models[name].add(option[1])
            elif title := re.match(r"(\w+): ", line):
                name = title[1]
                self.models[name] = set()

    def ask(self, *command):
        result = subprocess.run(["weft", *command], env=self.environment, text=True, capture_output=True)
        return result.stdout if result.returncode == 0 else ""

    def of(self, command):
        """A command's help without the options of models, and whether it takes a model and all their options."""
        if command not in self.commands:
            text = self.ask(command, "--help-all")
            own = re.sub(r"^Options of the models:\n.*?(?=^\S|\Z)", "", text, flags=re.M | re.S)
            self.commands[command] = set(re.findall(r"--?[a-z][\w-]*", own)), "[MODEL]" in text, text != own
        return self.commands[command]

    def mistake(self, command, rest):
        """What is wrong with the line `weft COMMAND REST`, or ""."""
        known, takes_model, takes_options = self.of(command)
        if not known:
            return "no such command"
        model = re.match(r" ([a-z]\w*)(?= |$)", rest)
        if takes_model and model and model[1] not in self.models and model[1] != "nt_xent":
            return f"no such model: {model[1]}"
        if takes_options:
            named = takes_model and model and model[1] in self.models
            known = known.union(self.models[model[1]] if named else set().union(*self.models.values()))
        unknown = set(re.findall(r"(?<=\s)--?[a-z][\w-]*", rest)) - known
        return f"no such flag: {', '.join(sorted(unknown))}" if unknown else ""


def commands_not_run(text):
    """The texts of a page's commands that the test does not run: blocks ```sh, blocks of no language, and inline code."""
    lines = text.split("\n")
    blocks = blocks_of(lines)
    for block in reversed(blocks):
        del lines[block.begin : block.begin + len(block.lines) + 2]
    for block in blocks:
        if block.language in ("", "sh"):
            script = re.sub(r"\s#.*", "", "\n".join(block.lines).replace("\\\n", " "), flags=re.M)
            yield from script.split("\n")
    for paragraph in "\n".join(lines).split("\n\n"):
        yield from re.findall(r"`([^`]+)`", paragraph.replace("\n", " "))


def check_commands(environment, build):
    """Looks up the commands that are not run; gives how many are right and how many are wrong."""
    helper, passed, failed = Help(environment), 0, 0
    presets = {each["name"] for each in json.loads((ROOT / "CMakePresets.json").read_text())["configurePresets"]}
    pages = [page for folder in ("", "docs/**/", "bench/**/", "examples/**/") for page in sorted(ROOT.glob(folder + "*.md"))]
    for page in pages:
        for line in commands_not_run(page.read_text()):
            if "NAME" in line:
                continue
            mistakes = []
            if command := re.match(r"weft ([a-z][a-z-]*)(.*)", line):
                mistakes.append(helper.mistake(*command.groups()))
            for program in re.findall(r"(?:^|\s)build/release/(bin/[a-z]\w*)", line):
                mistakes.append("" if (build / program).exists() else f"no such program: {program}")
            for script in re.findall(r"(?:^|\s)((?:scripts|bench/peers|tests)/[a-z][\w./-]*)(?=\s|$)", line):
                mistakes.append("" if (ROOT / script).exists() else f"no such file: {script}")
            for preset in re.findall(r"--preset (\w+)", line):
                mistakes.append("" if preset in presets else f"no such preset: {preset}")
            for mistake in mistakes:
                passed, failed = passed + (mistake == ""), failed + (mistake != "")
                if mistake:
                    print(f"{page.relative_to(ROOT)}: {line}: {mistake}")
    return passed, failed


def check_pages():
    """Every page with commands to run is listed; gives those that are not."""
    pages = [str(page.relative_to(ROOT)) for page in [*ROOT.glob("docs/**/*.md"), *ROOT.glob("*.md")]]
    lost = [page for page in pages if page not in PAGES and "\n```console\n" in (ROOT / page).read_text()]
    for page in lost:
        print(f"{page} has a block ```console and is not in PAGES")
    return len(lost)


def check_itself():
    assert is_same(["loss 1.000 in 3.2 s", "...", "end"], ["loss 1.001 in 7.0 s", "a", "b", "end"])
    assert not is_same(["loss 1.000"], ["loss 1.100"])
    assert not is_same(["one"], ["one", "two"]) and not is_same(["one"], [])
    assert not is_same(["3 images"], ["4 images"])
    assert is_same(["trained in 59.9 s"], ["trained in 1:02"])
    shown = list(commands_not_run("say `weft\neval`\n```sh\nweft train \\\n  vae  # slow\n```\n```console\n$ weft\n```"))
    assert shown == ["weft train    vae ", "weft eval"], shown


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
    environment = dict(os.environ, PATH=f"{weft.parent}:{os.environ['PATH']}", HOME=str(folder))
    runner = Runner(folder, environment, os.environ.get("WEFT_BLESS") == "1")
    for page in pages or PAGES:
        runner.page(page)
    known, unknown = check_commands(environment, build)
    print(f"{runner.passed + runner.failed} commands run; of the others {known} named rightly, {unknown} wrongly")
    passed, failed = runner.passed + known, runner.failed + unknown + check_pages()
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or runner.passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
