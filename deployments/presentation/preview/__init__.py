"""The preview of a change on its page, before and after it is applied."""
