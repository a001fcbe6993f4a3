"""The views of public.users: a look-up by id, the users of a country, the history of a user, figures of a country."""

from penstock_views import Image, Row, Totals, aggregate, avg, count, history, row, totals, view, whole
from pyspark.sql import Column
from pyspark.sql import functions as F

PERSON = (
    "email",
    "username",
    "title",
    "first_name",
    "last_name",
    "gender",
    "date_of_birth",
    "phone",
    "cell",
    "nationality",
)
ADDRESS = ("street_number", "street_name", "city", "state", "postcode", "latitude", "longitude", "timezone")
DOCUMENTS = ("national_id", "picture")


@view("public.users", key=["id"])
def users_by_id(u: Image) -> Row:
    """Hold one row per user."""
    rest = {name: u[name] for name in (*PERSON, *ADDRESS, *DOCUMENTS)}
    return row(id=u.id, country=u.country, registered=u.registered, **rest)


@view("public.users", key=["country", "registered", "id"])
def users_by_country(u: Image) -> Row:
    """List the users of a country, oldest registration first; who moves leaves the old partition."""
    return row(
        country=u.country,
        registered=u.registered,
        id=u.id,
        first_name=u.first_name,
        last_name=u.last_name,
        email=u.email,
        city=u.city,
        state=u.state,
        latitude=u.latitude,
        longitude=u.longitude,
    )


@history("public.users", key=["id"])
def user_history(u: Image) -> Row:
    """Keep every change of a user, for the audit."""
    return whole(u)


@aggregate("public.users", key=["country"])
def user_stats_by_country(u: Image) -> Totals:
    """Count the users of a country; their age is that on the day they registered, as today's changes by itself."""
    return totals(
        country=u.country,
        users=count(),
        women=count(u.gender == "female"),
        men=count(u.gender == "male"),
        mean_age=avg(_whole_years(u.date_of_birth, F.to_date(u.registered))),
    )


def _whole_years(begin: Column, end: Column) -> Column:
    day_of_year = 100 * F.month(end) + F.dayofmonth(end) - 100 * F.month(begin) - F.dayofmonth(begin)
    return F.year(end) - F.year(begin) - F.when(day_of_year < 0, 1).otherwise(0)
