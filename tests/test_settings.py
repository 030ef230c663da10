"""Settings: every environment loads, every problem is told, nothing is guessed."""

import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import get_type_hints

import pytest

import settings
from errors import BreedlineError
from settings import SettingsError
from settings.checks import tables_of
from settings.contradictions import warnings

ROOT = Path(settings.__file__).parents[1]
SOUND = """
[try]
[try.aws]
region = "eu-west-1"
account_id = "111122223333"
role_name = "runner"
[try.tuning.ranges]
learning_rate = { type = "continuous", min = 0.001, max = 0.1 }
"""


@pytest.fixture
def load(tmp_path):
    def load_with(*lines: str, environment: str = "try", base: str = SOUND) -> settings.Settings:
        path = tmp_path / "environments.toml"
        path.write_text(base + "\n".join(lines), encoding="utf-8")
        return settings.load(environment, path)

    return load_with


def problems_of(load, *lines: str) -> list[str]:
    with pytest.raises(SettingsError) as raised:
        load(*lines)
    return [str(problem) for problem in raised.value.problems]


@pytest.mark.parametrize("environment", ["local", "aws-example"])
def test_the_environments_that_come_with_the_project_load(environment):
    assert settings.load(environment).environment == environment


def test_the_example_environment_shows_every_key():
    example = tables_of("aws-example", settings.ENVIRONMENTS)
    for name, section in get_type_hints(settings.Sections).items():
        keys = {field.name for field in dataclasses.fields(section)}
        assert set(example[name]) == keys, name


def test_bucket_role_and_data_are_derived_from_the_account(load):
    loaded = load()
    assert loaded.bucket == "breedline-try-111122223333-eu-west-1"
    assert loaded.role_arn == "arn:aws:iam::111122223333:role/runner"
    assert loaded.data_uri == "s3://breedline-try-111122223333-eu-west-1/data"


def test_a_role_in_china_has_the_partition_of_china(load):
    loaded = load(base=SOUND.replace("eu-west-1", "cn-north-1"))
    assert loaded.role_arn.startswith("arn:aws-cn:")


def test_settings_are_frozen_down_to_their_tables(load):
    loaded = load("[try.aws.tags]", "team = 'vision'")
    with pytest.raises(dataclasses.FrozenInstanceError):
        loaded.tuning.max_jobs = 1  # type: ignore[misc]
    with pytest.raises(TypeError):
        loaded.aws.tags["team"] = "other"  # type: ignore[index]


def test_all_problems_are_told_at_once_with_key_value_and_what_is_allowed(load):
    found = problems_of(
        load,
        "[try.pipeline]",
        "accuracy_threshold = 1.5",
        "name = 'two words'",
        "[try.training]",
        "instance_count = 0",
        "[try.data]",
        "input_mode = 'Pipe'",
    )
    assert found == [
        "try.pipeline.name = 'two words'; allowed: letters, digits and '-', at most 63",
        "try.pipeline.accuracy_threshold = 1.5; allowed: a number from 0 to 1",
        "try.data.input_mode = 'Pipe'; allowed: File or FastFile",
        "try.training.instance_count = 0; allowed: a whole number from 1 to 64",
    ]


def test_an_unknown_key_is_an_error_that_names_the_nearest(load):
    (found,) = problems_of(load, "[try.training]", "instance_cuont = 2")
    assert "try.training.instance_cuont = 2" in found
    assert "did you mean 'instance_count'?" in found


def test_an_unknown_section_is_an_error(load):
    (found,) = problems_of(load, "[try.trainig]", "volume_gb = 2")
    assert "did you mean 'training'?" in found


def test_a_hyperparameter_that_train_does_not_tune_is_an_error(load):
    (found,) = problems_of(load, "learning_rat = { type = 'continuous', min = 1, max = 2 }")
    assert "did you mean 'learning_rate'?" in found


def test_keys_without_a_default_are_told_when_they_are_missing(load):
    with pytest.raises(SettingsError) as raised:
        load(base="[try]\n[try.aws]\nrole_name = 'r'\n")
    assert [problem.key for problem in raised.value.problems] == [
        "try.aws.region",
        "try.aws.account_id",
    ]


