"""Machines that are plain processes: an instance has an address of its own and what was set up there.

What stands in: the commands of an association are read, not executed; uWSGI serves the repository's datelog
where a playbook would install it, and uWSGI stands where Apache would, with the same paths and backend.
"""
