"""The patterns of policies: `*`, `?`, and variables such as `${aws:username}`."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence

Context = Mapping[str, Sequence[str]]  # keys in small letters
VARIABLE = re.compile(r"\$\{\s*([^},]+?)\s*(?:,\s*'([^']*)'\s*)?\}")
LITERALS = {"*", "?", "$"}  # `${*}` means the character itself
SEGMENTS = 6  # of an ARN


class UnknownVariable(Exception):
    """A variable that the request has no value for: what names it matches nothing."""


def action_matches(pattern: str, action: str) -> bool:
    """Whatever the letters' case: IAM's actions have none."""
    return _compiled(pattern.lower()).fullmatch(action.lower()) is not None


def resource_matches(
    pattern: str, resource: str, context: Context, has_variables: bool = True
) -> bool:
    """A star in an ARN reaches beyond a colon only where it ends a segment, as on AWS."""
    try:
        return (
            _arn_pattern(_written(pattern, context, has_variables)).fullmatch(resource) is not None
        )
    except UnknownVariable:
        return False


def text_matches(
    pattern: str, text: str, context: Context, has_variables: bool = True, wild: bool = True
) -> bool:
    """A condition's value; without `wild` the stars are stars. Raises UnknownVariable."""
    written = _written(pattern, context, has_variables)
    return (_compiled(written) if wild else _literal(written)).fullmatch(text) is not None


def arn_matches(pattern: str, arn: str, context: Context, has_variables: bool = True) -> bool:
    """As ArnLike compares: each of the six segments by itself. Raises UnknownVariable."""
    wanted = _written(pattern, context, has_variables).split(":", SEGMENTS - 1)
    given = arn.split(":", SEGMENTS - 1)
    return len(wanted) == len(given) == SEGMENTS and all(
        _compiled(one).fullmatch(other) is not None
        for one, other in zip(wanted, given, strict=True)
    )


def _written(pattern: str, context: Context, has_variables: bool) -> str:
    """The pattern with its variables' values, whose own stars mean nothing more than stars."""
    if not has_variables or "${" not in pattern:
        return pattern

    def value(match: re.Match[str]) -> str:
        name, default = match[1], match[2]
        if name in LITERALS:
            return _quoted(name)
        values = context.get(name.lower(), ())
        if len(values) == 1:
            return _quoted(values[0])
        if default is None:
            raise UnknownVariable(name)
        return _quoted(default)

    return VARIABLE.sub(value, pattern)


# Private characters, which no name on AWS has, stand for stars that are no patterns.
QUOTED, PLAIN = str.maketrans("*?", "\ue000\ue001"), str.maketrans("\ue000\ue001", "*?")


def _quoted(text: str) -> str:
    return text.translate(QUOTED)


@functools.lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    return _pattern(pattern, ".*")


@functools.lru_cache(maxsize=256)
def _literal(pattern: str) -> re.Pattern[str]:
    return re.compile(re.escape(_unquoted(pattern)))


@functools.lru_cache(maxsize=4096)
def _arn_pattern(pattern: str) -> re.Pattern[str]:
    segments = pattern.split(":", SEGMENTS - 1)
    if len(segments) < SEGMENTS:
        return _compiled(pattern)
    head = [
        _pattern(text, "[^:]*").pattern + (".*" if text.endswith("*") else "")
        for text in segments[:-1]
    ]
    return re.compile(":".join([*head, _compiled(segments[-1]).pattern]), re.DOTALL)


def _pattern(pattern: str, star: str) -> re.Pattern[str]:
    marks = {"*": star, "?": "."}
    parts = [marks.get(c) or re.escape(_unquoted(c)) for c in re.sub(r"\*+", "*", pattern)]
    return re.compile("".join(parts), re.DOTALL)


def _unquoted(text: str) -> str:
    return text.translate(PLAIN)
