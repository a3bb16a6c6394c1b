"""Tests of the playbook: static checks, and runs in a booted machine if the host supports one."""
