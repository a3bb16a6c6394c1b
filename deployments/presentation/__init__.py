"""What turns rows into what a page shows: view models, HTML parts, diagrams, texts, filters."""
