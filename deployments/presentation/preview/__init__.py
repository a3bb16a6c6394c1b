"""The preview of a change as a page shows it, before it is applied and afterwards."""
