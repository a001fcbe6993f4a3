"""What a user writes: `@view`, `@history`, `@aggregate` and their files; the result is a value.

Runs no view function and needs no session.
"""
