"""When agents ask State Manager for their associations: at boot, 30 s later, then every 10 minutes.

What is started for them (StartAssociationsOnce, commands) reaches them at once. The times are the agent's:
https://github.com/aws/amazon-ssm-agent (agent/association/processor; associationFrequencyMinutes in
amazon-ssm-agent.json.template). By default, agents here ask all the time, so that tests do not wait.
"""

import time
from typing import Final

from sanso_sandbox.engine import readings, time_scale

READING: Final = "agents_ask_every_ten_minutes"
AGAIN: Final = 30.0  # AWS's seconds from the boot until an agent asks for the second time
EVERY: Final = 600.0  # AWS's seconds between two further times


def has_asked(registered_at: float, since: float) -> bool:
    """Return whether an agent that has registered at one time has asked since another one.

    Both are times of the monotonic clock.
    """
    second = time_scale.shortened(1.0)
    if not second or not readings.strict(READING):
        return True
    passed = (time.monotonic() - registered_at) / second
    return latest(passed) >= (since - registered_at) / second


def latest(passed: float) -> float:
    """Return when an agent asked last, in AWS's seconds after its boot."""
    if passed < AGAIN:
        return 0.0
    return AGAIN + (passed - AGAIN) // EVERY * EVERY
