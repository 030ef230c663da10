"""What a host sees: its peers, /opt/ml, its entry points, its requirements, its output."""

from __future__ import annotations

import pytest

from local.jobs.namespace import available
from tests.local.jobs.conftest import BUCKET, archive, pack, training_request

TWO = {"InstanceType": "ml.m5.large", "InstanceCount": 2, "VolumeSizeInGB": 1}

MEETING = """
import json, os, socket, time
hosts, me = json.loads(os.environ["SM_HOSTS"]), os.environ["SM_CURRENT_HOST"]
address = (os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]))
if me == hosts[0]:
    with socket.create_server(address) as server:
        peer, _ = server.accept()
        print("met", peer.recv(100).decode())
else:
    for attempt in range(200):
        try:
            with socket.create_connection(address) as peer:
                peer.sendall(me.encode())
            break
        except ConnectionRefusedError:
            time.sleep(0.05)
"""


def test_two_hosts_run_at_the_same_time_and_meet(trainer):
    done = trainer.run("meeting", MEETING, ResourceConfig=TWO)
    assert done["TrainingJobStatus"] == "Completed", done
    assert trainer.log("meeting") == ["met algo-2"]


def test_two_hosts_models_become_one_and_the_first_host_wins(trainer):
    script = """
    import os, pathlib
    me = os.environ["SM_CURRENT_HOST"]
    for name in ("shared.txt", f"{me}.txt"):
        pathlib.Path(os.environ["SM_MODEL_DIR"], name).write_text(me)
    """
    done = trainer.run("both", script, ResourceConfig=TWO)
    model = archive(trainer.backend, done["ModelArtifacts"]["S3ModelArtifacts"])
    assert model == {"algo-1.txt": b"algo-1", "algo-2.txt": b"algo-2", "shared.txt": b"algo-1"}


@pytest.mark.skipif(not available(), reason="this machine gives processes no mount namespace")
def test_a_script_that_insists_on_opt_ml_finds_it(trainer):
    script = """
    import pathlib, socket
    pathlib.Path("/opt/ml/model/model.txt").write_text("here")
    print(sorted(p.name for p in pathlib.Path("/opt/ml").iterdir()))
    print(socket.gethostbyname("algo-1"))
    """
    done = trainer.run("literal", script)
    assert done["TrainingJobStatus"] == "Completed", done
    assert trainer.log("literal") == [
        "['checkpoints', 'code', 'input', 'model', 'output']",
        "127.0.0.1",
    ]
    assert trainer.backend.objects.find(BUCKET, "out/literal/output/model.tar.gz")


def test_opt_ml_in_arguments_and_variables_is_the_hosts_own_folder(trainer):
    done = trainer.run(
        "rewritten",
        "import os, sys; print(sys.argv[2], os.environ['WHERE'])",
        HyperParameters={"where": '"/opt/ml/model"'},
        Environment={"WHERE": "/opt/ml/input:/opt/mlx"},
    )
    assert done["TrainingJobStatus"] == "Completed", done
    root = trainer.backend.folder / "jobs/training/rewritten/algo-1/opt/ml"
    assert trainer.log("rewritten") == [f"{root}/model {root}/input:/opt/mlx"]


def test_a_container_entrypoint_runs_as_it_is(trainer):
    algorithm = {
        "TrainingImage": "image",
        "TrainingInputMode": "File",
        "ContainerEntrypoint": ["bash", "-c"],
        "ContainerArguments": ["python -c 'import sys; print(sys.argv[1:])' a 'b c'"],
    }
    done = trainer.run("entry", "pass", AlgorithmSpecification=algorithm)
    assert done["TrainingJobStatus"] == "Completed", done
    assert trainer.log("entry") == ["['a', 'b c']"]


