"""Alarms: what they may notify."""

from __future__ import annotations

import pytest

from sandbox_tests.engine.conftest import REGION, Account
from sandbox_tests.strict.reasons import creation_failure

ALARM = """
    Parameters:
      Topic: {Type: String}
    Resources:
      Alarm:
        Type: AWS::CloudWatch::Alarm
        Properties:
          Namespace: AWS/RDS
          MetricName: AuroraReplicaLag
          Statistic: Maximum
          Period: 60
          EvaluationPeriods: 5
          Threshold: 2000
          ComparisonOperator: GreaterThanThreshold
          OKActions: [!Ref Topic]
"""


@pytest.mark.parametrize(
    ("topic", "text"),
    [
        (
            "arn:aws:sns:us-west-2:123456789012:oncall",
            f"Invalid region us-west-2 specified. Only {REGION} is supported.",
        ),
        (
            f"arn:aws-us-gov:sns:{REGION}:123456789012:oncall",
            "Invalid partition aws-us-gov specified. Only aws is supported.",
        ),
    ],
)
def test_an_alarm_notifies_topics_of_its_own_region_and_partition(
    account: Account, topic: str, text: str
) -> None:
    """https://github.com/cds-snc/notification-terraform/pull/128,
    https://github.com/aws-samples/amazon-cloudwatch-auto-alarms/issues/61
    """
    reason = creation_failure(account, ALARM, "Alarm", Topic=topic)
    assert (reason.text, reason.service) == (text, "CloudWatch")
