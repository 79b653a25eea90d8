"""The Kubernetes manifests: right by the schemas of Kubernetes, closed, and of one piece."""

import json
import re
import shutil
import subprocess
from typing import Any
from uuid import uuid4

import kubernetes_validate
import pytest
import yaml
from prefect.client.schemas.objects import FlowRun
from prefect.utilities.templating import apply_values
from prefect_kubernetes.worker import KubernetesWorkerJobConfiguration

from nightsort.pipelines import load
from tests.deploy.programs import DEPLOY, KUBERNETES, containers, documents, manifests, pods

BASE = KUBERNETES / "base"
MANIFESTS = manifests()
NAMES = [f"{item['kind']}/{item['metadata']['name']}" for item in MANIFESTS]
PODS = pods()
TEMPLATE = json.loads((BASE / "job-template.json").read_text())


@pytest.mark.parametrize("manifest", MANIFESTS, ids=NAMES)
def test_a_manifest_is_one(manifest: dict[str, Any]) -> None:
    assert kubernetes_validate.validate(manifest, "1.33", strict=True) == "1.33", "held against another release"


def test_names_are_given_once() -> None:
    assert len(set(NAMES)) == len(NAMES)


def test_no_file_is_forgotten() -> None:
    base, gpu = (documents(KUBERNETES / name / "kustomization.yaml")[0] for name in ("base", "gpu"))
    listed = {*base["resources"], *base["configMapGenerator"][0]["files"], "kustomization.yaml"}
    assert listed == {file.name for file in BASE.iterdir()}
    listed = {*(patch["path"] for patch in gpu["patches"]), "kustomization.yaml"}
    assert listed == {file.name for file in (KUBERNETES / "gpu").iterdir()}
    assert gpu["resources"] == ["../base"]


@pytest.mark.parametrize("name", ["base", "gpu"])
def test_kustomize_builds_it(name: str) -> None:
    if not shutil.which("kubectl"):
        pytest.skip("kubectl is not here")
    done = subprocess.run(["kubectl", "kustomize", KUBERNETES / name], capture_output=True, text=True, check=True)
    built = list(yaml.safe_load_all(done.stdout))
    assert len(built) == len(MANIFESTS) + 2  # the config maps
    worker = next(item for item in built if item["metadata"]["name"] == "dask-worker" and item["kind"] == "Deployment")
    kubernetes_validate.validate(worker, "1.33", strict=True)
    container = worker["spec"]["template"]["spec"]["containers"][0]
    assert ("--resources=GPU=1" in container["args"]) == (name == "gpu")
    assert ("nvidia.com/gpu" in container["resources"]["limits"]) == (name == "gpu")


def _closed(pod: dict[str, Any]) -> None:
    security = pod["securityContext"]
    assert security["runAsNonRoot"]
    assert security["runAsUser"] >= 999
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not pod.keys() & {"hostNetwork", "hostPID", "hostIPC"}
    assert not [volume for volume in pod["volumes"] if "hostPath" in volume]
    for container in [*pod.get("initContainers", []), *pod["containers"]]:
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert "/tmp" in {mount["mountPath"] for mount in container["volumeMounts"]}
        assert container["resources"].keys() == {"requests", "limits"}


@pytest.mark.parametrize("name", PODS)
def test_a_pod_has_no_more_rights_than_it_needs(name: str) -> None:
    _closed(PODS[name])
    assert PODS[name]["automountServiceAccountToken"] == (name == "worker")
    assert PODS[name]["serviceAccountName"] == ("worker" if name == "worker" else "nightsort")


def test_what_stays_is_looked_after() -> None:
    for name, container in containers():
        probes = {probe for probe in container if probe.endswith("Probe")}
        assert bool(probes) == (name != "deployments"), name


def test_the_worker_may_make_jobs_and_see_pods_and_nothing_else() -> None:
    role = next(item for item in MANIFESTS if item["kind"] == "Role")
    rights = {resource: set(rule["verbs"]) for rule in role["rules"] for resource in rule["resources"]}
    assert rights.keys() == {"jobs", "pods", "pods/log"}
    assert rights["jobs"] == {"get", "list", "watch", "create", "delete"}
    assert rights["pods"] == rights["pods/log"] == {"get", "list", "watch"}
    bindings = [item for item in MANIFESTS if item["kind"].endswith("RoleBinding")]
    assert [subject["name"] for binding in bindings for subject in binding["subjects"]] == ["worker"]


