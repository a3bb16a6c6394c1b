"""Approvals and scheduled changes, with AWS in memory."""
