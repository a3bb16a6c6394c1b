"""Rows as the content of pages: view models, HTML parts, diagrams, texts, filters."""
