"""The views of public.users: a look-up by id, and the users of a country by the time they registered."""

from penstock_views import Image, Row, row, view

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
