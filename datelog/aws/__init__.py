"""What an app server needs of AWS: credentials, a signature, one secret. Without an SDK: docs/adr/0015."""
