"""What the API takes and returns, by resource. Released fields are not removed or narrowed."""
