"""From photos to records, from records to a training set, on a server of their own."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from PIL import Image

import settings
from pipeline.definition import compile_pipeline, render
from provision.bucket import apply_bucket, plan_bucket
from provision.change import Clients
from provision.data import sync_folder
from provision.features import apply_features, plan_features
from provision.packages import build, uris

STEPS = Path(__file__).parents[2] / "steps"
LABELS = ("beagle", "husky", "pug")


@pytest.fixture(scope="module")
def local():
    return settings.load("local")


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """Ten images of each class, the pugs wider than the others."""
    folder = tmp_path_factory.mktemp("photos")
    for label in LABELS:
        for number in range(10):
            width = 12 if label == "pug" else 9
            noise = random.Random(f"{label}{number}").randbytes(width * 9 * 3)  # noqa: S311
            path = folder / label / f"{number}.png"
            path.parent.mkdir(exist_ok=True)
            Image.frombytes("RGB", (width, 9), noise).save(path)
    return folder


@pytest.fixture(scope="module")
def prepared(account, local, photos):
    """The group, the photos, and a pipeline that is our Prepare step alone."""
    clients = Clients(account.client)
    apply_bucket(clients, plan_bucket(clients, local))
    for change in plan_features(clients, local):
        apply_features(clients, change)
    packages = build(local, STEPS)
    packages["prepare"].upload(account.client("s3"))
    definition = compile_pipeline(local, uris(packages))
    definition["Steps"] = [step for step in definition["Steps"] if step["Name"] == "Prepare"]
    account.client("sagemaker").create_pipeline(
        PipelineName=local.pipeline.name,
        PipelineDefinition=render(definition),
        ClientRequestToken="t" * 32,
        RoleArn=local.role_arn,
    )
    sync_folder(account.client("s3"), photos, local.bucket, "data/dogs")
    return account


def read(account, local, execution, name):
    """A file that Prepare wrote in an execution."""
    key = f"executions/breedline/{execution['arn'].rpartition('/')[2]}/prepare/{name}"
    body = account.client("s3").get_object(Bucket=local.bucket, Key=key)["Body"].read()
    return (
        [json.loads(line) for line in body.splitlines()] if ".jsonl" in name else json.loads(body)
    )


def prepare(call, local, *arguments):
    done = call("start", *arguments, "--wait", "--json")
    assert done.code == 0, done.err
    return done.result


@pytest.fixture(scope="module")
def data(local):
    return ("--param", f"InputDataUri=s3://{local.bucket}/data/dogs")


def test_a_training_set_is_selected_from_what_was_prepared(prepared, call, local, data):
    assert "The feature group 'breedline-images' has no record yet" in call("features").err
    first = prepare(call, local, *data)
    report = read(prepared, local, first, "statistics/records.json")
    assert (report["written"], report["unchanged"], report["embedded"]) == (30, 0, 30)

    everything = call("features", "--json").result
    assert everything["images"] == 30
    counts = read(prepared, local, first, "statistics/statistics.json")["counts"]
    assert everything["counts"] == counts
    assert everything["embedded"] == {report["embedding_model"]: 30}

    condition = "width < 12 AND label <> 'cat'"
    second = prepare(call, local, "--select", condition)
    dataset = read(prepared, local, second, "splits/dataset/dataset.json")
    assert dataset["classes"] == ["beagle", "husky"]
    assert dataset["selection"]["condition"] == condition
    assert dataset["selection"]["digest"] == call("features", condition, "--json").result["digest"]
    for split in ("train", "validation", "test"):  # no image is in another split than before
        before = read(prepared, local, first, f"splits/dataset/{split}.jsonl")
        after = read(prepared, local, second, f"splits/dataset/{split}.jsonl")
        kept = {line["source-ref"] for line in before if "/pug/" not in line["source-ref"]}
        assert {line["source-ref"] for line in after} == kept


def test_the_images_most_like_one_are_listed(prepared, call, local, data, photos):
    prepare(call, local, *data)
    path = photos / "pug" / "3.png"
    found = call("features", "label <> 'husky'", "--like", str(path), "--count", "4", "--json")
    neighbours = found.result["neighbours"]
    assert len(neighbours) == 4
    assert found.result["like"]["label"] == "pug"
    assert found.result["like"]["record_id"] not in [each["record_id"] for each in neighbours]
    assert {each["label"] for each in neighbours} <= {"beagle", "pug"}
    similarities = [each["similarity"] for each in neighbours]
    assert similarities == sorted(similarities, reverse=True)
    assert 0 < similarities[-1] <= similarities[0] <= 1
    text = call("features", "--like", found.result["like"]["record_id"][:8]).out
    assert f"like {found.result['like']['uri']} (pug)" in text
    assert len(text.splitlines()) == 12, "a header, ten images, and what they are like"


def test_what_is_no_known_image_is_like_none(prepared, call, local, data, tmp_path):
    prepare(call, local, *data)
    (tmp_path / "new.png").write_bytes(b"never prepared")
    unknown = call("features", "--like", str(tmp_path / "new.png"))
    assert (unknown.code, "means no record in breedline-images" in unknown.err) == (1, True)
    assert "is neither a file" in call("features", "--like", "cat.jpg").err


def test_preparing_again_writes_no_record_twice(prepared, call, local, data, photos):
    sync_folder(prepared.client("s3"), photos, local.bucket, "data/copy")
    arguments = ("--param", f"InputDataUri=s3://{local.bucket}/data/dogs/")  # no cache has this URI
    again = prepare(call, local, *arguments)
    report = read(prepared, local, again, "statistics/records.json")
    assert (report["written"], report["unchanged"], report["embedded"]) == (0, 30, 0)
    moved = prepare(call, local, "--param", f"InputDataUri=s3://{local.bucket}/data/copy")
    report = read(prepared, local, moved, "statistics/records.json")
    assert (report["written"], report["embedded"]) == (30, 0)
    assert call("features", "uri LIKE '%/copy/%'", "--json").result["images"] == 30
    assert call("features", "--json").result["images"] == 30


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            ["features", "lable = 'pug'"],
            "the condition lable = 'pug' ended as FAILED: Binder Error",
        ),
        (["start", "--select", "label = 'cat'"], "is one with label = 'cat'; see what is there"),
        (["start", "--select", " "], "The condition is empty; write one such as"),
        (["features", ""], "The condition is empty"),
        (["start", "--select", "1 = 1", "--param", "InputDataUri=s3://a/b"], "give one"),
    ],
)
def test_a_condition_that_selects_nothing_is_one_sentence(prepared, call, arguments, words):
    done = call(*arguments)
    assert done.code == 1
    assert words in done.err


def test_without_a_group_there_is_nothing_to_select_from(account, call, tmp_path, prepared):
    text = settings.ENVIRONMENTS.read_text()
    switched_off = text.replace("[local.features]\nenabled = true", "[local.features]")
    (tmp_path / "off.toml").write_text(switched_off)
    done = call("features", "--settings", str(tmp_path / "off.toml"))
    assert "keeps no records to select from: set features.enabled" in done.err
    renamed = text.replace("[local.features]\n", "[local.features]\ngroup = 'other'\n")
    (tmp_path / "other.toml").write_text(renamed)
    done = call("features", "--settings", str(tmp_path / "other.toml"))
    assert "The feature group 'other' is not deployed in the environment 'local'" in done.err
