"""Drills on a deployed environment: a component fails under load, and the effect on visitors is measured."""
