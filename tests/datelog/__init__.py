"""Tests of datelog, with a real uWSGI and a real writer and reader."""
