"""The embedded AWS as a process: `python -m local.server FOLDER` serves on 127.0.0.1 until SIGTERM.

It takes a free port (or `--port`), writes FOLDER/connection.json for clients once it answers, and
removes that file when it stops.
"""

from __future__ import annotations

import argparse
import logging
import os
import secrets
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

from werkzeug.serving import BaseWSGIServer, make_server

from local.alarms import Alarms
from local.backend import Backend, open_backend
from local.clock import ROUTE as CLOCK_ROUTE
from local.clock import Clock
from local.connection import ACCOUNT, HOST, Connection, write_connection
from local.endpoints.asynchronous import Asynchronous
from local.endpoints.configs import Configs
from local.endpoints.runtime import Runtime
from local.endpoints.service import Endpoints
from local.events.eventbridge import EventBridge
from local.features.service import FeatureStore
from local.functions.kept import Kept
from local.functions.moto_doors import answer_invocations
from local.functions.service import Functions
from local.gateway import Gateway
from local.iam import buckets
from local.iam.caller import caller
from local.iam.calls import InvalidSwitch, Watch, read_watch
from local.iam.simulate import answer_simulations
from local.iam.tables import SCALING_ROLE
from local.instances.door import InstancesDoor
from local.interruption import ROUTE as INTERRUPTION_ROUTE
from local.jobs.processing import ProcessingJobs
from local.jobs.training import TrainingJobs
from local.jobs.transform import TransformJobs
from local.journal import Journal
from local.models import Models
from local.neighbours.border import Border
from local.pipelines.service import Pipelines
from local.quotas import answer_quotas
from local.registry import Registry
from local.sagemaker import Call, LastingService, SageMaker
from local.scaling import Scaling
from local.scaling.pace import InvalidPace, Pace, read_pace
from local.stacks.door import StacksDoor
from local.tuning.service import TuningJobs
from local.workflows.door import StepFunctionsDoor


@dataclass(frozen=True)
class Services:
    """SageMaker as one server runs it: its API, its endpoints and their runtime."""

    sagemaker: SageMaker
    training: TrainingJobs
    endpoints: Endpoints
    asynchronous: Asynchronous
    runtime: Runtime
    features: FeatureStore

    def close(self) -> None:
        """Write down what is still in memory; the processes end with the server."""
        self.asynchronous.close()
        self.endpoints.close()
        self.features.close()


def build_services(backend: Backend, remember: Callable[[], None] = lambda: None) -> Services:
    """Put the services together and mend what a killed server left half done.

    `remember` brings back what moto forgot: after the services are there, which may be asked,
    and before they mend, which sends events to rules.
    """
    sagemaker, configs = SageMaker(), Configs(backend)
    endpoints = Endpoints(backend, sagemaker.call, configs)
    training = TrainingJobs(backend)
    functions, features = Functions(backend), FeatureStore(backend)
    answer_invocations(functions)
    answer_simulations()
    answer_quotas()
    services: list[LastingService] = [
        training,
        ProcessingJobs(backend),
        TransformJobs(backend, sagemaker.call),
        TuningJobs(backend, training.create, sagemaker.call),
        Pipelines(backend, sagemaker.call, functions.invoke),
        Registry(backend),
        Models(backend),
        configs,
        endpoints,
        features.groups,
    ]
    sagemaker.add([*services, backend.tags])
    remember()
    functions.recover()
    for service in services:
        service.recover()
    answering = endpoints.answering
    asynchronous = Asynchronous(backend, answering.answer_later, answering.instances)
    asynchronous.recover()
    features.recover()
    runtime = Runtime(backend.account, backend.region, answering.answer, asynchronous.submit)
    return Services(sagemaker, training, endpoints, asynchronous, runtime, features)


def bind(port: int) -> BaseWSGIServer:
    """Listen on 127.0.0.1 (port 0: any free one); exits with one sentence when it is taken."""
    from moto.moto_server.werkzeug_app import MotoRequestHandler

    class QuietRequestHandler(MotoRequestHandler):  # type: ignore[misc]
        """moto's own handler, without a line in the log for every request."""

        def log_request(self, code: Any = "-", size: Any = "-") -> None:
            return

    try:
        return make_server(
            HOST, port, _not_ready, threaded=True, request_handler=QuietRequestHandler
        )
    except SystemExit:  # how werkzeug says so
        sys.exit(f"Port {port} on {HOST} is taken; leave --port out to take a free one.")
    except OSError as error:
        sys.exit(
            f"Port {port} on {HOST} cannot be listened on ({error.strerror}); leave --port out to "
            "take a free one."
        )


