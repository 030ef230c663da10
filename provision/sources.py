"""Which files a step's script needs: its import closure over flat folders, `steps/` the last.

Read from the syntax tree, so that packaging runs none of the scripts and imports no torch.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

from errors import BreedlineError


def closure(folder: Path, entries: Iterable[str], shared: Path | None = None) -> tuple[str, ...]:
    """The entry files and every file of `folder` they import, directly or not, sorted.

    What `folder` does not have is looked for in `shared`.

    Raises:
        BreedlineError: an entry is missing or a script does not parse.
    """
    waiting, found = list(entries), set[str]()
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [
                f"{module}.py"
                for module in _imports(place_of(name, folder, shared))
                if place_of(f"{module}.py", folder, shared).is_file()
            ]
    return tuple(sorted(found))


def place_of(name: str, folder: Path, shared: Path | None = None) -> Path:
    """Where a file lies: in `folder`, else in `shared` if it is there."""
    if shared is None or (folder / name).is_file() or not (shared / name).is_file():
        return folder / name
    return shared / name


def _imports(script: Path) -> Iterator[str]:
    """The first part of every imported module's name, wherever in the file it is imported."""
    try:
        tree = ast.parse(script.read_bytes(), filename=str(script))
    except OSError as error:
        raise BreedlineError(
            f"{script} cannot be packaged ({error.strerror}): a pipeline step runs it."
        ) from error
    except SyntaxError as error:
        raise BreedlineError(
            f"{script} cannot be packaged: line {error.lineno} is not valid Python ({error.msg})."
        ) from error
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.partition(".")[0]
