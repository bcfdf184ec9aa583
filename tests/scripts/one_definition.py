"""No two headers define different types of one name in one namespace.

That breaks the one-definition rule, and neither compiler nor linker says so: two files then disagree about the type's
size, which shows as a crash elsewhere, if at all.
"""

import re

from house import ROOMS, ROOT, report, sources

OPENED = re.compile(r"^(?:inline )?namespace ([\w:]+) \{")
CLOSED = re.compile(r"^\}.*// namespace")
TYPE = re.compile(r"^(?:template <.*> )?(?:struct|class|enum class|enum|union) (\w+)(?: final)?(?: *:[^;]*)?\s*(?:\{|$)")


def definitions(text):
    """(namespace::name, line number) of each type that a header defines at namespace level."""
    namespaces = []
    for number, line in enumerate(text.splitlines(), 1):
        if opened := OPENED.match(line):
            namespaces.append(opened[1])
        elif CLOSED.match(line):
            namespaces.pop()
        elif found := TYPE.match(line):
            yield "::".join([*namespaces, found[1]]), number


def self_check():
    text = "namespace a::b {\nstruct S {\n};\nclass T;\nenum class E : int { kOne };\n}  // namespace a::b\nstruct S {\n"
    assert list(definitions(text)) == [("a::b::S", 2), ("a::b::E", 5), ("S", 7)]


def problems():
    first = {}
    for room in ROOMS:
        for path in sources(room):
            if path.suffix != ".h":
                continue
            for name, line in definitions(path.read_text(encoding="utf-8")):
                place = f"{path.relative_to(ROOT)}:{line}"
                if name in first:
                    yield f"{place}: {name} is defined at {first[name]}, too"
                first.setdefault(name, place)
    if len(first) < 100:
        yield f"only {len(first)} types found: this test no longer reads the headers"


if __name__ == "__main__":
    self_check()
    report(list(problems()))
