"""Say why a step failed, where SageMaker looks for it: the output folder's file `failure`.

Boundary: a sentence in, a file and a line on stderr out.
Run the tests: `pytest tests/steps/test_train.py`.
"""

from __future__ import annotations

import sys
from pathlib import Path

LIMIT = 1024
"""Characters of the file that DescribeTrainingJob shows as FailureReason."""


def report_failure(message: str, output_dir: Path) -> None:
    """Write `message` to stderr and to `output_dir`/failure, as far as that can be written."""
    print(f"ERROR {message}", file=sys.stderr, flush=True)
    try:
        output_dir.mkdir(parents=True, exist_ok=True)
        (output_dir / "failure").write_text(message[:LIMIT], encoding="utf-8")
    except OSError as error:
        print(f"WARNING {output_dir}/failure was not written: {error}.", file=sys.stderr)
