"""Views that the tests run: a filter, a key that can move, a row that can fail, and both ways with microseconds."""

from penstock_views import Image, Row, row, truncate_to_millis, view


@view("public.people", key=["id"], revision=3)
def people_by_id(u: Image) -> Row:
    """Fail for age 0, and cut the time."""
    return row(id=u.id, name=u.name, share=100 / u.age, score=u.score, born=u.born, seen=truncate_to_millis(u.seen))


@view("public.people", key=["name", "id"])
def adults_by_name(u: Image) -> Row:
    """Leave out who is under 18, and keep the time as it is."""
    return row(id=u.id, name=u.name, age=u.age, seen=u.seen, note=u.note).where(u.age >= 18)
