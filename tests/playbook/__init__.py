"""Tests of the playbook: its form, and its run in a booted machine where this host can have one."""