def _not_ready(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    start_response("503 Service Unavailable", [("Content-Type", "text/plain")])
    return [b"The embedded AWS is starting."]


def serve(folder: Path, region: str, port: int, account: str) -> None:
    """Serve until SIGTERM or SIGINT; everything is on disk when this returns."""
    server = bind(port)
    connection = Connection(
        port=server.port,
        access_key="LOCAL" + secrets.token_hex(16).upper(),
        secret_key=secrets.token_hex(20),
        region=region,
        account=account,
        pid=os.getpid(),
    )
    os.environ["MOTO_PORT"] = str(server.port)  # moto's Step Functions call back to this port
    os.environ["MOTO_ACCOUNT_ID"] = account  # of every request, whoever's key it has
    backend = open_backend(folder, account, region, connection.environment(), _watch())
    buckets.lead_moto()
    stacks = StacksDoor(backend)
    server.app, close = _gateway(connection, backend, stacks)
    stacks.recover()  # whose calls come in by the door
    stop = threading.Event()
    keeper = threading.Thread(target=backend.objects.keep, args=(stop,), name="object-index")
    keeper.start()
    _stop_on_signals(server)
    write_connection(folder, connection)
    try:
        server.serve_forever()
    finally:
        (folder / "connection.json").unlink(missing_ok=True)
        stop.set()
        keeper.join()
        close()
        backend.events.close()
        backend.store.close()


def _gateway(
    connection: Connection, backend: Backend, stacks: StacksDoor
) -> tuple[Gateway, Callable[[], None]]:
    """The door with all behind it, and what ends it."""
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

    clock = Clock()
    event_bridge = EventBridge(backend, clock)
    functions = Kept(backend.folder / "functions", backend.account)
    functions.restore()
    alarms = Alarms(backend)  # before the journal puts alarms again
    # As late as its first call there is a SageMaker; the journal registers before that.
    scaling = Scaling(backend, _as_scaling(backend, lambda: services.sagemaker), clock, _pace())
    journal = Journal(backend.folder / "journal.jsonl")
    moto_app = DomainDispatcherApplication(create_backend_app)
    services = build_services(backend, lambda: journal.replay(moto_app))
    step_functions, instances = StepFunctionsDoor(backend), InstancesDoor(backend)
    answering = instances.watch(journal.watch(functions.watch(moto_app)))
    event_bridge.start()
    alarms.start()
    scaling.start()
    step_functions.recover()
    gateway = Gateway(
        connection.access_key,
        services.sagemaker,
        stacks.watch(services.features.watch(answering)),
        backend.objects.mark_changed,
        private={
            CLOCK_ROUTE: clock.answer,
            INTERRUPTION_ROUTE: partial(
                instances.answer_interruption, jobs=services.training.interruptions.answer
            ),
        },
        runtime=services.runtime,
        credentials=backend.credentials,
        calls=backend.calls,
        border=Border(backend).route,
    )

    def close() -> None:
        scaling.close()  # before what it asks
        services.endpoints.close()
        services.features.close()

    return gateway, close


def _as_scaling(backend: Backend, sagemaker: Callable[[], SageMaker]) -> Call:
    """SageMaker as Application Auto Scaling calls it, in the name of its service-linked role."""
    role = f"arn:aws:iam::{backend.account}:role/{SCALING_ROLE}_SageMakerEndpoint"
    scaler = caller(role, "AutoScaling-UpdateDesiredCapacity")

    def call(action: str, request: dict[str, Any]) -> dict[str, Any]:
        backend.calls.note(scaler, "sagemaker", action, request)
        return sagemaker().call(action, request)

    return call


def _pace() -> Pace:
    try:
        return read_pace(os.environ)
    except InvalidPace as error:
        sys.exit(str(error))


def _watch() -> Watch:
    try:
        return read_watch(os.environ)
    except InvalidSwitch as error:
        sys.exit(str(error))


def _stop_on_signals(server: BaseWSGIServer) -> None:
    def stop(signum: int, frame: FrameType | None) -> None:
        # shutdown() waits for serve_forever, which runs in this very thread.
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="where the state lives")
    parser.add_argument("--region", default="us-east-1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--account", default=ACCOUNT, help="which account this server is")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    logging.getLogger("botocore").setLevel(logging.WARNING)
    serve(arguments.folder, arguments.region, arguments.port, arguments.account)
    os._exit(0)  # job threads may still be waiting for their processes, which end with us


if __name__ == "__main__":
    main()