def test_every_component_is_one_that_the_policies_know() -> None:
    policies = {item["metadata"]["name"]: item["spec"] for item in MANIFESTS if item["kind"] == "NetworkPolicy"}
    assert policies["nothing"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    components = {*PODS, "run"}  # the runs' jobs
    text = json.dumps(policies)
    named = set(re.findall(r'"app.kubernetes.io/component": "([a-z-]+)"', text))
    named |= {name for values in re.findall(r'"values": \[([^\]]*)\]', text) for name in json.loads(f"[{values}]")}
    assert named == components
    labels = {item["metadata"]["name"]: item["spec"]["template"]["metadata"] for item in MANIFESTS if _makes_pods(item)}
    assert all(label["labels"]["app.kubernetes.io/component"] == name for name, label in labels.items())


def _makes_pods(item: dict[str, Any]) -> bool:
    return "template" in item.get("spec", {})


def test_ports_that_are_offered_are_let_through() -> None:
    policies = {item["metadata"]["name"]: item["spec"] for item in MANIFESTS if item["kind"] == "NetworkPolicy"}
    for service in (item for item in MANIFESTS if item["kind"] == "Service"):
        name = service["metadata"]["name"]
        open_ports = {port["port"] for rule in policies[name]["ingress"] for port in rule["ports"]}
        listening = {port["containerPort"] for port in PODS[name]["containers"][0]["ports"]}
        assert {port["port"] for port in service["spec"]["ports"]} <= open_ports & listening
    args = PODS["dask-worker"]["containers"][0]["args"]
    open_ports = {port["port"] for rule in policies["dask-worker"]["ingress"] for port in rule["ports"]}
    assert {f"--worker-port={port}" for port in open_ports} & set(args)
    assert {f"--nanny-port={port}" for port in open_ports} & set(args)


def test_every_secret_and_config_map_is_made_here_or_in_the_guide() -> None:
    text = "".join(file.read_text() for file in BASE.iterdir() if file.name != "kustomization.yaml")
    generated = {item["name"] for item in documents(BASE / "kustomization.yaml")[0]["configMapGenerator"]}
    assert set(re.findall(r'(?:configMapRef|configMap)"?: \{\s*"?name"?: "?([a-z0-9-]+)', text)) == generated
    secrets = set(re.findall(r'(?:secretName"?:|secret(?:Key)?Ref"?: \{\s*"?name"?:) "?([a-z0-9-]+)', text))
    assert secrets == {f"nightsort-{name}" for name in ("postgres", "prefect", "s3", "webhook", "dask", "web")}
    guide = (DEPLOY / "README.md").read_text()
    assert all(f"secret generic {name}" in guide or f"secret tls {name}" in guide for name in secrets)


def test_a_run_becomes_a_job_as_closed_as_all_else() -> None:
    values = load(BASE / "pipelines.yaml").pools["nightsort"].job_variables
    # What from_template_and_values does, which would start a server to look for blocks.
    defaults = KubernetesWorkerJobConfiguration._get_base_config_defaults(TEMPLATE["variables"]["properties"])
    filled = apply_values(TEMPLATE["job_configuration"], {**defaults, **values})
    job = KubernetesWorkerJobConfiguration(**filled)
    job.prepare_for_flow_run(FlowRun(id=uuid4(), flow_id=uuid4(), name="nightly"))
    manifest = {**job.job_manifest, "metadata": {**job.job_manifest["metadata"], "name": "run"}}
    manifest["metadata"].pop("generateName")
    kubernetes_validate.validate(manifest, "1.33", strict=True)
    assert manifest["metadata"]["namespace"] == "nightsort"
    template = manifest["spec"]["template"]
    assert template["metadata"]["labels"]["app.kubernetes.io/component"] == "run"
    _closed(template["spec"])
    container = template["spec"]["containers"][0]
    assert container["image"] == values["image"]
    assert container["args"][0] == "prefect"


def test_its_pipelines_fit_the_cluster() -> None:
    declared = load(BASE / "pipelines.yaml")
    assert declared.pools["nightsort"].type == "kubernetes"
    assert declared.compute.scheduler in PODS["dask-worker"]["containers"][0]["args"]
    assert declared.compute.tls is not None
    mounts = TEMPLATE["job_configuration"]["job_manifest"]["spec"]["template"]["spec"]["containers"][0]["volumeMounts"]
    folder = next(mount["mountPath"] for mount in mounts if mount["name"] == "tls")
    assert {place.rsplit("/", 1)[0] for place in declared.compute.tls.model_dump().values()} == {folder}
    known = TEMPLATE["variables"]["properties"]
    assert all(pipeline.job_variables.keys() <= known.keys() for pipeline in declared.pipelines.values())
