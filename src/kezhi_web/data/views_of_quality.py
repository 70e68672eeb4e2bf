"""How good the data is and what it lacks; templates for every table."""

from __future__ import annotations

import csv
import io

from django.http import FileResponse, Http404, HttpResponse
from django.shortcuts import render

from kezhi.intake import BOOK_TABLES
from kezhi.sources import TABLES, template
from kezhi_web.data import sheets
from kezhi_web.data.columns import called
from kezhi_web.data.looking import today
from kezhi_web.data.quality import gaps, quality
from kezhi_web.people.rights import SignedIn, needs
from kezhi_web.shown.run import workspace
from kezhi_web.words import spoken


@needs("import")
def quality_page(request: SignedIn) -> HttpResponse:
    """What the book holds, how full it is, and what is missing for which page."""
    place = workspace()
    any_rows = any(place.book_files(table) for table in BOOK_TABLES)
    found, failed = quality(place) if any_rows else (None, False)
    context = {"found": found, "failed": failed, "any": any_rows}
    if found is not None:
        context |= {"gaps": list(gaps(found, today())), "tables": _filled(found["tables"])}
    return render(request, "data/quality.html", context)


def _filled(tables: dict[str, dict[str, object]]) -> list[dict[str, object]]:
    """Each table with its fields and how full they are."""
    return [
        {
            "title": TABLES[name].title,
            "rows": told["rows"],
            "fields": [
                {"called": called(field), "share": told["fields"][field.name]}  # type: ignore[index]
                for field in TABLES[name].fields
                if field.name in told["fields"]  # type: ignore[operator]
            ],
            "absent": [called(field) for field in TABLES[name].fields if field.name not in told["fields"]],  # type: ignore[operator]
        }
        for name, told in tables.items()
    ]


@needs("import")
def templates(request: SignedIn) -> HttpResponse:
    """Every table with its columns, and an example file to download."""
    known = [
        {
            "name": name,
            "title": TABLES[name].title,
            "fields": [(called(field), field) for field in TABLES[name].fields],
        }
        for name in BOOK_TABLES
    ]
    return render(request, "data/templates.html", {"tables": known})


@needs("import")
def template_file(_: SignedIn, table: str, kind: str) -> FileResponse:
    """An example file: headings in the language that is spoken, and one or two rows."""
    if table not in BOOK_TABLES or kind not in sheets.KINDS:
        raise Http404
    header, *rows = csv.reader(io.StringIO(template(table, spoken())))
    name = TABLES[table].title.zh if spoken() == "zh" else f"kezhi-{table}"
    return sheets.answer_as_is(name, kind, header, rows)
