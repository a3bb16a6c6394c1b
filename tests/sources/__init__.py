"""Template sets from external sources: fetches and refusals."""
