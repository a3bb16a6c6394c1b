"""Scenes on the bundled set: servers, associations, databases, sites, and the phases after the stacks."""

from __future__ import annotations

from tests.upgrade.scene_helpers import Stage
from tests.upgrade.scenes_small import SLOW

TRIAL = {"DeletionProtection": "false", "FinalSnapshot": "false"}
AWS_PACE = 12.0
GRACE = "3600"
"""AWS's seconds for which Auto Scaling does not replace a server that fails its health checks."""
GIVEN_UP = 1200.0
"""Seconds; the release marks an environment as failed if it is not ready within ten minutes."""
PRINTED = """\
PLAY [all] *********************************************************************

TASK [Install the release] *****************************************************
fatal: [localhost]: FAILED! => {"changed": false, "msg": "No space left on device"}

PLAY RECAP *********************************************************************
localhost                  : ok=4    changed=2    unreachable=0    failed=1    skipped=0
"""


def shop(stage: Stage) -> None:
    """An environment with a history: a site check, an association that failed, a server that fails."""
    stage.creates("shop", **TRIAL, ConfigurationTimeoutSeconds=GRACE)
    stage.press("shop", "save-time")
    _ended(stage, "shop", "save_time", "done")
    name = "sanso-shop-app-servers"
    sick = stage.servers("shop", "uwsgi")[0]
    stage.fault("shop", associations={name: {"on": [sick], "stdout": PRINTED, "stderr": "exit status 2"}})
    stage.press("shop", "run", association=_association(stage, name))
    sql = (
        "SELECT 1 FROM deployments_associationrun r JOIN deployments_association a ON a.id = r.association_id"
        " JOIN deployments_environment e ON e.id = a.environment_id"
        " WHERE e.name = 'shop' AND r.failed_task != ''"
    )
    stage.wait_for("a task of the playbook has failed", lambda: bool(stage.release.rows(sql)))
    stage.act("shop", stage.servers("shop", "httpd")[0], "break-service")
    _is(stage, "shop", "degraded")
    stage.fail_calls("shop", "rds", mode="denied")
    sql = "SELECT 1 FROM deployments_observation WHERE source = 'database' AND problem_code != ''"
    stage.wait_for("the database may not be read", lambda: bool(stage.release.rows(sql)))


def _association(stage: Stage, name: str) -> str:
    sql = "SELECT association_id FROM deployments_association WHERE name = ?"
    return str(stage.release.rows(sql, (name,))[0]["association_id"])


def site_down(stage: Stage) -> None:
    """An environment whose web servers both return 500."""
    stage.creates("site-down", **TRIAL, ConfigurationTimeoutSeconds=GRACE)
    stage.pace("site-down", AWS_PACE)
    for server in stage.servers("site-down", "httpd"):
        stage.act("site-down", server, "break-service")
    stage.press("site-down", "save-time")
    _is(stage, "site-down", "unhealthy")


def _is(stage: Stage, name: str, status: str) -> None:
    sql = "SELECT 1 FROM deployments_environment WHERE name = ? AND health_word = ?"
    stage.wait_for(f"{name} is {status}", lambda: bool(stage.release.rows(sql, (name, status))))


def _ended(stage: Stage, name: str, kind: str, state: str) -> None:
    sql = (
        "SELECT 1 FROM deployments_operation o JOIN deployments_environment e ON e.id = o.environment_id"
        " WHERE e.name = ? AND o.kind = ? AND o.state = ?"
    )
    stage.wait_for(f"{kind} of {name} is {state}", lambda: bool(stage.release.rows(sql, (name, kind, state))))


def deleted(stage: Stage) -> None:
    """A protected environment that is deleted after its protection was turned off."""
    stage.creates("deleted")
    stage.wait_for_state(stage.delete("deleted", unprotect=True), "succeeded")


def protected(stage: Stage) -> None:
    """A rollback fails because the database is protected."""
    stage.fault("protected", resources={"DatabaseInitialisation": "The function timed out."})
    stage.wait_for_state(stage.deploy("protected"), "failed")


def no_secret(stage: Stage) -> None:
    """The function that initializes the database may not read its secret; its log is the evidence."""
    stage.fail_calls("no-secret", "secretsmanager", "GetSecretValue", mode="denied")
    stage.wait_for_state(stage.deploy("no-secret", **TRIAL), "rolled_back")


def bad_playbook(stage: Stage) -> None:
    """The association fails while CloudFormation waits for it; its output is the evidence."""
    fault = {"on": 1, "stdout": PRINTED, "stderr": "exit status 2"}
    stage.fault("bad-playbook", associations={"sanso-bad-playbook-app-servers": fault})
    stage.wait_for_state(stage.deploy("bad-playbook", **TRIAL), "rolled_back")


def no_capacity(stage: Stage) -> None:
    """A group does not get its instances; its scaling activities are the evidence."""
    reason = "Received 0 SUCCESS signal(s) out of 2. Group did not stabilize."
    stage.fault("no-capacity", resources={"AutoScalingGroup": reason})
    stage.wait_for_state(stage.deploy("no-capacity", **TRIAL), "rolled_back")


