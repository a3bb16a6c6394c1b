"""Database clusters do not get the tags of their stack (MiniStack 1.5.33).

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-resource-tags.html
"""

from ministack.services.cloudformation import provisioners


def install() -> None:
    """Name the property for the tags of clusters."""
    provisioners._STACK_TAG_PROPERTY["AWS::RDS::DBCluster"] = ("Tags", "list")
