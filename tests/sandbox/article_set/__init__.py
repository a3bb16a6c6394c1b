"""A template set modeled on the original article, and the test that deploys it."""
