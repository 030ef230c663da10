"""The line that says why a script ended."""

from __future__ import annotations

import pytest

from local.jobs.output import LastError, Lines

TRACEBACK = """Traceback (most recent call last):
  File "train.py", line 3, in <module>
    main()
ValueError: learning_rate must be positive"""


def last_error(text: str) -> str:
    error = LastError()
    for line in text.splitlines():
        error.take(line)
    return error.text()


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", ""),
        ("warning: x\nno images in train/", "no images in train/"),
        (TRACEBACK, "ValueError: learning_rate must be positive"),
        (
            f"{TRACEBACK}\n\nDuring handling of the above:\n\n{TRACEBACK[:-8]}whole",
            "ValueError: learning_rate must be whole",
        ),
        (f"{TRACEBACK}\nresource_tracker: leaked", "ValueError: learning_rate must be positive"),
        (
            TRACEBACK.replace("ValueError", "RuntimeError") + ":\n\tsize mismatch\n\tand more",
            "RuntimeError: learning_rate must be positive:",
        ),
        (
            "\n".join("[rank1]: " + line for line in TRACEBACK.splitlines()),
            "ValueError: learning_rate must be positive",
        ),
        (f"{TRACEBACK}\n" + "handled\n" * 5 + "disk full", "disk full"),
    ],
)
def test_the_reason_is_the_last_traceback_or_the_last_line(text, reason):
    assert last_error(text) == reason


def test_lines_are_cut_where_chunks_are_not():
    seen: list[str] = []
    lines = Lines(seen.append)
    for chunk in (b"on", b"e\ntw", b"o\n\nrest"):
        lines.feed(chunk)
    assert seen == ["one", "two", ""]
    lines.end()
    assert seen[-1] == "rest"
