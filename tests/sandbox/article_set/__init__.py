"""A template set in the manner of the original article, and the test that deploys it."""
