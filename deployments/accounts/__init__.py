"""The accounts in which Sanso works: they are added, edited and removed, and their connection is tested."""
