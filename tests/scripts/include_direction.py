"""A room includes only itself and the rooms to its left; tests of a room likewise."""

import re

from house import ROOMS, ROOT, report, sources

INCLUDE = re.compile(r'^\s*#\s*include\s*["<]([a-z0-9_]+)/', re.MULTILINE)


def wrong_includes(room, text):
    """Rooms to the right of `room` that `text` includes."""
    allowed = ROOMS[: ROOMS.index(room) + 1]
    return [found for found in INCLUDE.findall(text) if found in ROOMS and found not in allowed]


def self_check():
    assert wrong_includes("sim", '#include "topology/rig.h"\n') == ["topology"]
    assert wrong_includes("workloads", '#include "sim/units.h"\n#include <vector>\n# include <cli/main.h>\n') == ["cli"]
    assert wrong_includes("cli", '#include "analysis/run.h"\n') == []


def problems():
    for room in ROOMS:
        for folder in (room, f"tests/{room}"):
            for path in sources(folder):
                for wrong in wrong_includes(room, path.read_text(encoding="utf-8")):
                    yield f"{path.relative_to(ROOT)}: {room}/ must not include {wrong}/"


if __name__ == "__main__":
    self_check()
    report(list(problems()))
