"""Machines that are booted: a system of its own behind every instance, where associations run for real.

What stands in: Debian 13 for Amazon Linux, agent.py for the SSM agent, and what the shared base tree brings
for package servers, since a machine has no way out.

keeper.py boots one and keeps it together · machine.py is one seen from outside · base.py makes the shared
tree · network.py says how they are reached · agent.py runs the steps of documents · fleet.py is the kind of
machines · host.py tells whether this host can have them.
"""
