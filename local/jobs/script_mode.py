"""Script mode: the command line and the SM_… variables that AWS's training toolkit makes.

The toolkit (`sagemaker-training`) turns hyperparameters, which arrive as JSON-encoded strings, into
arguments and variables; a conformance test compares both with the toolkit's own.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from local.jobs.layout import HostFolder

INFO = 20  # logging.INFO, the toolkit's default level
OWN_PARAMETERS = {
    "sagemaker_program",
    "sagemaker_submit_directory",
    "sagemaker_enable_cloudwatch_metrics",
    "sagemaker_region",
    "sagemaker_container_log_level",
    "sagemaker_job_name",
    "default_user_module_name",
    "_tuning_objective_metric",
    "sagemaker_s3_output",
}
DISTRIBUTIONS = (
    "sagemaker_mpi_enabled",
    "sagemaker_parameter_server_enabled",
    "sagemaker_distributed_dataparallel_enabled",
    "sagemaker_pytorch_ddp_enabled",
    "sagemaker_pytorch_xla_multi_worker_enabled",
    "sagemaker_multi_worker_mirrored_strategy_enabled",
    "sagemaker_torch_distributed_enabled",
)


@dataclass(frozen=True)
class HyperParameters:
    """Decoded hyperparameters: the script's own, and those that steer the toolkit."""

    script: dict[str, Any] = field(default_factory=dict)
    toolkit: dict[str, Any] = field(default_factory=dict)

    @property
    def program(self) -> str | None:
        program = self.toolkit.get("sagemaker_program")
        return str(program) if program else None

    @property
    def submit_directory(self) -> str | None:
        folder = self.toolkit.get("sagemaker_submit_directory")
        return str(folder) if folder else None

    @property
    def framework(self) -> dict[str, Any]:
        """Parameters of the framework's container: sagemaker_… ones the toolkit does not use."""
        return {name: v for name, v in self.toolkit.items() if name not in OWN_PARAMETERS}

    def arguments(self) -> list[str]:
        """The script's arguments: `--name value`, by name; `-n` for one letter."""
        arguments = []
        for name in sorted(self.script):
            dashes = "--" if len(name) > 1 else "-"
            arguments += [f"{dashes}{name}", _argument(self.script[name])]
        return arguments


def read_hyperparameters(encoded: Mapping[str, str]) -> HyperParameters:
    """Decode the request's HyperParameters; a value that is not JSON is taken as it stands."""
    decoded = {name: _decode(value) for name, value in encoded.items()}
    toolkit = {
        name: value
        for name, value in decoded.items()
        if name.startswith("sagemaker_") or name in OWN_PARAMETERS
    }
    script = {name: value for name, value in decoded.items() if name not in toolkit}
    return HyperParameters(script, toolkit)


def _decode(value: str) -> Any:
    try:
        return json.loads(value)
    except ValueError:
        return value


def _argument(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dict):
        return ",".join(f"{key}={item}" for key, item in sorted(value.items()))
    return str(value)


@dataclass(frozen=True)
class Machine:
    """What a host may use."""

    cores: int
    gpus: int


def training_variables(
    host: HostFolder,
    parameters: HyperParameters,
    resources: Mapping[str, Any],
    input_data: Mapping[str, Any],
    machine: Machine,
    job_name: str,
) -> dict[str, str]:
    """The SM_… variables of one host, with the toolkit's names, values and formatting."""
    training = _training_environment(host, parameters, resources, input_data, machine, job_name)
    variables = {
        **{name: training[name] for name in _SHARED},
        "hps": parameters.script,
        "framework_params": parameters.framework,
        "channels": sorted(input_data),
        "user_args": parameters.arguments(),
        "training_env": training,
    }
    variables |= {f"channel_{name}": path for name, path in training["channel_input_dirs"].items()}
    variables |= {f"hp_{name}": value for name, value in parameters.script.items()}
    return {f"SM_{name.upper()}": _variable(value) for name, value in variables.items()}


_SHARED = (
    *("hosts", "network_interface_name", "user_entry_point", "resource_config"),
    *("input_data_config", "output_data_dir", "current_host", "current_instance_type"),
    *("current_instance_group", "current_instance_group_hosts", "instance_groups"),
    *("instance_groups_dict", "distribution_instance_groups", "is_hetero", "module_name"),
    *("log_level", "framework_module", "input_dir", "input_config_dir", "output_dir"),
    *("num_cpus", "num_gpus", "num_neurons", "model_dir", "module_dir"),
    "output_intermediate_dir",
)


def _variable(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _training_environment(
    host: HostFolder,
    parameters: HyperParameters,
    resources: Mapping[str, Any],
    input_data: Mapping[str, Any],
    machine: Machine,
    job_name: str,
) -> dict[str, Any]:
    return {
        **_places(host, parameters, input_data),
        **_cluster(parameters, resources),
        "additional_framework_parameters": parameters.framework,
        "framework_module": None,
        "hyperparameters": parameters.script,
        "input_data_config": dict(input_data),
        "is_modelparallel_enabled": None,
        "is_smddpmprun_installed": False,
        "is_smddprun_installed": False,
        "job_name": job_name,
        "log_level": parameters.toolkit.get("sagemaker_container_log_level", INFO),
        "num_cpus": machine.cores,
        "num_gpus": machine.gpus,
        "num_neurons": 0,
        "topology": [],
    }


def _places(
    host: HostFolder, parameters: HyperParameters, input_data: Mapping[str, Any]
) -> dict[str, Any]:
    program = parameters.program
    return {
        "channel_input_dirs": {name: str(host.data / name) for name in input_data},
        "input_config_dir": str(host.config),
        "input_dir": str(host.root / "input"),
        "model_dir": str(host.model),
        "module_dir": parameters.submit_directory or str(host.code),
        "module_name": (program or "None").removesuffix(".py"),
        "output_data_dir": str(host.output_data),
        "output_dir": str(host.output),
        "output_intermediate_dir": str(host.output / "intermediate"),
        "user_entry_point": program,
    }


def _cluster(parameters: HyperParameters, resources: Mapping[str, Any]) -> dict[str, Any]:
    groups = {group["instance_group_name"]: group for group in resources["instance_groups"]}
    mine = resources["current_group_name"]
    enabled = any(parameters.framework.get(name) for name in DISTRIBUTIONS)
    distributed = parameters.framework.get(
        "sagemaker_distribution_instance_groups", [mine] if enabled else []
    )
    members = [
        host for name, group in groups.items() if name in distributed for host in group["hosts"]
    ]
    master = (members or resources["hosts"])[0]
    return {
        "current_host": resources["current_host"],
        "current_instance_group": mine,
        "current_instance_group_hosts": groups[mine]["hosts"],
        "current_instance_type": resources["current_instance_type"],
        "distribution_hosts": members,
        "distribution_instance_groups": distributed,
        "hosts": resources["hosts"],
        "instance_groups": list(groups),
        "instance_groups_dict": groups,
        "is_hetero": len(groups) > 1,
        "is_master": resources["current_host"] == master,
        "master_hostname": master,
        "network_interface_name": resources["network_interface_name"],
        "resource_config": dict(resources),
    }
