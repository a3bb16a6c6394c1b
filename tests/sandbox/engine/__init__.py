"""The bundled templates in the sandbox."""
