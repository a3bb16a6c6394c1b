"""The request handlers of its pages."""
