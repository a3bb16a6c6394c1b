"""Tests of datelog: real uWSGI in front of a real writer and reader, as visitors and operators see it."""
