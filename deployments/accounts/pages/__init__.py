"""Views, forms and view models."""
