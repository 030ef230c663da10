"""Reading a small language from left to right."""

from __future__ import annotations

import re


class SyntaxFault(ValueError):
    """The text is no sentence of its language; the message says where and why."""


class Scanner:
    """A text and how far it has been read."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0

    def at_end(self) -> bool:
        return self.position >= len(self.text)

    def peek(self) -> str:
        return self.text[self.position : self.position + 1]

    def skip(self) -> None:
        """Go past blanks."""
        while self.peek().isspace():
            self.position += 1

    def take(self, word: str) -> bool:
        """Go past `word` when it comes next."""
        found = self.text.startswith(word, self.position)
        self.position += len(word) if found else 0
        return found

    def expect(self, word: str) -> None:
        if not self.take(word):
            raise self.fault(f"'{word}' is expected")

    def try_match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Go past what the pattern matches here."""
        found = pattern.match(self.text, self.position)
        if found:
            self.position = found.end()
        return found

    def match(self, pattern: re.Pattern[str], meant: str) -> str:
        found = self.try_match(pattern)
        if found is None:
            raise self.fault(f"{meant} is expected")
        return found[0]

    def fault(self, reason: str) -> SyntaxFault:
        return SyntaxFault(f"{reason} at position {self.position + 1} of {self.text}")
