"""Tests of each fault of MiniStack: reproduced in MiniStack alone, and absent in the sandbox."""