@pytest.mark.parametrize(
    ("line", "allowed"),
    [
        ("max_jobs = true", "a whole number"),
        ("max_jobs = 4.0", "a whole number"),
        ("max_jobs = '4'", "a whole number"),
        ("strategy = 'bayesian'", "Bayesian or Random or Grid or Hyperband"),
        ("warm_start_parents = ['a-name-of-more-than-thirty-two-characters']", "at most 32"),
        ("warm_start_parents = ['a', 'b', 'c', 'd', 'e', 'f']", "a list of at most 5"),
        (r'instance_type = "ml.m5.large\n"', "an ml.… instance type"),
    ],
)
def test_a_value_of_the_wrong_type_or_form_is_refused(load, line, allowed):
    (found,) = problems_of(load, "[try.tuning]", line)
    assert allowed in found


def test_of_a_list_the_wrong_item_is_told(load):
    found = problems_of(load, "batch_size = { type = 'categorical', values = ['8', 'many'] }")
    key = "try.tuning.ranges.batch_size.values[1]"
    assert found == [f"{key} = 'many'; allowed: a number, as a string"]


def test_the_name_of_the_environment_is_no_key(load):
    with pytest.raises(SettingsError, match="try.environment = 'other'; allowed: no such key"):
        load(base=SOUND.replace("[try]", "[try]\nenvironment = 'other'"))


def test_an_unfit_name_of_an_environment_is_refused(load):
    with pytest.raises(SettingsError, match="allowed: a table name of at most 20"):
        load(environment="Try", base=SOUND.replace("[try", "[Try"))


def test_what_looks_secret_is_not_repeated(load):
    found = problems_of(
        load,
        "[try.training]",
        "api_token = 'hunter2'",
        "volume_gb = { password = 'hunter2' }",
        "[try.credentials]",
        "anything = 'hunter2'",
    )
    assert len(found) == 3
    assert not any("hunter2" in problem for problem in found)


def test_not_a_number_is_no_threshold(load):
    (found,) = problems_of(load, "[try.pipeline]", "accuracy_threshold = nan")
    assert "a number from 0 to 1" in found


CROSS_CHECKS = {
    "spot waits less than the job may run": (
        ["[try.spot]", "enabled = true", "max_wait_seconds = 60"],
        ["spot.max_wait_seconds", "spot.max_wait_seconds"],
    ),
    "splits leave nothing to train on": (
        ["[try.prepare]", "validation_fraction = 0.5", "test_fraction = 0.5"],
        ["prepare.test_fraction"],
    ),
    "an empty split": (["[try.prepare]", "test_fraction = 0"], ["prepare.test_fraction"]),
    "an image too small for any backbone": (
        ["[try.model]", "image_size = 16"],
        ["model.image_size"],
    ),
    "records that are kept nowhere": (
        ["[try.features]", "enabled = true", "online = false", "offline = false"],
        ["features.online"],
    ),
    "online records that expire without an online store": (
        ["[try.features]", "online = false", "ttl_days = 3"],
        ["features.ttl_days"],
    ),
    "a feature group whose derived name is too long": (
        ["[try.features]", "enabled = true", "[try.pipeline]", f"name = '{'p' * 60}'"],
        ["features.group", "endpoint.name"],
    ),
    "more trials at once than in all": (
        ["[try.tuning]", "max_jobs = 2", "max_parallel_jobs = 3"],
        ["tuning.max_parallel_jobs"],
    ),
    "a grid over a continuous range": (
        ["[try.tuning]", "strategy = 'Grid'"],
        ["tuning.ranges.learning_rate.type"],
    ),
    "two who stop trials early": (
        ["[try.tuning]", "strategy = 'Hyperband'"],
        ["tuning.early_stopping"],
    ),
    "a batch that leaves a host without images": (
        ["batch_size = { type = 'categorical', values = ['1', '8'] }"],
        ["tuning.ranges.batch_size"],
    ),
    "a range upside down": (
        ["hidden_units = { type = 'integer', min = 9, max = 3 }"],
        ["tuning.ranges.hidden_units.min"],
    ),
    "a logarithm of zero": (
        [
            "weight_decay = { type = 'continuous', min = 0, max = 1, scaling = 'Logarithmic' }",
        ],
        ["tuning.ranges.weight_decay.min"],
    ),
    "a continuous number of images": (
        ["batch_size = { type = 'continuous', min = 8, max = 64 }"],
        ["tuning.ranges.batch_size.type"],
    ),
    "a partner without its bucket": (
        ["[try.promotion]", "from_account = '210987654321'", "from_group = 'dev'"],
        ["promotion.from_account"],
    ),
    "a role of somebody else than the partner": (
        [
            *("[try.promotion]", "to_account = '210987654321'"),
            "to_role = 'arn:aws:iam::111122223333:role/prod'",
        ],
        ["promotion.to_role"],
    ),
}


