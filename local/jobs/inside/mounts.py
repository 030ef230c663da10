# ruff: noqa: PTH102, PTH110, PTH112, PTH115, PTH123, PTH211
# (pathlib would double the time that this file adds to the start of every host)
"""Enters a mount namespace in which ROOT is /opt/ml, then executes a command.

Run as `python -I -S mounts.py ROOT HOSTS_FILE COMMAND…`; imports little, for it runs before every
host. HOSTS_FILE becomes /etc/hosts.
"""

from __future__ import annotations

import ctypes
import os
import sys

CLONE_NEWNS, CLONE_NEWUSER = 0x00020000, 0x10000000
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000


def enter(root: str, hosts_file: str) -> None:
    """Give this process (one thread only) its own /opt/ml and /etc/hosts; raises OSError."""
    _unshare()
    _mount("none", "/", MS_REC | MS_PRIVATE)
    if not os.path.isdir("/opt/ml"):
        _rebuild_opt()
    _mount(root, "/opt/ml", MS_BIND | MS_REC)
    if os.path.exists("/etc/hosts"):
        _mount(hosts_file, "/etc/hosts", MS_BIND)


def _unshare() -> None:
    user, group = os.geteuid(), os.getegid()
    if user == 0 and _call("unshare", CLONE_NEWNS) == 0:
        return
    if _call("unshare", CLONE_NEWUSER | CLONE_NEWNS) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    _write("/proc/self/setgroups", "deny")
    _write("/proc/self/uid_map", f"{user} {user} 1")
    _write("/proc/self/gid_map", f"{group} {group} 1")


def _rebuild_opt() -> None:
    """Replace /opt, in this namespace only, by a fresh one with the same children and an ml."""
    children = {
        entry.name: (os.open(entry.path, os.O_PATH | os.O_NOFOLLOW), entry)
        for entry in os.scandir("/opt")
    }
    links = {e.name: os.readlink(e.path) for _, e in children.values() if e.is_symlink()}
    folders = {name for name, (_, entry) in children.items() if entry.is_dir()}
    _mount("tmpfs", "/opt", 0, "tmpfs")
    for name, (handle, _) in children.items():
        path = f"/opt/{name}"
        if name in links:
            os.symlink(links[name], path)
            continue
        if name in folders:
            os.mkdir(path)
        else:
            _write(path, "")
        _mount(f"/proc/self/fd/{handle}", path, MS_BIND | MS_REC)
        os.close(handle)
    os.mkdir("/opt/ml")


def _mount(source: str, target: str, flags: int, kind: str | None = None) -> None:
    kind_bytes = kind.encode() if kind else None
    if _call("mount", source.encode(), target.encode(), kind_bytes, flags, None) != 0:
        raise OSError(ctypes.get_errno(), "mount", target)


def _call(name: str, *arguments: object) -> int:
    library = ctypes.CDLL(None, use_errno=True)
    result: int = getattr(library, name)(*arguments)
    return result


def _write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)


def main() -> None:
    root, hosts_file, *command = sys.argv[1:]
    enter(root, hosts_file)
    os.execv(command[0], command)  # noqa: S606 - the job's own command, no shell


if __name__ == "__main__":
    main()
