"""Template sets from outside: what is fetched, and what is refused."""
