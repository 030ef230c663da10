"""AWS's images by the settings: where they are, and what is said of those that are not."""

import dataclasses
import re

import pytest

import settings
from pipeline.images import UnknownImage, wanted_image

LOADED = settings.load("local")


def uri(framework, scope, region="eu-west-1", instance_type="ml.m5.xlarge", **images):
    changed = dataclasses.replace(LOADED.images, **images)
    wanted = wanted_image(dataclasses.replace(LOADED, images=changed), framework, scope)
    return wanted.uri(region, instance_type)


def test_a_version_may_be_short():
    assert uri("pytorch", "training", training_version="2.8").endswith(
        "pytorch-training:2.8-cpu-py312"
    )


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (
            {"scope": "training", "training_version": "9.9.9"},
            r"images.training_version is '9.9.9', .* it knows …, .*2.7.1, 2.8.0\.$",
        ),
        (
            {"scope": "inference", "inference_version": "2.8.0"},
            r"images.inference_version is '2.8.0', .*2.6.0\.$",
        ),
        (
            {"scope": "training", "training_python": "py38"},
            r"images.training_python is 'py38', and the pytorch image 2.8.0 has py312\.$",
        ),
        (
            {"framework": "sklearn", "scope": "training", "sklearn_version": "9.9-1"},
            r"images.sklearn_version is '9.9-1', .*1.2-1, 1.4-2\.$",
        ),
        ({"scope": "training", "region": "mars-1"}, r"aws.region is 'mars-1', "),
        (
            {"scope": "inference", "instance_type": "ml.p2.xlarge"},
            r"no pytorch image 2.6.0 for ml.p2.xlarge .*; choose another instance type, or another "
            r"images.inference_version\.$",
        ),
    ],
)
def test_an_image_that_there_is_not_is_told_by_the_key_that_asks_for_it(asked, said):
    with pytest.raises(UnknownImage) as refused:
        uri(**{"framework": "pytorch", **asked})
    assert re.search(said, str(refused.value)), str(refused.value)
