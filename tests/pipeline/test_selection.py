"""What a selection is named by, and what it keeps."""

import dataclasses
import json
from collections import Counter

import pytest

from errors import BreedlineError
from pipeline.selection import COLUMNS, MODEL, Selected, Selection, read_rows, select_sql
from provision.features import EMBEDDED, EVENT_TIME, FEATURES, IDENTIFIER

IMAGES = (
    Selected("s3://photos/data/a.jpg", "pug", "train", "1a"),
    Selected("s3://photos/data/b.jpg", "husky", "train", "2b"),
    Selected("s3://photos/data/c.jpg", "pug", "test", "3c"),
)
SELECTION = Selection("width > 9", "images", "images_1", "query-1", IMAGES)


def test_equal_questions_with_equal_answers_are_the_same_data_set():
    again = dataclasses.replace(SELECTION, query="query-2")
    assert (again.prefix, again.files()) == (SELECTION.prefix, SELECTION.files())
    moved = (dataclasses.replace(IMAGES[0], split="test"), *IMAGES[1:])
    others = [
        dataclasses.replace(SELECTION, condition="width > 8"),
        dataclasses.replace(SELECTION, images=IMAGES[:2]),
        dataclasses.replace(SELECTION, images=moved),
    ]
    assert len({each.prefix for each in (SELECTION, *others)}) == 4


def test_another_network_makes_no_other_data_set():
    embedded = [dataclasses.replace(image, embedding_model="resnet18") for image in IMAGES[:2]]
    again = dataclasses.replace(SELECTION, images=(*embedded, IMAGES[2]))
    assert (again.prefix, again.files()) == (SELECTION.prefix, SELECTION.files())
    assert again.embedded() == {"": 1, "resnet18": 2}


def test_the_files_say_what_was_asked_and_what_was_found():
    files = SELECTION.files()
    assert [json.loads(line) for line in files["labels.jsonl"].splitlines()][1] == {
        "source-ref": "s3://photos/data/b.jpg",
        "class-name": "husky",
        "split": "train",
        "sha256": "2b",
    }
    about = json.loads(files["selection.json"])
    assert about["condition"] == "width > 9"
    assert about["digest"] == SELECTION.digest
    assert about["root"] == "s3://photos"
    assert about["counts"] == {"test": {"pug": 1}, "train": {"husky": 1, "pug": 1}}


def test_images_of_several_buckets_are_no_data_set():
    images = (*IMAGES, Selected("s3://others/d.jpg", "pug", "train", "4d"))
    with pytest.raises(BreedlineError, match="several buckets .*AND uri LIKE 's3://others/%'"):
        dataclasses.replace(SELECTION, images=images).files()


def test_the_sql_reads_columns_that_the_group_has():
    sql = select_sql("sagemaker_featurestore", "images_1", "label = 'pug' -- of all")
    assert {*COLUMNS, IDENTIFIER, EVENT_TIME} <= {*FEATURES}
    assert MODEL in EMBEDDED
    assert "\nlabel = 'pug' -- of all\n)" in sql  # a comment ends where its line does
    assert '"sagemaker_featurestore"."images_1"' in sql
    assert f"PARTITION BY {IDENTIFIER} ORDER BY {EVENT_TIME} DESC" in sql


def test_rows_become_images():
    row = ["s3://photos/data/a.jpg", "pug", "train", "1a"]
    assert read_rows([row, [*row, None]]) == (IMAGES[0], IMAGES[0])
    assert Counter(image.label for image in IMAGES)["pug"] == 2
