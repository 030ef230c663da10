"""Reads a TOML table into the dataclasses of `settings.py` and collects every problem.

The dataclass field carries its own rule (what is allowed, and a test for it), so the list of keys,
types, defaults and limits stands in one place. Boundary: knows TOML and dataclasses, not Breedline.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from errors import BreedlineError

if sys.version_info >= (3, 11):
    import tomllib
else:  # the standard library reads TOML from 3.11 on
    import tomli as tomllib


@dataclass(frozen=True)
class Problem:
    """One wrong key: where it stands, what it holds, what is allowed."""

    key: str
    value: Any
    allowed: str

    def __str__(self) -> str:
        shown = "is missing" if self.value is MISSING else f"= {self.value!r}"
        return f"{self.key} {shown}; allowed: {self.allowed}"


class SettingsError(BreedlineError):
    """The settings of an environment cannot be used; `problems` holds all of them."""

    def __init__(self, path: Path, environment: str, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        head = f"{path.name}, environment '{environment}', has {count} problem{'s'[: count > 1]}:"
        super().__init__("\n".join([head, *(f"  {problem}" for problem in self.problems)]))


Convert = Callable[[str, Any, list[Problem]], Any]


def _field(convert: Convert, default: Any) -> Any:
    # Mutable defaults never occur: tuples and mapping proxies only.
    if isinstance(default, MappingProxyType):
        return dataclasses.field(default_factory=lambda: default, metadata={"convert": convert})
    return dataclasses.field(default=default, metadata={"convert": convert})


def _checked(allowed: str, accepts: Callable[[Any], bool]) -> Convert:
    def convert(key: str, value: Any, problems: list[Problem]) -> Any:
        if not accepts(value):
            problems.append(Problem(key, value, allowed))
        return value

    return convert


def text(pattern: str, allowed: str, longest: int = 2048, default: Any = MISSING) -> Any:
    """A string that matches `pattern` in full; an empty default means "not set"."""

    def accepts(value: Any) -> bool:
        if not isinstance(value, str):
            return False
        return value == default == "" or (
            len(value) <= longest and re.fullmatch(pattern, value) is not None
        )

    return _field(_checked(allowed, accepts), default)


def choice(*options: str, default: Any = MISSING) -> Any:
    """One of a few words."""
    return _field(_checked(" or ".join(options), lambda value: value in options), default)


def whole(low: int, high: int, default: Any = MISSING) -> Any:
    """A whole number from `low` to `high`."""
    allowed = f"a whole number from {low} to {high}"
    return _field(
        _checked(allowed, lambda value: type(value) is int and low <= value <= high), default
    )


def number(low: float, high: float, default: Any = MISSING) -> Any:
    """A number from `low` to `high`; a whole number is read as a float."""
    allowed = f"a number from {low:g} to {high:g}"

    def convert(key: str, value: Any, problems: list[Problem]) -> Any:
        # NaN fails both comparisons, so it is refused with the rest.
        if type(value) not in (int, float) or not low <= value <= high:
            problems.append(Problem(key, value, allowed))
            return value
        return float(value)

    return _field(convert, default)


def flag(default: bool) -> Any:
    """true or false."""
    return _field(_checked("true or false", lambda value: isinstance(value, bool)), default)


def names(pattern: str, allowed: str, longest: int, default: tuple[str, ...] = ()) -> Any:
    """A list of at most `longest` strings, each matching `pattern`."""
    expected = f"a list of at most {longest} {allowed}"

    def convert(key: str, value: Any, problems: list[Problem]) -> Any:
        good = isinstance(value, list) and len(value) <= longest
        if not good or not all(
            isinstance(item, str) and re.fullmatch(pattern, item) for item in value
        ):
            problems.append(Problem(key, value, expected))
            return ()
        return tuple(value)

    return _field(convert, default)


def pairs() -> Any:
    """A table of strings, such as tags."""
    accepts = _checked(
        "a table of at most 40 strings",
        lambda table: (
            isinstance(table, dict)
            and len(table) <= 40
            and all(isinstance(item, str) for item in table.values())
        ),
    )

    def convert(key: str, value: Any, problems: list[Problem]) -> Any:
        accepts(key, value, problems)
        return MappingProxyType(dict(value)) if isinstance(value, dict) else value

    return _field(convert, MappingProxyType({}))


def ranges(cls: type, keys: tuple[str, ...]) -> Any:
    """A table of tables of `cls`, one for each of some of `keys`."""

    def convert(key: str, value: Any, problems: list[Problem]) -> Any:
        if not isinstance(value, dict) or not value:
            problems.append(Problem(key, value, f"a table with some of {', '.join(keys)}"))
            return MappingProxyType({})
        found = {}
        for name in sorted(value):
            if name in keys:
                found[name] = _nested(cls, f"{key}.{name}", value[name], problems)
            else:
                problems.append(_unknown(f"{key}.{name}", name, value[name], keys))
        return MappingProxyType(found)

    return _field(convert, MISSING)


def section(cls: type) -> Any:
    """A nested table, read into `cls`."""

    def convert(key: str, value: Any, problems: list[Problem]) -> Any:
        return _nested(cls, key, value, problems)

    return dataclasses.field(metadata={"convert": convert, "section": cls})


def _nested(cls: type, key: str, value: Any, problems: list[Problem]) -> Any:
    if not isinstance(value, dict):
        problems.append(Problem(key, value, "a table"))
        return None
    before = len(problems)
    values = read_section(cls, value, key, problems)
    return cls(**values) if len(problems) == before else None


def read_section(
    cls: Any, table: Mapping[str, Any], key: str, problems: list[Problem]
) -> dict[str, Any]:
    """The constructor arguments of `cls` from one table; what is wrong goes to `problems`."""
    fields = {field.name: field for field in dataclasses.fields(cls) if field.metadata}
    problems.extend(
        _unknown(f"{key}.{name}", name, table[name], fields) for name in table if name not in fields
    )
    values = {}
    for name, field in fields.items():
        present = table.get(name, {} if "section" in field.metadata else MISSING)
        if present is not MISSING:
            values[name] = field.metadata["convert"](f"{key}.{name}", present, problems)
        elif field.default is MISSING and field.default_factory is MISSING:
            problems.append(Problem(f"{key}.{name}", MISSING, "a value; it has no default"))
    return values


def _unknown(key: str, name: str, value: Any, known: Iterable[str]) -> Problem:
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    hint = f" (did you mean '{near[0]}'?)" if near else ""
    shown = {} if isinstance(value, dict) else value
    return Problem(key, shown, f"no such key{hint}, only {', '.join(sorted(known))}")


def environment(path: Path, name: str) -> dict[str, Any]:
    """The table of one environment.

    Raises:
        SettingsError: an unknown environment, with the known ones.
        BreedlineError: the file is missing or is not TOML.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BreedlineError(
            f"{path} cannot be read ({error.strerror}): it holds the settings of every environment."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BreedlineError(f"{path} is not valid TOML: {error}.") from error
    known = [key for key, value in tables.items() if isinstance(value, dict)]
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        hint = f" Did you mean '{near[0]}'?" if near else ""
        raise BreedlineError(
            f"environment '{name}' is not in {path.name}, which has {', '.join(known)}.{hint}"
        )
    table: dict[str, Any] = tables[name]
    return table
