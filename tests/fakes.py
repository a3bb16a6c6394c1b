"""CloudFormation, S3 and STS in memory, which implement the Protocols of the boto3 gateways.

They support the calls of the runner; observed services are in `fake_services`. `fail` makes calls fail,
before or after they are executed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from deployments.aws.access_analyzer import PolicyFinding
from deployments.aws.account_ref import AccountRef
from deployments.aws.cloudformation import (
    ChangeSet,
    ChangeSetRequest,
    ParameterUpdate,
    ResourceChange,
    ResourceView,
    StackEvent,
    StackView,
)
from deployments.aws.iam import ContextKey, SimulatedDecision
from deployments.aws.service_quotas import CODES, Limited, QuotaUse
from deployments.aws.session import Clients
from deployments.aws.sts import Identity
from deployments.aws.validation_events import FailedEvent, ValidationFinding
from deployments.common.errors import AwsAlreadyDone, AwsNotFound, AwsRetryable, UserFixable
from deployments.common.message_codes import Code
from tests.builders import START, stack_id
from tests.fake_services import FakeServices
from tests.fake_stack_operations import FakeStackOperations

ACCOUNT_ID = "123456789012"
NESTED = "AWS::CloudFormation::Stack"


@dataclass
class FakeStack:
    """A stack: its events oldest first, its resources, its current status."""

    name: str
    stack_id: str
    status: str = "REVIEW_IN_PROGRESS"
    events: list[StackEvent] = field(default_factory=list)
    resources: dict[str, tuple[str, str]] = field(default_factory=dict)  # logical id → type, status
    tags: dict[str, str] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    parent: str = ""
    parameters: dict[str, str] = field(default_factory=dict)
    is_protected: bool = False
    updated: str = ""
    deployment_mode: str = ""


class FakeAws(FakeServices, FakeStackOperations):
    """An account. Every poll of a root stack executes the next act.

    `plan` maps nested stacks ("" is the root) to their resources. An act is (path, logical id, status,
    reason).
    """

    def __init__(self) -> None:
        FakeServices.__init__(self)
        FakeStackOperations.__init__(self)
        self.plan: dict[str, list[str]] = {"": ["Topic"], "Network": ["Vpc", "Subnet"]}
        self.types: dict[str, str] = {}  # by logical id; others are topics
        self.create_acts = [*self._makes("CREATE")]
        self.stacks: dict[str, FakeStack] = {}
        self.change_sets: dict[str, ChangeSet] = {}
        self.requests: list[ChangeSetRequest] = []
        self.foreign_buckets: set[str] = set()
        self.in_policies: list[PolicyFinding] = []
        self.in_use: dict[Limited, int] = {}  # of 100 each
        self.not_allowed: dict[str, SimulatedDecision] = {}  # by action; every other is allowed
        self.simulated: list[tuple[str, str]] = []  # role, action
        self.unprotected: list[str] = []
        self.before: dict[str, list[Exception]] = {}
        self.after: dict[str, list[Exception]] = {}
        self.on_call: Callable[[str], None] = lambda call: None
        self.tokens: set[str] = set()
        self.update_acts = [
            ("", "", "UPDATE_IN_PROGRESS", "User Initiated"),
            ("", "Topic", "UPDATE_IN_PROGRESS", ""),
            ("", "Topic", "UPDATE_COMPLETE", ""),
            ("", "", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", ""),
            ("", "", "UPDATE_COMPLETE", ""),
        ]
        self.refuses_nested = ""  # the reason why change sets with nested ones fail, "" for none
        self.also_changes: tuple[ResourceChange, ...] = ()  # what updates change beside the topic
        self.updates: list[ParameterUpdate] = []
        self.kept: list[bool | None] = []  # DisableRollback of each executed change set, None if left out
        self.wanted: dict[str, dict[str, str]] = {}  # parameters of change sets of updates
        self._acts: list[tuple[str, str, str, str]] = []
        self._clock = 0

    # --- control by tests ----------------------------------------------------------------------
    def _makes(self, verb: str) -> list[tuple[str, str, str, str]]:
        end = f"{verb}_COMPLETE"
        return [
            ("", "", f"{verb}_IN_PROGRESS", "User Initiated"),
            ("", "Network", f"{verb}_IN_PROGRESS", ""),
            ("Network", "", f"{verb}_IN_PROGRESS", ""),
            ("Network", "Vpc", f"{verb}_IN_PROGRESS", ""),
            ("Network", "Vpc", end, ""),
            ("Network", "Subnet", end, ""),
            ("Network", "", end, ""),
            ("", "Network", end, ""),
            ("", "Topic", end, ""),
            ("", "", end, ""),
        ]

    def fail(self, operation: str, *errors: Exception, after: bool = False) -> None:
        """Make the next calls of an operation raise errors, before or after they are executed."""
        (self.after if after else self.before).setdefault(operation, []).extend(errors)

    def __call__(self, _ref: AccountRef) -> Clients:
        return Clients(
            cloudformation=self,
            elbv2=self,
            autoscaling=self,
            ssm=self,
            cloudwatch=self,
            logs=self,
            rds=self,
            rds_maintenance=self,
            s3=self,
            sts=self,
            ec2=self,
            tagging=self,
            cloudtrail=self,
            iam=self,
            quotas=self,
            acm=self,
            access_analyzer=self,
            secrets=self,
        )

    def _call(self, operation: str) -> None:
        self.calls.append(operation)
        self.on_call(operation)
        if self.before.get(operation):
            raise self.before[operation].pop(0)

    def _done(self, operation: str) -> None:
        if self.after.get(operation):
            raise self.after[operation].pop(0)

    def live_stacks(self, name: str) -> list[FakeStack]:
        """Return the stacks of this name that are not deleted."""
        return [s for s in self.stacks.values() if s.name == name and s.status != "DELETE_COMPLETE"]

    # --- STS and S3 ----------------------------------------------------------------------------
    def caller_identity(self) -> Identity:
        self._call("sts:GetCallerIdentity")
        return Identity(account_id=ACCOUNT_ID, arn=f"arn:aws:iam::{ACCOUNT_ID}:user/sanso")

    def identify(self, _ref: AccountRef) -> Identity:
        self._call("sts:AssumeRole")
        return self.caller_identity()

    def use_of(self, service: str) -> list[QuotaUse]:
        self._call("servicequotas:ListServiceQuotas")
        return [QuotaUse(limited=one, limit=100, used=self.in_use.get(one, 0)) for one in CODES[service]]

    def policy_findings(self, policy: str) -> list[PolicyFinding]:
        self._call("access-analyzer:ValidatePolicy")
        return self.in_policies

    def simulate(
        self, arn: str, actions: Sequence[str], resources: Sequence[str], context: Sequence[ContextKey]
    ) -> list[SimulatedDecision]:
        self._call("iam:SimulatePrincipalPolicy")
        self.simulated += [(arn, action) for action in actions]
        return [
            replace(
                self.not_allowed.get(action, SimulatedDecision(action=action, resource="", is_allowed=True)),
                resource=resource,
            )
            for action in actions
            for resource in resources
        ]

    def bucket_exists(self, bucket: str, owner: str) -> bool:
        self._call("s3:ListBucket")
        if bucket in self.foreign_buckets:
            raise UserFixable("BucketOwnedByAnother", Code.BUCKET_NOT_ACCESSIBLE, bucket=bucket)
        return bucket in self.buckets

    def create_bucket(self, bucket: str) -> None:
        self._call("s3:CreateBucket")
        self.buckets.setdefault(bucket, set())
        self._done("s3:CreateBucket")

    def harden_bucket(self, bucket: str, owner: str) -> None:
        self._call("s3:PutBucketPublicAccessBlock")
        self.buckets[bucket].add("(hardened)")
        self._done("s3:PutBucketPublicAccessBlock")

    def put_object(self, bucket: str, key: str, body: bytes, owner: str) -> None:
        self._call("s3:PutObject")
        self.buckets[bucket].add(key)
        self._done("s3:PutObject")

    # --- RDS and ELBv2 -------------------------------------------------------------------------
    def unprotect_cluster(self, cluster_id: str) -> None:
        self._call("rds:ModifyDBCluster")
        self.unprotected.append(cluster_id)

    def unprotect_instance(self, instance_id: str) -> None:
        self._call("rds:ModifyDBInstance")
        self.unprotected.append(instance_id)

    def unprotect_load_balancer(self, arn: str) -> None:
        self._call("elasticloadbalancing:ModifyLoadBalancerAttributes")
        self.unprotected.append(arn)

    # --- CloudFormation ------------------------------------------------------------------------
    def describe_stack(self, name_or_id: str) -> StackView:
        self._call("cloudformation:DescribeStacks")
        stack = self.stacks.get(name_or_id)
        if stack is None:
            stack = next(iter(self.live_stacks(name_or_id)), None)
        if stack is None:
            raise AwsNotFound("ValidationError", "does not exist", "cloudformation:DescribeStacks")
        if not stack.parent:
            self._move_on(stack)
        return StackView(
            stack_id=stack.stack_id,
            name=stack.name,
            status=stack.status,
            outputs=stack.outputs,
            tags=stack.tags,
            parameters=stack.parameters,
            termination_protection=stack.is_protected,
            updated=stack.updated,
            deployment_mode=stack.deployment_mode,
        )

    def create_change_set(self, request: ChangeSetRequest) -> str:
        self._call("cloudformation:CreateChangeSet")
        self.requests.append(request)
        if request.is_update:
            return self._update_change_set(request)
        root = next(iter(self.live_stacks(request.stack_name)), None)
        existing = root and f"{root.stack_id}/{request.change_set_name}" in self.change_sets
        if existing or (root and root.status != "REVIEW_IN_PROGRESS"):
            raise AwsAlreadyDone("AlreadyExistsException", "exists", "cloudformation:CreateChangeSet")
        number = len(self.stacks)
        root = root or FakeStack(
            request.stack_name,
            f"{stack_id(request.stack_name)}{number}",
            tags=dict(request.tags),
            parameters=dict(request.parameters),
        )
        self.stacks[root.stack_id] = root
        change_set_id = f"{root.stack_id}/{request.change_set_name}"
        for path, logical_ids in self.plan.items():
            stack = root if not path else FakeStack(f"{root.name}-{path}", f"{root.stack_id}-{path}")
            stack.parent = root.stack_id if path else ""
            self.stacks[stack.stack_id] = stack
            if path and not request.is_nested:
                continue
            changes = [
                ResourceChange(action="Add", logical_id=name, type=self.types.get(name, "AWS::SNS::Topic"))
                for name in logical_ids
            ]
            if not path:
                changes += [
                    ResourceChange(
                        action="Add",
                        logical_id=nested,
                        type=NESTED,
                        change_set_id=f"{root.stack_id}-{nested}/{request.change_set_name}"
                        if request.is_nested
                        else "",
                    )
                    for nested in self.plan
                    if nested
                ]
            one = ChangeSet(
                change_set_id=f"{stack.stack_id}/{request.change_set_name}",
                stack_id=stack.stack_id,
                status="CREATE_COMPLETE",
                execution_status="AVAILABLE",
                changes=tuple(changes),
            )
            self.change_sets[one.change_set_id] = one
        self._refuse(change_set_id, request)
        self._done("cloudformation:CreateChangeSet")
        return change_set_id

    def _refuse(self, change_set_id: str, request: ChangeSetRequest) -> None:
        """Make a change set with nested ones fail if the test has set a reason."""
        if request.is_nested and self.refuses_nested:
            self.change_sets[change_set_id] = replace(
                self.change_sets[change_set_id],
                status="FAILED",
                execution_status="UNAVAILABLE",
                changes=(),
                reason=self.refuses_nested,
            )

    def _update_change_set(self, request: ChangeSetRequest) -> str:
        root = self.stacks[request.stack_name]
        change_set_id = f"{root.stack_id}/{request.change_set_name}"
        assert {*request.parameters, *request.kept} >= set(root.parameters)
        is_kept = root.status in ("CREATE_FAILED", "UPDATE_FAILED")
        assert root.status.endswith("_COMPLETE") or is_kept, f"cannot be changed in {root.status}"
        if change_set_id in self.change_sets:
            raise AwsAlreadyDone("AlreadyExistsException", "exists", "cloudformation:CreateChangeSet")
        differs = any(root.parameters.get(name) != value for name, value in request.parameters.items())
        change = ResourceChange(
            action="Modify",
            logical_id="Topic",
            type="AWS::SNS::Topic",
            physical_id=f"{root.stack_id}-Topic",
            replacement="False",
        )
        self.wanted[change_set_id] = dict(request.parameters)
        self.change_sets[change_set_id] = ChangeSet(
            change_set_id=change_set_id,
            stack_id=root.stack_id,
            status="CREATE_COMPLETE" if differs else "FAILED",
            execution_status="AVAILABLE" if differs else "UNAVAILABLE",
            reason="" if differs else "The submitted information didn't contain changes.",
            changes=(change, *self.also_changes, *self._listed_stacks(root, request)) if differs else (),
        )
        self._refuse(change_set_id, request)
        self._done("cloudformation:CreateChangeSet")
        return change_set_id

    def _listed_stacks(self, root: FakeStack, request: ChangeSetRequest) -> tuple[ResourceChange, ...]:
        """Return all nested stacks as modified, as a change set without nested ones lists them."""
        if request.is_nested:
            return ()
        return tuple(
            ResourceChange(
                action="Modify", logical_id=path, type=NESTED, physical_id=f"{root.stack_id}-{path}"
            )
            for path in self.plan
            if path
        )

    def delete_change_set(self, change_set: str, stack: str = "") -> None:
        self._call("cloudformation:DeleteChangeSet")
        if stack and stack not in self.stacks:
            stack = next((one.stack_id for one in self.live_stacks(stack)), stack)
        self.change_sets.pop(f"{stack}/{change_set}" if stack else change_set, None)
        self._done("cloudformation:DeleteChangeSet")

    def describe_change_set(self, change_set: str, stack: str = "") -> ChangeSet:
        self._call("cloudformation:DescribeChangeSet")
        if stack:
            found = self.stacks.get(stack) or self.live_stacks(stack)[0]
            change_set = f"{found.stack_id}/{change_set}"
        if change_set not in self.change_sets:
            raise AwsNotFound("ChangeSetNotFound", "not found", "cloudformation:DescribeChangeSet")
        return self.change_sets[change_set]

    def validation_findings(self, change_set_id: str) -> list[ValidationFinding]:
        self._call("cloudformation:DescribeEvents")
        stack = self.change_sets[change_set_id].stack_id
        path = next((path for path in self.findings if path and stack.endswith(f"-{path}")), "")
        return self.findings.get(path, [])

    def failed_operation_events(self, stack_id: str) -> list[FailedEvent]:
        self._call("cloudformation:DescribeEvents")
        path = next((path for path in self.failed_events if path and stack_id.endswith(f"-{path}")), "")
        return self.failed_events.get(path, [])

    def execute_change_set(
        self, change_set_id: str, token: str, *, keep_on_failure: bool | None = False
    ) -> None:
        self._call("cloudformation:ExecuteChangeSet")
        change_set = self.change_sets[change_set_id]
        if change_set.execution_status == "AVAILABLE":
            self.change_sets[change_set_id] = replace(change_set, execution_status="EXECUTE_IN_PROGRESS")
            root = self.stacks[change_set.stack_id]
            is_kept = keep_on_failure is None or keep_on_failure
            assert is_kept or not root.status.endswith("_FAILED"), "a retry disables the rollback"
            self.kept.append(keep_on_failure)
            is_update = change_set_id in self.wanted
            self._acts = list(self.update_acts if is_update else self.create_acts)
            root.parameters |= self.wanted.get(change_set_id, {})
            for other in [one for one in self.change_sets if one.startswith(f"{root.stack_id}/")]:
                if other != change_set_id:
                    del self.change_sets[other]
            self._move_on(root)
        elif token not in self.tokens:
            raise AwsAlreadyDone("InvalidChangeSetStatus", "executed", "cloudformation:ExecuteChangeSet")
        self.tokens.add(token)
        self._done("cloudformation:ExecuteChangeSet")

    def update_parameters(self, update: ParameterUpdate) -> bool:
        self._call("cloudformation:UpdateStack")
        stack = self.stacks[update.stack_id]
        if update.token not in self.tokens:
            assert stack.status.endswith("_COMPLETE"), f"cannot be updated in {stack.status}"
            assert {*update.changed, *update.kept} == set(stack.parameters)
            self.tokens.add(update.token)
            self.updates.append(update)
            failing = any(status == "UPDATE_ROLLBACK_COMPLETE" for *_, status, _reason in self.update_acts)
            stack.parameters |= {} if failing else update.changed
            self._acts = list(self.update_acts)
            self._move_on(stack)
        self._done("cloudformation:UpdateStack")
        return True

    def set_termination_protection(self, stack_id: str, *, on: bool) -> None:
        self._call("cloudformation:UpdateTerminationProtection")
        self.stacks[stack_id].is_protected = on
        self._done("cloudformation:UpdateTerminationProtection")

    def delete_stack(self, stack_id: str, token: str, role_arn: str = "") -> None:
        self._call("cloudformation:DeleteStack")
        stack = self.stacks.get(stack_id)
        assert stack is None or not stack.is_protected, "termination protection is on"
        if stack and stack.status == "REVIEW_IN_PROGRESS":
            stack.status = "DELETE_COMPLETE"
        elif stack and not stack.status.startswith("DELETE"):
            self._acts = self._makes("DELETE")
            self._move_on(stack)
        self._done("cloudformation:DeleteStack")

    def events_after(self, stack_id: str, bookmark: str) -> list[StackEvent]:
        self._call("cloudformation:DescribeStackEvents")
        if stack_id not in self.stacks:
            raise AwsNotFound("ValidationError", "does not exist", "cloudformation:DescribeStackEvents")
        stack = self.stacks[stack_id]
        ids = [event.event_id for event in stack.events]
        new = stack.events[ids.index(bookmark) + 1 :] if bookmark in ids else list(stack.events)
        if not stack.parent:
            self._move_on(stack)
        return new

    def newest_event_id(self, stack_id: str) -> str:
        self._call("cloudformation:DescribeStackEvents")
        events = self.stacks[stack_id].events
        return events[-1].event_id if events else ""

    def list_resources(self, stack_id: str) -> list[ResourceView]:
        self._call("cloudformation:ListStackResources")
        stack = self.stacks[stack_id]
        return [
            ResourceView(
                logical_id=name,
                physical_id=f"{stack_id}-{name}" if kind == NESTED else name,
                type=kind,
                status=status,
            )
            for name, (kind, status) in stack.resources.items()
        ]

    def _move_on(self, root: FakeStack) -> None:
        if not self._acts:
            return
        path, logical_id, status, reason = self._acts.pop(0)
        stack = self.stacks[f"{root.stack_id}-{path}" if path else root.stack_id]
        nested = logical_id in self.plan
        kind = NESTED if nested or not logical_id else self.types.get(logical_id, "AWS::SNS::Topic")
        physical = stack.stack_id if not logical_id else f"{stack.stack_id}-{logical_id}"
        self._clock += 1
        stack.events.append(
            StackEvent(
                event_id=f"{stack.name}-{logical_id or stack.name}-{status}-{self._clock}",
                stack_id=stack.stack_id,
                stack_name=stack.name,
                logical_id=logical_id or stack.name,
                physical_id=physical,
                type=kind,
                status=status,
                reason=reason,
                at=START + timedelta(seconds=self._clock),
            )
        )
        if logical_id:
            stack.resources[logical_id] = (kind, status)
        else:
            stack.status = status
            if status == "UPDATE_IN_PROGRESS":
                stack.updated = (START + timedelta(seconds=self._clock)).isoformat()
            if status == "CREATE_COMPLETE" and not path:
                stack.outputs = {"URL": "http://alb.example"}


def lost_answer(operation: str) -> AwsRetryable:
    """Return the error of a call whose response was lost."""
    return AwsRetryable("ReadTimeoutError", "Read timeout", operation)
