"""Writing call logs during steps, and reading them for support bundles."""
