"""Machines that are booted: a system of its own behind every instance, where associations run for real.

What stands in: Debian 13 for Amazon Linux, agent.py for the SSM agent, and what the shared base tree brings
for package servers, since a machine has no way out.

base_tree.py builds the shared tree · init.py boots one machine and is process 1 of its namespaces ·
machine.py is one as the sandbox handles it · network.py says how they are reached · agent.py runs the steps
of documents · fleet.py is the kind of machines · requirements.py checks whether this host can have them.
"""
