"""Small sources of the functions, as they are packaged."""

from __future__ import annotations

from provision.archives import Archive


def archives() -> dict[str, Archive]:
    source = b"def handler(event, context):\n    return event\n"
    return {
        "predict": Archive({"handler.py": source, "requests.py": b"LIMIT = 1\n"}),
        "smoke_test": Archive({"handler.py": source}),
    }
