"""Booted machines: a separate system for every instance, in which associations are really executed.

Substitutes: Debian 13 for Amazon Linux 2023 (amazon_linux.py, amazon_linux_packages.py), agent.py for the
SSM agent, and packages in the shared trees for package servers, since a machine has no internet access.

base_tree.py builds the shared trees with tree_building.py · init.py boots a machine and is process 1 of its
namespaces · machine.py is a machine from the sandbox's side · network.py connects it · agent.py runs the
steps of documents · fleet.py is the kind of machines · requirements.py checks whether this host supports
them.
"""
