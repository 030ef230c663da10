"""artifact.opened: safe extraction, and code that stays inside its block."""

from __future__ import annotations

import io
import sys
import tarfile
from pathlib import Path

import pytest
from artifact import ArtifactError, extract, opened
from PIL import Image

from tests.steps import tiny_artifact


def archive_with(path: Path, *members: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for member in members:
            tar.addfile(member, io.BytesIO(b"x" * member.size))
    return path


def member(name: str, type: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = type, target, 1 if type == tarfile.REGTYPE else 0
    return info


def test_a_model_is_used_through_the_code_in_its_own_archive(tmp_path: Path) -> None:
    archive = tiny_artifact.pack(tmp_path) / "model.tar.gz"
    with opened(archive) as artifact:
        image = Image.new("RGB", (4, 4), tiny_artifact.COLOURS["green"])
        row = artifact.inference.predict_batch([image], artifact.model)[0]
        assert artifact.model.classes[row.index(max(row))] == "green"
        assert artifact.size == archive.stat().st_size


def test_two_archives_with_modules_of_the_same_name_do_not_meet(tmp_path: Path) -> None:
    own = sys.modules.get("inference")
    before = list(sys.path)
    modules = []
    for name in ("one", "two"):
        with opened(tiny_artifact.pack(tmp_path / name) / "model.tar.gz") as artifact:
            modules.append(artifact.inference)
            assert sys.modules["inference"] is artifact.inference
    assert modules[0] is not modules[1]
    assert sys.modules.get("inference") is own and "palette" not in sys.modules
    assert sys.path == before


@pytest.mark.parametrize("with_filter", [True, False])
@pytest.mark.parametrize(
    "bad",
    [
        member("../escaped"),
        member("/tmp/escaped"),
        member("link", tarfile.SYMTYPE, "/etc/passwd"),
        member("pipe", tarfile.FIFOTYPE),
    ],
    ids=lambda bad: bad.name,
)
def test_an_unsafe_archive_writes_nothing_outside(
    tmp_path: Path, bad: tarfile.TarInfo, with_filter: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not with_filter:
        monkeypatch.delattr(tarfile, "data_filter", raising=False)
    target = tmp_path / "inside" / "folder"
    target.mkdir(parents=True)
    archive = archive_with(tmp_path / "model.tar.gz", bad)
    if bad.name.startswith("/") and with_filter:
        extract(archive, target)  # Python's filter takes the leading slash off
        assert (target / "tmp" / "escaped").is_file()
    else:
        with pytest.raises(ArtifactError, match="cannot be unpacked"):
            extract(archive, target)
    assert not (tmp_path / "inside" / "escaped").exists()
    assert not (target / "link").exists()


def test_missing_damaged_and_foreign_archives_are_one_sentence(tmp_path: Path) -> None:
    archive = tmp_path / "model.tar.gz"
    with pytest.raises(ArtifactError, match="There is no .*model.tar.gz"), opened(archive):
        pass
    archive.write_bytes(b"\x1f\x8b not a tar file")
    with pytest.raises(ArtifactError, match="cannot be unpacked"), opened(archive):
        pass
    archive_with(archive, member("model.pt"))
    with pytest.raises(ArtifactError, match="no code/inference.py"), opened(archive):
        pass
