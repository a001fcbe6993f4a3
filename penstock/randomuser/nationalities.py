"""What differs from nation to nation in the API: names, places, and how numbers are written.

A table and nothing else. In a pattern `#` stands for a digit and `?` for a capital letter.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Nationality:
    """One nation; `locale` names the Faker data, and a list given here replaces what Faker lacks or has in English only."""

    code: str
    country: str
    locale: str
    phone: str
    cell: str
    id_name: str = ""
    id_pattern: str | None = None
    """None: the API gives these people an id with an empty name and a null value."""
    postcode: str = "#####"
    is_postcode_number: bool = True
    male_title: str = "Mr"
    female_titles: tuple[str, ...] = ("Miss", "Ms", "Mrs")
    female_names: tuple[str, ...] = ()
    male_names: tuple[str, ...] = ()
    last_names: tuple[str, ...] = ()
    streets: tuple[str, ...] = ()
    cities: tuple[str, ...] = ()
    states: tuple[str, ...] = ()


_FRENCH_TITLES = ("Mademoiselle", "Madame")

_SERBIA = Nationality(
    "RS", "Serbia", "en_US", "0##-####-###", "06#-####-###", "SID", "#########",
    female_names=("Даница", "Љубица", "Јелена", "Тања", "Ђурђа", "Снежана", "Милица", "Дуња", "Невена", "Вања", "Софија", "Жељка"),
    male_names=("Василије", "Ђорђе", "Милош", "Немања", "Стеван", "Његош", "Душан", "Жарко", "Љубомир", "Вук", "Чедомир", "Лазар"),
    last_names=("Влаховић", "Јаковљевић", "Перић", "Ђукић", "Стојановић", "Жикић", "Николић", "Шћепановић", "Цветковић", "Љубић", "Чолић"),
    streets=("Висариона Павловића", "Милке Ивић", "Кнеза Милоша", "Цара Душана", "Његошева", "Војводе Степе", "Змај Јовина"),
    cities=("Београд", "Нови Сад", "Ниш", "Крагујевац", "Суботица", "Пирот", "Сурдулица", "Богатић", "Шабац", "Чачак", "Ужице"),
    states=("Западнобачки", "Колубарски", "Призренски", "Мачвански", "Поморавски", "Златиборски", "Шумадијски"),
)  # fmt: skip

_TURKEY = Nationality(
    "TR", "Turkey", "tr_TR", "(###)-###-####", "(5##)-###-####",
    streets=("Anafartalar Cd", "Necatibey Cd", "Atatürk Sk", "Şehitler Cd", "Bağdat Cd", "Kushimoto Sk", "Talak Göktepe Cd"),
    cities=("Muğla", "Kahramanmaraş", "Gaziantep", "Iğdır", "Şanlıurfa", "Çanakkale", "Niğde", "İzmir", "Ağrı", "Eskişehir"),
    states=("Hatay", "Iğdır", "Niğde", "Aydın", "Muğla", "Çorum", "Kırşehir", "Uşak", "Şırnak", "İstanbul"),
)  # fmt: skip

_NORWAY = Nationality(
    "NO", "Norway", "no_NO", "########", "9#######", "FN", "###########", "####", is_postcode_number=False,
    states=("Østfold", "Akershus", "Oslo", "Hedmark", "Telemark", "Vest-Agder", "Hordaland", "Møre og Romsdal", "Trøndelag", "Troms"),
)  # fmt: skip

_NEW_ZEALAND = Nationality(
    "NZ", "New Zealand", "en_NZ", "(###)-###-####", "(###)-###-####",
    states=("Northland", "Auckland", "Waikato", "Bay of Plenty", "Gisborne", "Taranaki", "Tasman", "West Coast", "Otago"),
)  # fmt: skip

NATIONALITIES: dict[str, Nationality] = {
    nationality.code: nationality
    for nationality in (
        Nationality("AU", "Australia", "en_AU", "0#-####-####", "04##-###-###", "TFN", "#########", "####"),
        Nationality("BR", "Brazil", "pt_BR", "(##) ####-####", "(##) ####-####", "CPF", "###.###.###-##"),
        Nationality("CA", "Canada", "en_CA", "?## ?##-####", "?## ?##-####", "SIN", "#########", "?#? #?#", is_postcode_number=False),
        Nationality(
            "CH", "Switzerland", "fr_CH", "07# ### ## ##", "07# ### ## ##", "AVS", "756.####.####.##", "####",
            male_title="Monsieur", female_titles=_FRENCH_TITLES,
        ),
        Nationality("DE", "Germany", "de_DE", "0###-#######", "017#-#######", "SVNR", "## ###### ? ###"),
        Nationality("DK", "Denmark", "da_DK", "########", "########", "CPR", "######-####"),
        Nationality("ES", "Spain", "es_ES", "9##-###-###", "6##-###-###", "DNI", "########-?"),
        Nationality("FI", "Finland", "fi_FI", "0#-###-###", "04#-###-##-##", "HETU", "######-###?"),
        Nationality("FR", "France", "fr_FR", "0#-##-##-##-##", "06-##-##-##-##", "INSEE", "############# ##"),
        Nationality(
            "GB", "United Kingdom", "en_GB", "01#### #####", "07### ######", "NINO", "?? ## ## ## ?", "?# #??",
            is_postcode_number=False,
        ),
        Nationality("IE", "Ireland", "en_IE", "0#1-###-####", "081-###-####", "PPS", "#######?"),
        Nationality("IN", "India", "en_IN", "9#########", "8#########", "UIDAI", "############"),
        Nationality("IR", "Iran", "fa_IR", "0##-########", "09##-###-####"),
        Nationality("MX", "Mexico", "es_MX", "(6##) ### ####", "(6##) ### ####", "NSS", "## ## ## #### #"),
        Nationality("NL", "Netherlands", "nl_NL", "(###)-###-####", "(###)-###-####", "BSN", "########"),
        _NORWAY,
        _NEW_ZEALAND,
        _SERBIA,
        _TURKEY,
        Nationality("UA", "Ukraine", "uk_UA", "(06#) ?##-####", "(06#) ?##-####"),
        Nationality("US", "United States", "en_US", "(###) ###-####", "(###) ###-####", "SSN", "###-##-####"),
    )
}  # fmt: skip
"""By code, in the API's own order."""

