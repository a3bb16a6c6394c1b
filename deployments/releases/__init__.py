"""A new version of application or playbook on running servers, one at a time."""