def failed_delete(stage: Stage) -> None:
    stage.creates("delete-failed", **TRIAL)
    stage.fault("delete-failed", resources={"delete:Vpc": "The VPC has dependencies."})
    stage.wait_for_state(stage.delete("delete-failed"), "failed")


def failed_in_configuration(stage: Stage) -> None:
    """A server is replaced while the environment is being created, and the playbook fails on the new one."""
    deployment = _at_configuration(stage, "no-configuration")
    association = "sanso-no-configuration-app-servers"
    fault = {"on": True, "stdout": PRINTED, "stderr": "exit status 2"}
    stage.fault("no-configuration", associations={association: fault})
    stage.act("no-configuration", stage.servers("no-configuration", "uwsgi")[0], "kill")
    stage.fault("no-configuration", api=None)
    stage.wait_for_state(deployment, "failed", seconds=GIVEN_UP)


def failed_in_traffic(stage: Stage) -> None:
    """The web servers return 500 until the portal's timeout; the results of the checks are the evidence."""
    deployment = _at_traffic(stage, "no-traffic")
    stage.wait_for_state(deployment, "failed", seconds=GIVEN_UP)


def failed_in_ready(stage: Stage) -> None:
    """The database hangs until the portal's timeout."""
    deployment = _at_ready(stage, "no-answer")
    stage.wait_for_state(deployment, "failed", seconds=GIVEN_UP)


def at_preflight(stage: Stage) -> None:
    """The bundled template set may have changed at the upgrade, so it differs from the deployment's."""
    stage.fail_calls("at-preflight-full", "sts")
    stage.needs_attention(stage.deploy("at-preflight-full", **TRIAL))


def at_stacks(stage: Stage) -> None:
    """Four of nine stacks exist; time is stopped while the database is being created."""
    deployment = stage.deploy("at-stacks-full", **TRIAL)
    stage.has_event(deployment, "CREATE_IN_PROGRESS", "TrialDbCluster")
    stage.pace("at-stacks-full", SLOW)


def at_configuration(stage: Stage) -> None:
    _at_configuration(stage, "at-configuration")


def at_traffic(stage: Stage) -> None:
    _at_traffic(stage, "at-traffic")


def at_ready(stage: Stage) -> None:
    _at_ready(stage, "at-ready")


def _at_configuration(stage: Stage, name: str) -> int:
    """Deploy an environment whose associations the portal is not allowed to describe."""
    stage.fail_calls(name, "ssm", "DescribeAssociation")
    deployment = stage.deploy(name, **TRIAL, ConfigurationTimeoutSeconds=GRACE)
    stage.wait_for_state(deployment, "configuration")
    _waits(stage, deployment)
    return deployment


def _at_traffic(stage: Stage, name: str) -> int:
    """Deploy an environment whose web servers break before the portal reads their state."""
    deployment = _at_configuration(stage, name)
    for server in stage.servers(name, "httpd"):
        stage.act(name, server, "break-service")
    sql = (
        "SELECT 1 FROM deployments_target t JOIN deployments_environment e ON e.id = t.environment_id"
        " WHERE e.name = ? AND t.tier = 'web' AND t.state = 'unhealthy'"
    )
    stage.wait_for(f"targets of {name} are unhealthy", lambda: len(stage.release.rows(sql, (name,))) == 2)
    stage.pace(name, AWS_PACE)
    stage.no_fault(name)
    stage.wait_for_state(deployment, "traffic", seconds=GIVEN_UP)
    return deployment


def _at_ready(stage: Stage, name: str) -> int:
    """Deploy an environment whose database hangs before the portal sends requests to the site."""
    deployment = _at_configuration(stage, name)
    stage.freeze(name)
    stage.no_fault(name)
    stage.wait_for_state(deployment, "ready", seconds=GIVEN_UP)
    _waits(stage, deployment)
    return deployment


def _waits(stage: Stage, deployment: int) -> None:
    sql = "SELECT waiting_for FROM deployments_deployment WHERE id = ?"
    stage.wait_for(
        f"deployment {deployment} says what it waits for",
        lambda: stage.release.rows(sql, (deployment,))[0]["waiting_for"] != "[]",
    )


# The longest scenes come first. The last ones remain in their phase, for ten minutes at the most.
SCENES = {
    "no-traffic": failed_in_traffic,
    "no-answer": failed_in_ready,
    "no-configuration": failed_in_configuration,
    "delete-failed": failed_delete,
    "deleted": deleted,
    "protected": protected,
    "no-secret": no_secret,
    "bad-playbook": bad_playbook,
    "no-capacity": no_capacity,
    "shop": shop,
    "site-down": site_down,
}
LAST_SCENES = {
    "at-preflight-full": at_preflight,
    "at-stacks-full": at_stacks,
    "at-configuration": at_configuration,
    "at-traffic": at_traffic,
    "at-ready": at_ready,
}
