"""A listener of a network load balancer: each connection goes to one target, byte for byte."""

import asyncio

from portal.sandbox.backends.balancers.builtin import streams
from portal.sandbox.backends.balancers.builtin.choice import Choice


async def serve(choice: Choice, client: streams.Streams) -> None:
    """Carry one connection; without any target it is closed at once."""
    reader, writer = client
    target = await streams.connect(choice.targets(choice.action()))
    if target is None:
        return
    try:
        await asyncio.gather(streams.pump(reader, target[1]), streams.pump(target[0], writer))
    finally:
        await streams.close(target[1])
