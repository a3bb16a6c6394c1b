"""Tests mirror the modules they are about; what they need to run is in services.py and builders.py."""

import os

os.environ["SANSO_LANGUAGE"] = "en"  # of the command line, wherever the tests run
