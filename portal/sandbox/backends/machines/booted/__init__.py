"""Machines that are booted: a system of its own behind every instance, where associations run for real.

What stands in: Debian 13 for Amazon Linux 2023 (amazon_linux.py, amazon_linux_packages.py), agent.py for the
SSM agent, and what the shared trees bring for package servers, since a machine has no way out.

base_tree.py builds the shared trees with tree_building.py · init.py boots one machine and is process 1 of its
namespaces · machine.py is one as the sandbox handles it · network.py says how they are reached · agent.py
runs the steps of documents · fleet.py is the kind of machines · requirements.py checks whether this host can
have them.
"""
