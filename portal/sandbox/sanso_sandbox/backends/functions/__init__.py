"""Processes of Lambda functions: confined, with their code and layers in a separate folder."""
