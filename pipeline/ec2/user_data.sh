# What an instance does from its first minute to its last. The lines before this one say which
# training it is. Whatever happens, it ends by shutting down, which terminates it: after the
# program, after a failure, and at the latest after MINUTES.
set -uo pipefail

shutdown -P "+$MINUTES"
trap 'shutdown -P now' EXIT

export AWS_DEFAULT_REGION PYTHONUNBUFFERED=1
HOME="${HOME:-/root}"
BASE="${BREEDLINE_BASE:-/opt/ml}"
PYTHON="${BREEDLINE_PYTHON:-/opt/pytorch/bin/python}"
export HOME BREEDLINE_BASE="$BASE"
umask 077
mkdir -p "$BASE/code"

# AWS's Deep Learning images bring torch; on another image it is installed.
if [ ! -x "$PYTHON" ]; then
    dnf install -y "$INTERPRETER" "$INTERPRETER-pip" || exit 1
    "$INTERPRETER" -m venv /opt/breedline || exit 1
    PYTHON=/opt/breedline/bin/python
fi
if ! "$PYTHON" -c 'import boto3, matplotlib, numpy, PIL, torch, torchvision'; then
    "$PYTHON" -m pip install --quiet boto3 matplotlib numpy pillow "torch==$TORCH" torchvision || exit 1
fi

"$PYTHON" - "$PROGRAM" "$TASK" "$BASE" <<'FETCH' || exit 1
import sys
import tarfile

import boto3

program, task, base = sys.argv[1:]
for uri, name in ((program, "program.tar.gz"), (task, "task.json")):
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    boto3.client("s3").download_file(bucket, key, f"{base}/{name}")
with tarfile.open(f"{base}/program.tar.gz") as archive:
    archive.extractall(f"{base}/code/program", filter="data")
FETCH

# In the background, so that a signal is passed on at once: bash waits for what is in front.
"$PYTHON" "$BASE/code/program/instance.py" "$BASE/task.json" &
child=$!
trap 'kill -TERM "$child" 2>/dev/null' TERM
wait "$child"
status=$?
while kill -0 "$child" 2>/dev/null; do # it was a signal that ended the waiting
    wait "$child"
    status=$?
done
exit "$status"
