"""The rows, and the queries of them."""
