"""What an instance can be: a record, a process, or a booted machine."""
