"""Functions on disk: moto keeps them in memory; here they outlive the server.

After each change the functions, versions, aliases, permissions, layers, concurrency and event
invoke configurations of every region are written to one JSON file, their archives beside it. Event
source mappings and function URLs are not kept, nor events that wait.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import moto.awslambda.models as moto_models

from local.functions.records import KeptFunction, Settings, all_settings

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]
# Of GetFunctionConfiguration's answer, what CreateFunction takes as it is.
CREATED = (
    *("FunctionName", "Handler", "Role", "Runtime", "Description", "MemorySize", "Timeout"),
    *("Environment", "VpcConfig", "TracingConfig", "Architectures", "EphemeralStorage"),
    *("PackageType", "KMSKeyArn", "DeadLetterConfig"),
)
CHANGING = re.compile(r"/20\d\d-\d\d-\d\d/(functions|tags|layers)\b")
LAYER_FIELDS = ("Description", "CompatibleArchitectures", "CompatibleRuntimes", "LicenseInfo")


class Kept:
    """The functions of one account in `folder`."""

    def __init__(self, folder: Path, account: str) -> None:
        self._folder = folder
        self._index = folder / "functions.json"
        self._account = account
        self._lock = threading.Lock()

    def watch(self, app: WsgiApp) -> WsgiApp:
        """An application that saves after each request that may have changed a function."""

        def watched(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            answer = app(environ, start_response)
            path, method = environ.get("PATH_INFO", ""), environ["REQUEST_METHOD"]
            if CHANGING.match(path) and method != "GET" and not path.endswith("/invocations"):
                self.save()
            return answer

        return watched

    def save(self) -> None:
        """Write everything, whole or not at all."""
        with self._lock:
            self._folder.mkdir(parents=True, exist_ok=True)
            regions = {name: self._describe(found) for name, found in self._regions()}
            _write(self._index, json.dumps(regions).encode())

    def restore(self) -> None:
        """Give moto back what was saved."""
        if self._index.exists():
            for region, saved in json.loads(self._index.read_text(encoding="utf-8")).items():
                self._restore_region(region, saved)

    def _regions(self) -> list[tuple[str, Any]]:
        return list(moto_models.lambda_backends[self._account].items())

    def _describe(self, backend: Any) -> dict[str, Any]:
        stored, layers = backend._lambdas, backend._layers._layers
        return {
            "functions": [
                [self._function(f) for f in (*group["versions"], group["latest"]) if f]
                for group in list(stored._functions.values())
            ],
            "settings": {name: asdict(kept) for name, kept in all_settings(backend).items()},
            "aliases": {
                arn: [alias.to_json() for alias in aliases.values()]
                for arn, aliases in list(stored._aliases.items())
            },
            "layers": [
                self._layer(version)
                for layer in list(layers.values())
                for version in layer.layer_versions.values()
            ],
        }

    def _function(self, function: Any) -> dict[str, Any]:
        configuration = function.get_configuration()
        spec = {k: v for k in CREATED if (v := configuration.get(k)) is not None}
        spec["Layers"] = [layer["Arn"] for layer in function.layers]
        return {
            "spec": spec,
            "tags": function.tags,
            "version": function.version,
            "modified": function.last_modified,
            "changed": function.code_or_config_updated,
            "statements": function.policy.statements,
            "image": function.code.get("ImageUri"),
            "archive": self._keep(getattr(function, "code_bytes", b"")),
        }

    def _layer(self, version: Any) -> dict[str, Any]:
        described = version.get_layer_version()
        spec = {field: described[field] for field in LAYER_FIELDS if described.get(field)}
        spec["LayerName"] = version.name
        return {
            "spec": spec,
            "version": version.version,
            "created": version.created_date,
            "archive": self._keep(version.code_bytes),
        }

    def _archive(self, digest: str) -> Path:
        return self._folder / f"{digest}.zip"

    def _keep(self, archive: bytes) -> str:
        digest = hashlib.sha256(archive).hexdigest()
        if not self._archive(digest).exists():
            _write(self._archive(digest), archive)
        return digest

    def _zip_file(self, digest: str) -> dict[str, str]:
        return {"ZipFile": base64.b64encode(self._archive(digest).read_bytes()).decode()}

    def _restore_region(self, region: str, saved: dict[str, Any]) -> None:
        backend = moto_models.lambda_backends[self._account][region]
        for layer in saved["layers"]:
            self._restore_layer(backend, region, layer)
        for versions in saved["functions"]:
            restored = [self._restored(region, version) for version in versions]
            _put(backend._lambdas, restored)
        for name, kept in saved.get("settings", {}).items():
            backend._lambdas._functions[name]["settings"] = Settings(**kept)
        for arn, aliases in saved["aliases"].items():
            for alias in aliases:
                backend._lambdas._aliases[arn][alias["Name"]] = self._alias(region, arn, alias)

    def _restore_layer(self, backend: Any, region: str, saved: dict[str, Any]) -> None:
        spec = {**saved["spec"], "Content": self._zip_file(saved["archive"])}
        version = moto_models.LayerVersion(spec, self._account, region)
        version.created_date = saved["created"]
        layers = backend._layers._layers
        layer = layers.setdefault(version.name, moto_models.Layer(version))
        layer._latest_version = saved["version"] - 1  # versions between may have been deleted
        layer.attach_version(version)

    def _restored(self, region: str, saved: dict[str, Any]) -> Any:
        code = {"ImageUri": saved["image"]} if saved["image"] else self._zip_file(saved["archive"])
        spec = {**saved["spec"], "Code": code, "Tags": saved["tags"]}
        function = KeptFunction(self._account, spec, region, "$LATEST")
        if saved["version"] != "$LATEST":
            function.set_version(saved["version"])
        function.last_modified = saved["modified"]
        function.code_or_config_updated = saved["changed"]
        function.policy.statements = saved["statements"]
        return function

    def _alias(self, region: str, arn: str, saved: dict[str, Any]) -> Any:
        alias = moto_models.LambdaAlias(
            self._account,
            region,
            saved["Name"],
            arn.rpartition(":")[2],
            saved["FunctionVersion"],
            saved["Description"],
            saved["RoutingConfig"],
        )
        alias.revision_id = saved["RevisionId"]
        return alias


def _put(stored: Any, functions: list[Any]) -> None:
    """Into moto's table, past its check of the role: roles are not kept, and were checked once."""
    *versions, last = functions
    latest = last if last.version == "$LATEST" else None
    if latest is None:
        versions = functions
    for version in versions:
        if latest:
            version.policy = latest.policy  # moto's versions share one
    stored._functions[last.function_name] = {"latest": latest, "versions": versions}
    for function in functions:
        stored._arns[function.function_arn] = function


def _write(path: Path, content: bytes) -> None:
    part = path.with_name(path.name + ".part")
    part.write_bytes(content)
    part.replace(path)
