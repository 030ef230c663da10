"""Which files a step's script needs: its import closure over the flat folder `steps/`.

Read from the syntax tree, so that packaging runs none of the scripts and imports no torch.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

from errors import BreedlineError


def closure(folder: Path, entries: Iterable[str]) -> tuple[str, ...]:
    """The entry files and every file of `folder` they import, directly or not, sorted.

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
                for module in _imports(folder / name)
                if (folder / f"{module}.py").is_file()
            ]
    return tuple(sorted(found))


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
