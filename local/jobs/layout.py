"""A host's folder: what is `/opt/ml` in a container is `<job>/<host>/opt/ml` here."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BASE = "/opt/ml"
_BASE_PATH = re.compile(r"(?<![\w./-])/opt/ml(?![\w.-])")

# What a job inherits from the server's own environment. Nothing else gets in: above all no AWS
# credentials of the user's.
INHERITED = (
    *("HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "TZ", "LANG", "LC_ALL", "LC_CTYPE"),
    *("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"),
    *("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy"),
)


@dataclass(frozen=True)
class HostFolder:
    """One host's own `/opt/ml` and what lies beside it."""

    folder: Path
    host: str

    @property
    def root(self) -> Path:
        return self.folder / "opt" / "ml"

    @property
    def config(self) -> Path:
        return self.root / "input" / "config"

    @property
    def data(self) -> Path:
        return self.root / "input" / "data"

    @property
    def code(self) -> Path:
        return self.root / "code"

    @property
    def model(self) -> Path:
        return self.root / "model"

    @property
    def output(self) -> Path:
        return self.root / "output"

    @property
    def output_data(self) -> Path:
        return self.output / "data"

    @property
    def checkpoints(self) -> Path:
        return self.root / "checkpoints"

    @property
    def hosts_file(self) -> Path:
        return self.folder / "hosts"

    def path(self, inside: str) -> Path:
        """Where a container path under `/opt/ml` is on this machine; ValueError for others."""
        relative = os.path.relpath(os.path.normpath(inside), BASE)
        if relative == ".." or relative.startswith("../"):
            raise ValueError(f"{inside} is not under {BASE}")
        return self.root / relative

    def localise(self, text: str) -> str:
        """`text` with every `/opt/ml…` path turned into this host's own."""
        return _BASE_PATH.sub(lambda match: str(self.root), text)

    def read_output(self, name: str) -> str:
        """The script's own words in `output/<name>` (`failure`, `message`), or "" when none."""
        try:
            return (self.output / name).read_text(encoding="utf-8", errors="replace").strip()
        except OSError:
            return ""

    def clear(self) -> None:
        """Remove what a deleted job of the same name has left."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def remove_bulk(self) -> None:
        """Remove everything large; the configuration and the script's last words stay."""
        for path in self.root.iterdir() if self.root.is_dir() else ():
            if path.name == "input":
                shutil.rmtree(path / "data", ignore_errors=True)
            elif path.name == "output":
                for part in (path / "data", path / "intermediate"):
                    shutil.rmtree(part, ignore_errors=True)
            elif path.name != "config":
                shutil.rmtree(path, ignore_errors=True)


def host_names(count: int) -> list[str]:
    return [f"algo-{number}" for number in range(1, count + 1)]


def write_json(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), encoding="utf-8")


def write_hosts_file(host: HostFolder, hosts: list[str]) -> None:
    """An /etc/hosts in which every host of the job is this machine."""
    try:
        system = Path("/etc/hosts").read_text(encoding="utf-8", errors="replace")
    except OSError:
        system = ""
    ours = "".join(f"127.0.0.1\t{name}\n" for name in hosts)
    host.hosts_file.write_text(f"{system.rstrip()}\n{ours}".lstrip(), encoding="utf-8")


def resource_config(
    host: str, groups: Mapping[str, tuple[str, list[str]]], interface: str
) -> dict[str, Any]:
    """The content of resourceconfig.json; `groups` maps a name to (instance type, hosts)."""
    mine = next(name for name, (_, hosts) in groups.items() if host in hosts)
    return {
        "current_host": host,
        "current_instance_type": groups[mine][0],
        "current_group_name": mine,
        "hosts": [name for _, hosts in groups.values() for name in hosts],
        "instance_groups": [
            {"instance_group_name": name, "instance_type": kind, "hosts": hosts}
            for name, (kind, hosts) in groups.items()
        ],
        "network_interface_name": interface,
    }


def base_environment(cores: int) -> dict[str, str]:
    """The environment every job begins with: this Python first on PATH, `cores` threads."""
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    path = os.environ.get("PATH", os.defpath)
    return inherited | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{path}",
        "PYTHONUNBUFFERED": "1",
        "OMP_NUM_THREADS": str(cores),
        # Idle threads sleep, not spin: on a busy machine a forward pass is 5 times faster.
        "OMP_WAIT_POLICY": "PASSIVE",
    }


def feature_cache(folder: Path) -> Path:
    """Where all jobs of a server keep features, so that no job computes what another one has."""
    found = folder / "cache" / "features"
    found.mkdir(parents=True, exist_ok=True)
    return found


def network_interface() -> str:
    """The loopback interface, through which the hosts of a job reach each other."""
    return "lo0" if sys.platform == "darwin" else "lo"
