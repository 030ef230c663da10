"""What a path means to a state: a place in its input, in the context object, or in a variable."""

from __future__ import annotations

import copy
import re
from typing import Any

from moto.stepfunctions.parser.asl.eval.variable_store import NoSuchVariable
from moto.stepfunctions.parser.asl.utils.json_path import NoSuchJsonPathError

from local.workflows.paths import NoSuchPlace, SyntaxFault, parse_path

VARIABLE = re.compile(r"\$([^\W\d]\w*)(.*)", re.DOTALL)


def extract(path: str, data: Any) -> Any:
    """The value of a path that begins with `$`; raises moto's own error where there is none."""
    try:
        return parse_path(path).read(data)
    except (NoSuchPlace, SyntaxFault):
        raise NoSuchJsonPathError(json_path=path, data=data) from None


def look_up(path: str, env: Any) -> Any:
    """The value of any path, with the state's input on top of the environment's stack."""
    if path.startswith("$$"):
        return copy.deepcopy(extract(path[1:], env.states.context_object.context_object_data))
    if variable := VARIABLE.fullmatch(path):
        return copy.deepcopy(read_variable(env, path, *variable.groups()))
    return copy.deepcopy(extract(path, env.stack[-1]))


def read_variable(env: Any, text: str, name: str, path: str) -> Any:
    """A place within a variable's value."""
    try:
        value = env.variable_store.get(name)
    except NoSuchVariable:
        raise NoSuchJsonPathError(json_path=text, data={}) from None
    return extract(f"${path}", value) if path else value
