"""Declarations of a user: `@view`, `@history`, `@aggregate` and their files; the result is a value.

Runs no view function and needs no session.
"""
