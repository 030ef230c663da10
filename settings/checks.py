"""How single values of the settings are checked, and what is wrong with them in words.

`text`, `within` and `many` are limits of one value, `violations` tells what pydantic found against
them. Boundary: `tables_of` reads the file, the rest is pure.
"""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args, get_origin

from pydantic import Field, ValidationError
from pydantic.dataclasses import is_pydantic_dataclass

from errors import BreedlineError

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


if sys.version_info >= (3, 11):
    import tomllib
else:  # the standard library reads TOML from 3.11 on
    import tomli as tomllib

SECRET = re.compile("secret|password|token|credential|access_?key", re.IGNORECASE)
Check = tuple[bool, str, Any, str]  # is it wrong, key, value, what is allowed


def text(pattern: str, allowed: str, longest: int = 2048) -> Any:
    """A string that matches `pattern` in full."""
    return Field(pattern=rf"\A(?:{pattern})\Z", max_length=longest, description=allowed)


def within(low: float, high: float) -> Any:
    """A number from `low` to `high`, a whole one if they are; a float may be written as one."""
    words = f"a whole number from {low} to {high}"
    if isinstance(high, float):
        words = f"a number from {low:g} to {high:g}"
    return Field(ge=low, le=high, strict=True, description=words)


def many(longest: int, items: str) -> Any:
    """A list of at most `longest` items, each held to its own type."""
    return Field(max_length=longest, description=f"a list of at most {longest} {items}")


@dataclass(frozen=True)
class Problem:
    """One wrong key: where it stands, what it holds (`...`: not known), what is allowed."""

    key: str
    value: Any
    allowed: str

    def __str__(self) -> str:
        shown = "is missing" if self.value is MISSING else f"= {self._shown()}"
        return f"{self.key} {shown}; allowed: {self.allowed}"

    def _shown(self) -> str:
        # A file may hold what does not belong there: nothing that looks secret is repeated.
        if isinstance(self.value, dict):
            return "{…}" if self.value else "{}"
        secret = SECRET.search(self.key.rpartition(".")[2])
        return "…" if secret or self.value is ... else repr(self.value)


class SettingsError(BreedlineError):
    """The settings of an environment cannot be used; `problems` holds all wrong values."""

    def __init__(self, message: str, problems: Iterable[Problem] = ()) -> None:
        self.problems = tuple(problems)
        super().__init__("\n  ".join([message, *map(str, self.problems)]))


def tables_of(environment: str, path: Path) -> dict[str, Any]:
    """The sections of one environment; raises SettingsError when there are none to read."""
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(
            f"The settings file {path} cannot be read ({error.strerror}); "
            "it holds the settings of every environment."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"The settings file {path} is not valid TOML: {error}.") from error
    known = [key for key, value in tables.items() if isinstance(value, dict)]
    if environment not in known:
        near = _nearest(environment, known)
        hint = f" Did you mean '{near}'?" if near else ""
        there = f"{path.name}, which has {', '.join(known) or 'none'}."
        raise SettingsError(f"Environment '{environment}' is not in {there}{hint}")
    sections: dict[str, Any] = tables[environment]
    return sections


def refusal(environment: str, path: Path, problems: list[Problem]) -> SettingsError:
    """The error that tells all `problems`, whose keys are those within the environment."""
    count = f"{len(problems)} problem{'s'[: len(problems) > 1]}"
    message = f"Environment '{environment}' of {path.name} has {count}:"
    return SettingsError(
        message, [replace(problem, key=f"{environment}.{problem.key}") for problem in problems]
    )


def _nearest(name: str, known: Iterable[str]) -> str:
    return next(iter(difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)), "")


def violations(error: ValidationError, model: Any) -> list[Problem]:
    """pydantic's findings about single values of `model`, in our words."""
    return [_violation(found, model) for found in error.errors(include_url=False)]


def _violation(found: ErrorDetails, model: Any) -> Problem:
    # Of a table's key, pydantic does not tell the value.
    of_key = found["type"] == "string_pattern_mismatch" and found["loc"][-1] == "[key]"
    path, value = (found["loc"][:-1], ...) if of_key else (found["loc"], found["input"])
    key = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)[1:]
    names, allowed = _rule(model, path)
    if of_key or found["type"] == "unexpected_keyword_argument":
        near = _nearest(str(path[-1]), names)
        hint = f" (did you mean '{near}'?)" if near else ""
        allowed = f"no such key{hint}, only {', '.join(sorted(names))}"
    elif found["type"] == "missing":
        value, allowed = MISSING, "a value; it has no default"
    elif found["type"] == "dataclass_type":
        allowed = "a table"
    return Problem(key, value, allowed)


def _rule(model: Any, path: Iterable[int | str]) -> tuple[Iterable[str], str]:
    """The names that could stand at the end of `path`, and what its value may be."""
    names: Iterable[str] = ()
    allowed = ""
    for part in path:
        if is_pydantic_dataclass(model):
            names = model.__pydantic_fields__
            if field := model.__pydantic_fields__.get(str(part)):
                model, allowed = field.annotation, field.description or ""
        elif get_origin(model) is Mapping:
            keys, model = get_args(model)
            names = [name for key in getattr(keys, "__metadata__", ()) for name in key.examples]
        else:  # a place in a list, whose items are annotated strings
            allowed = get_args(model)[0].__metadata__[0].description
    return names, allowed or " or ".join(get_args(model))