TIMEZONES: tuple[tuple[str, str], ...] = (
    ("-12:00", "Eniwetok, Kwajalein"),
    ("-11:00", "Midway Island, Samoa"),
    ("-10:00", "Hawaii"),
    ("-9:00", "Alaska"),
    ("-8:00", "Pacific Time (US & Canada)"),
    ("-7:00", "Mountain Time (US & Canada)"),
    ("-6:00", "Central Time (US & Canada), Mexico City"),
    ("-5:00", "Eastern Time (US & Canada), Bogota, Lima"),
    ("-4:00", "Atlantic Time (Canada), Caracas, La Paz"),
    ("-3:30", "Newfoundland"),
    ("-3:00", "Brazil, Buenos Aires, Georgetown"),
    ("-2:00", "Mid-Atlantic"),
    ("-1:00", "Azores, Cape Verde Islands"),
    ("0:00", "Western Europe Time, London, Lisbon, Casablanca"),
    ("+1:00", "Brussels, Copenhagen, Madrid, Paris"),
    ("+2:00", "Kaliningrad, South Africa"),
    ("+3:00", "Baghdad, Riyadh, Moscow, St. Petersburg"),
    ("+3:30", "Tehran"),
    ("+4:00", "Abu Dhabi, Muscat, Baku, Tbilisi"),
    ("+4:30", "Kabul"),
    ("+5:00", "Ekaterinburg, Islamabad, Karachi, Tashkent"),
    ("+5:30", "Bombay, Calcutta, Madras, New Delhi"),
    ("+5:45", "Kathmandu"),
    ("+6:00", "Almaty, Dhaka, Colombo"),
    ("+7:00", "Bangkok, Hanoi, Jakarta"),
    ("+8:00", "Beijing, Perth, Singapore, Hong Kong"),
    ("+9:00", "Tokyo, Seoul, Osaka, Sapporo, Yakutsk"),
    ("+9:30", "Adelaide, Darwin"),
    ("+10:00", "Eastern Australia, Guam, Vladivostok"),
    ("+11:00", "Magadan, Solomon Islands, New Caledonia"),
)
"""Offset and description, as the API writes them."""
