"""The files that start a cluster: what each tool takes, a token everywhere, and no port that the world reaches."""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import Any

import pytest
import yaml

from cellsearch.workers.ray.pool import ray
from tests.helpers.project import ROOT

FILES = ROOT / "scripts" / "cluster"


def read(name: str) -> Any:
    return yaml.safe_load((FILES / name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", sorted(FILES.iterdir()), ids=lambda path: path.name)
def test_every_file_says_how_it_is_used_and_no_port_is_open_to_the_world(path: Any) -> None:
    text = path.read_text(encoding="utf-8")
    assert re.match(r"(#!.*\n)?# [A-Z]?.*\n#? ", text), "its first lines say what it is and how it is used"
    assert "0.0.0.0" not in text


def test_rays_launcher_takes_its_file() -> None:
    from ray.autoscaler._private.util import prepare_config, validate_config

    config = read("ray.yaml")
    validate_config(prepare_config(config))
    commands = [*config["head_start_ray_commands"], *config["worker_start_ray_commands"]]
    assert all("RAY_AUTH_MODE=token" in each for each in commands if "ray start" in each)
    with pytest.raises(Exception, match="unknown_key"):
        validate_config(prepare_config({**config, "unknown_key": 1}))


def test_the_containers_have_a_token_and_publish_no_port() -> None:
    services = read("compose.yaml")["services"]
    assert services.keys() == {"head", "worker"}
    for service in services.values():
        assert service["environment"]["RAY_AUTH_TOKEN"].startswith("${RAY_AUTH_TOKEN:?")
        assert "ports" not in service
    assert "RAY_AUTH_MODE=token" in (FILES / "Dockerfile").read_text(encoding="utf-8")


@pytest.mark.skipif(not shutil.which("docker-compose"), reason="no docker-compose on this machine")
def test_compose_takes_its_file_with_a_token_alone() -> None:
    command = ["docker-compose", "--file", str(FILES / "compose.yaml"), "config", "--quiet"]
    assert subprocess.run(command, env={"RAY_AUTH_TOKEN": "secret", "PATH": "/usr/bin:/bin"}).returncode == 0
    assert subprocess.run(command, env={"PATH": "/usr/bin:/bin"}, capture_output=True).returncode != 0


def test_the_job_of_kuberay_has_a_token_and_the_ray_that_is_installed() -> None:
    job = read("rayjob.yaml")
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    cluster = job["spec"]["rayClusterSpec"]
    assert cluster["authOptions"] == {"mode": "token"}
    assert cluster["rayVersion"] == ray.__version__


def test_the_batch_script_is_one_that_bash_reads_with_a_token_of_its_own() -> None:
    script = FILES / "slurm.sh"
    assert subprocess.run(["bash", "-n", str(script)]).returncode == 0
    text = script.read_text(encoding="utf-8")
    assert "export RAY_AUTH_MODE=token" in text and "secrets.token_hex" in text
