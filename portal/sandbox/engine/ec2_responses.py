"""EC2's way of answering: its envelope, its errors and its tag sets."""

from ministack.services import ec2

from portal.sandbox.engine import query
from portal.sandbox.engine.registry import Answer, Record, Refused


def answer(action: str, content: Record) -> Answer:
    """Wrap the content of a successful call; lists become <item> elements."""
    wrapped: Answer = ec2._xml(200, f"{action}Response", query.xml(content, "item"))
    return wrapped


def refusal(refused: Refused) -> Answer:
    """Wrap an error as EC2 does."""
    wrapped: Answer = ec2._error(refused.code, query.xml(str(refused)), 400)
    return wrapped


def tag_set(resource_id: str) -> list[Record]:
    """List a resource's tags in EC2's spelling."""
    return [{"key": tag["Key"], "value": tag.get("Value", "")} for tag in ec2._tags.get(resource_id, [])]


def tags(resource_id: str) -> list[Record]:
    """List a resource's tags as MiniStack keeps them, for filters."""
    found: list[Record] = ec2._tags.get(resource_id, [])
    return found
