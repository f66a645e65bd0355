"""The whole page: one HTML file without scripts, without network, the same bytes for the same data."""

from __future__ import annotations

from typing import TYPE_CHECKING

from offtake.report.css import CSS
from offtake.report.headline import against_firm
from offtake.report.opening import header
from offtake.report.page_one import first_page
from offtake.report.promises import lateness
from offtake.report.sections import flows, parties, physical
from offtake.report.statements import accounting
from offtake.report.trust import assumptions, trust
from offtake.tables import escape

if TYPE_CHECKING:
    from offtake.report.data import ReportData

__all__ = ["render"]

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"


def render(data: ReportData) -> str:
    """Write the report.

    Parameters
    ----------
    data : ReportData    what to show; a table that is absent is named with its reason

    Returns
    -------
    str                  HTML in UTF-8; no script, no link to anything outside the file

    Examples
    --------
    >>> from offtake.report.data import ReportData
    >>> page = render(ReportData(scenario="empty", title="Nothing yet", run_id="0", offtaker="a", provider="b"))
    >>> page.startswith("<!doctype html>"), "No figures of power are given." in page
    (True, True)
    """
    sections = (first_page, against_firm, lateness, flows, parties, accounting, physical, trust, assumptions)
    body = "".join(section(data) for section in sections)
    made_with = f"Offtake {data.version}".strip()
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta name="generator" content="{escape(made_with)}">\n'
        f"<title>{escape(data.title or data.scenario)} · Offtake</title>\n<style>{CSS}</style></head>\n<body>\n"
        f"{header(data)}<main>\n{body}</main>\n"
        f"<footer><p>{escape(made_with)} · run {escape(data.run_id)}. Figures are rounded to three significant digits; "
        "exact values are in the tables of the run. No cash flow is estimated by this page: it shows the settled plan.</p></footer>\n"
        "</body></html>\n"
    )
