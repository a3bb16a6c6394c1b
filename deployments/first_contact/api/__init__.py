"""Operations of the HTTP API."""
