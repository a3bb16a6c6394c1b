"""The interfaces between services and backends: only protocols and plain values."""