def test_a_shell_script_gets_the_arguments_quoted(trainer):
    files = {"bin/train.sh": '#!/bin/sh\nfor word in "$@"; do echo "$word"; done\n'}
    done = trainer.run("shell", files, HyperParameters={"name": '"two words; exit 1"'})
    assert done["TrainingJobStatus"] == "Completed", done
    assert trainer.log("shell") == ["--name", "two words; exit 1"]


def test_a_package_runs_as_a_module(trainer):
    files = {"training.py": "import sys; print(__name__, sys.argv[1:])", "setup.py": ""}
    done = trainer.run("package", files, HyperParameters={"k": "5"})
    assert done["TrainingJobStatus"] == "Completed", done
    assert trainer.log("package") == ["__main__ ['-k', '5']"]


def test_a_missing_program_is_named_with_what_is_there(trainer):
    missing = {"sagemaker_program": '"trane.py"'}
    done = trainer.run("typo", "pass", HyperParameters=missing)
    assert done["FailureReason"] == (
        "ClientError: sagemaker_program 'trane.py' is not in the code package, which holds "
        "train.py."
    )


def test_a_program_outside_the_package_is_refused(trainer):
    done = trainer.run("outside", "pass", HyperParameters={"sagemaker_program": '"../x.py"'})
    assert done["FailureReason"].startswith("ClientError: sagemaker_program '../x.py' must be")


def test_a_requirement_that_is_not_installed_is_named(trainer):
    files = {"train.py": "pass", "requirements.txt": "# ours\npytest>=1\nno-such-package==1.0\n"}
    done = trainer.run("needy", files)
    assert "asks for 'no-such-package==1.0'" in done["FailureReason"]
    assert "pip install 'no-such-package==1.0'" in done["FailureReason"]


def test_an_image_alone_is_refused_with_what_can_run(trainer):
    trainer.jobs.create(training_request("image"))
    assert trainer.wait("image")["FailureReason"].startswith(
        "ClientError: image cannot be run: the embedded AWS pulls no images. It runs script mode"
    )


def test_the_users_own_credentials_do_not_reach_a_job(trainer, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "the user's own")
    monkeypatch.setenv("UNRELATED", "x")
    script = (
        "import os; print(*(os.environ.get(n) for n in ('AWS_SECRET_ACCESS_KEY', 'UNRELATED')))"
    )
    trainer.run("isolated", script)
    assert trainer.log("isolated") == ["None None"]


def test_many_lines_all_arrive_in_order(trainer):
    done = trainer.run("loud", "for i in range(20000): print('line', i)")
    assert done["TrainingJobStatus"] == "Completed", done
    assert trainer.log("loud") == [f"line {i}" for i in range(20000)]


def test_bytes_that_are_no_text_do_not_hurt(trainer):
    script = "import os; os.write(1, b'caf\\xe9 10%\\r20%\\rdone\\nlast')"
    trainer.run("bytes", script)
    assert trainer.log("bytes") == ["done", "last"]


def test_bulky_files_are_removed_and_small_ones_stay(trainer):
    trainer.run("tidy", "open('/dev/null').close()")
    root = trainer.backend.folder / "jobs/training/tidy/algo-1/opt/ml"
    left = sorted(str(p.relative_to(root)) for p in root.rglob("*") if p.is_file())
    assert left == [
        "input/config/hyperparameters.json",
        "input/config/inputdataconfig.json",
        "input/config/resourceconfig.json",
        "output/success",
    ]


def test_code_cannot_be_unpacked_outside_its_folder(trainer):
    backend = trainer.backend
    backend.objects.write(BUCKET, "evil.tar.gz", pack({"../../../../evil.txt": "x"}))
    parameters = {"sagemaker_submit_directory": f'"s3://{BUCKET}/evil.tar.gz"'}
    done = trainer.run("evil", "pass", HyperParameters=parameters)
    assert done["TrainingJobStatus"] == "Failed"
    assert "cannot be unpacked" in done["FailureReason"]
    assert not list(backend.folder.rglob("evil.txt"))