@pytest.mark.parametrize("name", CROSS_CHECKS)
def test_settings_that_contradict_each_other_are_refused(load, name):
    lines, keys = CROSS_CHECKS[name]
    found = problems_of(load, *lines)
    assert [problem.partition(" ")[0] for problem in found] == [f"try.{key}" for key in keys]


def test_subnets_without_security_groups_are_refused(load):
    base = SOUND.replace('role_name = "runner"', 'role_name = "r"\nsubnets = ["subnet-0a"]')
    with pytest.raises(SettingsError, match="subnets and security_groups together"):
        load(base=base)


def test_a_role_is_given_by_name_or_by_arn_but_not_both(load):
    both = 'role_name = "r"\nrole_arn = "arn:aws:iam::111122223333:role/r"'
    with pytest.raises(SettingsError, match="either role_name or role_arn"):
        load(base=SOUND.replace('role_name = "runner"', both))


def test_a_bucket_name_that_grows_too_long_is_refused(load):
    base = SOUND.replace("[try", "[" + "e" * 20).replace("eu-west-1", "ap-southeast-longer-1")
    with pytest.raises(SettingsError, match="set aws.bucket"):
        load(environment="e" * 20, base=base)


def test_an_unknown_environment_names_the_known_ones():
    with pytest.raises(BreedlineError, match=r"has local, aws-example\. Did you mean 'local'\?"):
        settings.load("lokal")


def test_a_missing_file_and_a_broken_file_are_one_sentence_each(tmp_path):
    with pytest.raises(BreedlineError, match="cannot be read"):
        settings.load("local", tmp_path / "none.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text("[local\n")
    with pytest.raises(BreedlineError, match="is not valid TOML"):
        settings.load("local", broken)


def test_loading_settings_imports_neither_boto3_nor_the_sagemaker_sdk():
    code = "import sys, settings, pipeline.definition as d; settings.load('local')\n"
    code += "sys.exit(' '.join({'boto3', 'sagemaker', 'torch'} & set(sys.modules)) or 0)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_network_that_cannot_embed_is_warned_about():
    loaded = settings.load("local")
    assert loaded.embeds
    bare = dataclasses.replace(loaded.model, backbone="resnet50")
    (warning,) = warnings(dataclasses.replace(loaded, model=bare))
    assert warning.startswith("features.embedding = true, and resnet50 has no pretrained weights")
    silent = dataclasses.replace(loaded.features, embedding=False)
    assert warnings(dataclasses.replace(loaded, model=bare, features=silent)) == []


def test_a_cooldown_shorter_than_the_metric_period_is_warned_about():
    loaded = settings.load("local")
    hasty = dataclasses.replace(
        loaded, scaling=dataclasses.replace(loaded.scaling, scale_out_cooldown_seconds=10)
    )
    assert warnings(loaded) == []
    assert [line.partition(" is ")[0] for line in warnings(hasty)] == [
        "scaling.scale_out_cooldown_seconds = 10"
    ]


TABLES = SOUND.partition("[try.tuning")[0] + '[try.workload]\nkind = "tabular-regression"\n'


def test_a_classifier_needs_ranges_to_tune(load):
    with pytest.raises(SettingsError, match=r"tuning\.ranges = \{\}; allowed: a table with some"):
        load(base=SOUND.partition("[try.tuning")[0])


def test_a_regression_needs_no_ranges_and_has_a_forest_instead(load):
    loaded = load("[try.regression]", "trees = 50", base=TABLES)
    assert (loaded.regression.trees, loaded.regression.min_samples_leaf) == (50, 3)


def test_what_a_kind_of_model_has_no_use_for_is_refused(load):
    with pytest.raises(SettingsError) as raised:
        load("[try.model]", "epochs = 3", "[try.alarms]", "min_confidence = 0.5", base=TABLES)
    where = "where workload.kind is tabular-regression"
    assert [str(problem) for problem in raised.value.problems] == [
        f"try.model = …; allowed: no such section {where}",
        f"try.alarms.min_confidence = 0.5; allowed: no such key {where}",
    ]
    (problem,) = problems_of(load, "[try.regression]", "trees = 50")
    assert "no such section where workload.kind is image-classification" in problem


def test_a_kind_that_is_not_known_is_told_with_those_that_are(load):
    (problem,) = problems_of(load, "[try.workload]", 'kind = "text"')
    assert "'text'; allowed: image-classification or tabular-regression" in problem
