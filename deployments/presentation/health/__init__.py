"""The health of an environment as people see it: texts, diagram, panels, history."""
