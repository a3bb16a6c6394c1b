"""What services expect of backends, and backends of services: protocols and plain values alone."""
