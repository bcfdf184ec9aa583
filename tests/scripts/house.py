"""What the checks of the repository share: its root, its rooms, its files."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(os.environ.get("RIGSIM_SOURCE_DIR", Path(__file__).resolve().parents[2]))

# A room includes itself and what stands to its left.
ROOMS = ["sim", "topology", "workloads", "configs", "analysis", "cli"]


def sources(room):
    """C++ files of a room, sorted."""
    return sorted(p for p in (ROOT / room).rglob("*") if p.suffix in (".h", ".cc"))


def committed_files():
    """Files that git tracks; without git, all but build folders and results."""
    if shutil.which("git") and (ROOT / ".git").exists():
        # A container may run as another user than the one who cloned.
        command = ["git", "-c", "safe.directory=*", "-C", str(ROOT), "ls-files", "-z"]
        names = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\0")
        return [ROOT / name for name in names if name and (ROOT / name).is_file()]
    kept = [p for p in ROOT.iterdir() if p.name not in ("out", ".git") and not p.name.startswith("build")]
    return [f for top in kept for f in ([top] if top.is_file() else top.rglob("*")) if f.is_file()]


def report(problems):
    """Prints each problem and ends the check: 0 when there are none."""
    for problem in problems:
        print(problem)
    sys.exit(1 if problems else 0)
