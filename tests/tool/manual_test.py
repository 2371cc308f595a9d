#!/usr/bin/env python3
"""--help has examples and says what each option takes; the pages of the manual say the same, and nroff finds nothing wrong with them."""
import pathlib
import re
import shutil
import subprocess

from tool import BUILD, basalt, check, equal, main


def words(text):
    """Without how lines are broken, and without what roff does to hyphens and quotes."""
    return re.sub(r"\s+", "", text.replace("\u2212", "-").replace("\u2010", "-").replace("\u2019", "'").replace("\u2018", "`"))


def commands():
    listed = basalt("--help").stdout.split("Subcommands:\n")[1].split("\n\n")[0]
    return re.findall(r"^  (\w+) ", listed, re.M)


def written(folder):
    run = subprocess.run([BUILD / "bin" / "basalt-manual", folder], capture_output=True, text=True, timeout=60)
    equal(run.returncode, 0, run.stderr)
    return {page.name: page for page in pathlib.Path(folder).glob("man*/*")}


def rendered(page):
    """As a reader sees it; without groff what it is made of, which has the same words."""
    if not shutil.which("groff"):
        return re.sub(r"\\e", r"\\", re.sub(r"\\f[BIR]|\\&", "", re.sub(r"^\.\w+ ?", "", page.read_text(), flags=re.M)).replace("\\-", "-"))
    run = subprocess.run(["groff", "-man", "-ww", "-Tutf8", "-rLL=1000n", page], capture_output=True, text=True, timeout=60)
    equal((run.returncode, run.stderr), (0, ""), f"groff on {page.name}")
    return re.sub(r"\x1b\[[0-9;]*m|.\x08", "", run.stdout)


def help_says_all(_):
    found = commands()
    check(len(found) >= 13 and {"run", "record", "replay"} <= set(found), f"commands: {found}")
    check("Exit status:" in basalt("--help").stdout, "exit statuses")
    for command in found:
        run = basalt(command, "--help")
        equal(run.returncode, 0, run.stderr)
        examples = run.stdout.split("Examples:\n")[1]
        check(f"  basalt {command} " in examples, f"{command}: examples")
        options = set(re.findall(r"--[a-z][a-z-]*", run.stdout))
        for option in re.findall(r"(?<=\s)--[a-z][a-z-]*", examples):
            check(option in options, f"{command}: {option} of the examples")


def pages_say_what_help_says(folder):
    pages = written(folder)
    equal(set(pages), {"basalt.1", "libbasalt.7"} | {f"basalt-{command}.1" for command in commands()}, "pages")
    summary = words(rendered(pages["basalt.1"]))
    for command in commands():
        page, said = words(rendered(pages[f"basalt-{command}.1"])), basalt(command, "--help").stdout
        check(said.split("\n")[0].strip() != "" and words(said.split("\n")[0]) in page, f"{command}: the summary")
        check(f"basalt-{command}(1)" in summary, f"{command} is named by basalt(1)")
        body, examples = said.split("Examples:\n")
        for example in examples.strip().splitlines():
            check(words(example) in page, f"{command}: {example}")
        for option in re.findall(r"^  (-[\w,-]+)", body, re.M):
            check(words(option) in page, f"{command}: {option}")
        for line in body.split("Options:\n")[1].splitlines():
            if not line[:30].endswith(" ") or re.search(r":(INT|FLOAT) in", line):
                continue  # so long that what it means is in the next one
            check(words(line[30:].split("REQUIRED")[-1].split(":{")[0]) in page, f"{command}: {line}")


def options_of_the_library(folder):
    page = words(rendered(written(folder)["libbasalt.7"]))
    table = subprocess.run(["true"], env={"LD_PRELOAD": str(BUILD / "lib" / "libbasalt.so"), "BASALT_HELP": "1", "PATH": "/usr/bin:/bin"},
                           capture_output=True, text=True, timeout=60).stderr
    rows = re.findall(r"^\| (\w+) \| ([^|]+) \|.*\| ([^|]+) \|$", table, re.M)[1:]
    check(len(rows) >= 10, f"the library prints its options: {table}")
    for name, takes, meaning in rows:
        check(words(f"BASALT_{name.upper()} ({takes})") in page and words(meaning) in page, f"{name} ({takes}): {meaning}")


if __name__ == "__main__":
    main(help_says_all, pages_say_what_help_says, options_of_the_library)
