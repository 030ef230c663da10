"""Repairs of how definitions are read: their strings, in several threads at once, and how often."""

from __future__ import annotations

import functools
import json
from typing import Any

from moto.stepfunctions.parser.asl.antlr.runtime.ASLLexer import ASLLexer
from moto.stepfunctions.parser.asl.antlr.runtime.ASLParser import ASLParser
from moto.stepfunctions.parser.asl.antlt4utils import antlr4utils
from moto.stepfunctions.parser.asl.antlt4utils.antlr4utils import is_terminal
from moto.stepfunctions.parser.asl.parse.asl_parser import (
    AmazonStateLanguageParser,
    ASLParserException,
    CommonTokenStream,
    InputStream,
    SyntaxErrorListener,
)
from moto.stepfunctions.parser.asl.parse.preprocessor import Preprocessor

from local.workflows.interpreter.replacing import replace_everywhere

# Words of the language that moto's grammar does not take as plain texts elsewhere.
RESERVED = ("CausePath", "ErrorPath", "JSONPath", "JSONata")
MARK = "\ue000"  # a character that nobody uses
PARSED = 4  # syntax trees that are kept; one of a large machine has some megabytes


def read_string(text: str) -> str:
    """The text that JSON's escapes stand for; one that is no JSON stays as it is."""
    inner = text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text
    try:
        return str(json.loads(f'"{inner}"', strict=False))
    except ValueError:
        return inner


def read_strings_as_json() -> None:
    """moto leaves escapes in most strings of a definition, and reads the others as Python."""

    def inner_string(parser_rule_context: Any) -> str | None:
        if is_terminal(parser_rule_context, ASLLexer.NULL):
            return None
        return read_string(parser_rule_context.getText())

    def from_literal(parser_rule_context: Any) -> str:
        return read_string(parser_rule_context.getText())

    Preprocessor._inner_string_of = staticmethod(inner_string)
    replace_everywhere("from_string_literal", antlr4utils.from_string_literal, from_literal)


def parse_once() -> None:
    """moto parses a definition anew for each execution, which takes longer than many a state."""

    def parse(definition: str) -> tuple[Any, Any]:
        tree = _tree(definition)
        # The components that run keep what they find out, so they are made for each execution.
        return Preprocessor().visit(tree), tree

    AmazonStateLanguageParser.parse = staticmethod(parse)


@functools.lru_cache(maxsize=PARSED)
def _tree(definition: str) -> Any:
    listener = SyntaxErrorListener()
    parser = ASLParser(CommonTokenStream(ASLLexer(InputStream(definition))))
    parser.removeErrorListeners()
    parser.addErrorListener(listener)
    tree = parser.state_machine()
    if listener.errors:
        raise ASLParserException(errors=listener.errors)
    return tree


def allow_reserved_words() -> None:
    """moto refuses definitions that use some words of the language as names or values."""
    parse = AmazonStateLanguageParser.parse

    def parse_any(definition: str) -> Any:
        if any(word in definition for word in RESERVED):
            definition = json.dumps(_marked(json.loads(definition)))
            for word in RESERVED:
                escaped = f"\\u{ord(word[0]):04x}{word[1:]}"
                definition = definition.replace(f"\\ue000{word}", escaped)
        return parse(definition)

    AmazonStateLanguageParser.parse = staticmethod(parse_any)


def _marked(value: Any) -> Any:
    """The definition with a mark before each reserved word that is not used as such."""
    if isinstance(value, dict):
        meant = {"CausePath", "ErrorPath"} if value.get("Type") == "Fail" else set()
        return {
            key if key in meant else _marked(key): part if key == "QueryLanguage" else _marked(part)
            for key, part in value.items()
        }
    if isinstance(value, list):
        return [_marked(part) for part in value]
    return MARK + value if isinstance(value, str) and value in RESERVED else value


def parse_in_several_threads() -> None:
    """moto keeps the query language of what it parses in one list for all threads."""

    def make(preprocessor: Any) -> None:
        preprocessor._query_language_per_scope = []

    Preprocessor.__init__ = make


REPAIRS = (read_strings_as_json, parse_once, allow_reserved_words, parse_in_several_threads)
