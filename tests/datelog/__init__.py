"""Tests of datelog with uWSGI, and with a database that has a writer and a reader."""
