"""The real training script with its images sharded over hosts, as `benchmarks.sharding` runs it."""

from __future__ import annotations

from benchmarks.sharding import TOLERANCE, deviation, measure
from tests.steps.launching import draw_photos


def test_hosts_with_a_part_of_the_images_each_train_as_if_each_had_all(tmp_path):
    photos = draw_photos(tmp_path / "photos", 10)
    rows = measure(photos, [2], 1, "ManifestFile")
    files = {row["distribution"]: row["files_per_host"] for row in rows}
    trained = int(files["FullyReplicated"])
    assert files["ShardedByS3Key"] in (f"{trained // 2}", f"{trained // 2} to {-(-trained // 2)}")
    assert deviation(rows) <= TOLERANCE
