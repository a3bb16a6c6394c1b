"""The health of an environment on pages: texts, diagram, panels, history."""
