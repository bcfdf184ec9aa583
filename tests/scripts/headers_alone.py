"""Every header compiles alone. Usage: headers_alone.py BUILD_DIR

The flags are those of a source file of the same room, from BUILD_DIR/compile_commands.json.
"""

import json
import os
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from house import ROOMS, ROOT, report, sources

WITH_ARGUMENT = ("-o", "-c", "-MF", "-MT", "-MQ")
LAUNCHERS = ("ccache", "sccache", "distcc")


def syntax_check(command):
    """A compile command without its files, turned into one that only parses."""
    words = iter(shlex.split(command))
    kept = []
    for word in words:
        if word in WITH_ARGUMENT:
            next(words)
        elif word not in ("-MD", "-MMD") and Path(word).name not in LAUNCHERS:
            kept.append(word)
    return kept + ["-fsyntax-only", "-x", "c++"]


def commands_by_room(build):
    """One compile command per room."""
    found = {}
    for entry in json.loads((build / "compile_commands.json").read_text(encoding="utf-8")):
        path = Path(entry["file"])
        room = path.relative_to(ROOT).parts[0] if path.is_relative_to(ROOT) else ""
        found.setdefault(room, syntax_check(entry["command"]))
    return found


def compile_alone(command, header):
    """What is wrong with the header, or None."""
    name = header.relative_to(ROOT)
    run = subprocess.run(command + ["-"], input=f'#include "{name}"\n', capture_output=True, text=True, check=False)
    return f"{name} does not compile alone:\n{run.stderr}" if run.returncode else None


def main(build):
    commands = commands_by_room(build)
    jobs = [(commands[room], h) for room in ROOMS if room in commands for h in sources(room) if h.suffix == ".h"]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        results = list(pool.map(lambda job: compile_alone(*job), jobs))
    print(f"{len(jobs)} headers")
    report([problem for problem in results if problem])


if __name__ == "__main__":
    assert syntax_check("ccache g++ -Ia -MD -MF d -o x.o -c x.cc") == ["g++", "-Ia", "-fsyntax-only", "-x", "c++"]
    main(Path(sys.argv[1]))
