"""EC2's response format: its envelope, its errors and its tag sets."""

from ministack.services import ec2

from sanso_sandbox.engine import query
from sanso_sandbox.engine.registry import Answer, Record, Refused


def answer(action: str, content: Record) -> Answer:
    """Return the response of a successful call; lists become <item> elements."""
    wrapped: Answer = ec2._xml(200, f"{action}Response", query.xml(content, "item"))
    return wrapped


def refusal(refused: Refused) -> Answer:
    """Return an error response in EC2's format."""
    wrapped: Answer = ec2._error(refused.code, query.xml(str(refused)), 400)
    return wrapped


def tag_set(resource_id: str) -> list[Record]:
    """Return a resource's tags with EC2's names of fields."""
    return [{"key": tag["Key"], "value": tag.get("Value", "")} for tag in ec2._tags.get(resource_id, [])]


def tags(resource_id: str) -> list[Record]:
    """Return a resource's tags as MiniStack stores them, for filters."""
    found: list[Record] = ec2._tags.get(resource_id, [])
    return found
