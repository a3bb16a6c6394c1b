"""Tests, in folders that mirror those of the code; services.py and builders.py contain shared helpers."""

import os

os.environ["SANSO_LANGUAGE"] = "en"  # for the command line's output, on machines with any language
