"""Every command in a page's code blocks works. Usage: readme_commands.py RIGSIM_BINARY [PAGE[#HEADING]]

The page is README.md unless it is said; with a heading only what stands between "## HEADING" and the next "## ".

Commands of `rigsim` run one after another in one folder, empty at first, and must end with 0, or with 4 ("does not
fit" is an answer); scripts must exist, be executable and be syntactically sound (running them is what started this
test). A YAML block that begins with `# NAME.yaml` is a file of that folder.
"""

import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile

from house import ROOT, report

FILE = re.compile(r"^```yaml\n# (\w+\.yaml)\n(.*?)^```", re.MULTILINE | re.DOTALL)
BLOCK = re.compile(r"^```(?:sh|bash|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def commands(text):
    """Command lines of shell blocks: continuations joined, comments, prompts and output left out."""
    for block in BLOCK.findall(text):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line.removeprefix("$ "), comments=True)
            if words:
                yield words


def text_of(page):
    """A page, or the part of it under one heading."""
    path, _, heading = page.partition("#")
    text = (ROOT / path).read_text(encoding="utf-8")
    return f"\n{text}\n".split(f"\n## {heading}\n", 1)[1].split("\n## ", 1)[0] + "\n" if heading else text


def problem_with(words, binary, folder):
    """What is wrong with a command, or None."""
    line = shlex.join(words)
    if words[0] in ("rigsim", "build/release/cli/rigsim"):
        if not binary:
            return None
        run = subprocess.run([binary] + words[1:], cwd=folder, capture_output=True, text=True, check=False)
        return None if run.returncode in (0, 4) else f"{line}: exit {run.returncode}\n{run.stderr}"
    if words[0].startswith("./"):
        script = ROOT / words[0]
        if not os.access(script, os.X_OK):
            return f"{line}: no such script"
        run = subprocess.run(["bash", "-n", str(script)], capture_output=True, text=True, check=False)
        return f"{line}: {run.stderr}" if run.returncode else None
    return None if words[0] in ("git", "cd") else f"{line}: this test does not know how to check it"


def main(binary, page):
    found = list(commands(text_of(page)))
    with tempfile.TemporaryDirectory() as folder:
        for name, content in FILE.findall(text_of(page)):
            pathlib.Path(folder, name).write_text(content, encoding="utf-8")
        problems = [problem_with(words, binary, folder) for words in found]
    if not found:
        problems = [f"{page} shows no command"]
    report([problem for problem in problems if problem])


if __name__ == "__main__":
    assert list(commands("```sh\n./a \\\n  b  # c\n```\n")) == [["./a", "b"]]
    main(sys.argv[1] if len(sys.argv) > 1 else "", sys.argv[2] if len(sys.argv) > 2 else "README.md")
