"""Views of the other kinds that the tests run: a history, one with a filter, and an aggregate that can fail."""

from penstock_views import Image, Row, Totals, aggregate, avg, count, history, row, sum, totals, whole
from pyspark.sql import functions as F


@history("public.people", key=["id"])
def people_history(u: Image) -> Row:
    """Keep every change."""
    return whole(u)


@history("public.people", key=["id"], revision=2)
def adults_history(u: Image) -> Row:
    """Keep what adults are called, from 18 on; it fails for age 0."""
    return row(id=u.id, name=u.name, share=100 / u.age).where(F.coalesce(u.age, F.lit(18)) >= 18)


@aggregate("public.people", key=["name"], revision=2)
def people_by_name(u: Image) -> Totals:
    """Leave out age 17; age 0 fails, and so does a name that is NULL."""
    return totals(
        people=count(),
        adults=count(u.age >= 18),
        score=sum(u.score),
        share=avg((100 / u.age).cast("decimal(7,2)")),
        name=u.name,
        age=avg(u.age),
    ).where(F.coalesce(u.age, F.lit(0) + 1) != 17)
