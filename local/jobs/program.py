"""A script-mode job's own code: unpacked safely, its requirements checked, its command formed."""

from __future__ import annotations

import re
import shlex
import sys
import tarfile
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from local.jobs.failure import algorithm_error, client_error
from local.jobs.manifests import read_object
from local.objects import Objects

_SAFE_PROGRAM = re.compile(r"[A-Za-z0-9._][A-Za-z0-9._+-]*(/[A-Za-z0-9._+-]+)*")


def unpack_submit_directory(objects: Objects, uri: str, code: Path) -> None:
    """Lay a code package into `code`: a .tar.gz in S3, or one that came through a channel.

    Raises JobFailure. Any other path is a folder of the image's own and left alone.
    """
    code.mkdir(parents=True, exist_ok=True)
    path = Path(uri)
    if uri.startswith("s3://"):
        path = read_object(objects, uri, "code package").path
    elif not path.is_file():
        return
    try:
        unpack(path, code)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise client_error(f"The code package {uri} cannot be unpacked: {error}") from error


def unpack(archive: Path, folder: Path) -> None:
    """Unpack a tar file so that nothing lands outside `folder`; raises tarfile.TarError."""
    with tarfile.open(archive) as tar:
        if hasattr(tarfile, "data_filter"):
            tar.extractall(folder, filter="data")
        else:  # Python before 3.10.12
            tar.extractall(folder, members=list(_plain_members(tar, folder)))  # noqa: S202


def _plain_members(tar: tarfile.TarFile, folder: Path) -> Iterator[tarfile.TarInfo]:
    for member in tar:
        inside = (folder / member.name).resolve().is_relative_to(folder.resolve())
        if not inside or not (member.isfile() or member.isdir()):
            raise tarfile.TarError(f"'{member.name}' is no plain file inside the folder")
        yield member


def check_requirements(code: Path) -> None:
    """Raise JobFailure when requirements.txt asks for what this environment does not have."""
    path = code / "requirements.txt"
    if not path.exists():
        return
    for line in _requirement_lines(path.read_text(encoding="utf-8", errors="replace")):
        missing = _missing(line)
        if missing:
            raise algorithm_error(
                f"requirements.txt asks for '{line}' but {missing}; "
                f"run `{Path(sys.executable).name} -m pip install '{line}'` and try again."
            )


def _requirement_lines(text: str) -> Iterable[str]:
    joined = text.replace("\\\n", " ")
    lines = (re.split(r"(?:^|\s)#", line)[0].strip() for line in joined.splitlines())
    return [line for line in lines if line and not line.startswith("-")]


def _missing(line: str) -> str:
    """Why `line` is not satisfied here, or ""."""
    try:
        requirement = Requirement(line.split(" --")[0])
    except InvalidRequirement:
        return ""  # a path or a URL: only pip could say
    if requirement.marker and not requirement.marker.evaluate():
        return ""
    try:
        version = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        return f"{requirement.name} is not installed in {sys.prefix}"
    if requirement.specifier.contains(version, prereleases=True):
        return ""
    return f"{requirement.name} {version} is installed in {sys.prefix}"


def entry_command(program: str, arguments: list[str], code: Path) -> list[str]:
    """The command that runs `program` in `code`, by the toolkit's rules; raises JobFailure.

    A package (setup.py beside it) runs as a module, a .py file as a script, anything else through
    the shell.
    """
    if not _SAFE_PROGRAM.fullmatch(program) or {".", ".."} & set(program.split("/")):
        raise client_error(
            f"sagemaker_program '{program}' must be the path of a script inside the code package, "
            "such as train.py or bin/train.sh."
        )
    is_package = (code / "setup.py").exists() and not program.endswith(".sh")
    if not is_package:
        _check_exists(program, code)
    if is_package:
        return [sys.executable, "-m", program.removesuffix(".py"), *arguments]
    if program.endswith(".py"):
        return [sys.executable, program, *arguments]
    (code / program).chmod(0o777)
    return ["/bin/sh", "-c", " ".join(map(shlex.quote, [f"./{program}", *arguments]))]


def _check_exists(program: str, code: Path) -> None:
    if not (code / program).is_file():
        there = ", ".join(sorted(p.name for p in code.iterdir())[:10]) or "nothing"
        raise client_error(
            f"sagemaker_program '{program}' is not in the code package, which holds {there}."
        )


def torch_distributed_command(
    command: list[str], hosts: int, rank: int, processes: int, port: int
) -> list[str]:
    """`command` (a Python script) under torch's own launcher, as the toolkit would start it."""
    cluster = ["--master_addr", "127.0.0.1", "--master_port", str(port), "--node_rank", str(rank)]
    size = ["--nnodes", str(hosts), "--nproc_per_node", str(processes)]
    launcher = [sys.executable, "-m", "torch.distributed.run", *size]
    return [*launcher, *(cluster if hosts > 1 else []), *command[1:]]
