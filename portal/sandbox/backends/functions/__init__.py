"""Processes of Lambda functions: confined, with their code and layers in a folder of their own."""
