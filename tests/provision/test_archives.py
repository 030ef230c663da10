"""A function's zip is the same wherever and whenever it is made."""

import io
import zipfile

import pytest

from errors import BreedlineError
from provision.archives import Archive, read_archives

FILES = {"handler.py": b"LIMIT = 1\n", "images.py": b"SIZE = 2\n"}


def test_equal_files_make_equal_bytes_in_any_order_and_at_any_time(monkeypatch):
    first = Archive(FILES).body
    monkeypatch.setattr("time.time", lambda: 2_000_000_000.0)
    assert Archive(dict(reversed(FILES.items()))).body == first


def test_the_bytes_depend_on_no_compressor_and_no_system():
    # A new digest here is a new version of both functions in every account.
    assert Archive({"handler.py": b"x = 1\n"}).version == "04ad65b28d4d"


def test_lambda_can_read_every_file():
    with zipfile.ZipFile(io.BytesIO(Archive(FILES).body)) as archive:
        assert archive.namelist() == ["handler.py", "images.py"]
        assert archive.read("images.py") == FILES["images.py"]
        assert {member.external_attr >> 16 for member in archive.infolist()} == {0o100644}


def test_files_lie_flat_in_the_zip_wherever_they_come_from(tmp_path):
    shared = tmp_path / "steps" / "fetch.py"
    shared.parent.mkdir()
    shared.write_bytes(b"shared")
    (tmp_path / "handler.py").write_bytes(b"own")
    archives = read_archives({"predict": (tmp_path / "handler.py", shared)})
    assert archives["predict"].files == {"handler.py": b"own", "fetch.py": b"shared"}


def test_a_missing_file_is_one_sentence(tmp_path):
    with pytest.raises(BreedlineError, match=r"lost\.py cannot be packaged \(No such file"):
        read_archives({"predict": (tmp_path / "lost.py",)})
