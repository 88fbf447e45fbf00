"""Writes the pages that come from the code: the commands, and the index of docs/.

`python -m scripts.docs` writes them, names those that had gone stale, and ends with 1 when there were any;
`--check` only looks. A page is generated where a person's copy would drift from the code.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from scripts.command_tree import Command, command_tree

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
CHAPTERS = {
    "tutorial": "Tutorial",
    "how-to": "How to",
    "reference": "Reference",
    "explanation": "Explanation",
    "runbook": "Runbook: one page per shipped alert",
    "adr": "Decisions",
}


def pages() -> dict[Path, Callable[[], str]]:
    """The generated pages, and what writes each; the index comes last, for it lists the others."""
    return {DOCS / "reference" / "commands.md": commands, DOCS / "README.md": index}


def commands() -> str:
    """The page of all commands, from the program's own help."""
    lines = ["# Commands", "", "Written from the program's own help by `make docs`.", ""]
    for command in _flat(command_tree()):
        lines += _command(command)
    return "\n".join(lines).rstrip() + "\n"


def index() -> str:
    """The list of all pages by chapter, each by its own heading."""
    lines = ["# Documentation", ""]
    for folder, title in CHAPTERS.items():
        found = sorted((DOCS / folder).rglob("*.md"))
        if found:
            lines += [f"## {title}", ""]
            lines += [f"- [{_heading(page)}]({page.relative_to(DOCS).as_posix()})" for page in found]
            lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def stale() -> list[Path]:
    """The generated pages that do not say what the code says."""
    return [page for page, write in pages().items() if not page.exists() or page.read_text() != write()]


def main() -> int:
    """Writes or checks; gives the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--check", action="store_true", help="only look")
    options = parser.parse_args()
    found = []
    for page, write in pages().items():
        text = write()
        if page.exists() and page.read_text() == text:
            continue
        found.append(page)
        if not options.check:
            page.parent.mkdir(parents=True, exist_ok=True)
            page.write_text(text)
    for page in found:
        done = "is stale" if options.check else "was stale, and has been written anew"
        print(f"{page.relative_to(ROOT)} {done}", file=sys.stderr)
    return 1 if found else 0


def _flat(command: Command) -> list[Command]:
    return [command, *(leaf for child in command.commands.values() for leaf in _flat(child))]


def _command(command: Command) -> list[str]:
    lines = [f"## {command.path}", "", *_prose(command.help)]
    if command.commands:
        lines += [f"Commands: {', '.join(f'`{name}`' for name in command.commands)}.", ""]
    if command.options:
        lines += ["| option | meaning |", "|---|---|"]
        lines += [f"| `{_cell(o.written, is_code=True)}` | {_cell(o.help, is_code=False)} |" for o in command.options]
        lines.append("")
    return lines


def _prose(text: str) -> list[str]:
    return [*(line.strip() for line in text.splitlines()), ""] if text else []


def _cell(text: str, *, is_code: bool) -> str:
    line = " ".join(text.split()).replace("|", "\\|")
    return line if is_code or "`" in line else line.replace("<", "&lt;")


def _heading(page: Path) -> str:
    first = next((line for line in page.read_text().splitlines() if line.startswith("# ")), f"# {page.stem}")
    return first.removeprefix("# ").strip()


if __name__ == "__main__":
    sys.exit(main())
