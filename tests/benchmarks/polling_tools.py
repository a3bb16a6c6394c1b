"""The tools themselves, installed in a temporary folder, deploy the same templates to the sandbox."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from cfnlint.decode import cfn_yaml

REGION = "ap-northeast-1"
PYTHON_TOOLS = {"AWS CLI": "awscli", "Sceptre": "sceptre", "SAM": "aws-sam-cli"}


@dataclass(frozen=True, kw_only=True)
class Job:
    """The root template and parameters that a tool deploys, and its account in the sandbox."""

    folder: Path
    account: str
    bucket: str
    root: Path
    parameters: Mapping[str, str]
    keys: Mapping[str, str]  # the variables with the account's key and the sandbox's address

    @property
    def environment(self) -> dict[str, str]:
        """Return the tool's environment: the sandbox as AWS, without this machine's configuration."""
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        return kept | {
            **self.keys,
            "HOME": str(self.folder),
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "SAM_CLI_TELEMETRY": "0",
            "CDK_DISABLE_CLI_TELEMETRY": "true",
            "NO_UPDATE_NOTIFIER": "1",
        }


def install(folder: Path) -> Iterator[tuple[str, Path, str]]:
    """Install every tool from its registry in a separate folder. Yield its name, program and version."""
    for name, package in PYTHON_TOOLS.items():
        place = folder / package
        if not place.exists():
            subprocess.run([sys.executable, "-m", "venv", str(place)], check=True)
            pip = [str(place / "bin" / "python"), "-m", "pip", "install", "--quiet", package]
            if subprocess.run(pip, check=False).returncode:
                continue
        program = place / "bin" / {"awscli": "aws", "sceptre": "sceptre", "aws-sam-cli": "sam"}[package]
        yield name, program, version(program)
    npm = shutil.which("npm")
    if npm:
        place = folder / "cdk"
        wanted = [npm, "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(place), "aws-cdk"]
        program = place / "node_modules" / ".bin" / "cdk"
        if program.exists() or not subprocess.run(wanted, check=False).returncode:
            yield "CDK", program, version(program)


def version(program: Path) -> str:
    """Return the version in the output of `--version`."""
    done = subprocess.run([str(program), "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"\d+\.\d+\.\d+", done.stdout or done.stderr)
    return found[0] if found else "of unknown version"


def command(tool: str, program: Path, job: Job) -> list[str]:
    """Prepare the folder of a job and return the command that deploys its stack `bench`."""
    pairs = [f"{key}={value}" for key, value in job.parameters.items()]
    if tool == "AWS CLI":
        arguments = ["cloudformation", "deploy", "--stack-name", "bench", "--template-file", str(job.root)]
        return [str(program), *arguments, "--capabilities", "CAPABILITY_IAM", "--parameter-overrides", *pairs]
    if tool == "SAM":
        arguments = ["deploy", "--stack-name", "bench", "--template-file", str(job.root)]
        how = ["--no-confirm-changeset", "--capabilities", "CAPABILITY_IAM", "--s3-bucket", job.bucket]
        return [str(program), *arguments, *how, "--region", REGION, "--parameter-overrides", *pairs]
    if tool == "Sceptre":
        return _sceptre(program, job)
    return _cdk(program, job)


def _sceptre(program: Path, job: Job) -> list[str]:
    config, templates = job.folder / "config" / "dev", job.folder / "templates"
    config.mkdir(parents=True)
    templates.mkdir()
    shutil.copy(job.root, templates / "root.yaml")
    (job.folder / "config" / "config.yaml").write_text(f"project_code: bench\nregion: {REGION}\n")
    (config / "config.yaml").write_text("")
    stack = {
        "template": {"path": "root.yaml", "type": "file"},
        "stack_name": "bench",
        "parameters": dict(job.parameters),
    }
    (config / "bench.yaml").write_text(json.dumps(stack))  # JSON is YAML
    return [str(program), "--dir", str(job.folder), "launch", "-y", "dev/bench.yaml"]


def _cdk(program: Path, job: Job) -> list[str]:
    """Write the cloud assembly of an app with one stack and no assets."""
    assembly = job.folder / "cdk.out"
    assembly.mkdir(parents=True)
    template = cfn_yaml.load(str(job.root))
    (assembly / "bench.template.json").write_text(json.dumps(template, default=str))
    stack = {
        "type": "aws:cloudformation:stack",
        "environment": f"aws://{job.account}/{REGION}",
        "properties": {
            "templateFile": "bench.template.json",
            "parameters": dict(job.parameters),
            "stackName": "bench",
        },
    }
    manifest = {"version": "36.0.0", "artifacts": {"bench": stack}}
    (assembly / "manifest.json").write_text(json.dumps(manifest))
    pairs = [part for k, v in job.parameters.items() for part in ("--parameters", f"bench:{k}={v}")]
    how = ["--app", str(assembly), "--require-approval", "never", "--progress", "events"]
    return [str(program), "deploy", *how, *pairs]
