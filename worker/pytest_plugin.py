"""The pytest plugin: fixtures for users and for ourselves."""
