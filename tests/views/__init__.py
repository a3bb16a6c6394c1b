"""Tests of deployments/views: responses to browsers, with Django's test client."""
