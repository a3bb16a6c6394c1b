"""The audit records: their pages, their export, and the chain that shows what is missing."""
