"""CloudWatch: alarms notify topics of their own region and partition only; metrics are read as in AWS."""

from typing import Any, Final

from sanso_sandbox.engine.registry import Created, Properties, Refused, handler, here
from sanso_sandbox.services.cloudwatch import metric_data

ALARM: Final = "AWS::CloudWatch::Alarm"
PARTITION: Final = "aws"  # of every region that the sandbox has
ACTIONS: Final = ("AlarmActions", "OKActions", "InsufficientDataActions")


def install() -> None:
    """Check the actions of alarms, and the calls that read metrics."""
    metric_data.install()
    found = handler(ALARM)
    create, update = found["create"], found["update"]

    def created(logical_id: str, properties: Properties, stack: str) -> Created:
        _check_actions(properties)
        made: Created = create(logical_id, properties, stack)
        return made

    def updated(physical_id: str, old: Properties, new: Properties, *rest: Any) -> Created:
        _check_actions(new)
        made: Created = update(physical_id, old, new, *rest)
        return made

    found.update(create=created, update=updated)


def _check_actions(properties: Properties) -> None:
    """Raise Refused for an action elsewhere.

    https://github.com/cds-snc/notification-terraform/pull/128 (region),
    https://github.com/aws-samples/amazon-cloudwatch-auto-alarms/issues/61 (partition)
    """
    region = here().region
    for action in (str(arn) for kind in ACTIONS for arn in properties.get(kind) or ()):
        _arn, partition, _service, given, *_rest = action.split(":", 4) + [""] * 4
        if partition != PARTITION:
            raise Refused(
                "ValidationError", f"Invalid partition {partition} specified. Only {PARTITION} is supported."
            )
        if given != region:
            raise Refused("ValidationError", f"Invalid region {given} specified. Only {region} is supported.")
